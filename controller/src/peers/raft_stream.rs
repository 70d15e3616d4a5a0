//! How do raft's messages reach a peer? In batches, on one stream over a connection of its own, made
//! anew whenever it breaks. The connection takes a batch from the queue when it can send one: what
//! cannot be sent waits there, and the queue drops the oldest.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tidegate_proto::v1::RaftRequest;
use tokio_stream::Stream;

use super::Peers;
use super::backoff::Backoff;
use crate::node::NodeId;
use crate::runtime::Outbound;

/// Carries messages to `peer` until the node stops.
pub(super) async fn run(peers: Peers, peer: NodeId, outbound: Outbound) {
    let mut backoff = Backoff::new(peers.shared.seed ^ peer.0.rotate_left(32));
    let handle = peers.shared.handle.clone();
    let carrying = async {
        loop {
            let carried = Arc::new(AtomicBool::new(false));
            let batches = Batches::new(peers.clone(), peer, outbound.clone(), &carried);
            let why = stream(&peers, peer, batches).await;
            tracing::debug!(peer = peer.0, why, "raft stream ended");
            if carried.load(Ordering::Relaxed) {
                backoff.reset();
            }
            handle.unreachable(peer);
            tokio::time::sleep(backoff.pause()).await;
        }
    };
    tokio::select! {
        _ = handle.stopped() => (),
        () = carrying => (),
    }
}

/// One connection's life; answers why it ended.
async fn stream(peers: &Peers, peer: NodeId, batches: Batches) -> String {
    let Some(link) = peers.shared.links.get(peer) else { return "no such peer".to_owned() };
    let mut client = match link.separate_client().await {
        Ok(client) => client,
        Err(error) => return error.to_string(),
    };
    match client.raft(batches).await {
        Ok(_) => "the peer ended it".to_owned(),
        Err(status) => {
            peers.learn_from(peer, &status);
            status.to_string()
        }
    }
}

/// What waits for a peer, batch by batch, as its connection asks for it.
struct Batches {
    peers: Peers,
    peer: NodeId,
    outbound: Outbound,
    /// Whether the connection took one.
    carried: Arc<AtomicBool>,
    next: Pin<Box<dyn Future<Output = Vec<Vec<u8>>> + Send>>,
}

impl Batches {
    fn new(peers: Peers, peer: NodeId, outbound: Outbound, carried: &Arc<AtomicBool>) -> Self {
        let next = next(&outbound, peer);
        Self { peers, peer, outbound, carried: Arc::clone(carried), next }
    }
}

impl Stream for Batches {
    type Item = RaftRequest;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.next.as_mut().poll(context);
        polled.map(|messages| {
            self.next = next(&self.outbound, self.peer);
            self.carried.store(true, Ordering::Relaxed);
            Some(RaftRequest { header: self.peers.header_for(self.peer), messages })
        })
    }
}

fn next(outbound: &Outbound, peer: NodeId) -> Pin<Box<dyn Future<Output = Vec<Vec<u8>>> + Send>> {
    let outbound = outbound.clone();
    Box::pin(async move { outbound.next_batch(peer).await })
}
