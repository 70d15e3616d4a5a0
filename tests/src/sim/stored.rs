//! What does a controller's disk hold, and what does a restart get back of it? As the real journal
//! promises it, no more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidegate_controller::journal::{Batch, Checkpoint, PieceHash, Recovered};
use tidegate_controller::machine::frozen::named_by;

/// What a disk gives back is no log that a node may serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged(pub String);

/// What reached the disk.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The log, with what the checkpoint covers as far as it was not let go.
    log: Recovered,
    before: Option<Checkpoint>,
    pieces: BTreeMap<PieceHash, Arc<[u8]>>,
    /// Pieces that a crash may still take.
    loose: BTreeMap<PieceHash, Arc<[u8]>>,
}

impl Stored {
    /// The newest checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.log.checkpoint.as_ref()
    }

    /// How far the newest checkpoint goes; 0 where there is none.
    #[must_use]
    pub fn begins_at(&self) -> u64 {
        self.checkpoint().map_or(0, |checkpoint| checkpoint.index)
    }

    /// A batch reaches the disk.
    pub fn write(&mut self, batch: Batch) {
        if let Some(first) = batch.entries.first() {
            let keep = self.log.entries.partition_point(|entry| entry.index < first.index);
            self.log.entries.truncate(keep);
        }
        self.log.entries.extend(batch.entries);
        if let Some(hard_state) = batch.hard_state {
            self.log.hard_state = hard_state;
        }
    }

    /// A piece is on its way to the disk.
    pub fn put(&mut self, hash: PieceHash, piece: Arc<[u8]>) {
        self.loose.insert(hash, piece);
    }

    /// Every piece that was on its way reaches the disk.
    pub fn settle_pieces(&mut self) {
        self.pieces.append(&mut self.loose);
    }

    /// The power fails: of the pieces on their way, those that are `lucky` reach the disk.
    pub fn lose_pieces(&mut self, mut lucky: impl FnMut() -> bool) {
        let lucky = std::mem::take(&mut self.loose).into_iter().filter(|_| lucky());
        self.pieces.extend(lucky);
    }

    /// A piece, wherever it is.
    #[must_use]
    pub fn piece(&self, hash: &PieceHash) -> Option<&Arc<[u8]>> {
        self.loose.get(hash).or_else(|| self.pieces.get(hash))
    }

    /// A checkpoint becomes what a restart begins from. Pieces that neither it nor the one before
    /// names are let go.
    ///
    /// # Errors
    ///
    /// [`Damaged`]: a piece that it needs was never stored.
    pub fn begin_from(&mut self, checkpoint: &Checkpoint) -> Result<(), Damaged> {
        let mut named = self.all_named(&checkpoint.root)?;
        self.before = self.log.checkpoint.replace(checkpoint.clone());
        if let Some(before) = &self.before {
            named.append(&mut self.all_named(&before.root)?);
        }
        self.pieces.retain(|hash, _| named.contains(hash));
        Ok(())
    }

    /// Entries up to `index` are let go.
    pub fn forget(&mut self, index: u64) {
        self.log.entries.retain(|entry| entry.index > index);
    }

    /// The log is replaced by the newest checkpoint.
    pub fn forget_log(&mut self) {
        self.log.entries.clear();
        self.log.hard_state.commit = self.log.hard_state.commit.max(self.begins_at());
    }

    /// A checkpoint with another root: somebody tampered with the disk.
    pub fn replace_root(&mut self, root: Arc<[u8]>) {
        if let Some(checkpoint) = &mut self.log.checkpoint {
            checkpoint.root = root;
        }
    }

    /// Lets go of pieces that no checkpoint names, as an open does.
    pub fn tidy(&mut self) {
        let roots = [self.log.checkpoint.as_ref(), self.before.as_ref()];
        let named = roots.into_iter().flatten().filter_map(|one| self.all_named(&one.root).ok());
        let named: BTreeSet<PieceHash> = named.flatten().collect();
        self.pieces.retain(|hash, _| named.contains(hash));
    }

    /// What a restart gets back. A log that ends before the checkpoint, or that disagrees with it, is
    /// what a snapshot replaced: it is dropped whole.
    ///
    /// # Errors
    ///
    /// [`Damaged`] for a log with a hole, or one that is shorter than what was committed.
    pub fn recover(&self) -> Result<Recovered, Damaged> {
        let mut recovered = self.log.clone();
        let Some(checkpoint) = &recovered.checkpoint else {
            return Ok(recovered);
        };
        let (begin, term) = (checkpoint.index, checkpoint.term);
        self.all_named(&checkpoint.root)?;
        let entries = std::mem::take(&mut recovered.entries);
        let last = entries.last().map_or(begin, |entry| entry.index);
        let differs = entries.iter().any(|entry| entry.index == begin && entry.term != term);
        if last < begin || differs {
            let commit = std::mem::replace(&mut recovered.hard_state.commit, begin);
            return if commit <= begin {
                Ok(recovered)
            } else {
                Err(Damaged(format!("{commit} was committed, the log ends at {last}")))
            };
        }
        let suffix = entries.into_iter().filter(|entry| entry.index > begin);
        recovered.entries = suffix.collect();
        for (entry, index) in recovered.entries.iter().zip(begin + 1..) {
            if entry.index != index {
                return Err(Damaged(format!("entry {index} is missing: a hole in the log")));
            }
        }
        let commit = recovered.hard_state.commit.max(begin);
        if last < commit {
            return Err(Damaged(format!("the log ends at {last}, and {commit} was committed")));
        }
        recovered.hard_state.commit = commit;
        Ok(recovered)
    }

    /// Every piece below `root`.
    fn all_named(&self, root: &[u8]) -> Result<BTreeSet<PieceHash>, Damaged> {
        let mut named = BTreeSet::new();
        if root.is_empty() {
            return Ok(named);
        }
        let below = |piece: &[u8]| {
            let names = named_by(piece).map_err(|error| Damaged(error.to_string()))?;
            Ok(names.into_iter().map(|name| PieceHash(name.0)).collect::<Vec<_>>())
        };
        let mut look = below(root)?;
        while let Some(hash) = look.pop() {
            if !named.insert(hash) {
                continue;
            }
            let Some(piece) = self.pieces.get(&hash) else {
                return Err(Damaged(format!("piece {hash:?} of the checkpoint is missing")));
            };
            look.append(&mut below(piece)?);
        }
        Ok(named)
    }
}
