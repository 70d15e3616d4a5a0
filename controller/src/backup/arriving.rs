//! How does a backup get its name? It is written aside and checked from end to end; then it is synced,
//! named, and its folder synced. A file that is there is never written over.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::{BackupError, failed};
use super::reader::Backup;

/// A backup that is arriving. Dropped before it is finished, it leaves nothing behind.
#[derive(Debug)]
pub struct Arriving {
    file: NamedTempFile,
    path: PathBuf,
}

impl Arriving {
    /// Begins a file beside `path`, which only its owner may read: a backup holds whom hosts trust.
    ///
    /// # Errors
    ///
    /// [`BackupError::Exists`]; or the disk refuses.
    pub fn begin(path: &Path) -> Result<Self, BackupError> {
        if path.try_exists().map_err(failed("look for", path))? {
            return Err(BackupError::Exists(path.to_owned()));
        }
        let file = tempfile::Builder::new()
            .prefix(".tidegate-backup-")
            .suffix(".part")
            .permissions(fs::Permissions::from_mode(0o600))
            .tempfile_in(folder(path))
            .map_err(failed("begin a backup beside", path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.file.write_all(bytes).map_err(failed("write", &self.path))
    }

    /// Checks all that arrived and gives it its name. When this returns, it survives a power cut.
    ///
    /// # Errors
    ///
    /// As [`Backup::open`], for a stream that was cut or damaged; [`BackupError::Exists`]; or the disk
    /// refuses.
    pub fn finish(self) -> Result<Backup, BackupError> {
        let Self { file, path } = self;
        file.as_file().sync_all().map_err(failed("sync", &path))?;
        let backup = Backup::open(file.path())?;
        file.persist_noclobber(&path).map_err(|refused| {
            if refused.error.kind() == std::io::ErrorKind::AlreadyExists {
                return BackupError::Exists(path.clone());
            }
            failed("name", &path)(refused.error)
        })?;
        sync_folder(folder(&path))?;
        Ok(backup.renamed(path))
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    File::open(folder).and_then(|open| open.sync_all()).map_err(failed("sync", folder))
}

/// The folder that a file or folder lies in.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}
