//! How does state reach the disk? By sled, and one `fdatasync` of sled's file per checkpoint.
//!
//! sled's own `flush` hands its pages to the kernel and never calls `fsync`; after a power cut they
//! may be gone. So a sync here is `flush` followed by `fdatasync` of sled's file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::{JournalFailed, PieceHash, Violation, marker, record};

/// Memory that sled may use as a cache, in bytes. A piece is read when a machine is thawed, or a
/// peer asks for it.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// One sled tree.
#[derive(Debug)]
pub(super) struct Store {
    tree: sled::Db,
    /// sled's file, opened a second time for `fdatasync`.
    file: File,
}

impl Store {
    /// Opens the store in `dir`, which this process has locked.
    pub(super) fn open(dir: &Path) -> Result<Self, Violation> {
        let path = dir.join("db");
        marker::await_release(&path)?;
        let tree = sled::Config::new()
            .path(dir)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .open()
            .map_err(Violation::Store)?;
        let file = File::options().read(true).write(true).open(path);
        let file = file.map_err(marker::failed("open the store's file"))?;
        Ok(Self { tree, file })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, Violation> {
        self.tree.get(key).map_err(Violation::Store)
    }

    /// Every record whose key begins with `prefix`, ascending by key.
    pub(super) fn with_prefix(
        &self,
        prefix: u8,
    ) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec), Violation>> + use<> {
        self.tree.scan_prefix([prefix]).map(|pair| pair.map_err(Violation::Store))
    }

    /// The first record behind `key`.
    pub(super) fn after(&self, key: &[u8]) -> Result<Option<(sled::IVec, sled::IVec)>, Violation> {
        self.tree.get_gt(key).map_err(Violation::Store)
    }

    /// Writes, whole or not at all. It may be lost until [`Store::sync`] returns.
    pub(super) fn apply(
        &self,
        attempted: &'static str,
        batch: sled::Batch,
    ) -> Result<(), JournalFailed> {
        self.tree.apply_batch(batch).map_err(|cause| JournalFailed::new(attempted, cause))
    }

    /// Makes everything that was applied durable.
    pub(super) fn sync(&self) -> Result<(), JournalFailed> {
        let flushed = self.tree.flush();
        flushed.map_err(|cause| JournalFailed::new("flush the store", cause))?;
        let synced = self.file.sync_data();
        synced.map_err(|cause| JournalFailed::new("sync the store", cause))
    }

    /// A piece, checked against its hash; `None` where it is not here.
    pub(super) fn piece(&self, hash: &PieceHash) -> Result<Option<Arc<[u8]>>, Violation> {
        let key = record::piece_key(hash);
        let Some(piece) = self.get(&key)? else { return Ok(None) };
        check_piece(&key, &piece)?;
        Ok(Some(Arc::from(&*piece)))
    }

    /// sled's file, for a scrubber.
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

/// Whether `piece` is what its key says.
pub(super) fn check_piece(key: &[u8], piece: &[u8]) -> Result<PieceHash, Violation> {
    let damaged = |what| Violation::Damaged { record: record::name(key), what };
    let hash = record::piece_hash(key).ok_or_else(|| damaged("its key is no hash"))?;
    if PieceHash::of(piece) != hash {
        return Err(damaged("its bytes are not what its hash says"));
    }
    Ok(hash)
}
