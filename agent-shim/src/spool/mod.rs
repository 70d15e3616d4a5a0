//! Which reports wait for a controller's acknowledgement? An append-only file: a report counts
//! when it is synced.

mod frames;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tidegate_proto::v1::HostReport;

use crate::state::{io_failed, replace_file};
use crate::storage::StorageFailed;

const FILE_NAME: &str = "reports.spool";

/// The spool of one host.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    file: File,
    spool_id: u64,
    next_sequence: u64,
    reports: Vec<HostReport>,
}

impl Spool {
    /// Opens the spool in `directory`, or makes one with the number `new_id`. A torn end is cut
    /// off. A spool that is damaged before its end is renamed to `reports.spool.damaged-<number>`
    /// and a new one is made: what it held is lost, and the log says so.
    ///
    /// # Errors
    ///
    /// Where the files cannot be read or written.
    pub fn open(directory: &Path, new_id: u64) -> Result<Self, StorageFailed> {
        let path = directory.join(FILE_NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(io_failed("read", &path, error)),
        };
        match bytes.map(|bytes| (frames::parse(&bytes), bytes.len())) {
            None => Self::create(directory, new_id),
            Some((Ok(contents), length)) => Self::resume(directory, contents, length),
            Some((Err(frames::Damaged(why)), _)) => {
                let aside = directory.join(format!("{FILE_NAME}.damaged-{new_id:016x}"));
                tracing::error!(
                    file = %path.display(), aside = %aside.display(), %why,
                    "the spool is damaged; reports in it are lost, a new one is made"
                );
                std::fs::rename(&path, &aside).map_err(|e| io_failed("rename", &path, e))?;
                Self::create(directory, new_id)
            }
        }
    }

    fn create(directory: &Path, spool_id: u64) -> Result<Self, StorageFailed> {
        replace_file(directory, FILE_NAME, &frames::header(spool_id, 1))?;
        let file = append(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            file,
            spool_id,
            next_sequence: 1,
            reports: Vec::new(),
        })
    }

    fn resume(
        directory: &Path,
        contents: frames::Contents,
        length: usize,
    ) -> Result<Self, StorageFailed> {
        let file = append(directory)?;
        if contents.good_bytes < length {
            let good = u64::try_from(contents.good_bytes).unwrap_or(u64::MAX);
            tracing::warn!(good_bytes = good, bytes = length, "cut off the spool's torn end");
            file.set_len(good)
                .and_then(|()| file.sync_all())
                .map_err(|e| io_failed("truncate", &directory.join(FILE_NAME), e))?;
        }
        Ok(Self {
            directory: directory.to_owned(),
            file,
            spool_id: contents.spool_id,
            next_sequence: contents.next_sequence,
            reports: contents.reports,
        })
    }

    /// The spool's number.
    #[must_use]
    pub fn spool_id(&self) -> u64 {
        self.spool_id
    }

    /// The number of the next report.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Reports that wait, oldest first.
    #[must_use]
    pub fn reports(&self) -> &[HostReport] {
        &self.reports
    }

    /// Appends one report; it is on stable storage when this returns.
    ///
    /// # Errors
    ///
    /// Where it is not. The file's end may be torn then: open the spool again before more is
    /// appended.
    pub fn append(&mut self, report: &HostReport) -> Result<(), StorageFailed> {
        self.file
            .write_all(&frames::frame(report))
            .and_then(|()| self.file.sync_data())
            .map_err(|e| io_failed("append to", &self.directory.join(FILE_NAME), e))?;
        self.next_sequence = report.sequence + 1;
        self.reports.push(report.clone());
        Ok(())
    }

    /// Lets go of every report up to `through`. The file is written anew when none is left.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written anew.
    pub fn trim(&mut self, through: u64) -> Result<(), StorageFailed> {
        self.reports.retain(|report| report.sequence > through);
        if self.reports.is_empty() { self.rewrite() } else { Ok(()) }
    }

    /// Lets go of one report, and writes the file anew.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written anew.
    pub fn drop_report(&mut self, sequence: u64) -> Result<(), StorageFailed> {
        self.reports.retain(|report| report.sequence != sequence);
        self.rewrite()
    }

    fn rewrite(&mut self) -> Result<(), StorageFailed> {
        let mut bytes = frames::header(self.spool_id, self.next_sequence);
        for report in &self.reports {
            bytes.extend_from_slice(&frames::frame(report));
        }
        replace_file(&self.directory, FILE_NAME, &bytes)?;
        self.file = append(&self.directory)?;
        Ok(())
    }
}

fn append(directory: &Path) -> Result<File, StorageFailed> {
    let path = directory.join(FILE_NAME);
    OpenOptions::new().append(true).open(&path).map_err(|e| io_failed("open", &path, e))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tidegate_proto::v1::HostReport;

    use super::{FILE_NAME, Spool};

    fn report(sequence: u64) -> HostReport {
        HostReport { sequence, boot_id: "boot".to_owned(), boot_time_ms: 5, body: None }
    }

    fn numbers(spool: &Spool) -> Vec<u64> {
        spool.reports().iter().map(|report| report.sequence).collect()
    }

    fn spool_of(directory: &Path, reports: u64) -> Vec<u8> {
        let mut spool = Spool::open(directory, 7).unwrap();
        for sequence in 1..=reports {
            spool.append(&report(sequence)).unwrap();
        }
        fs::read(directory.join(FILE_NAME)).unwrap()
    }

    #[test]
    fn reports_and_numbers_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        spool_of(directory.path(), 3);
        let spool = Spool::open(directory.path(), 8).unwrap();
        assert_eq!((spool.spool_id(), spool.next_sequence()), (7, 4));
        assert_eq!(numbers(&spool), [1, 2, 3]);
    }

    #[test]
    fn numbers_go_on_when_everything_was_acknowledged() {
        let directory = tempfile::tempdir().unwrap();
        spool_of(directory.path(), 3);
        Spool::open(directory.path(), 8).unwrap().trim(3).unwrap();
        let spool = Spool::open(directory.path(), 9).unwrap();
        assert_eq!((spool.spool_id(), spool.next_sequence()), (7, 4));
        assert_eq!(numbers(&spool), Vec::<u64>::new());
    }

    #[test]
    fn an_end_torn_anywhere_in_the_last_report_loses_that_report_alone() {
        let directory = tempfile::tempdir().unwrap();
        let two = spool_of(directory.path(), 2).len();
        let bytes = {
            let other = tempfile::tempdir().unwrap();
            spool_of(other.path(), 3)
        };
        for end in two + 1..bytes.len() {
            fs::write(directory.path().join(FILE_NAME), &bytes[..end]).unwrap();
            let mut spool = Spool::open(directory.path(), 8).unwrap();
            assert_eq!((spool.spool_id(), numbers(&spool)), (7, vec![1, 2]), "torn at {end}");
            spool.append(&report(3)).unwrap();
            let again = Spool::open(directory.path(), 8).unwrap();
            assert_eq!(numbers(&again), [1, 2, 3], "appended after a tear at {end}");
        }
    }

    #[test]
    fn a_flipped_bit_before_the_last_report_starts_a_new_spool_and_keeps_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let two = spool_of(directory.path(), 2).len();
        let bytes = spool_of(tempfile::tempdir().unwrap().path(), 3);
        for at in 0..two {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            fs::write(directory.path().join(FILE_NAME), &bytes).unwrap();
            let spool = Spool::open(directory.path(), 8).unwrap();
            assert_eq!((spool.spool_id(), spool.next_sequence()), (8, 1), "flipped at {at}");
            let aside = directory.path().join(format!("{FILE_NAME}.damaged-{:016x}", 8));
            assert_eq!(fs::read(aside).unwrap(), bytes, "flipped at {at}");
        }
    }

    #[test]
    fn a_dropped_report_stays_away() {
        let directory = tempfile::tempdir().unwrap();
        spool_of(directory.path(), 3);
        Spool::open(directory.path(), 8).unwrap().drop_report(2).unwrap();
        assert_eq!(numbers(&Spool::open(directory.path(), 8).unwrap()), [1, 3]);
    }
}
