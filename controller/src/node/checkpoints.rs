//! When does a node write down its whole state, and how without standing still?
//!
//! A checkpoint goes to the journal in slices, one for each step; only pieces that the journal does
//! not hold yet are written. Then the log is cut at the checkpoint *before* it, so that followers
//! which are a little behind still find their entries, and pullers their pieces.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Fatal, Node, NodeConfig, Room};
use crate::journal::{Checkpoint, Journal};
use crate::machine::Machine;
use crate::machine::frozen::PieceHash;

/// Most bytes of pieces that one step writes. A single larger piece is written alone.
const SLICE_BYTES: usize = 512 * 1024;

/// Pieces with their names.
pub(super) type Pieces = VecDeque<(PieceHash, Arc<[u8]>)>;

/// What is written down, and what is being written.
#[derive(Debug)]
pub(super) struct Checkpoints {
    every_entries: u64,
    every_bytes: u64,
    pub(super) room: Room,
    /// Bytes of entries that were applied since the newest checkpoint was begun.
    applied_bytes: u64,
    /// The pieces of the newest checkpoint.
    newest: BTreeSet<PieceHash>,
    /// The pieces of the one before.
    before: BTreeSet<PieceHash>,
    writing: Option<Writing>,
}

/// A checkpoint that is being written.
#[derive(Debug)]
struct Writing {
    checkpoint: Checkpoint,
    pieces: BTreeSet<PieceHash>,
    unwritten: Pieces,
}

impl Checkpoints {
    /// The newest checkpoint consists of these pieces.
    pub(super) fn new(config: &NodeConfig, newest: BTreeSet<PieceHash>) -> Self {
        Self {
            every_entries: config.checkpoint_entries,
            every_bytes: config.checkpoint_bytes,
            room: Room::Enough,
            applied_bytes: 0,
            newest,
            before: BTreeSet::new(),
            writing: None,
        }
    }

    /// An entry of so many bytes was applied.
    pub(super) fn note_applied(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.applied_bytes = self.applied_bytes.saturating_add(bytes);
    }

    /// Whether the newest checkpoint or the one before holds this piece.
    pub(super) fn holds(&self, hash: &PieceHash) -> bool {
        self.newest.contains(hash) || self.before.contains(hash)
    }

    /// Gives up the checkpoint that is being written.
    pub(super) fn give_up(&mut self) {
        self.writing = None;
    }

    /// Another checkpoint was written, of these pieces.
    pub(super) fn turn(&mut self, pieces: BTreeSet<PieceHash>) {
        self.before = std::mem::replace(&mut self.newest, pieces);
        self.writing = None;
    }

    fn is_due(&self, applied: u64, newest: u64) -> bool {
        applied.saturating_sub(newest) >= self.every_entries
            || self.applied_bytes >= self.every_bytes
    }
}

impl<J: Journal> Node<J> {
    /// Does a slice of the checkpoint that is being written, or begins one that is due.
    pub(super) fn go_on_with_checkpoint(&mut self) -> Result<(), Fatal> {
        if self.checkpoints.writing.is_none() && self.may_begin_checkpoint() {
            self.checkpoints.writing = Some(self.begin_checkpoint()?);
            self.checkpoints.applied_bytes = 0;
        }
        let Some(writing) = &mut self.checkpoints.writing else { return Ok(()) };
        let slice = take_slice(&mut writing.unwritten);
        self.journal.store(&slice)?;
        if !writing.unwritten.is_empty() {
            return Ok(());
        }
        let checkpoint = writing.checkpoint.clone();
        let pieces = std::mem::take(&mut writing.pieces);
        self.journal.checkpoint(&checkpoint)?;
        self.checkpoints.turn(pieces);
        let store = self.raft.mut_store();
        let before = store.checkpoint().index;
        store.set_checkpoint(checkpoint);
        store.compact(before);
        self.journal.compact(before)?;
        Ok(())
    }

    /// A state that is being pulled keeps its pieces only as long as no other checkpoint is made.
    fn may_begin_checkpoint(&self) -> bool {
        let store = self.raft.store();
        let (applied, newest) = (self.applied(), store.checkpoint().index);
        let has_room = match self.checkpoints.room {
            Room::Enough => true,
            Room::Scarce => false,
        };
        let may_begin = has_room && self.pull.is_none() && applied > newest;
        may_begin && (self.checkpoints.is_due(applied, newest) || store.take_wanted())
    }

    fn begin_checkpoint(&self) -> Result<Writing, Fatal> {
        let index = self.applied();
        let term = self.raft.raft.raft_log.term(index)?;
        let frozen = self.machine.freeze();
        let conf_state = self.raft.store().conf_state().clone();
        let mut pieces = BTreeSet::new();
        let is_held = |hash: &PieceHash| {
            pieces.insert(*hash);
            self.checkpoints.holds(hash)
        };
        let unwritten = frozen.pieces_but(is_held).collect();
        let checkpoint = Checkpoint { index, term, conf_state, root: Arc::clone(frozen.root()) };
        Ok(Writing { checkpoint, pieces, unwritten })
    }
}

/// As many of `pieces` as one step writes.
pub(super) fn take_slice(pieces: &mut Pieces) -> Vec<(PieceHash, Arc<[u8]>)> {
    let mut slice = Vec::new();
    let mut bytes = 0;
    while let Some((hash, piece)) = pieces.pop_front() {
        bytes += piece.len();
        slice.push((hash, piece));
        let next = pieces.front().map_or(0, |(_, piece)| piece.len());
        if bytes + next > SLICE_BYTES {
            break;
        }
    }
    slice
}

/// The machine that `checkpoint` holds, and the names of the pieces that it consists of.
pub(super) fn thaw<J: Journal>(
    journal: &J,
    checkpoint: &Checkpoint,
) -> Result<(Machine, BTreeSet<PieceHash>), Fatal> {
    if checkpoint.index == 0 && checkpoint.root.is_empty() {
        return Ok((Machine::new(), BTreeSet::new()));
    }
    let mut pieces = BTreeSet::new();
    let mut failed = None;
    let thawed = Machine::thaw(&checkpoint.root, &mut |hash| {
        pieces.insert(*hash);
        journal.piece(hash).unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    let machine = thawed.map_err(|cause| Fatal::Thaw { index: checkpoint.index, cause })?;
    Ok((machine, pieces))
}
