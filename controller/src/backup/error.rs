//! Why is a backup not written, read or restored, and what is to be done?

use std::io;
use std::path::{Path, PathBuf};

/// Why a backup is not written, read or restored. Nothing was put in place.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or folder could not be used.
    #[error("could not {what} `{}`: {source}", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is something else.
    #[error("`{}` is no backup of a cluster: its first bytes are others", .0.display())]
    NotABackup(PathBuf),
    /// Another version wrote the file.
    #[error("`{}` is of format {found}; this version reads format 1", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u16,
    },
    /// The file ends too early.
    #[error("`{}` is cut short: it ends at byte {at}, inside {inside}", path.display())]
    CutShort {
        /// The file.
        path: PathBuf,
        /// Its length, in bytes.
        at: u64,
        /// Where it ends.
        inside: &'static str,
    },
    /// The file is not what was written.
    #[error("`{}` is damaged: the record at byte {at} {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged record begins.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The records are whole, and do not make a state.
    #[error("`{}` holds no whole state: {why}", path.display())]
    NoState {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The file is there already.
    #[error("`{}` is there already, and nothing is written over it", .0.display())]
    Exists(PathBuf),
    /// The folder is in use.
    #[error(
        "the folder `{}` is not empty, and nothing is restored over what it holds: `{holds}`",
        path.display()
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// One of the things in it.
        holds: String,
    },
    /// The new cluster cannot be made from what was given.
    #[error("{0}")]
    Refused(String),
    /// The journal of the new node could not be written.
    #[error("could not write the new node's journal: {0}")]
    Journal(String),
    /// An artifact could not be put in place.
    #[error(transparent)]
    Store(#[from] crate::artifacts::StoreError),
}

impl BackupError {
    /// The reason code of the error catalogue.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::Journal(_) | Self::Store(_) => "LOCAL_IO",
            Self::NotABackup(_) => "NOT_A_BACKUP",
            Self::Format { .. } => "BACKUP_FORMAT",
            Self::CutShort { .. } | Self::Damaged { .. } | Self::NoState { .. } => {
                "CHECKSUM_MISMATCH"
            }
            Self::Exists(_) => "FILE_EXISTS",
            Self::NotEmpty { .. } => "FOLDER_NOT_EMPTY",
            Self::Refused(_) => "NOT_RESTORED",
        }
    }

    /// Whether what was given is at fault, and not this machine.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Io { source, .. } => is_another_path(source.kind()),
            Self::Journal(_) | Self::Store(_) => false,
            Self::NotABackup(_)
            | Self::Format { .. }
            | Self::CutShort { .. }
            | Self::Damaged { .. }
            | Self::NoState { .. }
            | Self::Exists(_)
            | Self::NotEmpty { .. }
            | Self::Refused(_) => true,
        }
    }

    /// What to do next.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if is_another_path(source.kind()) => {
                "correct the path: the file must be one, and its folder must be there"
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "run it as somebody who may read and write there, or give another path"
            }
            Self::Io { .. } | Self::Journal(_) | Self::Store(_) => {
                "free some room or repair the disk, then try again"
            }
            Self::NotABackup(_) => "give the file that `tidegate cluster backup` wrote",
            Self::Format { .. } => "use the version of tidegate that wrote it",
            Self::CutShort { .. } | Self::Damaged { .. } | Self::NoState { .. } => {
                "use another copy of this backup, or an older backup"
            }
            Self::Exists(_) => "give another name",
            Self::NotEmpty { .. } => {
                "give a folder that is empty or does not exist with --data-dir"
            }
            Self::Refused(_) => "correct the values; --help shows what each one may be",
        }
    }
}

/// Whether the path leads to nothing, or to a thing of another kind.
fn is_another_path(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidFilename, IsADirectory, NotADirectory, NotFound};
    matches!(kind, InvalidFilename | IsADirectory | NotADirectory | NotFound)
}

/// What the system said about `path`.
pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Io { what, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_path_is_the_callers_fault_and_a_full_disk_is_not() {
        let error = |kind: io::ErrorKind| failed("open", Path::new("x"))(kind.into());
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::IsADirectory] {
            assert!(error(kind).is_usage());
            assert!(error(kind).next().starts_with("correct the path"));
        }
        let full = error(io::ErrorKind::StorageFull);
        assert!(!full.is_usage() && full.next().starts_with("free some room"));
        let denied = error(io::ErrorKind::PermissionDenied);
        assert!(!denied.is_usage() && denied.next().contains("somebody who may"));
    }
}
