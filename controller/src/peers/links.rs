//! Which peers are there now, and how is each reached? Follows the members of the cluster and what
//! callers say of themselves, while the node runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::address_book::AddressBook;
use super::link::Link;
use super::{Peers, PeersConfig, raft_stream};
use crate::machine::cluster::Cluster;
use crate::node::NodeId;
use crate::runtime::Outbound;

/// The links to all peers.
#[derive(Debug)]
pub(super) struct Links {
    /// Where this node listens, `host:port`.
    own: String,
    state: Mutex<State>,
    /// A caller said something new of itself.
    news: Notify,
}

#[derive(Debug)]
struct State {
    book: AddressBook,
    links: BTreeMap<NodeId, Arc<Link>>,
}

impl Links {
    pub(super) fn new(config: &PeersConfig) -> Self {
        let book = AddressBook::new(config.id, &config.members);
        let state = Mutex::new(State { book, links: BTreeMap::new() });
        Self { own: config.address.clone(), state, news: Notify::new() }
    }

    /// The link to `peer`.
    pub(super) fn get(&self, peer: NodeId) -> Option<Arc<Link>> {
        self.lock().links.get(&peer).cloned()
    }

    /// Notes where a caller that was let in says that it listens.
    pub(super) fn hear(&self, caller: NodeId, address: &str, cluster: Option<&Cluster>) {
        if self.lock().book.hear(caller, address, cluster) {
            self.news.notify_one();
        }
    }

    /// Makes the links that are missing, and drops those that lead nowhere; answers the peers whose
    /// link is new or another one.
    fn follow(&self, cluster: Option<&Cluster>) -> Followed {
        let mut state = self.lock();
        let peers = state.book.peers(cluster);
        state.links.retain(|peer, _| peers.contains_key(peer));
        let mut renewed = BTreeSet::new();
        for (&peer, address) in &peers {
            if state.links.get(&peer).is_some_and(|link| link.address() == address) {
                continue;
            }
            match Link::new(address, &self.own) {
                Ok(link) => {
                    state.links.insert(peer, Arc::new(link));
                    renewed.insert(peer);
                }
                Err(error) => {
                    let peer = peer.0;
                    tracing::warn!(peer, address, %error, "peer.bad_address");
                }
            }
        }
        Followed { peers: state.links.keys().copied().collect(), renewed }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is a peer now, and to whom the way is new.
struct Followed {
    peers: BTreeSet<NodeId>,
    renewed: BTreeSet<NodeId>,
}

/// The tasks that carry raft's messages, one for each peer. They end when this is dropped.
struct Streams {
    running: BTreeMap<NodeId, JoinHandle<()>>,
}

impl Streams {
    fn follow(&mut self, peers: &Peers, outbound: &Outbound, followed: &Followed) {
        outbound.set_peers(&followed.peers);
        let gone =
            |peer: &NodeId| !followed.peers.contains(peer) || followed.renewed.contains(peer);
        self.running.retain(|peer, stream| {
            let stays = !gone(peer);
            if !stays {
                stream.abort();
            }
            stays
        });
        for &peer in &followed.peers {
            self.running.entry(peer).or_insert_with(|| {
                tracing::debug!(peer = peer.0, "peer.followed");
                tokio::spawn(raft_stream::run(peers.clone(), peer, outbound.clone()))
            });
        }
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        for stream in self.running.values() {
            stream.abort();
        }
    }
}

/// Follows the cluster's members until the node stops.
pub(super) async fn run(peers: Peers, outbound: Outbound) {
    let mut cluster = peers.shared.handle.cluster();
    let mut streams = Streams { running: BTreeMap::new() };
    loop {
        let links = &peers.shared.links;
        let followed = links.follow(cluster.borrow_and_update().as_deref());
        streams.follow(&peers, &outbound, &followed);
        tokio::select! {
            changed = cluster.changed() => if changed.is_err() { return },
            () = links.news.notified() => (),
            _ = peers.shared.handle.stopped() => return,
        }
    }
}
