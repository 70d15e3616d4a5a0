//! A disk in memory: it forgets what was not synced, objects to misuse, and can break at any step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use raft::eraftpb::HardState;

use crate::journal::{Batch, Checkpoint, Journal, JournalFailed, PieceHash, Recovered};
use crate::machine::frozen::named_by;

/// The journal of a node under test.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    log: Recovered,
    unsynced: Vec<Batch>,
    pieces: BTreeMap<PieceHash, Arc<[u8]>>,
    /// What the checkpoint before the newest names.
    before: BTreeSet<PieceHash>,
    /// Pieces since the newest checkpoint: a crash may take them.
    loose: BTreeSet<PieceHash>,
    /// How many more writes succeed; `None`: all.
    fuse: Option<usize>,
    /// Every write so far.
    pub(super) writes: Vec<String>,
}

/// What a crash does to pieces that no checkpoint names yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Loose {
    Kept,
    Lost,
}

impl Disk {
    /// Breaks at the write after the next `writes`.
    pub(super) fn breaking_after(mut self, writes: usize) -> Self {
        self.fuse = Some(writes);
        self
    }

    /// Power fails, and comes back.
    pub(super) fn crash(&mut self, loose: Loose) {
        self.unsynced.clear();
        self.fuse = None;
        let gone = match loose {
            Loose::Kept => BTreeSet::new(),
            Loose::Lost => std::mem::take(&mut self.loose),
        };
        self.pieces.retain(|hash, _| !gone.contains(hash));
    }

    pub(super) fn recover(&self) -> Recovered {
        let mut log = self.log.clone();
        self.unsynced.iter().for_each(|batch| log.take(batch.clone()));
        let Some(checkpoint) = log.checkpoint.clone() else { return log };
        let at = log.entries.iter().find(|entry| entry.index == checkpoint.index);
        let goes_on = log.entries.last().is_none_or(|last| last.index >= checkpoint.index)
            && at.is_none_or(|at| at.term == checkpoint.term);
        log.entries.retain(|entry| goes_on && entry.index > checkpoint.index);
        log.hard_state.commit = log.hard_state.commit.max(checkpoint.index);
        log
    }

    /// Loses a piece.
    pub(super) fn lose(&mut self, hash: &PieceHash) {
        self.pieces.remove(hash);
    }

    pub(super) fn checkpoint_index(&self) -> u64 {
        self.log.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.index)
    }

    fn write(&mut self, what: String) -> Result<(), JournalFailed> {
        if let Some(left) = &mut self.fuse {
            *left = left.checked_sub(1).ok_or_else(|| JournalFailed::new("write", "it broke"))?;
        }
        self.writes.push(what);
        Ok(())
    }

    /// Every piece below `root`.
    fn below(&self, root: &[u8]) -> BTreeSet<PieceHash> {
        let mut found = BTreeSet::new();
        let mut names = if root.is_empty() { Vec::new() } else { named_by(root).unwrap() };
        while let Some(name) = names.pop() {
            let piece = self.pieces.get(&name).expect("a checkpoint's pieces are stored before it");
            found.insert(name);
            names.extend(named_by(piece).unwrap());
        }
        found
    }
}

impl Journal for Disk {
    fn append(&mut self, batch: &Batch) -> Result<(), JournalFailed> {
        self.write(format!("append {}", batch.entries.len()))?;
        self.unsynced.push(batch.clone());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), JournalFailed> {
        self.write("sync".to_owned())?;
        let (old, unsynced) = (self.log.hard_state.clone(), std::mem::take(&mut self.unsynced));
        unsynced.into_iter().for_each(|batch| self.log.take(batch));
        let new = &self.log.hard_state;
        assert!(old.term <= new.term && old.commit <= new.commit, "{old:?} became {new:?}");
        assert!(old.term < new.term || old.vote == 0 || old.vote == new.vote, "a second vote");
        Ok(())
    }

    fn store(&mut self, pieces: &[(PieceHash, Arc<[u8]>)]) -> Result<(), JournalFailed> {
        self.write(format!("store {}", pieces.len()))?;
        for (hash, piece) in pieces {
            assert_eq!(PieceHash::of(piece), *hash);
            if self.pieces.insert(*hash, Arc::clone(piece)).is_none() {
                self.loose.insert(*hash);
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalFailed> {
        self.write(format!("checkpoint {}", checkpoint.index))?;
        assert!(checkpoint.index >= self.checkpoint_index(), "a checkpoint goes back");
        assert!(checkpoint.index == 0 || !checkpoint.root.is_empty());
        let newest = self.log.checkpoint.replace(checkpoint.clone());
        self.before = newest.map_or_else(BTreeSet::new, |newest| self.below(&newest.root));
        let newest = self.below(&checkpoint.root);
        let before = &self.before;
        self.pieces.retain(|hash, _| newest.contains(hash) || before.contains(hash));
        self.loose.clear();
        Ok(())
    }

    fn compact(&mut self, index: u64) -> Result<(), JournalFailed> {
        self.write(format!("compact {index}"))?;
        assert!(index <= self.checkpoint_index(), "a log is cut before its checkpoint");
        self.log.entries.retain(|entry| entry.index > index);
        Ok(())
    }

    fn reset_log(&mut self) -> Result<(), JournalFailed> {
        self.write("reset the log".to_owned())?;
        let recovered = self.recover();
        self.unsynced.clear();
        self.log.entries.clear();
        self.log.hard_state = recovered.hard_state;
        Ok(())
    }

    fn piece(&self, hash: &PieceHash) -> Result<Option<Arc<[u8]>>, JournalFailed> {
        Ok(self.pieces.get(hash).cloned())
    }
}

#[test]
#[should_panic(expected = "became")]
fn a_hard_state_that_goes_back_is_objected_to() {
    let mut disk = Disk::default();
    for term in [2, 1] {
        let hard_state = HardState { term, ..HardState::default() };
        disk.append(&Batch { hard_state: Some(hard_state), ..Batch::default() }).unwrap();
        disk.sync().unwrap();
    }
}
