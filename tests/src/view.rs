//! What do the controllers of a cluster say, and do they say the same? Everything is looked at until
//! it is so, or the time is up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidegate_proto::v1 as pb;
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::cluster::Cluster;
use crate::door::Door;
use crate::processes::LOOK_AGAIN;
use crate::trouble::{Outcome, Trouble};

/// How long a cluster may take for what it does by itself, on a busy machine.
pub const SOON: Duration = Duration::from_secs(30);

/// Looks again and again, until there is something to see.
///
/// # Errors
///
/// `what` did not come within `within`.
pub async fn eventually<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Outcome<T> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return Ok(seen);
        }
        if start.elapsed() > within {
            return Err(Trouble::new(format!("{what}: not within {} s", within.as_secs())));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Nobody answered, or nobody could: asking again, or elsewhere, may help.
#[must_use]
pub fn is_passing(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded | Code::Unknown => true,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss
        | Code::Unauthenticated => false,
    }
}

/// Makes a call that is safe to repeat, until it is answered with anything but "unavailable" or
/// silence.
///
/// # Errors
///
/// It is refused, or not answered within [`SOON`].
pub async fn answered<T>(what: &str, call: impl AsyncFnMut() -> Result<T, Status>) -> Outcome<T> {
    said(what, call).await?.map_err(|status| Trouble::from(status).while_trying_to(what))
}

/// The same, where a refusal is an answer, too.
///
/// # Errors
///
/// There is no answer within [`SOON`].
pub async fn said<T>(
    what: &str,
    mut call: impl AsyncFnMut() -> Result<T, Status>,
) -> Outcome<Result<T, Status>> {
    eventually(what, SOON, async || match call().await {
        Ok(answer) => Some(Ok(answer)),
        Err(status) if is_passing(&status) => None,
        Err(status) => Some(Err(status)),
    })
    .await
}

/// Waits until every node that runs follows the same leader, and the cluster has its name.
///
/// # Errors
///
/// They do not within [`SOON`].
pub async fn settled(cluster: &Cluster) -> Outcome<u64> {
    let running: BTreeSet<u64> = cluster.running().into_iter().collect();
    agreed(cluster, &running).await
}

/// Waits until `nodes` follow the same leader, which is one of them.
///
/// # Errors
///
/// They do not within [`SOON`].
pub async fn agreed(cluster: &Cluster, nodes: &BTreeSet<u64>) -> Outcome<u64> {
    let doors = doors(cluster, nodes)?;
    eventually("a leader that all follow", SOON, async || {
        let mut leaders = BTreeSet::new();
        for door in doors.values() {
            let status = door.status().await.ok()?;
            leaders.insert((status.term, status.leader_id));
            if status.cluster.is_empty() {
                return None;
            }
        }
        let (_, leader) = leaders.pop_first()?;
        (leaders.is_empty() && nodes.contains(&leader)).then_some(leader)
    })
    .await
}

fn doors(cluster: &Cluster, nodes: &BTreeSet<u64>) -> Outcome<BTreeMap<u64, Door>> {
    nodes.iter().map(|&node| Ok((node, Door::of(&cluster.address(node))?))).collect()
}

/// Has every node that runs hash its state at one log index, and waits until all have: they must be
/// the same. Answers the index.
///
/// # Errors
///
/// Two nodes differ, or one does not answer within [`SOON`].
pub async fn replicas_agree(cluster: &Cluster) -> Outcome<u64> {
    let nodes: BTreeSet<u64> = cluster.running().into_iter().collect();
    let doors = doors(cluster, &nodes)?;
    let found = eventually("a log index at which all nodes agree", SOON, async || {
        for door in doors.values() {
            let request = pb::CheckClusterRequest { patience_ms: 3_000 };
            let Ok(answer) = door.cluster().check_cluster(request).await else { continue };
            let answer = answer.into_inner();
            let said = |verdict: pb::CheckVerdict| {
                let members = answer.members.iter().filter(move |of| of.verdict() == verdict);
                members.map(|member| member.node_id).collect::<BTreeSet<u64>>()
            };
            if !said(pb::CheckVerdict::Differs).is_empty() {
                return Some(Err(Trouble::new(format!("states differ: {answer:?}"))));
            }
            if said(pb::CheckVerdict::Agrees).is_superset(&nodes) {
                return Some(Ok(answer.index));
            }
        }
        None
    });
    found.await?
}
