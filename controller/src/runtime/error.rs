//! What can go wrong between the rest of the process and the node?

use super::DiskState;
use crate::journal::MAX_ENTRY_BYTES;
use crate::node::NodeId;

/// A command has no known outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// It was not taken: this node does not lead.
    #[error("the command was not taken: this node does not lead; ask the leader")]
    NotLeader {
        /// Who leads, as far as the node knows.
        leader: Option<NodeId>,
    },
    /// It may have happened, or may yet.
    #[error(
        "the command may have been carried out: the leadership changed while it was under way; \
         ask again with the same request id"
    )]
    Unknown,
    /// It was not taken: too much is under way.
    #[error("the command was not taken: too many are under way; ask again in a moment")]
    Busy,
    /// It was not taken: it is too large for the log.
    #[error(
        "the command was not taken: it has {bytes} bytes, and at most {MAX_ENTRY_BYTES} fit an \
         entry; split it"
    )]
    TooLarge {
        /// Its encoded size, in bytes.
        bytes: usize,
    },
    /// It was not taken: the disk of the node that was asked is too full for it.
    #[error(
        "the command was not taken: the disk is nearly full ({state}); make room below the data \
         directory, and ask again; halts and pauses are always taken"
    )]
    DiskLow {
        /// How full it is.
        state: DiskState,
    },
    /// It was not taken: another change of the members is under way.
    #[error(
        "the command was not taken: another change of the members is under way; ask again when it \
         is done"
    )]
    ChangePending,
    /// It was not taken: the cluster could not go on after it.
    #[error(
        "the command was not taken: of the voters after it {active} would be heard, and {needed} \
         are needed; bring back or remove those that are away first"
    )]
    WouldLoseQuorum {
        /// How many of the new voters were heard lately.
        active: usize,
        /// How many of them have to be.
        needed: usize,
    },
    /// It was not taken: it would take the vote from the leader itself.
    #[error(
        "the command was not taken: it would take the vote from the leader; move the leadership \
         with `tidegate cluster transfer` first"
    )]
    LeaderMustMove,
    /// It was not taken: the node to be promoted lags behind.
    #[error(
        "the command was not taken: the node to be promoted lacks {behind} entries; ask again when \
         it has caught up"
    )]
    NotCaughtUp {
        /// How many committed entries it lacks.
        behind: u64,
    },
    /// It was not taken: not every member understands it.
    #[error(
        "the command was not taken: it needs entries of version {needs}, and not every member reads \
         more than version {cluster}; upgrade the others first"
    )]
    NeedsVersion {
        /// The version of entries that it needs.
        needs: u16,
        /// The version that every member reads.
        cluster: u16,
    },
    /// It was not taken: the node has stopped.
    #[error("the command was not taken: this node has stopped; ask another")]
    Stopped,
}

/// This node cannot say that its state is at least as new as all that was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No leader confirmed in time that it still leads.
    #[error(
        "the state was not read: no leader with a majority behind it answered in time; ask again, or \
         ask for a read that may be stale"
    )]
    NotConfirmed {
        /// Who leads, as far as the node knows.
        leader: Option<NodeId>,
    },
    /// The node has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The leadership did not move.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// It was not seen to move in time.
    #[error(
        "the leadership did not move to node {to} in time; check that it votes, is up, and has \
         caught up"
    )]
    TimedOut {
        /// Who should lead.
        to: NodeId,
        /// Who leads, as far as the node knows.
        leader: Option<NodeId>,
    },
    /// The node has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The cluster will never let this node in again as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnedAway {
    /// It was removed.
    #[error(
        "this node was removed from the cluster, and its id is never used again: give it a new id \
         and an empty data directory, and add it as a new node with `tidegate cluster add`"
    )]
    Removed,
    /// Its data directory is another one than the cluster knows of it.
    #[error(
        "this node comes with another data directory than the one that it registered; a lost disk \
         comes back under a new id: start it with the old directory, or remove it with `tidegate \
         cluster remove` and add a new node with `tidegate cluster add`"
    )]
    OtherIncarnation,
}

/// The node's thread has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node has stopped; ask another")]
pub struct Stopped;

/// The state was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Too much waits for the node, and this question may come again later.
    #[error("the state was not looked at: too much waits for this node; ask again in a moment")]
    Shed,
    /// The node has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// An index was not applied in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// The time is over.
    #[error("entry {index} was not applied here in time; this node has applied up to {applied}")]
    TimedOut {
        /// The index that was waited for.
        index: u64,
        /// The last index that is applied.
        applied: u64,
    },
    /// The node stopped meanwhile.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}
