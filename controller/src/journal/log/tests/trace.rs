//! A few hundred operations on a log, and which state each of them leads to.

use std::sync::Arc;

use raft::eraftpb::{Entry, HardState};

use super::super::{Contents, Log, LogConfig};
use super::memory::{Fault, Image, Memory, Op};
use crate::journal::Batch;

pub(super) const CONFIG: LogConfig = LogConfig { incarnation: [7; 16], segment_bytes: 8 * 1024 };

/// Chance from a seed.
pub(super) struct Luck(pub(super) u64);

impl Luck {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What was done to a folder, and what the log held after each append.
pub(super) struct Trace {
    pub(super) ops: Vec<Op>,
    /// The first one is the new log's.
    pub(super) states: Vec<Contents>,
}

/// Does things to a log, and keeps the books.
struct Scribe {
    folder: Memory,
    log: Log<Memory>,
    states: Vec<Contents>,
    state: Contents,
    luck: Luck,
}

pub(super) fn batch(entries: Vec<Entry>, hard_state: Option<HardState>) -> Batch {
    Batch { entries, hard_state }
}

pub(super) fn entry(index: u64, term: u64, bytes: usize) -> Entry {
    let data: Vec<u8> =
        (0..=255).cycle().skip(usize::try_from(index % 256).unwrap()).take(bytes).collect();
    Entry { index, term, data: data.into(), ..Entry::default() }
}

/// `contents` after another batch.
pub(super) fn after(contents: &Contents, batch: &Batch) -> Contents {
    let mut contents = contents.clone();
    if let Some(first) = batch.entries.first() {
        contents.entries.retain(|entry| entry.index < first.index);
        contents.entries.extend(batch.entries.iter().cloned());
    }
    contents.hard_state = batch.hard_state.clone().unwrap_or(contents.hard_state);
    contents
}

pub(super) fn create(folder: &Memory) -> Log<Memory> {
    Log::create(Arc::new(folder.clone()), CONFIG, HardState::default(), 1).unwrap()
}

pub(super) fn open(
    image: &Image,
) -> Result<(Memory, Log<Memory>, Contents), crate::journal::Violation> {
    let folder = Memory::from_image(image);
    let (log, contents) = Log::open(Arc::new(folder.clone()), CONFIG)?;
    Ok((folder, log, contents))
}

/// `operations` on a new log, whose disk has `fault`.
pub(super) fn record(seed: u64, operations: u64, fault: Fault) -> Trace {
    let folder = Memory::default();
    folder.set_fault(fault);
    let log = create(&folder);
    folder.note(Op::Given(0));
    folder.note(Op::Promised(0));
    let state = Contents::default();
    let mut scribe = Scribe { folder, log, states: vec![state.clone()], state, luck: Luck(seed) };
    for _ in 0..operations {
        scribe.operate();
    }
    let Scribe { folder, log, states, .. } = scribe;
    drop(log);
    Trace { ops: folder.ops(), states }
}

impl Scribe {
    fn operate(&mut self) {
        let hard_state = self.state.hard_state.clone();
        match self.luck.below(100) {
            // A follower hears of a higher commit index: no sync.
            0..20 => {
                let commit =
                    hard_state.commit + (self.state.last() - hard_state.commit).div_ceil(2);
                let hard_state = HardState { commit, ..hard_state };
                self.append(&batch(Vec::new(), Some(hard_state)));
            }
            20..28 => {
                let (term, vote) = (hard_state.term + 1, 1 + self.luck.below(3));
                let hard_state = HardState { term, vote, ..hard_state };
                self.append(&batch(Vec::new(), Some(hard_state)));
                self.sync();
            }
            28..34 if hard_state.commit < self.state.last() => {
                let entries = self.entries(hard_state.commit + 1, hard_state.term + 1);
                let hard_state = HardState { term: hard_state.term + 1, ..hard_state };
                self.append(&batch(entries, Some(hard_state)));
                self.sync();
            }
            34..38 => {
                self.folder.note(Op::Compacted(hard_state.commit));
                self.log.compact(hard_state.commit).unwrap();
            }
            38..39 => self.reset(),
            _ => {
                let entries = self.entries(self.state.last() + 1, hard_state.term);
                self.append(&batch(entries, None));
                if self.luck.below(10) > 0 {
                    self.sync();
                }
            }
        }
    }

    fn entries(&mut self, first: u64, term: u64) -> Vec<Entry> {
        let indexes = first..=first + self.luck.below(4);
        indexes
            .map(|index| entry(index, term, usize::try_from(self.luck.below(900)).unwrap()))
            .collect()
    }

    fn append(&mut self, batch: &Batch) {
        self.given(after(&self.state, batch));
        self.log.append(batch).unwrap();
    }

    fn sync(&mut self) {
        self.log.sync().unwrap();
        self.folder.note(Op::Promised(self.states.len() - 1));
    }

    fn reset(&mut self) {
        let begin = self.state.last() + 1 + self.luck.below(5);
        let mut hard_state = self.state.hard_state.clone();
        hard_state.commit = begin;
        self.given(Contents { begin, entries: Vec::new(), hard_state });
        self.folder.note(Op::Compacted(begin));
        self.log.reset(begin + 1).unwrap();
        self.folder.note(Op::Promised(self.states.len() - 1));
    }

    fn given(&mut self, state: Contents) {
        self.folder.note(Op::Given(self.states.len()));
        self.states.push(state.clone());
        self.state = state;
    }
}
