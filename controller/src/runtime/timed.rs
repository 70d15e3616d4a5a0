//! How long does the disk take? The node's journal, with a stopwatch beside each sync.

use std::sync::Arc;

use super::Clock;
use crate::journal::{Batch, Checkpoint, DiskJournal, Journal, JournalFailed, PieceHash};
use crate::meters::Meters;

/// A journal whose syncs are timed.
#[derive(Debug)]
pub(super) struct Timed {
    journal: DiskJournal,
    clock: Clock,
    meters: Meters,
}

impl Timed {
    /// `journal`, whose times go to `meters`.
    pub(super) const fn new(journal: DiskJournal, clock: Clock, meters: Meters) -> Self {
        Self { journal, clock, meters }
    }
}

impl Journal for Timed {
    fn append(&mut self, batch: &Batch) -> Result<(), JournalFailed> {
        self.journal.append(batch)
    }

    fn sync(&mut self) -> Result<(), JournalFailed> {
        let began = self.clock.monotonic();
        self.journal.sync()?;
        self.meters.log_synced(self.clock.monotonic().saturating_sub(began));
        Ok(())
    }

    fn store(&mut self, pieces: &[(PieceHash, Arc<[u8]>)]) -> Result<(), JournalFailed> {
        self.journal.store(pieces)
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalFailed> {
        self.journal.checkpoint(checkpoint)
    }

    fn compact(&mut self, index: u64) -> Result<(), JournalFailed> {
        self.journal.compact(index)
    }

    fn reset_log(&mut self) -> Result<(), JournalFailed> {
        self.journal.reset_log()
    }

    fn piece(&self, hash: &PieceHash) -> Result<Option<Arc<[u8]>>, JournalFailed> {
        self.journal.piece(hash)
    }
}
