//! What can go wrong between the rest of the process and the node?

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
    /// It was not taken: the node has stopped.
    #[error("the command was not taken: this node has stopped; ask another")]
    Stopped,
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
