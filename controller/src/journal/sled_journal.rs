//! How does a node's log reach a real disk? One sled tree, one atomic batch per [`Batch`], and one
//! `fdatasync` per [`Journal::sync`].
//!
//! sled's own `flush` hands its pages to the kernel and never calls `fsync`; after a power cut they
//! may be gone. So a sync here is `flush` followed by `fdatasync` of sled's file.

use std::fs::File;
use std::path::Path;

use protobuf::Message;

use super::record::{self, CONF_STATE, HARD_STATE, IDENTITY};
use super::{Batch, Identity, Journal, JournalFailed, JournalOpenFailed, Recovered, Violation};
use super::{marker, recovery};

/// Memory that sled may use as a cache, in bytes. The log is read once, at open.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// The journal of one node, in a directory of its own.
#[derive(Debug)]
pub struct SledJournal {
    store: sled::Db,
    /// sled's file, opened a second time for `fdatasync`.
    data: File,
    /// Held for the lock on it.
    _lock: File,
    /// The last entry's index; 0 for an empty log.
    last_index: u64,
    unsynced: bool,
}

impl SledJournal {
    /// Opens the journal in `dir`, or makes one where there never was one, and gives back what it
    /// holds. Every record is read and checked.
    ///
    /// # Errors
    ///
    /// [`JournalOpenFailed`] says what is wrong and what to do.
    pub fn open(dir: &Path, identity: &Identity) -> Result<(Self, Recovered), JournalOpenFailed> {
        Self::open_checked(dir, identity)
            .map_err(|violation| JournalOpenFailed { dir: dir.to_owned(), violation })
    }

    fn open_checked(dir: &Path, identity: &Identity) -> Result<(Self, Recovered), Violation> {
        let lock = marker::lock(dir)?;
        let store_file = dir.join("db");
        marker::await_release(&store_file)?;
        let store = open_store(dir)?;
        let recovered = recovery::recover(&store, identity)?;
        let data = File::options()
            .write(true)
            .open(store_file)
            .map_err(marker::failed("open the store's file"))?;
        let is_new = recovered.is_none();
        if is_new && marker::was_made(dir)? {
            return Err(Violation::Lost);
        }
        let recovered = recovered.unwrap_or_default();
        let last_index = recovered.entries.last().map_or(0, |entry| entry.index);
        let journal = Self { store, data, _lock: lock, last_index, unsynced: false };
        if is_new {
            journal.write_identity(identity)?;
        }
        marker::set_made(dir)?;
        Ok((journal, recovered))
    }

    fn write_identity(&self, identity: &Identity) -> Result<(), Violation> {
        let content = recovery::encode_identity(identity);
        let record = record::frame(IDENTITY, 0, &content).ok_or(Violation::Damaged {
            record: record::name(IDENTITY),
            what: "the cluster's name is longer than a record",
        })?;
        self.store.insert(IDENTITY, record).map_err(Violation::Store)?;
        self.store.flush().map_err(Violation::Store)?;
        self.data.sync_data().map_err(marker::failed("sync the store's file"))
    }

    /// The whole batch as one write of sled's, and the log's last index after it.
    fn stage(&self, batch: &Batch) -> Result<(sled::Batch, u64), JournalFailed> {
        let mut staged = sled::Batch::default();
        if let Some(hard_state) = &batch.hard_state {
            staged.insert(HARD_STATE, framed(HARD_STATE, 0, hard_state)?);
        }
        if let Some(conf_state) = &batch.conf_state {
            staged.insert(CONF_STATE, framed(CONF_STATE, 0, conf_state)?);
        }
        let Some(first) = batch.entries.first() else { return Ok((staged, self.last_index)) };
        if first.index == 0 || first.index > self.last_index + 1 {
            return Err(refused("the entries would leave a hole in the log"));
        }
        let mut next = first.index;
        for entry in &batch.entries {
            if entry.index != next {
                return Err(refused("the entries are not contiguous"));
            }
            let key = record::entry_key(next);
            staged.insert(&key, framed(&key, next, entry)?);
            next += 1;
        }
        for replaced in next..=self.last_index {
            staged.remove(&record::entry_key(replaced));
        }
        Ok((staged, next - 1))
    }
}

impl Journal for SledJournal {
    fn append(&mut self, batch: &Batch) -> Result<(), JournalFailed> {
        let (staged, last_index) = self.stage(batch)?;
        let applied = self.store.apply_batch(staged);
        applied.map_err(|cause| JournalFailed::new("append to the journal", cause))?;
        self.last_index = last_index;
        self.unsynced = true;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), JournalFailed> {
        if !self.unsynced {
            return Ok(());
        }
        let flushed = self.store.flush();
        flushed.map_err(|cause| JournalFailed::new("flush the journal", cause))?;
        let synced = self.data.sync_data();
        synced.map_err(|cause| JournalFailed::new("sync the journal", cause))?;
        self.unsynced = false;
        Ok(())
    }
}

fn open_store(dir: &Path) -> Result<sled::Db, Violation> {
    sled::Config::new()
        .path(dir)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None)
        .open()
        .map_err(Violation::Store)
}

fn framed(key: &[u8], index: u64, message: &impl Message) -> Result<Vec<u8>, JournalFailed> {
    let content = message
        .write_to_bytes()
        .map_err(|cause| JournalFailed::new("encode a record of the journal", cause))?;
    record::frame(key, index, &content).ok_or_else(|| refused("a record is larger than 64 KiB"))
}

fn refused(why: &'static str) -> JournalFailed {
    JournalFailed::new("append to the journal", why)
}
