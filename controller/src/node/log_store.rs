//! What of the log does raft see? The suffix behind the last cut, in memory, and the newest
//! checkpoint in place of what is gone. What is durable is the journal's business.

use std::cell::Cell;
use std::collections::VecDeque;

use protobuf::Message as _;
use raft::eraftpb::{ConfState, Entry, HardState, Snapshot};
use raft::{Error, GetEntriesContext, RaftState, Storage, StorageError};

use crate::journal::{Checkpoint, Recovered};
use crate::machine::Position;

/// Raft's view of the log.
#[derive(Debug)]
pub(super) struct LogStore {
    /// The last entry that is gone.
    cut: Position,
    /// What follows it, without a gap.
    entries: VecDeque<Entry>,
    /// What a start begins with; not kept up to date.
    hard_state: HardState,
    /// The membership as of the last applied entry.
    conf_state: ConfState,
    /// What a peer gets instead of entries that are gone.
    checkpoint: Checkpoint,
    /// Whether a peer needs a newer checkpoint than there is.
    wanted: Cell<bool>,
}

impl LogStore {
    /// The log behind `checkpoint`.
    ///
    /// # Errors
    ///
    /// The entries do not follow the checkpoint, or end before the commit index.
    pub(super) fn new(checkpoint: Checkpoint, recovered: Recovered) -> raft::Result<Self> {
        let Recovered { entries, mut hard_state, .. } = recovered;
        let cut = Position { index: checkpoint.index, term: checkpoint.term };
        hard_state.commit = hard_state.commit.max(cut.index);
        let conf_state = checkpoint.conf_state.clone();
        let wanted = Cell::new(false);
        let entries = VecDeque::from(entries);
        let store = Self { cut, entries, hard_state, conf_state, checkpoint, wanted };
        let follows = store.entries.front().is_none_or(|first| first.index == cut.index + 1);
        if !follows || store.last().index < store.hard_state.commit {
            return Err(Error::Store(StorageError::Unavailable));
        }
        Ok(store)
    }

    pub(super) fn conf_state(&self) -> &ConfState {
        &self.conf_state
    }

    /// Notes another membership. The ids are sorted, so that nodes with the same members say the
    /// same.
    pub(super) fn set_conf_state(&mut self, mut conf_state: ConfState) {
        conf_state.voters.sort_unstable();
        conf_state.learners.sort_unstable();
        conf_state.voters_outgoing.sort_unstable();
        conf_state.learners_next.sort_unstable();
        self.conf_state = conf_state;
    }

    /// The newest checkpoint.
    pub(super) fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Offers another checkpoint from now on.
    pub(super) fn set_checkpoint(&mut self, checkpoint: Checkpoint) {
        self.checkpoint = checkpoint;
    }

    /// Whether a peer asked for a newer checkpoint than there is, since this was asked last.
    pub(super) fn take_wanted(&self) -> bool {
        self.wanted.replace(false)
    }

    /// Appends entries; they replace every entry at the first one's index and after it.
    pub(super) fn append(&mut self, entries: &[Entry]) {
        let Some(first) = entries.first() else { return };
        let kept = usize::try_from(first.index - self.cut.index - 1).unwrap_or(usize::MAX);
        self.entries.truncate(kept);
        self.entries.extend(entries.iter().cloned());
    }

    /// Lets go of entries at or below `index`.
    pub(super) fn compact(&mut self, index: u64) {
        let gone = self.entries.partition_point(|entry| entry.index <= index);
        if let Some(last) = self.entries.drain(..gone).next_back() {
            self.cut = Position { index: last.index, term: last.term };
        }
    }

    /// Replaces the whole log, and the membership, by `checkpoint`.
    pub(super) fn replace(&mut self, checkpoint: Checkpoint) {
        self.entries.clear();
        self.cut = Position { index: checkpoint.index, term: checkpoint.term };
        self.set_conf_state(checkpoint.conf_state.clone());
        self.checkpoint = checkpoint;
    }

    fn last(&self) -> Position {
        let last = self.entries.back();
        last.map_or(self.cut, |entry| Position { index: entry.index, term: entry.term })
    }

    /// Where the entry at `index` is in memory.
    fn place(&self, index: u64) -> raft::Result<usize> {
        if index <= self.cut.index {
            return Err(Error::Store(StorageError::Compacted));
        }
        let place = usize::try_from(index - self.cut.index - 1);
        place.map_err(|_| Error::Store(StorageError::Unavailable))
    }
}

impl Storage for LogStore {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(RaftState::new(self.hard_state.clone(), self.conf_state.clone()))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        let (from, to) = (self.place(low)?, self.place(high)?);
        if to > self.entries.len() {
            return Err(Error::Store(StorageError::Unavailable));
        }
        let most = max_size.into().unwrap_or(u64::MAX);
        let mut bytes = 0_u64;
        let fits = |entry: &&Entry| {
            let is_first = bytes == 0;
            bytes = bytes.saturating_add(u64::from(entry.compute_size()));
            is_first || bytes <= most
        };
        Ok(self.entries.range(from..to).take_while(fits).cloned().collect())
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        if index == self.cut.index {
            return Ok(self.cut.term);
        }
        let entry = self.entries.get(self.place(index)?);
        entry.map(|entry| entry.term).ok_or(Error::Store(StorageError::Unavailable))
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.cut.index + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.last().index)
    }

    /// The newest checkpoint, if it serves: it must be as new as `request_index`, and a peer takes
    /// no membership that it is not in.
    fn snapshot(&self, request_index: u64, to: u64) -> raft::Result<Snapshot> {
        let Checkpoint { index, term, conf_state, root } = &self.checkpoint;
        if *index == 0 || *index < request_index || !names(conf_state, to) {
            self.wanted.set(true);
            return Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable));
        }
        let mut snapshot = Snapshot { data: root.to_vec().into(), ..Snapshot::default() };
        let metadata = snapshot.mut_metadata();
        (metadata.index, metadata.term) = (*index, *term);
        metadata.set_conf_state(conf_state.clone());
        Ok(snapshot)
    }
}

/// Whether `id` is a member, votes or not, in the old or the new group of a joint change.
pub(super) fn names(conf_state: &ConfState, id: u64) -> bool {
    let ConfState { voters, learners, voters_outgoing, learners_next, .. } = conf_state;
    [voters, learners, voters_outgoing, learners_next].into_iter().any(|ids| ids.contains(&id))
}
