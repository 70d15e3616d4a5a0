//! The disk seam: what does a node write, and what does it get back after a restart?
//!
//! [`Journal`] has two promises and nothing else. [`SledJournal`] keeps them on a real disk; a test
//! that wants a disk that breaks them wraps or replaces it. Which batch has to be durable before
//! which message leaves is the business of `node`.

mod error;
mod marker;
mod record;
mod recovery;
mod sled_journal;
#[cfg(test)]
mod tests;

use raft::eraftpb::{ConfState, Entry, HardState};

pub use error::{JournalFailed, JournalOpenFailed, Violation};
pub use sled_journal::SledJournal;

/// Largest command in one log entry, in bytes. With its header and checksum the stored record
/// stays below [`MAX_RECORD_BYTES`].
pub const MAX_ENTRY_BYTES: usize = 63 * 1024;

/// Largest stored record, in bytes: sled moves larger values to files that it never syncs.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;

/// Version of the stored format that this binary writes. It reads no newer one.
pub const FORMAT_VERSION: u32 = 1;

/// One atomic write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Entries to append, contiguous and ascending; they replace every entry at the first one's
    /// index and after it.
    pub entries: Vec<Entry>,
    /// The new term, vote and commit index, where they changed.
    pub hard_state: Option<HardState>,
    /// The new membership, where it changed.
    pub conf_state: Option<ConfState>,
}

/// A durable, append-only record of batches.
///
/// A batch survives a crash if [`Journal::sync`] returned after it was appended (and may or may
/// not survive otherwise), and batches survive in the order in which they were appended.
pub trait Journal {
    /// Appends `batch`, whole or not at all. It may still be lost until [`Journal::sync`] returns.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]: the node must stop, for it no longer knows what is on disk.
    fn append(&mut self, batch: &Batch) -> Result<(), JournalFailed>;

    /// Makes every appended batch durable.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]: the node must stop. A failed sync is never retried, because the kernel
    /// may have dropped the pages that it could not write.
    fn sync(&mut self) -> Result<(), JournalFailed>;
}

/// What a journal holds, as one Raft state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// The log, contiguous and ascending.
    pub entries: Vec<Entry>,
    /// The newest term, vote and commit index.
    pub hard_state: HardState,
    /// The newest membership; `None` for a journal that no node ever opened.
    pub conf_state: Option<ConfState>,
}

impl Recovered {
    /// What a journal that took these batches, in this order, holds.
    pub fn from_batches(batches: impl IntoIterator<Item = Batch>) -> Self {
        let mut recovered = Self::default();
        for batch in batches {
            if let Some(first) = batch.entries.first() {
                recovered.entries.retain(|entry| entry.index < first.index);
            }
            recovered.entries.extend(batch.entries);
            recovered.hard_state = batch.hard_state.unwrap_or(recovered.hard_state);
            recovered.conf_state = batch.conf_state.or(recovered.conf_state);
        }
        recovered
    }
}

/// Whose journal it is. A data directory serves one node of one cluster for its whole life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's name; 1 to 255 bytes.
    pub cluster: String,
    /// The node's id; never zero.
    pub node_id: u64,
}
