//! Where does a host keep what must outlive its agent? On disk, or, for simulated hosts, in memory.

mod disk;
mod memory;

use std::io;
use std::path::PathBuf;

use tidegate_proto::v1::HostReport;

pub use disk::DiskStorage;
pub use memory::MemoryStorage;

use crate::core::{AgentStatus, Digest, Fetched, Heard, Marker, PatchSetMemory, Restored};
use crate::driver::Dumps;

/// What an agent has seen of its host's boots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The boot that it ran in last; `None` where it never ran.
    pub boot_id: Option<String>,
    /// Dumps that it has told of, or was not to tell of.
    pub dumps: Dumps,
}

/// What must outlive an agent. Every method but those that say otherwise returns when its effect
/// is durable.
pub trait Storage: Send + 'static {
    /// What is kept, as it was left.
    ///
    /// # Errors
    ///
    /// Where it cannot be read: then the agent must not start, since it would forget what it has
    /// promised.
    fn restore(&mut self) -> Result<Restored, StorageFailed>;

    /// Appends one report.
    ///
    /// # Errors
    ///
    /// Where it is not durable.
    fn spool(&mut self, report: &HostReport) -> Result<(), StorageFailed>;

    /// Drops one report.
    ///
    /// # Errors
    ///
    /// Where the spool cannot be written.
    fn drop_report(&mut self, sequence: u64) -> Result<(), StorageFailed>;

    /// Drops every report up to `through`. Need not be durable: reports are counted once.
    ///
    /// # Errors
    ///
    /// Where the spool cannot be written.
    fn trim(&mut self, through: u64) -> Result<(), StorageFailed>;

    /// Writes the intent marker; `None` removes it.
    ///
    /// # Errors
    ///
    /// Where it is not durable.
    fn set_marker(&mut self, marker: Option<&Marker>) -> Result<(), StorageFailed>;

    /// Keeps what is known of a patch set.
    ///
    /// # Errors
    ///
    /// Where it is not durable.
    fn remember(&mut self, patch_set: &str, memory: &PatchSetMemory) -> Result<(), StorageFailed>;

    /// Keeps the newest moment of the cluster that was heard of.
    ///
    /// # Errors
    ///
    /// Where it is not durable.
    fn keep_heard(&mut self, heard: Heard) -> Result<(), StorageFailed>;

    /// What was noted of the boots before.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    fn seen(&mut self) -> Result<Seen, StorageFailed>;

    /// Notes in which boot the agent runs, and what it has told of those before.
    ///
    /// # Errors
    ///
    /// Where it is not durable.
    fn note(&mut self, seen: &Seen) -> Result<(), StorageFailed>;

    /// Stores an artifact, and measures what was stored.
    ///
    /// # Errors
    ///
    /// [`StorageFailed::NoSpace`] where there is no room, else where it is not durable.
    fn store_artifact(&mut self, bytes: &[u8]) -> Result<Fetched, StorageFailed>;

    /// Where the artifact of this digest is stored.
    fn artifact(&self, digest: Digest) -> StoredArtifact;

    /// Publishes what `tidegate-agent status` prints. Need not be durable.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn publish(&mut self, status: &AgentStatus) -> Result<(), StorageFailed>;
}

/// An artifact as it was stored.
#[derive(Clone, Debug)]
pub enum StoredArtifact {
    /// In a file.
    File(PathBuf),
    /// In memory; empty where it was never stored.
    Bytes(Vec<u8>),
}

/// Storage did not do what it was asked for. The agent stops: what it cannot keep, it must not
/// promise.
#[derive(Debug, thiserror::Error)]
pub enum StorageFailed {
    /// A file could not be read or written.
    #[error("could not {what} {}: free some room or repair the disk, then start again", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no room.
    #[error("no room for {}: free some room on its disk", .0.display())]
    NoSpace(PathBuf),
    /// A file is there and makes no sense.
    #[error(
        "{} is damaged ({why}): a livepatch may be loaded that nobody watches; look at \
         /sys/kernel/livepatch, then remove the file and start again",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another agent uses the same directory.
    #[error("another agent holds {}: stop it first", .0.display())]
    Locked(PathBuf),
}
