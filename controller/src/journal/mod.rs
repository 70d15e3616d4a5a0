//! The disk seam: what does a node write, and what does it get back after a restart?
//!
//! [`DiskJournal`] keeps the promises of [`Journal`] on a real disk; a test that wants a disk that
//! breaks them wraps or replaces it. Which batch has to be durable before which message leaves, and
//! what a piece of the state means, is the business of `node` and `machine`.

mod checkpoints;
mod disk;
mod error;
mod identity;
mod log;
mod marker;
mod piece;
mod pieces;
mod read;
mod record;
mod scrub;
mod store;
mod takeover;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use raft::eraftpb::{ConfState, Entry, HardState};

pub use disk::DiskJournal;
pub use error::{JournalFailed, JournalOpenFailed, Violation};
pub use piece::{MAX_PIECE_BYTES, MAX_ROOT_BYTES, NamedBy, PieceHash};
pub use read::PieceReader;
pub use scrub::{Progress, Scrubber};

/// Largest command in one log entry, in bytes. With its header and checksum the stored record
/// stays below [`MAX_RECORD_BYTES`].
pub const MAX_ENTRY_BYTES: usize = 63 * 1024;

/// Largest stored record, in bytes: sled moves larger values to files that it never syncs.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;

/// Default size of a file of the log, in bytes.
pub const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// Version of the stored format that this binary writes. It reads no newer one.
pub const FORMAT_VERSION: u32 = 2;

/// One atomic write to the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Entries to append, contiguous and ascending; they replace every entry at the first one's
    /// index and after it.
    pub entries: Vec<Entry>,
    /// The new term, vote and commit index, where they changed.
    pub hard_state: Option<HardState>,
}

/// A state to begin from: the machine after the entry at `index`.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The last entry that is in it; 0 before the first one.
    pub index: u64,
    /// That entry's term; 0 before the first one.
    pub term: u64,
    /// The membership after that entry.
    pub conf_state: ConfState,
    /// Names the state's pieces; at most [`MAX_ROOT_BYTES`]. It may be empty at index 0 alone: a
    /// machine before its first entry.
    pub root: Arc<[u8]>,
}

/// A durable, append-only log of batches, and the newest checkpoints of the state that it led to.
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

    /// Stores pieces ahead of the checkpoint that will need them; those that are here already are
    /// not written again. They may be lost until [`Journal::checkpoint`] returns. A piece that no
    /// checkpoint names stays for one more checkpoint since it was last given here, and no longer
    /// than until the next open.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]: a piece is too large or is not what its hash says, or the disk refused.
    fn store(&mut self, pieces: &[(PieceHash, Arc<[u8]>)]) -> Result<(), JournalFailed>;

    /// Makes `checkpoint` what a restart begins from: durable and whole when this returns. All
    /// pieces that its root and pages name must be stored. Pieces that neither this checkpoint nor
    /// the one before names are let go, some now and some with later calls.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]: a piece is missing, the index is lower than the newest checkpoint's, or
    /// the disk refused.
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalFailed>;

    /// Lets go of log entries at or below `index`, which is never above the newest checkpoint's.
    /// It may keep some of them for longer.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]: the index is above the newest checkpoint's, or the disk refused.
    fn compact(&mut self, index: u64) -> Result<(), JournalFailed>;

    /// Replaces the whole log by the newest checkpoint, durably: what follows is appended at its
    /// index + 1. Term and vote stay, and the commit index is at least the checkpoint's. For a
    /// snapshot that was installed.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]: there is no checkpoint, or the disk refused.
    fn reset_log(&mut self) -> Result<(), JournalFailed>;

    /// A stored piece, checked against its hash; `None` if it is not here.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]: it is damaged, or the disk refused.
    fn piece(&self, hash: &PieceHash) -> Result<Option<Arc<[u8]>>, JournalFailed>;
}

/// What a journal holds, as one Raft state. The checkpoint's pieces are read one by one, by
/// [`Journal::piece`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// The log behind the checkpoint, contiguous and ascending: the first one's index is the
    /// checkpoint's + 1.
    pub entries: Vec<Entry>,
    /// The newest term, vote and commit index. The commit index is between the checkpoint's and
    /// the last entry's.
    pub hard_state: HardState,
    /// Where to begin; `None` for a journal that no node ever opened.
    pub checkpoint: Option<Checkpoint>,
}

impl Recovered {
    /// Whether no node ever wrote a checkpoint here: the first one is the node's first act.
    pub fn is_new(&self) -> bool {
        self.checkpoint.is_none()
    }

    /// The last entry's index, or the checkpoint's where no entry follows it; 0 for a new journal.
    pub fn last_index(&self) -> u64 {
        let begin = self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.index);
        self.entries.last().map_or(begin, |entry| entry.index)
    }

    /// What a journal without a checkpoint that took these batches, in this order, holds.
    pub fn from_batches(batches: impl IntoIterator<Item = Batch>) -> Self {
        let mut recovered = Self::default();
        for batch in batches {
            recovered.take(batch);
        }
        recovered
    }

    /// What a journal that held this holds after another batch.
    pub fn take(&mut self, batch: Batch) {
        if let Some(first) = batch.entries.first() {
            self.entries.retain(|entry| entry.index < first.index);
        }
        self.entries.extend(batch.entries);
        if let Some(hard_state) = batch.hard_state {
            self.hard_state = hard_state;
        }
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

/// How a journal is opened. Read once.
#[derive(Clone, Debug)]
pub struct JournalConfig {
    /// Whose journal it has to be.
    pub identity: Identity,
    /// 16 random bytes. They become the incarnation of a journal that is made now, and are ignored
    /// for one that exists.
    pub incarnation: [u8; 16],
    /// Which pieces a root or a piece names.
    pub named_by: NamedBy,
    /// Size of a file of the log, in bytes: a multiple of 512, at least 4,096. Default
    /// [`SEGMENT_BYTES`]. It may differ from the last time.
    pub segment_bytes: u64,
}

impl JournalConfig {
    /// With files of the default size.
    pub fn new(identity: Identity, incarnation: [u8; 16], named_by: NamedBy) -> Self {
        Self { identity, incarnation, named_by, segment_bytes: SEGMENT_BYTES }
    }
}
