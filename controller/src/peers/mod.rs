//! How do controllers speak to each other? Raft messages, forwarded commands, the hosts that each
//! heard, artifacts and pieces of snapshots, over [`PeerService`](tidegate_proto::v1::peer_service_server::PeerService).
//!
//! Each call names the cluster, its sender and its receiver, and is refused before anything else of
//! it is read where one of them is wrong (`Door`). Who the peers are and where they listen follows the
//! cluster's members while the node runs (`Links`).

mod address_book;
mod backoff;
mod blobs;
mod door;
mod forward;
mod greet;
mod link;
mod links;
mod pieces;
mod raft_stream;
mod refusal;
mod relay;
mod service;
#[cfg(test)]
mod tests;
mod transfer;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tidegate_proto::v1::{Beat, PeerHeader};
use tonic::Status;

use crate::config::Arrival;
use crate::node::NodeId;
use crate::runtime::{Handle, Outbound};
use door::Door;
use link::Link;
use links::Links;
use pieces::Serving;
use relay::RelayedBeats;

pub use greet::greet;
pub use service::{MAX_MESSAGE_BYTES, PeerDesk};

/// Who the peers are, and how patient this node is with them. Read once, at start.
#[derive(Clone, Debug)]
pub struct PeersConfig {
    /// The cluster's name.
    pub cluster: String,
    /// This node.
    pub id: NodeId,
    /// Whether it waits to be added to a cluster that exists.
    pub arrival: Arrival,
    /// Where this node listens, `host:port`, as the others reach it.
    pub address: String,
    /// Where each member's peer service listens, `host:port`, until the cluster itself says so. Of a
    /// node that joins: whom it may ask.
    pub members: BTreeMap<NodeId, String>,
    /// How long [`Peers::propose`] looks for a leader and waits for its answer; default 5 s.
    pub propose_deadline: Duration,
    /// The source of the jitter between attempts to connect; each node needs its own.
    pub seed: u64,
}

impl PeersConfig {
    /// Node `id`, at its address among `members`, with the default deadline.
    pub fn new(cluster: String, id: NodeId, members: BTreeMap<NodeId, String>) -> Self {
        let address = members.get(&id).cloned().unwrap_or_default();
        let propose_deadline = Duration::from_secs(5);
        let arrival = Arrival::Founds;
        Self { cluster, id, arrival, address, members, propose_deadline, seed: id.0 }
    }
}

/// What the rest of the controller does with what peers ask for.
#[derive(Clone)]
pub struct Hooks {
    /// Called on the leader, four times a second at most per node, with the hosts that a node heard.
    /// Checks the boot ids and notes the hosts in [`Handle::beats`]. Must not block.
    pub on_relay: Arc<dyn Fn(Vec<Beat>) + Send + Sync>,
    /// Finds the file of the artifact with this SHA-256, where this node holds it whole.
    pub find_blob: Arc<dyn Fn([u8; 32]) -> Option<PathBuf> + Send + Sync>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// The peers cannot be reached as they are configured.
#[derive(Debug, thiserror::Error)]
#[error("could not use {address:?} as the address of node {node}; write it as host:port")]
pub struct BadAddress {
    /// The member.
    pub node: NodeId,
    /// Its address.
    pub address: String,
    #[source]
    cause: tonic::transport::Error,
}

/// This node's side of every conversation with its peers. Clones share it.
#[derive(Clone, Debug)]
pub struct Peers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    handle: Handle,
    door: Door,
    links: Links,
    propose_deadline: Duration,
    seed: u64,
    relayed: RelayedBeats,
    serving: Serving,
    hooks: Hooks,
}

impl Peers {
    /// Starts to speak to every peer, in tasks that end with the node. Must be called inside a tokio
    /// runtime, once for a node.
    ///
    /// # Errors
    ///
    /// [`BadAddress`] for a member whose address is none.
    pub fn start(
        config: &PeersConfig,
        handle: Handle,
        outbound: &Outbound,
        hooks: Hooks,
    ) -> Result<Self, BadAddress> {
        for (&node, address) in config.members.iter().filter(|&(&node, _)| node != config.id) {
            if let Err(cause) = Link::new(address, &config.address) {
                return Err(BadAddress { node, address: address.clone(), cause });
            }
        }
        let shared = Shared {
            door: Door::new(config, handle.incarnation()),
            handle,
            links: Links::new(config),
            propose_deadline: config.propose_deadline,
            seed: config.seed,
            relayed: RelayedBeats::default(),
            serving: Serving::default(),
            hooks,
        };
        let peers = Self { shared: Arc::new(shared) };
        tokio::spawn(links::run(peers.clone(), outbound.clone()));
        tokio::spawn(relay::run(peers.clone()));
        tokio::spawn(pieces::run(peers.clone(), outbound.clone()));
        Ok(peers)
    }

    /// The service that answers the peers' calls.
    pub fn desk(&self) -> PeerDesk {
        PeerDesk::new(self.clone())
    }

    /// Notes that a host spoke to this node. The leader's [`Hooks::on_relay`] gets it within a
    /// quarter of a second, whichever node leads; of two beats of a host it gets the later one.
    pub fn note_beat(&self, beat: Beat) {
        self.shared.relayed.note(beat);
    }

    /// Answers no call for pieces until what this gives is dropped.
    #[cfg(test)]
    pub(crate) async fn hold_pieces(&self) -> tokio::sync::OwnedSemaphorePermit {
        self.shared.serving.hold().await
    }

    fn header_for(&self, peer: NodeId) -> Option<PeerHeader> {
        let cluster = self.shared.handle.cluster().borrow().clone();
        Some(self.shared.door.header_for(peer, cluster.as_deref()))
    }

    /// Stops the node where `status`, which `peer` answered, says that it will never be let in again.
    fn learn_from(&self, peer: NodeId, status: &Status) {
        if let Some(why) = refusal::turned_away(status) {
            tracing::debug!(peer = peer.0, %why, "node.turned_away");
            self.shared.handle.turn_away(why);
        }
    }
}
