//! How do controllers speak to each other? Raft messages, forwarded commands, the hosts that each
//! heard, and artifacts, over [`PeerService`](tidegate_proto::v1::peer_service_server::PeerService).
//!
//! Each call names the cluster, its sender and its receiver, and is refused before anything else of
//! it is read where one of them is wrong (`Door`).

mod backoff;
mod blobs;
mod door;
mod forward;
mod link;
mod raft_stream;
mod refusal;
mod relay;
mod service;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tidegate_proto::v1::Beat;

use crate::node::NodeId;
use crate::runtime::{Handle, Outbound};
use door::Door;
use link::Link;
use relay::RelayedBeats;

pub use service::{MAX_MESSAGE_BYTES, PeerDesk};

/// Who the peers are, and how patient this node is with them. Read once, at start.
#[derive(Clone, Debug)]
pub struct PeersConfig {
    /// The cluster's name.
    pub cluster: String,
    /// This node.
    pub id: NodeId,
    /// Where each member's peer service listens, `host:port`, this node included.
    pub members: BTreeMap<NodeId, String>,
    /// How long [`Peers::propose`] looks for a leader and waits for its answer; default 5 s.
    pub propose_deadline: Duration,
    /// The source of the jitter between attempts to connect; each node needs its own.
    pub seed: u64,
}

impl PeersConfig {
    /// Node `id` of `members`, with the default deadline.
    pub fn new(cluster: String, id: NodeId, members: BTreeMap<NodeId, String>) -> Self {
        Self { cluster, id, members, propose_deadline: Duration::from_secs(5), seed: id.0 }
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
    links: BTreeMap<NodeId, Link>,
    propose_deadline: Duration,
    relayed: RelayedBeats,
    hooks: Hooks,
}

impl Peers {
    /// Starts to speak to every peer: one task for each, and one for the relay, which end with the
    /// node. Must be called inside a tokio runtime.
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
        let mut links = BTreeMap::new();
        for (&node, address) in config.members.iter().filter(|&(&node, _)| node != config.id) {
            let link = Link::new(address).map_err(|cause| {
                let address = address.clone();
                BadAddress { node, address, cause }
            })?;
            links.insert(node, link);
        }
        let shared = Shared {
            handle,
            door: Door::new(config),
            links,
            propose_deadline: config.propose_deadline,
            relayed: RelayedBeats::default(),
            hooks,
        };
        let peers = Self { shared: Arc::new(shared) };
        for &peer in peers.shared.links.keys() {
            let seed = config.seed ^ peer.0.rotate_left(32);
            tokio::spawn(raft_stream::run(peers.clone(), peer, outbound.clone(), seed));
        }
        tokio::spawn(relay::run(peers.clone()));
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
}
