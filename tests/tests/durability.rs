//! Is what was acknowledged on the disk? Seen from outside, by the system calls of a real process,
//! and by killing it again and again.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidegate_tests::cluster::{Clocks, Cluster};
use tidegate_tests::door::{self, Door};
use tidegate_tests::syscalls::Trace;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::view::{SOON, eventually, settled};
use tokio::task::JoinSet;

/// The machine's clock hardly ever ticks, so that what is written is written for a command.
const QUIET: Clocks = Clocks { raft_tick: "20ms", machine_tick: "10s", idle_sync: "1h" };

/// How long every `fdatasync` is held back where a test makes the disk slow.
const SLOW: Duration = Duration::from_millis(300);

/// A single controller under `strace`, elected and quiet.
async fn traced(inject: Option<&str>) -> Outcome<(Cluster, Door, Trace)> {
    let mut cluster = Cluster::prepare(1, QUIET)?;
    let (trace, tracer) = Trace::into_file(&cluster.dir().join("trace"), inject);
    cluster.trace_with(tracer);
    cluster.start_node(1)?;
    settled(&cluster).await?;
    let door = Door::of(&cluster.address(1))?;
    Ok((cluster, door, trace))
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_command_costs_one_fdatasync_which_ends_before_the_answer() -> Outcome<()> {
    if !Trace::is_possible() {
        println!("skipped: strace is missing, or may not trace here");
        return Ok(());
    }
    let (_cluster, door, trace) = traced(None).await?;
    door.fleet().create_token(door::token("settle", "free", 1)).await?;
    let before = trace.synced()?.len();
    let mut calls = Vec::new();
    for number in 0..20 {
        let asked = now();
        door.fleet().create_token(door::token(&format!("one-{number}"), "free", 1)).await?;
        calls.push((asked, now()));
    }
    let synced = trace.synced()?;
    let ours = &synced[before..];
    assert_eq!(ours.len(), calls.len(), "{ours:?}");
    for ((asked, answered), sync) in calls.iter().zip(ours) {
        let inside = (*asked..=*answered).contains(&sync.returned);
        assert!(inside, "asked {asked:?}, answered {answered:?}, synced {:?}", sync.returned);
    }

    // Commands that come together share a sync.
    let before = synced.len();
    let mut together = JoinSet::new();
    for number in 0..64 {
        let door = door.clone();
        let request = door::token(&format!("many-{number}"), "free", 1);
        together.spawn(async move { door.fleet().create_token(request).await.map(|_| ()) });
    }
    for answer in together.join_all().await {
        answer?;
    }
    let shared = trace.synced()?.len() - before;
    println!("64 commands at a time, {shared} fdatasyncs");
    assert!((1..64).contains(&shared), "64 commands took {shared} fdatasyncs");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_comes_before_a_slow_disk_has_it() -> Outcome<()> {
    if !Trace::is_possible() {
        println!("skipped: strace is missing, or may not trace here");
        return Ok(());
    }
    let slow = format!("fdatasync:delay_enter={}", SLOW.as_micros());
    let (_cluster, door, _trace) = traced(Some(&slow)).await?;
    for number in 0..4 {
        let asked = now();
        door.fleet().create_token(door::token(&format!("slow-{number}"), "free", 1)).await?;
        let waited = now().saturating_sub(asked);
        assert!(waited >= SLOW, "answered after {waited:?}, and the disk takes {SLOW:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_stops_the_controller_and_loses_nothing_acknowledged() -> Outcome<()> {
    if !Trace::is_possible() {
        println!("skipped: strace is missing, or may not trace here");
        return Ok(());
    }
    // The node's thread syncs a few times until it leads; the twentieth time the disk refuses.
    let (mut cluster, door, _trace) = traced(Some("fdatasync:error=EIO:when=20+")).await?;
    let mut acknowledged = BTreeSet::new();
    for number in 0..40 {
        let id = format!("token-{number}");
        match door.fleet().create_token(door::token(&id, "free", 1)).await {
            Ok(_) => acknowledged.insert(id),
            Err(_) => break,
        };
    }
    assert!((5..20).contains(&acknowledged.len()), "{acknowledged:?}");
    let process = cluster.process(1)?;
    assert_eq!(process.ended()?.code(), Some(1));
    let said = process.said()?;
    assert!(said.contains("could not sync the journal: the node stops"), "{said}");

    cluster.kill(1);
    cluster.start_node(1)?;
    settled(&cluster).await?;
    let kept: BTreeSet<String> = door.token_ids().await?.into_iter().collect();
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "acknowledged, and lost: {lost:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_in_mid_write_lose_nothing_acknowledged() -> Outcome<()> {
    let fast = Clocks { raft_tick: "5ms", machine_tick: "50ms", idle_sync: "1h" };
    let mut cluster = Cluster::prepare(1, fast)?;
    let mut acknowledged = BTreeSet::new();
    for round in 0..20_usize {
        cluster.start_node(1)?;
        settled(&cluster).await?;
        let door = Door::of(&cluster.address(1))?;
        all_there(&door, &acknowledged).await?;
        let before = door.token_ids().await?.len();
        let mut writers = JoinSet::new();
        for writer in 0..4 {
            writers.spawn(write(door.clone(), format!("round-{round}-{writer}")));
        }
        // Each round dies after another number of writes, while four are under way.
        let enough = before + 4 + round;
        let many = async || (door.token_ids().await.ok()?.len() >= enough).then_some(());
        eventually("enough writes", SOON, many).await?;
        cluster.kill(1);
        for written in writers.join_all().await {
            acknowledged.extend(written);
        }
    }
    cluster.start_node(1)?;
    settled(&cluster).await?;
    println!("{} acknowledged writes, 20 kills", acknowledged.len());
    // Of what each round saw, four writes at most were not acknowledged.
    assert!(acknowledged.len() >= (0..20).sum());
    all_there(&Door::of(&cluster.address(1))?, &acknowledged).await
}

/// Makes tokens until the controller is gone; which were acknowledged. A list shows 1,000 at most.
async fn write(door: Door, prefix: String) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0..10 {
        let id = format!("{prefix}-{number}");
        if door.fleet().create_token(door::token(&id, "free", 1)).await.is_err() {
            break;
        }
        acknowledged.push(id);
    }
    acknowledged
}

async fn all_there(door: &Door, acknowledged: &BTreeSet<String>) -> Outcome<()> {
    let kept: BTreeSet<String> = door.token_ids().await?.into_iter().collect();
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "acknowledged, and lost: {lost:?}");
    Ok(())
}
