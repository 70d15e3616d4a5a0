//! What can go wrong with a journal, and what should the operator do about it?

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use super::{FORMAT_VERSION, PieceHash};

/// The disk refused a write. The node that gets it must stop: what is on disk is now unknown, and
/// only a restart finds out.
#[derive(Debug, thiserror::Error)]
#[error("could not {attempted}: the node stops, and learns at its restart what the disk holds")]
pub struct JournalFailed {
    attempted: &'static str,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl JournalFailed {
    /// Says what was attempted (an infinitive without "to", such as "sync the journal") and why it
    /// failed.
    pub fn new(attempted: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { attempted, cause: cause.into() }
    }

    /// The caller asked for something that no journal does. Nothing was changed.
    pub(super) fn refused(why: &'static str) -> Self {
        Self::new("write to the journal", why)
    }

    /// Whether the disk is full. An append that failed for it has changed nothing where it could
    /// not make the log's next file: it may be tried once more when there is room again. Where it
    /// has changed something, every later call fails too.
    pub fn found_no_room(&self) -> bool {
        let of_the_store = match self.cause.downcast_ref() {
            Some(sled::Error::Io(error)) => Some(error),
            _ => None,
        };
        let error = self.cause.downcast_ref().or(of_the_store);
        matches!(
            error.map(io::Error::kind),
            Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
        )
    }
}

/// A journal was not opened. What it held is still there; at most, a new directory exists and the
/// rest of a write that was never acknowledged is gone.
#[derive(Debug)]
pub struct JournalOpenFailed {
    /// The directory.
    pub dir: PathBuf,
    /// What is wrong with it.
    pub violation: Violation,
}

impl fmt::Display for JournalOpenFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dir, violation } = self;
        let remedy = violation.remedy();
        write!(f, "could not open the journal in {}: {violation}; {remedy}", dir.display())
    }
}

impl Error for JournalOpenFailed {
    /// The violation's own cause: the violation itself is in the message already.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.violation.source()
    }
}

/// What is wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum Violation {
    /// The directory belongs to another node.
    #[error("it belongs to node {found}, and this is node {expected}")]
    OtherNode {
        /// The node in the journal.
        found: u64,
        /// The node that wanted to open it.
        expected: u64,
    },
    /// The directory belongs to another cluster.
    #[error("it belongs to cluster {found:?}, and this node is of cluster {expected:?}")]
    OtherCluster {
        /// The cluster in the journal.
        found: String,
        /// The cluster of the node that wanted to open it.
        expected: String,
    },
    /// A newer binary wrote it.
    #[error("its format is version {found}, and this binary reads up to {FORMAT_VERSION}")]
    NewerFormat {
        /// The version in the journal.
        found: u32,
    },
    /// Entries are missing inside the log.
    #[error("the log has a hole: entry {after} is followed by entry {next}")]
    Hole {
        /// The last entry before the hole.
        after: u64,
        /// The first entry behind it.
        next: u64,
    },
    /// Committed entries are missing at the log's end.
    #[error("the log ends at entry {last}, and entry {commit} was committed")]
    Shortened {
        /// The last entry.
        last: u64,
        /// The commit index that was stored.
        commit: u64,
    },
    /// A record is not what was written.
    #[error("the record {record} is damaged: {what}")]
    Damaged {
        /// Which record, for a person to read.
        record: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A journal was made here once, and its records are gone.
    #[error("a journal was made here before, and its records are gone")]
    Lost,
    /// A piece of the state is missing.
    #[error("the checkpoint of entry {index} names the piece {hash}, which is not here")]
    MissingPiece {
        /// The checkpoint's index.
        index: u64,
        /// The piece.
        hash: PieceHash,
    },
    /// Another process has it open.
    #[error("another process has it open")]
    Locked,
    /// The store below refused.
    #[error("the store could not be read")]
    Store(#[source] sled::Error),
    /// It could not be written to.
    #[error("it could not be written to")]
    Unwritable(#[source] JournalFailed),
    /// The file system refused.
    #[error("could not {attempted}")]
    File {
        /// What was attempted, an infinitive without "to".
        attempted: &'static str,
        /// Why it failed.
        #[source]
        cause: io::Error,
    },
}

impl Violation {
    /// What to do next.
    fn remedy(&self) -> &'static str {
        match self {
            Self::OtherNode { .. } | Self::OtherCluster { .. } => {
                "give this node its own data directory, or correct its id and cluster name"
            }
            Self::NewerFormat { .. } => "start the binary that wrote it, or a newer one",
            Self::Hole { .. }
            | Self::Shortened { .. }
            | Self::Damaged { .. }
            | Self::MissingPiece { .. }
            | Self::Lost
            | Self::Store(_) => {
                "do not start it again as this node: keep the directory for a look, take this node \
                 out with `tidegate cluster remove`, and let a new node with a new id and an empty \
                 directory in with `tidegate cluster add`"
            }
            Self::Locked => "stop the other process, or give this node its own data directory",
            Self::Unwritable(_) | Self::File { .. } => {
                "check the directory's permissions and the disk, then start again"
            }
        }
    }
}
