//! What does a controller's disk remember? What was synced; a crash forgets the rest, or some of it.

use std::cell::Cell;
use std::rc::Rc;

use tidegate_controller::journal::{Batch, Journal, JournalFailed, Recovered};

use super::chance::{Chance, Odds};
use super::faults::Faults;

/// A disk that loses what was not synced when its node crashes, and that may be made to lie.
#[derive(Debug)]
pub struct SimDisk {
    durable: Recovered,
    unsynced: Vec<Batch>,
    /// How often a sync returns without having done anything; zero for an honest disk.
    skipped_syncs: Odds,
    /// How often a write fails, which stops the node in mid-step.
    failed_writes: Odds,
    /// Set once the faults are over: an honest disk from then on.
    is_calm: Rc<Cell<bool>>,
    luck: Chance,
}

/// What a disk gives back is no log that a node may serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged(pub String);

impl SimDisk {
    /// An empty disk, with the faults of `faults` until `is_calm` is set.
    #[must_use]
    pub fn new(faults: &Faults, is_calm: Rc<Cell<bool>>, luck: Chance) -> Self {
        Self {
            durable: Recovered::default(),
            unsynced: Vec::new(),
            skipped_syncs: faults.skipped_syncs,
            failed_writes: faults.failed_writes,
            is_calm,
            luck,
        }
    }

    /// The power fails: of the batches that were not synced, none, some or all reached the disk, in
    /// their order.
    pub fn crash(&mut self) {
        let most = u64::try_from(self.unsynced.len()).unwrap_or(0);
        let survive = usize::try_from(self.luck.between(0, most)).unwrap_or(0);
        self.unsynced.truncate(survive);
        self.settle();
    }

    /// What the disk holds after a restart, checked as the real journal checks it.
    ///
    /// # Errors
    ///
    /// [`Damaged`] for a log with a hole, or one that is shorter than what was committed.
    pub fn recover(&self) -> Result<Recovered, Damaged> {
        let entries = &self.durable.entries;
        for (pair, index) in entries.iter().zip(1_u64..) {
            if pair.index != index {
                return Err(Damaged(format!("entry {index} is missing: a hole in the log")));
            }
        }
        let (last, commit) =
            (entries.last().map_or(0, |entry| entry.index), self.durable.hard_state.commit);
        if last < commit {
            return Err(Damaged(format!("the log ends at {last}, and {commit} was committed")));
        }
        Ok(self.durable.clone())
    }

    fn may_fail(&mut self, attempted: &'static str) -> Result<(), JournalFailed> {
        if self.luck.happens(self.failed_writes) && !self.is_calm.get() {
            return Err(JournalFailed::new(attempted, "the disk says EIO"));
        }
        Ok(())
    }

    fn settle(&mut self) {
        for batch in self.unsynced.drain(..) {
            if let Some(first) = batch.entries.first() {
                let keep = self.durable.entries.partition_point(|entry| entry.index < first.index);
                self.durable.entries.truncate(keep);
            }
            self.durable.entries.extend(batch.entries);
            if let Some(hard_state) = batch.hard_state {
                self.durable.hard_state = hard_state;
            }
            if batch.conf_state.is_some() {
                self.durable.conf_state = batch.conf_state;
            }
        }
    }
}

impl Journal for SimDisk {
    fn append(&mut self, batch: &Batch) -> Result<(), JournalFailed> {
        self.unsynced.push(batch.clone());
        self.may_fail("append to the journal")
    }

    fn sync(&mut self) -> Result<(), JournalFailed> {
        self.may_fail("sync the journal")?;
        if !self.luck.happens(self.skipped_syncs) || self.is_calm.get() {
            self.settle();
        }
        Ok(())
    }
}
