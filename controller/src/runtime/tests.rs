//! Does a replica work on a real thread, with a real disk and real time?

mod crowd;
mod full_disk;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use tidegate_policies::time::{Millis, WallTime};

use super::{Handle, Outbound, ProposeError, Runtime, RuntimeConfig, StartError, Stop, WaitError};
use crate::machine::ids::HostId;
use crate::machine::{Command, Tick};
use crate::node::{NodeId, Role};

fn config(dir: &Path) -> RuntimeConfig {
    let voters = BTreeSet::from([NodeId(1)]);
    let mut config = RuntimeConfig::new("blue".to_owned(), NodeId(1), voters, dir.to_owned());
    config.raft_tick = Duration::from_millis(2);
    config
}

fn start(config: &RuntimeConfig) -> Handle {
    Runtime::start(config, Outbound::new([])).unwrap().0
}

fn tick(number: u64) -> Command {
    Command::Tick(Tick { step: Millis(number), ..Tick::default() })
}

/// Bounds a test: a wait that never ends must not hang the run.
pub(super) async fn within_a_minute(body: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(60), body).await.unwrap();
}

async fn elected(handle: &Handle) {
    handle.leadership().wait_for(|leadership| leadership.leader.is_some()).await.unwrap();
}

async fn stop(handle: Handle) {
    handle.stop().await;
    assert!(matches!(handle.stopped().await, Stop::Asked));
}

/// An idle machine that the runtime itself leaves alone after the term's first tick.
fn quiet(dir: &Path) -> RuntimeConfig {
    RuntimeConfig { machine_tick: Duration::from_secs(3_600), ..config(dir) }
}

#[tokio::test]
async fn what_was_proposed_is_applied_and_seen_by_a_query() {
    within_a_minute(async {
        let dir = tempfile::tempdir().unwrap();
        let handle = start(&quiet(dir.path()));
        elected(&handle).await;
        let before = handle.query(|machine| machine.state_hash()).await.unwrap();
        let (position, _) = handle.propose(tick(7)).await.unwrap();
        let after = handle.query(|machine| machine.state_hash()).await.unwrap();
        assert_ne!(before, after);
        handle.wait_applied(position.index, Duration::from_secs(5)).await.unwrap();
        let status = handle.status().await.unwrap();
        assert_eq!((status.role, status.leader), (Role::Leader, Some(NodeId(1))));
        assert!(status.applied >= position.index);
        stop(handle).await;
    })
    .await;
}

#[tokio::test]
async fn a_restarted_replica_has_everything_that_was_acknowledged() {
    within_a_minute(async {
        let dir = tempfile::tempdir().unwrap();
        let handle = start(&quiet(dir.path()));
        elected(&handle).await;
        let mut last = 0;
        for number in 0..20 {
            last = handle.propose(tick(number)).await.unwrap().0.index;
        }
        let hash = handle.query(|machine| machine.state_hash()).await.unwrap();
        stop(handle).await;
        let handle = start(&quiet(dir.path()));
        let mut entries = handle.subscribe().unwrap();
        handle.wait_applied(last, Duration::from_secs(10)).await.unwrap();
        // The new term's own first tick may have come on top.
        let mut replayed = handle.query(|machine| machine.state_hash()).await.unwrap();
        if handle.status().await.unwrap().applied == last {
            assert_eq!(replayed, hash);
        }
        elected(&handle).await;
        let next = handle.propose(tick(99)).await.unwrap().0;
        assert!(next.index > last && next.term > 1);
        while entries.recv().await.unwrap().position.index < next.index {}
        replayed = handle.query(|machine| machine.state_hash()).await.unwrap();
        assert_ne!(replayed, hash);
        stop(handle).await;
    })
    .await;
}

#[tokio::test]
async fn many_proposals_at_once_share_syncs() {
    within_a_minute(async {
        let dir = tempfile::tempdir().unwrap();
        let handle = start(&quiet(dir.path()));
        elected(&handle).await;
        let before = handle.status().await.unwrap().syncs;
        let proposals: Vec<_> = (0..2_000)
            .map(|number| {
                let handle = handle.clone();
                tokio::spawn(async move { handle.propose(tick(number)).await })
            })
            .collect();
        for proposal in proposals {
            drop(proposal.await.unwrap().unwrap());
        }
        let syncs = handle.status().await.unwrap().syncs - before;
        assert!(syncs < 400, "2,000 proposals took {syncs} syncs");
        stop(handle).await;
    })
    .await;
}

#[tokio::test]
async fn the_leader_ticks_and_carries_what_was_heard() {
    within_a_minute(async {
        let dir = tempfile::tempdir().unwrap();
        let config = RuntimeConfig { machine_tick: Duration::from_millis(5), ..config(dir.path()) };
        let handle = start(&config);
        let mut entries = handle.subscribe().unwrap();
        elected(&handle).await;
        let mut ticks = Vec::new();
        while ticks.len() < 3 {
            let entry = entries.recv().await.unwrap();
            let Command::Tick(tick) = &*entry.command else { continue };
            if ticks.is_empty() {
                handle.beats().note_heard(HostId(7));
                handle.beats().note_asking(HostId(9));
            }
            ticks.push(tick.clone());
        }
        assert_eq!(ticks[0].step, Millis(0), "the first tick of a term knows of no time before it");
        assert!(ticks[1].step > Millis(0) && ticks[1].wall > WallTime(1_600_000_000_000));
        let heard: Vec<HostId> = ticks.iter().flat_map(|tick| tick.heard.clone()).collect();
        let asking: Vec<HostId> = ticks.iter().flat_map(|tick| tick.asking.clone()).collect();
        assert_eq!((heard, asking), (vec![HostId(7)], vec![HostId(9)]));
        stop(handle).await;
    })
    .await;
}

#[tokio::test]
async fn more_hosts_than_fit_an_entry_are_spread_over_ticks() {
    within_a_minute(async {
        let dir = tempfile::tempdir().unwrap();
        let config = RuntimeConfig { machine_tick: Duration::from_millis(5), ..config(dir.path()) };
        let handle = start(&config);
        let mut entries = handle.subscribe().unwrap();
        elected(&handle).await;
        let _first = entries.recv().await.unwrap();
        let hosts: BTreeSet<HostId> = (0..30_000).map(HostId).collect();
        for &host in &hosts {
            handle.beats().note_heard(host);
        }
        let mut heard = BTreeSet::new();
        while heard.len() < hosts.len() {
            let entry = entries.recv().await.unwrap();
            let Command::Tick(tick) = &*entry.command else { continue };
            heard.extend(tick.heard.iter().copied());
        }
        assert_eq!(heard, hosts);
        stop(handle).await;
    })
    .await;
}

#[tokio::test]
async fn a_stopped_replica_refuses_and_frees_its_journal() {
    within_a_minute(async {
        let dir = tempfile::tempdir().unwrap();
        let handle = start(&quiet(dir.path()));
        let open_twice = Runtime::start(&quiet(dir.path()), Outbound::new([])).err();
        assert!(matches!(open_twice, Some(StartError::Journal(_))), "{open_twice:?}");
        elected(&handle).await;
        stop(handle.clone()).await;
        assert_eq!(handle.propose(tick(1)).await, Err(ProposeError::Stopped));
        assert!(handle.query(|_| ()).await.is_err());
        assert!(handle.subscribe().is_err());
        let waited = handle.wait_applied(u64::MAX, Duration::from_secs(5)).await;
        assert!(matches!(waited, Err(WaitError::Stopped(_))), "{waited:?}");
        stop(start(&quiet(dir.path()))).await;
    })
    .await;
}

#[tokio::test]
async fn a_replica_without_a_majority_says_that_it_does_not_lead() {
    within_a_minute(async {
        let dir = tempfile::tempdir().unwrap();
        let mut config = quiet(dir.path());
        config.voters.insert(NodeId(2));
        let (handle, _) = Runtime::start(&config, Outbound::new([NodeId(2)])).unwrap();
        assert_eq!(handle.propose(tick(1)).await, Err(ProposeError::NotLeader { leader: None }));
        let waited = handle.wait_applied(1, Duration::from_millis(1)).await;
        assert_eq!(waited, Err(WaitError::TimedOut { index: 1, applied: 0 }));
        stop(handle).await;
    })
    .await;
}
