//! When does a node have to stop, and what can be done about it?

use super::NodeId;
use crate::journal::JournalFailed;
use crate::machine::frozen::ThawError;
use crate::machine::vouches::Divergence;
use crate::machine::{Position, UnknownEntry};

/// Why a node had to stop. There is no way on; restart it from its journal.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The configuration contradicts itself.
    #[error("could not start the node: {0}; correct the configuration")]
    Config(String),
    /// The disk failed.
    #[error("could not write before speaking")]
    Journal(#[from] JournalFailed),
    /// Raft refused its own state.
    #[error("could not go on with the recovered raft state")]
    Raft(#[from] raft::Error),
    /// A committed entry is of a kind that this binary does not know.
    #[error(
        "could not apply log entry {} of term {}: this binary does not know its kind; start the \
         newer binary that wrote it", .at.index, .at.term
    )]
    UnknownEntry {
        /// The entry's place.
        at: Position,
        /// Why it did not decode; `None` for an entry that is no command.
        #[source]
        cause: Option<UnknownEntry>,
    },
    /// An outgoing message could not be encoded.
    #[error("could not encode a raft message")]
    Encode(#[source] protobuf::ProtobufError),
    /// The state that the journal holds cannot be put together.
    #[error(
        "could not put the state of log entry {index} together; this node's data is damaged: give \
         it a new id and an empty data directory, and replace it with `tidegate cluster remove` \
         and `tidegate cluster add`"
    )]
    Thaw {
        /// Index of the last entry in that state.
        index: u64,
        /// What is wrong.
        #[source]
        cause: ThawError,
    },
    /// The cluster goes on without this node.
    #[error(
        "node {id} was removed from the cluster at log entry {at}: stop it for good; to bring this \
         machine back, give it a new id and an empty data directory"
    )]
    Removed {
        /// The node.
        id: NodeId,
        /// Index of the entry that removed it; 0 where it had left before this start.
        at: u64,
    },
    /// A majority of the voters has another state than this node, or no majority has the same.
    #[error("node {id} must not go on: {divergence}")]
    Diverged {
        /// The node.
        id: NodeId,
        /// Who has which state.
        divergence: Divergence,
    },
    /// The cluster uses entries that this binary does not know.
    #[error(
        "the cluster uses entries of version {cluster_version}, and this binary reads up to \
         {speaks}: start a binary that is at least as new as the other members'"
    )]
    TooNew {
        /// The version that the cluster uses.
        cluster_version: u16,
        /// The newest version that this binary reads.
        speaks: u16,
    },
}
