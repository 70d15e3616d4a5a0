//! What has a machine said on one of its serial ports? Reads the file that QEMU appends to.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use super::LabError;

/// A reader that gives each line once, in order.
#[derive(Debug)]
pub(super) struct SerialLog {
    path: PathBuf,
    read_to: u64,
    unread: Vec<u8>,
}

impl SerialLog {
    /// Follows the file at `path` from its present end; a file that is not there is empty.
    pub(super) fn from_now(path: PathBuf) -> Self {
        let read_to = fs::metadata(&path).map_or(0, |facts| facts.len());
        Self { path, read_to, unread: Vec::new() }
    }

    /// The next complete line that contains `words`; it and the lines before it are not found
    /// again. With `None` nothing is passed over.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn next_with(&mut self, words: &str) -> Result<Option<String>, LabError> {
        self.read_on()?;
        let mut end = 0;
        for line in self.unread.split_inclusive(|byte| *byte == b'\n') {
            end += line.len();
            let text = String::from_utf8_lossy(line);
            if text.ends_with('\n') && text.contains(words) {
                let found = String::from(text.trim_end());
                self.unread.drain(..end);
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Everything in the file, also from earlier boots; empty when it cannot be read.
    pub(super) fn text(&self) -> String {
        fs::read(&self.path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn read_on(&mut self) -> Result<(), LabError> {
        if !self.path.exists() {
            return Ok(());
        }
        let unreadable = |error| LabError::file("follow", &self.path, error);
        let mut file = File::open(&self.path).map_err(unreadable)?;
        file.seek(SeekFrom::Start(self.read_to)).map_err(unreadable)?;
        let count = file.read_to_end(&mut self.unread).map_err(unreadable)?;
        self.read_to += u64::try_from(count).unwrap_or(u64::MAX);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, then: &[&str], words: &str, expected: &[Option<&str>]) {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("a.log");
        fs::write(&path, before).expect("the file is writable");
        let mut log = SerialLog::from_now(path.clone());
        let mut all = String::from(before);
        for (addition, expected) in then.iter().zip(expected) {
            all.push_str(addition);
            fs::write(&path, &all).expect("the file is writable");
            let found = log.next_with(words).expect("the file is readable");
            assert_eq!(found.as_deref(), *expected, "after {all:?}");
        }
    }

    #[test]
    fn each_line_is_found_once_and_whole() {
        check(
            "",
            &["lab: u", "p\r\nlab: up\n", "", ""],
            "lab: up",
            &[None, Some("lab: up"), Some("lab: up"), None],
        );
    }

    #[test]
    fn lines_are_passed_over_only_by_a_find() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("a.log");
        let mut log = SerialLog::from_now(path.clone());
        fs::write(&path, "one\ntwo\nthree\n").expect("the file is writable");
        for (words, expected) in [("four", None), ("two", Some("two")), ("one", None)] {
            let found = log.next_with(words).expect("the file is readable");
            assert_eq!(found.as_deref(), expected, "{words}");
        }
    }

    #[test]
    fn what_an_earlier_boot_said_is_not_found_again() {
        check("lab: up\n", &["", "lab: up\n"], "lab: up", &[None, Some("lab: up")]);
    }

    #[test]
    fn a_file_that_is_not_there_yet_is_empty() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let mut log = SerialLog::from_now(folder.path().join("later.log"));
        assert_eq!(log.next_with("x").expect("an absent file is no failure"), None);
        assert_eq!(log.text(), "");
    }
}
