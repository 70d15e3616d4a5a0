//! How do artifacts get to every node? Each pulls what it lacks from those that hold it, and says so.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::api::Desk;
use crate::artifacts::StoreError;
use crate::machine::command::StoreBlob;
use crate::machine::event::Event;
use crate::machine::ids::{Digest, NodeId};
use crate::machine::{Command, Machine};

/// How long after a failed pull it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// An artifact of a published patch set.
#[derive(Clone, Debug)]
struct Wanted {
    digest: Digest,
    size: u64,
    holders: BTreeSet<NodeId>,
}

/// A pull did not bring the artifact.
#[derive(Debug, thiserror::Error)]
enum PullError {
    #[error("the peer gave no artifact: {0}")]
    Peer(#[from] tonic::Status),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the artifact store broke: {0}")]
    Broke(#[from] tokio::task::JoinError),
}

/// Keeps this node's artifacts complete, until the node stops.
pub(super) async fn run(desk: Desk) {
    let Ok(mut entries) = desk.handle.subscribe() else { return };
    let mut replaced = desk.handle.replaced();
    loop {
        let all = complete(&desk).await;
        // A lagging receiver has lost entries: look at once, whatever they were.
        let published = async {
            loop {
                match entries.recv().await {
                    Ok(entry) if entry.events.iter().any(concerns_artifacts) => return true,
                    Ok(_) => (),
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => return true,
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return false,
                }
            }
        };
        // And so after a snapshot: its patch sets were published elsewhere.
        let woken = async {
            tokio::select! {
                goes_on = published => goes_on,
                changed = replaced.changed() => changed.is_ok(),
            }
        };
        let goes_on = if all {
            woken.await
        } else {
            tokio::time::timeout(AGAIN, woken).await.unwrap_or(true)
        };
        if !goes_on {
            return;
        }
    }
}

fn concerns_artifacts(event: &Event) -> bool {
    matches!(event, Event::PatchSetPublished { .. })
}

/// Pulls what is not on this disk, whatever was said of it before, and announces what the cluster does
/// not know of. Whether nothing is left to do.
async fn complete(desk: &Desk) -> bool {
    let node = desk.handle.id();
    let Ok(wanted) = desk.handle.query(wanted).await else { return true };
    let mut all = true;
    for blob in wanted {
        if let Err(error) = pull(desk, &blob).await {
            tracing::warn!(digest = %blob.digest, %error, "artifact.not_pulled");
            all = false;
            continue;
        }
        let Wanted { digest, size, holders } = blob;
        if holders.contains(&node) {
            continue;
        }
        match desk.peers.propose(Command::StoreBlob(StoreBlob { node, digest, size })).await {
            Ok(_) => tracing::info!(%digest, size, "artifact.stored"),
            Err(error) => {
                tracing::debug!(%digest, %error, "artifact.not_announced");
                all = false;
            }
        }
    }
    all
}

fn wanted(machine: &Machine) -> Vec<Wanted> {
    let artifacts = machine.patch_sets().values().flat_map(|set| set.artifacts.values());
    let digests: BTreeSet<Digest> = artifacts.map(|artifact| artifact.digest).collect();
    let wanted = digests.into_iter().filter_map(|digest| {
        let blob = machine.blobs().get(&digest)?;
        Some(Wanted { digest, size: blob.size, holders: blob.nodes.clone() })
    });
    wanted.collect()
}

/// Brings the artifact here, from the first holder that gives it whole. What one left unfinished the
/// next goes on with.
async fn pull(desk: &Desk, blob: &Wanted) -> Result<(), PullError> {
    let (store, digest) = (desk.store.clone(), blob.digest);
    if tokio::task::spawn_blocking(move || store.has(digest)).await?? {
        return Ok(());
    }
    let mut last = Err(PullError::Peer(tonic::Status::not_found("no node holds it")));
    for &holder in blob.holders.iter().filter(|&&holder| holder != desk.handle.id()) {
        last = pull_from(desk, blob, holder).await;
        if last.is_ok() {
            break;
        }
    }
    last
}

async fn pull_from(desk: &Desk, blob: &Wanted, holder: NodeId) -> Result<(), PullError> {
    let (store, digest, size) = (desk.store.clone(), blob.digest, blob.size);
    let asked = store.clone();
    let held = tokio::task::spawn_blocking(move || asked.held(digest)).await??.min(size);
    let mut stream = desk.peers.fetch_blob(holder, digest.0, held).await?;
    let resume = move || store.resume(digest, size, held);
    let mut incoming = tokio::task::spawn_blocking(resume).await??;
    while let Some(chunk) = stream.message().await? {
        incoming = tokio::task::spawn_blocking(move || incoming.write(&chunk.data)).await??;
    }
    tokio::task::spawn_blocking(move || incoming.finish()).await??;
    Ok(())
}
