//! How does a node's state survive on a real disk? Its entries in a [`log`](super::log), its
//! checkpoints in a [`store`](super::store), side by side in one directory.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use raft::eraftpb::HardState;

use super::checkpoints::{self, Checkpoints, Stored};
use super::identity::{self, Found};
use super::log::{DiskFolder, Log, LogConfig, SECTOR_BYTES};
use super::marker::{self, Mark};
use super::pieces::{Named, Pieces};
use super::read::PieceReader;
use super::record::IDENTITY;
use super::scrub::Scrubber;
use super::store::Store;
use super::{
    Batch, Checkpoint, Journal, JournalConfig, JournalFailed, JournalOpenFailed, PieceHash,
    Recovered, Violation, record, takeover,
};

/// Smallest size of a file of the log, in sectors.
const MIN_SEGMENT_SECTORS: u64 = 8;

/// The journal of one node, in a directory of its own.
pub struct DiskJournal {
    dir: PathBuf,
    log: Log<DiskFolder>,
    pub(super) store: Arc<Store>,
    pieces: Pieces,
    checkpoints: Checkpoints,
    incarnation: [u8; 16],
    /// Held for the lock on it, which goes last.
    _lock: File,
}

impl fmt::Debug for DiskJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskJournal").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl DiskJournal {
    /// Opens the journal in `dir`, or makes one where there never was one, and gives back what it
    /// holds. Every frame of the log is read and checked, and every piece of the checkpoints.
    ///
    /// # Errors
    ///
    /// [`JournalOpenFailed`] says what is wrong and what to do.
    pub fn open(
        dir: &Path,
        config: &JournalConfig,
    ) -> Result<(Self, Recovered), JournalOpenFailed> {
        Self::open_checked(dir, config)
            .map_err(|violation| JournalOpenFailed { dir: dir.to_owned(), violation })
    }

    /// The random bytes that were drawn when this journal was made. Another incarnation under the
    /// same node id means that the disk was lost or copied.
    pub fn incarnation(&self) -> [u8; 16] {
        self.incarnation
    }

    /// Something that reads pieces on other threads, for as long as the journal is open.
    pub fn piece_reader(&self) -> PieceReader {
        PieceReader::new(&self.store)
    }

    /// Something that looks for damage on another thread, for as long as the journal is open.
    pub fn scrubber(&self) -> Scrubber {
        Scrubber::new(self.log.scrubber(), &self.store)
    }

    fn open_checked(dir: &Path, config: &JournalConfig) -> Result<(Self, Recovered), Violation> {
        let lock = marker::lock(dir)?;
        let store = Store::open(dir)?;
        let folder = DiskFolder::new(dir.join("log"));
        let folder = Arc::new(folder.map_err(marker::failed("make the log's directory"))?);
        let incarnation = match store.get(IDENTITY)? {
            Some(record) => match identity::check(&record, &config.identity)? {
                Found::Current { incarnation } => incarnation,
                Found::WithEntries => {
                    takeover::take_over(&store, Arc::clone(&folder), config)?;
                    config.incarnation
                }
            },
            None => {
                check_never_made(dir, &store)?;
                make(&store, Arc::clone(&folder), config)?;
                config.incarnation
            }
        };
        marker::set(dir, Mark::Made)?;
        takeover::clear(&store)?;
        let checkpoints = Checkpoints::read(&store)?;
        match &checkpoints.newest {
            Some(_) => marker::set(dir, Mark::Checkpointed)?,
            None if marker::is_set(dir, Mark::Checkpointed)? => return Err(Violation::Lost),
            None => (),
        }
        let [newest, before] = [&checkpoints.newest, &checkpoints.before].map(named);
        let pieces = Pieces::open(&store, config.named_by, newest, before)?;
        let (mut log, contents) = Log::open(folder, log_config(config, incarnation))?;
        let recovered = checkpoints::join(checkpoints.newest.as_ref(), &mut log, contents)?;
        let (dir, store) = (dir.to_owned(), Arc::new(store));
        let journal = Self { dir, log, store, pieces, checkpoints, incarnation, _lock: lock };
        Ok((journal, recovered))
    }
}

impl Journal for DiskJournal {
    fn append(&mut self, batch: &Batch) -> Result<(), JournalFailed> {
        self.log.append(batch)
    }

    fn sync(&mut self) -> Result<(), JournalFailed> {
        self.log.sync()
    }

    fn store(&mut self, pieces: &[(PieceHash, Arc<[u8]>)]) -> Result<(), JournalFailed> {
        self.pieces.store(&self.store, pieces)
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalFailed> {
        if checkpoint.index < self.checkpoints.index() {
            return Err(JournalFailed::refused("the checkpoint is older than the newest one"));
        }
        if checkpoint.index > 0 && checkpoint.root.is_empty() {
            return Err(JournalFailed::refused("a checkpoint behind the beginning has no root"));
        }
        let named = self.pieces.below(&checkpoint.root)?;
        // A checkpoint must not know of entries that the log may still lose.
        self.log.sync()?;
        let next = Stored { checkpoint: checkpoint.clone(), log_frame: self.log.durable() };
        let mut batch = sled::Batch::default();
        self.checkpoints.stage(&next, &mut batch)?;
        self.store.apply("write a checkpoint", batch)?;
        self.store.sync()?;
        self.checkpoints.turn(next);
        self.pieces.turn(named);
        marker::set(&self.dir, Mark::Checkpointed)
            .map_err(|cause| JournalFailed::new("mark that a checkpoint was made", cause))?;
        self.pieces.let_go(&self.store)
    }

    fn compact(&mut self, index: u64) -> Result<(), JournalFailed> {
        if index > self.checkpoints.index() {
            return Err(JournalFailed::refused("entries behind the newest checkpoint are needed"));
        }
        self.log.compact(index)?;
        self.pieces.let_go(&self.store)
    }

    fn reset_log(&mut self) -> Result<(), JournalFailed> {
        let newest = self.checkpoints.newest.as_ref();
        let newest =
            newest.ok_or_else(|| JournalFailed::refused("no checkpoint could replace the log"))?;
        self.log.reset(newest.checkpoint.index + 1)
    }

    fn piece(&self, hash: &PieceHash) -> Result<Option<Arc<[u8]>>, JournalFailed> {
        if !self.pieces.holds(hash) {
            return Ok(None);
        }
        let piece = self.store.piece(hash);
        piece.map_err(|cause| JournalFailed::new("read a piece", cause))
    }
}

/// Makes the log, and then the record that says so.
fn make(store: &Store, folder: Arc<DiskFolder>, config: &JournalConfig) -> Result<(), Violation> {
    let identity = identity::encode(&config.identity, config.incarnation)?;
    let log_config = log_config(config, config.incarnation);
    drop(Log::create(folder, log_config, HardState::default(), 1)?);
    let mut batch = sled::Batch::default();
    batch.insert(IDENTITY, identity);
    let made = store.apply("write whose journal this is", batch).and_then(|()| store.sync());
    made.map_err(Violation::Unwritable)
}

/// A store without an identity is a new one, or has lost everything.
fn check_never_made(dir: &Path, store: &Store) -> Result<(), Violation> {
    if !store.is_empty() {
        let record = record::name(IDENTITY);
        return Err(Violation::Damaged { record, what: "it is missing" });
    }
    if marker::is_set(dir, Mark::Made)? {
        return Err(Violation::Lost);
    }
    Ok(())
}

fn log_config(config: &JournalConfig, incarnation: [u8; 16]) -> LogConfig {
    let sector = u64::try_from(SECTOR_BYTES).unwrap_or(1);
    let sectors = (config.segment_bytes / sector).max(MIN_SEGMENT_SECTORS);
    LogConfig { incarnation, segment_bytes: sectors * sector }
}

fn named(stored: &Option<Stored>) -> Named<'_> {
    stored.as_ref().map_or_else(Named::default, |stored| Named {
        index: stored.checkpoint.index,
        root: &stored.checkpoint.root,
    })
}
