//! What does a controller's disk do with what it is given? It forgets some of what was not synced, it
//! fails, it is full; and it may be made to lie.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use tidegate_controller::journal::{
    Batch, Checkpoint, Journal, JournalFailed, PieceHash, Recovered,
};

use super::chance::{Chance, Odds};
use super::faults::Disks;
use super::sabotage::Sabotage;
use super::stored::{Damaged, Stored};
use super::torn::{Fate, torn};

/// How often a lying disk lies about a piece, or drops too much.
const LIES: Odds = Odds(300_000);
/// How much more of the log a lying disk drops than it was told to.
const TOO_FAR: u64 = 1_000;

/// A disk of one controller.
#[derive(Debug)]
pub struct SimDisk {
    durable: Rc<RefCell<Stored>>,
    unsynced: Vec<Batch>,
    faults: Disks,
    sabotage: Sabotage,
    /// Set once the faults are over: an honest disk from then on.
    is_calm: Rc<Cell<bool>>,
    luck: Chance,
    /// Which membership a disk that forgets gives back.
    first_members: Option<Checkpoint>,
    meter: Rc<RefCell<Meter>>,
}

/// What is seen of a disk in use, and done to it.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// It takes no pieces and no checkpoints; the log was given its room before.
    pub is_full: bool,
    /// Every sync takes longer than a second.
    pub is_slow: bool,
    /// For whom the node voted in each term.
    votes: BTreeMap<u64, u64>,
    /// What a node must never do, and this one did: which promise it broke, and how.
    pub misdeed: Option<(&'static str, String)>,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Logs replaced by a checkpoint.
    pub resets: u64,
    /// Batches that a crash left torn.
    pub torn: usize,
}

impl Meter {
    /// In how many terms the node voted.
    #[must_use]
    pub fn votes(&self) -> usize {
        self.votes.len()
    }
}

impl SimDisk {
    /// An empty disk, with the faults of `faults` until `is_calm` is set.
    #[must_use]
    pub fn new(faults: Disks, sabotage: Sabotage, is_calm: Rc<Cell<bool>>, luck: Chance) -> Self {
        Self {
            durable: Rc::default(),
            unsynced: Vec::new(),
            faults,
            sabotage,
            is_calm,
            luck,
            first_members: None,
            meter: Rc::default(),
        }
    }

    /// The same disk, for whoever comes after a node that could not be opened.
    #[must_use]
    pub fn again(&mut self) -> Self {
        Self {
            durable: Rc::clone(&self.durable),
            unsynced: Vec::new(),
            faults: self.faults.clone(),
            sabotage: self.sabotage,
            is_calm: Rc::clone(&self.is_calm),
            luck: self.luck.split(),
            first_members: self.first_members.clone(),
            meter: Rc::clone(&self.meter),
        }
    }

    /// What is seen of the disk, whoever has it.
    #[must_use]
    pub fn meter(&self) -> Rc<RefCell<Meter>> {
        Rc::clone(&self.meter)
    }

    /// What is on the disk, for those who read pieces of it while the node runs, and for somebody who
    /// tampers with it.
    #[must_use]
    pub fn stored(&self) -> Rc<RefCell<Stored>> {
        Rc::clone(&self.durable)
    }

    /// The power fails: of the batches that were not synced any may have reached the disk, whole or
    /// torn, and of the loose pieces any. The log ends before the first batch that is not whole.
    pub fn crash(&mut self) {
        let fates = self.unsynced.iter().map(|_| Fate::draw(&mut self.luck)).collect::<Vec<_>>();
        self.meter.borrow_mut().torn += fates.iter().filter(|fate| **fate == Fate::Torn).count();
        if self.sabotage == Sabotage::TornWrites {
            self.believe(&fates);
        }
        let whole = fates.iter().take_while(|fate| **fate == Fate::Whole).count();
        self.unsynced.truncate(whole);
        self.settle();
        let luck = &mut self.luck;
        self.durable.borrow_mut().lose_pieces(|| luck.below(2) == 0);
    }

    /// What the disk holds after a restart, checked as the real journal checks it.
    ///
    /// # Errors
    ///
    /// [`Damaged`] for a log with a hole, or one that is shorter than what was committed.
    pub fn recover(&mut self) -> Result<Recovered, Damaged> {
        self.durable.borrow_mut().tidy();
        let mut recovered = self.durable.borrow().recover()?;
        if self.sabotage == Sabotage::ForgottenVote {
            recovered.hard_state.vote = 0;
        }
        if self.sabotage == Sabotage::ForgottenMembers
            && let (Some(newest), Some(first)) = (&mut recovered.checkpoint, &self.first_members)
        {
            newest.conf_state.clone_from(&first.conf_state);
        }
        Ok(recovered)
    }

    /// Takes everything that is there for whole: a disk without checksums.
    fn believe(&mut self, fates: &[Fate]) {
        for (batch, fate) in std::mem::take(&mut self.unsynced).into_iter().zip(fates) {
            match fate {
                Fate::Whole => self.durable.borrow_mut().write(batch),
                Fate::Torn => self.durable.borrow_mut().write(torn(batch)),
                Fate::Missing => (),
            }
        }
    }

    fn blame(&self, promise: &'static str, what: String) {
        self.meter.borrow_mut().misdeed.get_or_insert((promise, what));
    }

    fn is_full(&self) -> bool {
        self.meter.borrow().is_full
    }

    /// Whether the disk fails now, which the caller then does before or after its work.
    fn fails(&mut self) -> bool {
        self.luck.happens(self.faults.failed_writes) && !self.is_calm.get()
    }

    fn lies(&mut self, as_this: Sabotage) -> bool {
        self.sabotage == as_this && self.luck.happens(LIES)
    }

    fn settle(&mut self) {
        for batch in std::mem::take(&mut self.unsynced) {
            self.watch(&batch);
            self.durable.borrow_mut().write(batch);
        }
    }

    /// One vote in each term, whatever happens to the disk. What never reached it was never said.
    fn watch(&self, batch: &Batch) {
        let Some(hard_state) = &batch.hard_state else { return };
        let (term, vote) = (hard_state.term, hard_state.vote);
        if vote == 0 {
            return;
        }
        let before = *self.meter.borrow_mut().votes.entry(term).or_insert(vote);
        if before != vote {
            let what = format!("in term {term} it voted for {before}, and then for {vote}");
            self.blame("VOTE", what);
        }
    }
}

fn full(attempted: &'static str) -> JournalFailed {
    JournalFailed::new(attempted, "no space is left on the disk")
}

fn broken(attempted: &'static str) -> JournalFailed {
    JournalFailed::new(attempted, "the disk says EIO")
}

impl Journal for SimDisk {
    fn append(&mut self, batch: &Batch) -> Result<(), JournalFailed> {
        self.unsynced.push(batch.clone());
        if self.fails() { Err(broken("append to the journal")) } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), JournalFailed> {
        if self.fails() {
            return Err(broken("sync the journal"));
        }
        if !self.luck.happens(self.faults.skipped_syncs) || self.is_calm.get() {
            self.settle();
        }
        Ok(())
    }

    fn store(&mut self, pieces: &[(PieceHash, Arc<[u8]>)]) -> Result<(), JournalFailed> {
        if self.is_full() {
            return Err(full("store pieces of the state"));
        }
        for (hash, piece) in pieces {
            if PieceHash::of(piece) != *hash {
                self.blame("JOURNAL", format!("it stores another piece as {hash:?}"));
            }
            self.durable.borrow_mut().put(*hash, Arc::clone(piece));
        }
        if self.fails() { Err(broken("store pieces of the state")) } else { Ok(()) }
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalFailed> {
        let attempted = "write a checkpoint";
        if self.is_full() {
            return Err(full(attempted));
        }
        let fails = self.fails();
        if fails && self.luck.below(2) == 0 {
            return Err(broken(attempted));
        }
        let mut durable = self.durable.borrow_mut();
        durable.settle_pieces();
        if checkpoint.index < durable.begins_at() {
            self.blame("JOURNAL", format!("its checkpoints fall back to {}", checkpoint.index));
        }
        if let Err(Damaged(what)) = durable.begin_from(checkpoint) {
            self.blame("JOURNAL", what);
        }
        drop(durable);
        self.first_members.get_or_insert_with(|| checkpoint.clone());
        self.meter.borrow_mut().checkpoints += 1;
        if fails { Err(broken(attempted)) } else { Ok(()) }
    }

    fn compact(&mut self, index: u64) -> Result<(), JournalFailed> {
        if index > self.durable.borrow().begins_at() {
            self.blame("JOURNAL", format!("it lets go of entries up to {index}"));
        }
        if self.fails() {
            return Err(broken("let go of old entries"));
        }
        let more = if self.lies(Sabotage::CompactedTooFar) { TOO_FAR } else { 0 };
        self.durable.borrow_mut().forget(index + more);
        Ok(())
    }

    fn reset_log(&mut self) -> Result<(), JournalFailed> {
        let fails = self.fails();
        if fails && self.luck.below(2) == 0 {
            return Err(broken("replace the log by a snapshot"));
        }
        self.settle();
        self.durable.borrow_mut().forget_log();
        self.meter.borrow_mut().resets += 1;
        if fails { Err(broken("replace the log by a snapshot")) } else { Ok(()) }
    }

    fn piece(&self, hash: &PieceHash) -> Result<Option<Arc<[u8]>>, JournalFailed> {
        let Some(piece) = self.durable.borrow().piece(hash).cloned() else { return Ok(None) };
        if self.sabotage == Sabotage::UncheckedPieces && hash.0[0].is_multiple_of(3) {
            let mut damaged = piece.to_vec();
            if let Some(byte) = damaged.last_mut() {
                *byte ^= 1;
            }
            return Ok(Some(damaged.into()));
        }
        Ok(Some(piece))
    }
}
