//! Where does everything wait that the node wants of others? Messages in one bounded queue per peer,
//! the oldest dropped first: raft sends again what is lost, and an old message is the least worth
//! keeping. Pieces to fetch and states to vouch for in a queue of their own.
//!
//! Which peers there are changes while the node runs: [`Outbound::set_peers`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::mailbox::Mailbox;
use crate::machine::frozen::PieceHash;
use crate::node::NodeId;

/// Most messages that wait for one peer.
const MAX_QUEUED: usize = 4_096;
/// Most bytes that wait for one peer.
const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;
/// Bytes after which a batch takes no further message.
const BATCH_BYTES: usize = 512 * 1024;

/// Most questions for pieces that wait; the node repeats what is lost.
const MAX_WANTED: usize = 64;
/// Most states that wait to be vouched for: as many as the cluster compares.
const MAX_VOUCHES: usize = 4;

/// The queues. Clones share them.
#[derive(Clone, Debug)]
pub struct Outbound {
    queues: Arc<Mutex<BTreeMap<NodeId, Arc<Queue>>>>,
    wanted: Arc<Mailbox<PiecesWanted>>,
    vouches: Arc<Mailbox<Vouch>>,
}

/// Pieces that the node wants from a peer. What cannot be had, it wants again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PiecesWanted {
    /// Whom to ask.
    pub from: NodeId,
    /// The pieces' names.
    pub hashes: Vec<PieceHash>,
}

/// What this node's state is at an index, for the others to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vouch {
    /// The last applied entry of the state.
    pub index: u64,
    /// The state's hash.
    pub hash: [u8; 32],
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: u64,
}

impl Outbound {
    /// An empty queue for each of `peers`.
    pub fn new(peers: impl IntoIterator<Item = NodeId>) -> Self {
        let queues = peers.into_iter().map(|peer| (peer, Arc::default())).collect();
        Self {
            queues: Arc::new(Mutex::new(queues)),
            wanted: Arc::new(Mailbox::new(MAX_WANTED)),
            vouches: Arc::new(Mailbox::new(MAX_VOUCHES)),
        }
    }

    /// From now on there are these peers: who is new gets an empty queue, and what waits for one that
    /// is gone is dropped.
    pub fn set_peers(&self, peers: &BTreeSet<NodeId>) {
        let mut queues = self.lock();
        queues.retain(|peer, _| peers.contains(peer));
        for &peer in peers {
            queues.entry(peer).or_default();
        }
    }

    /// Queues `message` for `to`. Dropped where there is no such peer.
    pub(super) fn push(&self, to: NodeId, message: Vec<u8>) {
        let Some(queue) = self.queue(to) else { return };
        queue.with(|waiting| waiting.push(message));
        queue.filled.notify_one();
    }

    /// Takes the next messages for `to`, oldest first and about `BATCH_BYTES` at most, waiting
    /// for the first. Never ends for a node that is no peer. One task may wait per peer.
    pub async fn next_batch(&self, to: NodeId) -> Vec<Vec<u8>> {
        let Some(queue) = self.queue(to) else { return std::future::pending().await };
        loop {
            let batch = queue.with(Waiting::take_batch);
            if !batch.is_empty() {
                return batch;
            }
            queue.filled.notified().await;
        }
    }

    pub(super) fn want(&self, wanted: PiecesWanted) {
        self.wanted.leave(wanted);
    }

    /// Takes the next pieces to fetch, waiting for some. One task may wait.
    pub async fn next_wanted(&self) -> PiecesWanted {
        self.wanted.next().await
    }

    pub(super) fn vouch(&self, vouch: Vouch) {
        self.vouches.leave(vouch);
    }

    /// Takes the next state to vouch for, waiting for one. One task may wait.
    pub async fn next_vouch(&self) -> Vouch {
        self.vouches.next().await
    }

    /// How many messages were dropped because they waited for `to` too long.
    pub fn dropped(&self, to: NodeId) -> u64 {
        self.queue(to).map_or(0, |queue| queue.with(|waiting| waiting.dropped))
    }

    fn queue(&self, of: NodeId) -> Option<Arc<Queue>> {
        self.lock().get(&of).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Arc<Queue>>> {
        // Nothing panics while it holds the lock, and the map is whole at any time.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn with<T>(&self, work: impl FnOnce(&mut Waiting) -> T) -> T {
        // Nothing panics while it holds the lock.
        work(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Waiting {
    fn push(&mut self, message: Vec<u8>) {
        self.bytes += message.len();
        self.messages.push_back(message);
        while self.messages.len() > MAX_QUEUED || self.bytes > MAX_QUEUED_BYTES {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.len();
            self.dropped += 1;
        }
    }

    fn take_batch(&mut self) -> Vec<Vec<u8>> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            let Some(message) = self.messages.pop_front() else { break };
            bytes += message.len();
            batch.push(message);
        }
        self.bytes -= bytes;
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::tests::within_a_minute;

    const PEER: NodeId = NodeId(2);

    #[tokio::test]
    async fn messages_leave_in_order_and_in_batches() {
        within_a_minute(async {
            let outbound = Outbound::new([PEER]);
            for message in 0..5 {
                outbound.push(PEER, vec![message; BATCH_BYTES / 2]);
            }
            let mut firsts = Vec::new();
            for _ in 0..3 {
                firsts
                    .push(outbound.next_batch(PEER).await.iter().map(|m| m[0]).collect::<Vec<_>>());
            }
            assert_eq!(firsts, [vec![0, 1], vec![2, 3], vec![4]]);
        })
        .await;
    }

    #[tokio::test]
    async fn the_oldest_message_is_dropped_when_too_many_wait() {
        within_a_minute(async {
            let outbound = Outbound::new([PEER]);
            for number in 0..=MAX_QUEUED {
                outbound.push(PEER, number.to_be_bytes().to_vec());
            }
            assert_eq!(outbound.dropped(PEER), 1);
            let batch = outbound.next_batch(PEER).await;
            assert_eq!(batch.len(), MAX_QUEUED);
            assert_eq!(batch[0], 1_usize.to_be_bytes());
        })
        .await;
    }

    #[tokio::test]
    async fn the_oldest_messages_are_dropped_when_they_are_too_large() {
        within_a_minute(async {
            let outbound = Outbound::new([PEER]);
            let half = MAX_QUEUED_BYTES / 2;
            for message in 0..3 {
                outbound.push(PEER, vec![message; half]);
            }
            assert_eq!(outbound.dropped(PEER), 1);
            assert_eq!(outbound.next_batch(PEER).await[0][0], 1);
        })
        .await;
    }

    #[test]
    fn a_message_for_a_stranger_goes_nowhere() {
        let outbound = Outbound::new([PEER]);
        outbound.push(NodeId(9), vec![1]);
        assert_eq!(outbound.dropped(NodeId(9)), 0);
    }
    #[tokio::test]
    async fn peers_come_and_go_and_what_waits_for_those_that_stay_is_kept() {
        within_a_minute(async {
            let (stays, goes, comes) = (PEER, NodeId(3), NodeId(4));
            let outbound = Outbound::new([stays, goes]);
            for peer in [stays, goes, comes] {
                outbound.push(peer, vec![1]);
            }
            outbound.set_peers(&BTreeSet::from([stays, comes]));
            outbound.push(comes, vec![2]);
            assert_eq!(outbound.next_batch(stays).await, [[1]]);
            assert_eq!(outbound.next_batch(comes).await, [[2]]);
            outbound.set_peers(&BTreeSet::from([stays, goes]));
            outbound.push(goes, vec![3]);
            assert_eq!(outbound.next_batch(goes).await, [[3]]);
        })
        .await;
    }
}
