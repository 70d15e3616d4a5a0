//! Where are the kernel's files? Below three roots, which a test may put anywhere.

use std::fs;
use std::path::{Path, PathBuf};

use crate::driver::DriverFailed;

/// The roots of the kernel's files.
#[derive(Clone, Debug)]
pub struct Roots {
    /// Default `/proc`.
    pub proc: PathBuf,
    /// Default `/sys`.
    pub sys: PathBuf,
    /// Default `/dev`.
    pub dev: PathBuf,
    /// Default `/etc`.
    pub etc: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into(), dev: "/dev".into(), etc: "/etc".into() }
    }
}

impl Roots {
    /// The trimmed text of a file below `/proc`.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn read_proc(&self, name: &str) -> Result<String, DriverFailed> {
        read(&self.proc.join(name))
    }
}

pub(super) fn read(path: &Path) -> Result<String, DriverFailed> {
    fs::read_to_string(path)
        .map(|text| text.trim().to_owned())
        .map_err(|source| DriverFailed::Unreadable { path: path.to_owned(), source })
}
