//! Where do the log's files live? The seam between the log and the file system, so that a test can
//! lose what was not synced.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate};
use rustix::io::Errno;

/// Ends the name of a file of the log. The rest is its number, in 16 hexadecimal digits.
const ENDING: &str = ".log";
/// Ends the name of a file that is not ready yet.
const UNFINISHED: &str = ".new";
const ZEROS: &[u8] = &[0; 1024 * 1024];

/// A folder of numbered files.
pub(in crate::journal) trait Folder: Send + Sync + 'static {
    /// One of its files.
    type File: SegmentFile;
    /// The numbers of the files that are there, ascending. Files that were not finished are removed.
    fn numbers(&self) -> io::Result<Vec<u64>>;
    /// Makes a file of that many zeros, in the place of one that may be there. It and its name are
    /// durable when this returns; on an error there is no new file.
    fn make(&self, number: u64, bytes: u64) -> io::Result<Self::File>;
    /// Opens a file that is there.
    fn open(&self, number: u64) -> io::Result<Self::File>;
    /// Removes a file; durably so when this returns.
    fn remove(&self, number: u64) -> io::Result<()>;
}

/// A file of the log. Its length never changes.
pub(in crate::journal) trait SegmentFile: Send + 'static {
    /// Its length.
    fn bytes(&self) -> io::Result<u64>;
    /// Fills `buffer` with what stands at `at`.
    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes `content` at `at`, in one call of the system's.
    fn write(&self, at: u64, content: &[u8]) -> io::Result<()>;
    /// Makes everything that was written durable.
    fn sync(&self) -> io::Result<()>;
    /// Lets the next read come from the disk.
    fn forget(&self) -> io::Result<()>;
}

/// A folder on a real disk.
#[derive(Debug)]
pub(in crate::journal) struct DiskFolder(PathBuf);

impl DiskFolder {
    /// The folder at `path`, which is made where it does not exist.
    pub(in crate::journal) fn new(path: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        path.parent().map_or(Ok(()), sync_directory)?;
        Ok(Self(path))
    }

    fn path(&self, number: u64, ending: &str) -> PathBuf {
        self.0.join(format!("{number:016x}{ending}"))
    }
}

impl Folder for DiskFolder {
    type File = File;

    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for found in fs::read_dir(&self.0)? {
            let name = found?.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.ends_with(UNFINISHED) {
                fs::remove_file(self.0.join(name))?;
            }
            let number = name.strip_suffix(ENDING).filter(|digits| digits.len() == 16);
            numbers.extend(number.and_then(|digits| u64::from_str_radix(digits, 16).ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn make(&self, number: u64, bytes: u64) -> io::Result<File> {
        let unfinished = self.path(number, UNFINISHED);
        let made = fill(&unfinished, bytes).and_then(|file| {
            fs::rename(&unfinished, self.path(number, ENDING))?;
            sync_directory(&self.0)?;
            Ok(file)
        });
        if made.is_err() {
            drop(fs::remove_file(&unfinished));
        }
        made
    }

    fn open(&self, number: u64) -> io::Result<File> {
        File::options().read(true).write(true).open(self.path(number, ENDING))
    }

    fn remove(&self, number: u64) -> io::Result<()> {
        fs::remove_file(self.path(number, ENDING))?;
        sync_directory(&self.0)
    }
}

impl SegmentFile for File {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(buffer, at)
    }

    fn write(&self, at: u64, content: &[u8]) -> io::Result<()> {
        self.write_all_at(content, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn forget(&self) -> io::Result<()> {
        Ok(fadvise(self, 0, None, Advice::DontNeed)?)
    }
}

/// A file of written zeros: a later write changes no extent, so that its sync writes no metadata.
/// The room is asked for first, for a disk that is full says so before it is filled up.
fn fill(path: &Path, bytes: u64) -> io::Result<File> {
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) | Err(Errno::OPNOTSUPP) => (),
        Err(error) => return Err(error.into()),
    }
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write_all(&ZEROS[..part])?;
        left -= u64::try_from(part).map_err(|_| io::Error::from(ErrorKind::FileTooLarge))?;
    }
    file.sync_all()?;
    Ok(file)
}

/// Makes the names in a directory durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
