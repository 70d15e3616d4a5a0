//! What can go wrong with a journal, and what should the operator do about it?

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use super::FORMAT_VERSION;

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
}

/// A journal was not opened. Nothing was changed on disk, except that a new directory may exist.
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
    /// Another process has it open.
    #[error("another process has it open")]
    Locked,
    /// The store below refused.
    #[error("the store could not be read")]
    Store(#[source] sled::Error),
    /// The file system refused.
    #[error("could not {attempted}")]
    File {
        /// What was attempted, an infinitive without "to".
        attempted: &'static str,
        /// Why it failed.
        #[source]
        cause: std::io::Error,
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
            | Self::Lost
            | Self::Store(_) => {
                "do not start it again as this node: keep the directory for a look, and let a new \
                 node with a new id and an empty directory take its place"
            }
            Self::Locked => "stop the other process, or give this node its own data directory",
            Self::File { .. } => "check the directory's permissions and the disk, then start again",
        }
    }
}
