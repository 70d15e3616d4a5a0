//! How do raft's messages reach a peer? In batches, on one stream over a connection of its own, made
//! anew whenever it breaks.

use tidegate_proto::v1::RaftRequest;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::Peers;
use super::backoff::Backoff;
use crate::node::NodeId;
use crate::runtime::Outbound;

/// Batches between the queue and the connection. Where more wait, they wait in the queue, which
/// drops the oldest.
const BATCHES_UNDER_WAY: usize = 8;

/// Carries messages to `peer` until the node stops.
pub(super) async fn run(peers: Peers, peer: NodeId, outbound: Outbound) {
    let mut backoff = Backoff::new(peers.shared.seed ^ peer.0.rotate_left(32));
    let handle = peers.shared.handle.clone();
    let carrying = async {
        loop {
            let why = stream(&peers, peer, &outbound, &mut backoff).await;
            tracing::debug!(peer = peer.0, why, "raft stream ended");
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
async fn stream(peers: &Peers, peer: NodeId, outbound: &Outbound, backoff: &mut Backoff) -> String {
    let Some(link) = peers.shared.links.get(peer) else { return "no such peer".to_owned() };
    let mut client = match link.separate_client().await {
        Ok(client) => client,
        Err(error) => return error.to_string(),
    };
    let (batches, receiver) = mpsc::channel(BATCHES_UNDER_WAY);
    let pump = async {
        loop {
            let messages = outbound.next_batch(peer).await;
            let header = peers.header_for(peer);
            if batches.send(RaftRequest { header, messages }).await.is_err() {
                return;
            }
            backoff.reset();
        }
    };
    tokio::select! {
        ended = client.raft(ReceiverStream::new(receiver)) => match ended {
            Ok(_) => "the peer ended it".to_owned(),
            Err(status) => {
                peers.learn_from(peer, &status);
                status.to_string()
            }
        },
        () = pump => "the connection took no more".to_owned(),
    }
}
