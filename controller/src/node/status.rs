//! How is a node? For screens, metrics and tests; no decision rests on it.

use std::collections::BTreeMap;

use raft::StateRole;

use super::{Node, NodeId};
use crate::journal::Journal;

/// One node's view of itself and, where it leads, of its peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The node.
    pub id: NodeId,
    /// Its term.
    pub term: u64,
    /// The term's leader, where the node knows it.
    pub leader: Option<NodeId>,
    /// What the node is in its term.
    pub role: Role,
    /// Index of the last entry known to be committed.
    pub commit: u64,
    /// Index of the last entry applied.
    pub applied: u64,
    /// Index of the last entry in the log.
    pub last_index: u64,
    /// Every voter but this node, as the leader sees them; empty on the others.
    pub peers: BTreeMap<NodeId, PeerStatus>,
    /// Proposals in the log whose outcome somebody waits for.
    pub waiting: usize,
    /// Batches written to the journal since the node was opened.
    pub batches: u64,
    /// Syncs of the journal since the node was opened.
    pub syncs: u64,
    /// Peers' messages that were dropped since the node was opened.
    pub ignored: u64,
}

/// What a leader knows of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Index of the last entry that the peer is known to hold.
    pub matched: u64,
    /// Whether it was heard within the last election timeout.
    pub recently_active: bool,
}

/// What a node is in its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It follows a leader, or waits for one.
    Follower,
    /// It asks whether an election would succeed.
    PreCandidate,
    /// It asks for votes.
    Candidate,
    /// It leads.
    Leader,
}

impl<J: Journal> Node<J> {
    /// How the node is now.
    pub fn status(&self) -> NodeStatus {
        let raft = &self.raft.raft;
        let leadership = self.leadership();
        NodeStatus {
            id: NodeId(raft.id),
            term: leadership.term,
            leader: leadership.leader,
            role: match raft.state {
                StateRole::Follower => Role::Follower,
                StateRole::PreCandidate => Role::PreCandidate,
                StateRole::Candidate => Role::Candidate,
                StateRole::Leader => Role::Leader,
            },
            commit: raft.raft_log.committed,
            applied: self.applied(),
            last_index: raft.raft_log.last_index(),
            peers: self.peers(),
            waiting: self.waiters.len(),
            batches: self.batches,
            syncs: self.syncs,
            ignored: self.ignored,
        }
    }

    fn peers(&self) -> BTreeMap<NodeId, PeerStatus> {
        let status = self.raft.status();
        let progress = status.progress.into_iter().flat_map(|tracker| tracker.iter());
        progress
            .filter(|&(&id, _)| id != status.id)
            .map(|(&id, peer)| {
                let recently_active = peer.recent_active;
                (NodeId(id), PeerStatus { matched: peer.matched, recently_active })
            })
            .collect()
    }
}
