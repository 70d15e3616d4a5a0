//! Where does a restored folder come into being? Beside its place where there is nothing yet, and inside
//! of it where it is there already: it may be a mount, which takes no other name. The last step makes it
//! one that a controller goes on from.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::arriving::{folder, sync_folder};
use super::error::{BackupError, failed};

/// What a file system puts into its own root.
const OF_THE_FILE_SYSTEM: &str = "lost+found";

/// The parts of a controller's folder. The journal comes last: without it the folder is nobody's.
pub(super) const ARTIFACTS: &str = "artifacts";
pub(super) const JOURNAL: &str = "journal";

/// Where to restore to.
#[derive(Debug)]
pub(super) struct Place {
    goal: PathBuf,
    found: Found,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    EmptyFolder,
}

impl Place {
    /// Looks whether `goal` can be taken.
    ///
    /// # Errors
    ///
    /// [`BackupError::NotEmpty`], or it cannot be looked into.
    pub(super) fn look(goal: &Path) -> Result<Self, BackupError> {
        let place = |found| Self { goal: goal.to_owned(), found };
        if !goal.try_exists().map_err(failed("look for", goal))? {
            return Ok(place(Found::Nothing));
        }
        for entry in fs::read_dir(goal).map_err(failed("look into", goal))? {
            let name = entry.map_err(failed("look into", goal))?.file_name();
            if name != OF_THE_FILE_SYSTEM {
                let holds = name.to_string_lossy().into_owned();
                return Err(BackupError::NotEmpty { path: goal.to_owned(), holds });
            }
        }
        Ok(place(Found::EmptyFolder))
    }

    /// A folder to make everything in. Dropped before it is put in place, it leaves nothing behind.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub(super) fn begin(&self) -> Result<TempDir, BackupError> {
        let inside = match self.found {
            Found::Nothing => folder(&self.goal),
            Found::EmptyFolder => &self.goal,
        };
        fs::create_dir_all(inside).map_err(failed("make the folder", inside))?;
        let mut making = tempfile::Builder::new();
        making.prefix(".tidegate-restore-");
        making.tempdir_in(inside).map_err(failed("make a folder in", inside))
    }

    /// Puts what was made in place. When this returns, it survives a power cut.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub(super) fn put(self, making: TempDir) -> Result<(), BackupError> {
        let Self { goal, found } = self;
        sync_folder(making.path())?;
        match found {
            Found::Nothing => {
                fs::rename(making.path(), &goal).map_err(failed("name the folder", &goal))?;
                // It has another name now: there is nothing left to remove.
                let _moved = making.keep();
                sync_folder(folder(&goal))
            }
            Found::EmptyFolder => {
                for part in [ARTIFACTS, JOURNAL] {
                    let (from, to) = (making.path().join(part), goal.join(part));
                    fs::rename(from, &to).map_err(failed("name the folder", &to))?;
                    sync_folder(&goal)?;
                }
                making.close().map_err(failed("tidy up in", &goal))?;
                sync_folder(&goal)
            }
        }
    }
}
