//! How is a checkpoint stored, and what of the log counts beside it?
//!
//! Two are kept: the newest, and the one before, whose pieces slow peers may still be pulling.

use std::sync::Arc;

use protobuf::Message;
use raft::eraftpb::ConfState;

use super::log::{Contents, Folder, Log};
use super::record::{self, BEFORE, NEWEST};
use super::store::Store;
use super::{Checkpoint, JournalFailed, MAX_ROOT_BYTES, Recovered, Violation};

/// A checkpoint, and what was known of the log when it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    pub(super) checkpoint: Checkpoint,
    /// The log's last durable frame at that time: a log that ends before it has lost something.
    pub(super) log_frame: u64,
}

/// The newest checkpoint and the one before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Checkpoints {
    pub(super) newest: Option<Stored>,
    pub(super) before: Option<Stored>,
}

impl Checkpoints {
    pub(super) fn read(store: &Store) -> Result<Self, Violation> {
        let read = |key: &[u8]| {
            let record = store.get(key)?;
            record.map(|record| decode(key, record::unframe(key, 0, &record)?)).transpose()
        };
        let read = Self { newest: read(NEWEST)?, before: read(BEFORE)? };
        if read.newest.is_none() && read.before.is_some() {
            return Err(damaged(NEWEST, "it is missing"));
        }
        Ok(read)
    }

    /// Puts `next` in the newest one's place, in one write of the store's.
    pub(super) fn stage(
        &self,
        next: &Stored,
        batch: &mut sled::Batch,
    ) -> Result<(), JournalFailed> {
        batch.insert(NEWEST, encode(NEWEST, next)?);
        if let Some(newest) = &self.newest {
            batch.insert(BEFORE, encode(BEFORE, newest)?);
        }
        Ok(())
    }

    /// `next` is in the newest one's place.
    pub(super) fn turn(&mut self, next: Stored) {
        self.before = self.newest.replace(next);
    }

    /// The newest checkpoint's index; 0 where there is none.
    pub(super) fn index(&self) -> u64 {
        self.newest.as_ref().map_or(0, |newest| newest.checkpoint.index)
    }
}

/// What a restart begins from, from the newest checkpoint and the log. A log that does not reach
/// the checkpoint, or comes from another history, stopped counting when a snapshot was installed:
/// it is replaced.
pub(super) fn join<F: Folder>(
    newest: Option<&Stored>,
    log: &mut Log<F>,
    contents: Contents,
) -> Result<Recovered, Violation> {
    let log_frame = newest.map_or(0, |newest| newest.log_frame);
    if log.durable() < log_frame {
        let record = format!("of log frame {log_frame}");
        return Err(Violation::Damaged { record, what: "it was durable, and the log ends before" });
    }
    let checkpoint = newest.map(|newest| newest.checkpoint.clone());
    let (index, term) = checkpoint.as_ref().map_or((0, 0), |newest| (newest.index, newest.term));
    if contents.begin > index {
        return Err(Violation::Hole { after: index, next: contents.begin + 1 });
    }
    let last = contents.last();
    let Contents { mut entries, mut hard_state, .. } = contents;
    let at_checkpoint = entries.iter().find(|entry| entry.index == index);
    if last < index || at_checkpoint.is_some_and(|entry| entry.term != term) {
        entries.clear();
        log.reset(index + 1).map_err(Violation::Unwritable)?;
    }
    entries.retain(|entry| entry.index > index);
    hard_state.commit = hard_state.commit.max(index);
    let recovered = Recovered { entries, hard_state, checkpoint };
    let (last, commit) = (recovered.last_index(), recovered.hard_state.commit);
    if last < commit {
        return Err(Violation::Shortened { last, commit });
    }
    Ok(recovered)
}

fn encode(key: &[u8], stored: &Stored) -> Result<Vec<u8>, JournalFailed> {
    let Stored { checkpoint, log_frame } = stored;
    if checkpoint.root.len() > MAX_ROOT_BYTES {
        return Err(JournalFailed::refused("a checkpoint's root is larger than 60 KiB"));
    }
    let conf_state = checkpoint.conf_state.write_to_bytes();
    let conf_state =
        conf_state.map_err(|cause| JournalFailed::new("encode the membership", cause))?;
    let too_large = || JournalFailed::refused("a checkpoint's membership is too large");
    let mut content =
        [checkpoint.index, checkpoint.term, *log_frame].map(u64::to_be_bytes).concat();
    content.extend(u32::try_from(conf_state.len()).map_err(|_| too_large())?.to_be_bytes());
    content.extend(conf_state);
    content.extend(&*checkpoint.root);
    record::frame(key, 0, &content).ok_or_else(too_large)
}

fn decode(key: &[u8], content: &[u8]) -> Result<Stored, Violation> {
    let short = || damaged(key, "it is too short");
    let (numbers, rest) = content.split_first_chunk::<24>().ok_or_else(short)?;
    let number = |at: usize| {
        let number = numbers.get(at * 8..).and_then(|rest| rest.first_chunk::<8>());
        number.map_or(0, |number| u64::from_be_bytes(*number))
    };
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| short())?;
    let (conf_state, root) = rest.split_at_checked(length).ok_or_else(short)?;
    let conf_state = ConfState::parse_from_bytes(conf_state);
    let conf_state = conf_state.map_err(|_| damaged(key, "its membership does not decode"))?;
    let checkpoint =
        Checkpoint { index: number(0), term: number(1), conf_state, root: Arc::from(root) };
    Ok(Stored { checkpoint, log_frame: number(2) })
}

fn damaged(key: &[u8], what: &'static str) -> Violation {
    Violation::Damaged { record: record::name(key), what }
}
