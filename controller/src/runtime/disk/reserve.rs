//! What can a full disk still give? A file of zeros that is there to be given up.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

/// Size of the reserve, in bytes.
pub(super) const RESERVE_BYTES: u64 = 64 * 1024 * 1024;
const NAME: &str = "reserve";
static BLOCK: [u8; 64 * 1024] = [0; 64 * 1024];

/// The reserve file of a data directory.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    pub(super) fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join(NAME) }
    }

    /// Bytes that it holds.
    pub(super) fn held(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    /// Gives the room up.
    pub(super) fn give_up(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Takes the room again, whole or not at all.
    pub(super) fn take(&self) -> io::Result<()> {
        if self.held() == RESERVE_BYTES {
            return Ok(());
        }
        let taken = self.allocate();
        if taken.is_err() {
            self.give_up()?;
        }
        taken
    }

    fn allocate(&self) -> io::Result<()> {
        let mut file = File::options().create(true).truncate(true).write(true).open(&self.path)?;
        if fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES).is_ok() {
            return Ok(());
        }
        // Not every file system can promise room; zeros that were written are room that is taken.
        let mut left = RESERVE_BYTES;
        while left > 0 {
            file.write_all(&BLOCK)?;
            left = left.saturating_sub(BLOCK.len() as u64);
        }
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_taken_whole_and_given_up_as_often_as_one_likes() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::of(dir.path());
        reserve.give_up().unwrap();
        for _ in 0..2 {
            reserve.take().unwrap();
            assert_eq!(reserve.held(), RESERVE_BYTES);
        }
        reserve.give_up().unwrap();
        assert_eq!(reserve.held(), 0);
        fs::write(dir.path().join(NAME), b"torn").unwrap();
        reserve.take().unwrap();
        assert_eq!(reserve.held(), RESERVE_BYTES);
        let nowhere = Reserve::of(&dir.path().join("gone"));
        assert!(nowhere.take().is_err());
    }
}
