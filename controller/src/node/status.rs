//! How is a node? For screens, metrics and tests; no decision rests on it.

use std::collections::BTreeMap;

use raft::{Progress, ProgressState, StateRole};

use super::pull::Pull;
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
    /// Index of the first entry that the log still holds.
    pub first_index: u64,
    /// Index of the newest checkpoint: a restart begins there. 0 before the first one.
    pub checkpoint: u64,
    /// Who keeps the log, as far as this node has applied it, and whether it votes. In a joint
    /// change, whoever votes in the old or the new group. Empty while the node waits to be added.
    pub members: BTreeMap<NodeId, Seat>,
    /// Every member but this node, as the leader sees them; empty on the others.
    pub peers: BTreeMap<NodeId, PeerStatus>,
    /// The snapshot that this node is taking in.
    pub pull: Option<PullStatus>,
    /// Proposals in the log whose outcome somebody waits for, and readers.
    pub waiting: usize,
    /// Batches written to the journal since the node was opened.
    pub batches: u64,
    /// Syncs of the journal since the node was opened.
    pub syncs: u64,
    /// Peers' messages that were dropped since the node was opened.
    pub ignored: u64,
    /// Hashes of the state that other nodes said and this node did not have, since it was opened.
    pub mismatches: u64,
    /// States that were taken in whole instead of entries, since the node was opened.
    pub installed: u64,
}

/// What a leader knows of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Whether it votes.
    pub seat: Seat,
    /// Index of the last entry that the peer is known to hold.
    pub matched: u64,
    /// Whether it was heard within the last election timeout.
    pub recently_active: bool,
    /// Index of the snapshot that it is taking in instead of entries.
    pub pending_snapshot: Option<u64>,
}

/// Whether a member votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// It votes.
    Voter,
    /// It follows the log, and nothing waits for it.
    Learner,
}

/// How far a node is with a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullStatus {
    /// Index of the snapshot.
    pub index: u64,
    /// How many of its pieces are on this node's disk already.
    pub stored: usize,
    /// How many pieces are known to be still missing. Pages that are missing hide others.
    pub missing: usize,
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
            first_index: raft.raft_log.first_index(),
            checkpoint: self.raft.store().checkpoint().index,
            members: self.members(),
            peers: self.peers(),
            pull: self.pull.as_ref().map(Pull::status),
            waiting: self.waiters.len() + self.reads.len(),
            batches: self.batches,
            syncs: self.syncs,
            ignored: self.ignored,
            mismatches: self.vouching.mismatches,
            installed: self.installed,
        }
    }

    /// Who keeps the log, and whether it votes.
    pub(super) fn members(&self) -> BTreeMap<NodeId, Seat> {
        let conf = self.raft.raft.prs().conf().to_conf_state();
        let learners = conf.learners.iter().map(|&id| (NodeId(id), Seat::Learner));
        let voters = conf.voters.iter().chain(&conf.voters_outgoing);
        learners.chain(voters.map(|&id| (NodeId(id), Seat::Voter))).collect()
    }

    fn peers(&self) -> BTreeMap<NodeId, PeerStatus> {
        let members = self.members();
        let status = self.raft.status();
        let progress = status.progress.into_iter().flat_map(|tracker| tracker.iter());
        let seen = |(&id, peer): (&u64, &Progress)| {
            let seat = *members.get(&NodeId(id)).filter(|_| id != status.id)?;
            let pending_snapshot = match peer.state {
                ProgressState::Snapshot => Some(peer.pending_snapshot),
                ProgressState::Probe | ProgressState::Replicate => None,
            };
            let (matched, recently_active) = (peer.matched, self.hears(id));
            Some((NodeId(id), PeerStatus { seat, matched, recently_active, pending_snapshot }))
        };
        progress.filter_map(seen).collect()
    }
}
