//! What was done in this directory before, and does another process have it open? Plain files beside
//! the store answer, because a store that lost everything looks like a new one.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use super::Violation;

const LOCK: &str = "LOCK";

/// Something that was done here for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A journal was made.
    Made,
    /// A checkpoint was written.
    Checkpointed,
}

impl Mark {
    fn file(self) -> &'static str {
        match self {
            Self::Made => "journal-was-made-here",
            Self::Checkpointed => "checkpoint-was-made-here",
        }
    }
}

/// Locks `dir`, which it makes where it does not exist. The lock lasts as long as the file.
pub(super) fn lock(dir: &Path) -> Result<File, Violation> {
    fs::create_dir_all(dir).map_err(failed("make the directory"))?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join(LOCK))
        .map_err(failed("open the lock file"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Violation::Locked),
        Err(TryLockError::Error(cause)) => Err(failed("lock the lock file")(cause)),
    }
}

/// Waits until the store that this process had open in `dir` before has let go of its file: sled's
/// own threads may hold it for a moment after the last handle is dropped. Needs the lock.
pub(super) fn await_release(store_file: &Path) -> Result<(), Violation> {
    let file = match File::open(store_file) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(failed("open the store's file")(cause)),
    };
    file.lock().and_then(|()| file.unlock()).map_err(failed("lock the store's file"))
}

/// Whether `mark` was set in `dir`.
pub(super) fn is_set(dir: &Path, mark: Mark) -> Result<bool, Violation> {
    dir.join(mark.file()).try_exists().map_err(failed("look for the marker file"))
}

/// Sets `mark` in `dir` for good.
pub(super) fn set(dir: &Path, mark: Mark) -> Result<(), Violation> {
    if is_set(dir, mark)? {
        return Ok(());
    }
    let file = File::create(dir.join(mark.file())).map_err(failed("make the marker file"))?;
    file.sync_all().map_err(failed("sync the marker file"))?;
    sync_directory(dir)
}

/// Makes the names in `dir`, and its own name in its parent, durable.
fn sync_directory(dir: &Path) -> Result<(), Violation> {
    let dir = dir.canonicalize().map_err(failed("find the directory"))?;
    for path in [Some(dir.as_path()), dir.parent()].into_iter().flatten() {
        let opened = File::open(path).and_then(|directory| directory.sync_all());
        opened.map_err(failed("sync the directory"))?;
    }
    Ok(())
}

/// An I/O error with what was attempted.
pub(super) fn failed(attempted: &'static str) -> impl Fn(io::Error) -> Violation {
    move |cause| Violation::File { attempted, cause }
}
