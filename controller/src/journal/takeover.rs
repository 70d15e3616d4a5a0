//! How does a journal of format 1, which kept its entries in the store, become one of today's?
//!
//! The log is written anew and synced; then one write of the store's turns the format over. Until
//! then the old records are untouched, and a crash begins again. The old entries go afterwards.

use std::sync::Arc;

use protobuf::Message;
use raft::eraftpb::{ConfState, Entry, HardState};

use super::checkpoints::{Checkpoints, Stored};
use super::log::{Folder, Log, LogConfig};
use super::record::{self, CONF_STATE, HARD_STATE, IDENTITY, LOG_PREFIX};
use super::store::Store;
use super::{Batch, Checkpoint, JournalConfig, MAX_RECORD_BYTES, Violation, identity};

/// Most records that one write removes.
const SLICE_RECORDS: usize = 1024;
/// About as many bytes of entries go into one frame of the log.
const FRAME_BYTES: usize = 16 * MAX_RECORD_BYTES;

/// Writes the log from the store's entries, and the checkpoint from its membership: the beginning.
pub(super) fn take_over<F: Folder>(
    store: &Store,
    folder: Arc<F>,
    config: &JournalConfig,
) -> Result<(), Violation> {
    let hard_state: HardState = read(store, HARD_STATE)?.unwrap_or_default();
    let conf_state: Option<ConfState> = read(store, CONF_STATE)?;
    let log_config =
        LogConfig { incarnation: config.incarnation, segment_bytes: config.segment_bytes };
    let mut log = Log::create(folder, log_config, hard_state.clone(), 1)?;
    let last = copy(store, &mut log)?;
    let commit = hard_state.commit;
    if last < commit {
        return Err(Violation::Shortened { last, commit });
    }
    log.sync().map_err(Violation::Unwritable)?;
    let mut batch = sled::Batch::default();
    if let Some(conf_state) = conf_state {
        let checkpoint = Checkpoint { index: 0, term: 0, conf_state, root: Arc::from([]) };
        let stored = Stored { checkpoint, log_frame: log.durable() };
        let staged = Checkpoints::default().stage(&stored, &mut batch);
        staged.map_err(Violation::Unwritable)?;
    }
    batch.insert(IDENTITY, identity::encode(&config.identity, config.incarnation)?);
    batch.remove(HARD_STATE);
    batch.remove(CONF_STATE);
    let turned = store.apply("take over a journal", batch).and_then(|()| store.sync());
    turned.map_err(Violation::Unwritable)
}

/// Removes entries that were taken over.
pub(super) fn clear(store: &Store) -> Result<(), Violation> {
    let mut batch = sled::Batch::default();
    let mut records = 0;
    for pair in store.with_prefix(LOG_PREFIX) {
        batch.remove(pair?.0);
        records += 1;
        if records == SLICE_RECORDS {
            apply(store, std::mem::take(&mut batch))?;
            records = 0;
        }
    }
    apply(store, batch)
}

fn apply(store: &Store, batch: sled::Batch) -> Result<(), Violation> {
    store.apply("remove entries that were taken over", batch).map_err(Violation::Unwritable)
}

/// Copies the entries into the log. The last one's index.
fn copy<F: Folder>(store: &Store, log: &mut Log<F>) -> Result<u64, Violation> {
    let (mut last, mut bytes) = (0, 0);
    let mut batch = Batch::default();
    let write = |log: &mut Log<F>, batch: Batch| log.append(&batch).map_err(Violation::Unwritable);
    for pair in store.with_prefix(LOG_PREFIX) {
        let (key, record) = pair?;
        let index = record::entry_index(&key).ok_or_else(|| damaged(&key, "it has no index"))?;
        if index != last + 1 {
            return Err(Violation::Hole { after: last, next: index });
        }
        let entry: Entry = decode(&key, record::unframe(&key, index, &record)?)?;
        if entry.index != index {
            return Err(damaged(&key, "its entry has another index"));
        }
        last = index;
        bytes += record.len();
        batch.entries.push(entry);
        if bytes > FRAME_BYTES {
            write(log, std::mem::take(&mut batch))?;
            bytes = 0;
        }
    }
    if !batch.entries.is_empty() {
        write(log, batch)?;
    }
    Ok(last)
}

fn read<M: Message>(store: &Store, key: &[u8]) -> Result<Option<M>, Violation> {
    let record = store.get(key)?;
    record.map(|record| decode(key, record::unframe(key, 0, &record)?)).transpose()
}

fn decode<M: Message>(key: &[u8], content: &[u8]) -> Result<M, Violation> {
    M::parse_from_bytes(content).map_err(|_| damaged(key, "it does not decode"))
}

fn damaged(key: &[u8], what: &'static str) -> Violation {
    Violation::Damaged { record: record::name(key), what }
}
