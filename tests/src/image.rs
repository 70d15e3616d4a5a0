//! How does a test have a disk that is full, or loses its power? As an ext4 file system in a file, on a
//! loop device.
//!
//! Needs root, a kernel with loop devices, `mkfs.ext4`, `mount`, `umount` and `cp`. Where something is
//! missing the test says so and is skipped; with `TIDEGATE_REQUIRE_ROOT=1` it fails instead.

use std::fs::File;
use std::io::ErrorKind;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, fallocate};
use tempfile::TempDir;

use crate::processes::LOOK_AGAIN;
use crate::trouble::{Outcome, Trouble};

/// Set to `1`: where there is no disk to be had, the test fails.
const REQUIRED: &str = "TIDEGATE_REQUIRE_ROOT";

/// What takes the room on a disk that is full.
const FILLER: &str = "filler";

/// The smallest room that a file takes.
const BLOCK_BYTES: u64 = 4_096;

/// How long a disk may be busy after whoever used it was killed.
const BUSY_WITHIN: Duration = Duration::from_secs(10);

/// A disk of the test's own, mounted. Dropped, it is gone.
#[derive(Debug)]
pub struct Image {
    dir: TempDir,
}

/// What was on a disk at one moment.
#[derive(Debug)]
pub struct Copied(PathBuf);

impl Image {
    /// A new disk of so many MiB; `None`, and a word on it, where that cannot be had.
    ///
    /// # Errors
    ///
    /// It cannot be had, and is required.
    pub fn make(mib: u64) -> Outcome<Option<Self>> {
        match Self::try_make(mib) {
            Ok(image) => Ok(Some(image)),
            Err(trouble) if std::env::var(REQUIRED).is_ok_and(|value| value == "1") => {
                Err(trouble.while_trying_to("make a disk of the test's own"))
            }
            Err(trouble) => {
                drop(writeln!(
                    std::io::stderr(),
                    "skipped: there is no disk of the test's own: {trouble}"
                ));
                Ok(None)
            }
        }
    }

    fn try_make(mib: u64) -> Outcome<Self> {
        let image = Self { dir: TempDir::with_prefix("tidegate-disk-")? };
        std::fs::create_dir(image.at())?;
        File::create_new(image.file())?.set_len(mib << 20)?;
        // Nothing is kept back for root, and nothing is put off until it is mounted.
        let settled = "lazy_itable_init=0,lazy_journal_init=0";
        run(Command::new("mkfs.ext4").args(["-q", "-m", "0", "-E", settled]).arg(image.file()))?;
        image.mount()?;
        Ok(image)
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    /// The folder that the disk is.
    #[must_use]
    pub fn at(&self) -> PathBuf {
        self.dir.path().join("at")
    }

    fn mount(&self) -> Outcome<()> {
        run(Command::new("mount").args(["-o", "loop"]).arg(self.file()).arg(self.at()))
    }

    /// Bytes that are left.
    ///
    /// # Errors
    ///
    /// It cannot be looked at.
    pub fn free(&self) -> Outcome<u64> {
        let stat = rustix::fs::statvfs(self.at())?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Takes room until no more than `leave` bytes are left.
    ///
    /// # Errors
    ///
    /// The disk fails in another way than by being full.
    pub fn fill(&self, leave: u64) -> Outcome<()> {
        let filler = self.at().join(FILLER);
        let file = File::options().create(true).append(true).open(filler)?;
        let mut step = self.free()?.saturating_sub(leave);
        while step >= BLOCK_BYTES && self.free()? > leave {
            let step_now = step.min(self.free()?.saturating_sub(leave).max(BLOCK_BYTES));
            match fallocate(&file, FallocateFlags::empty(), file.metadata()?.len(), step_now) {
                Ok(()) => (),
                // What the disk itself needs for the room that it gives.
                Err(rustix::io::Errno::NOSPC) => step = step_now / 2,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives all room back that was taken.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn clear(&self) -> Outcome<()> {
        match std::fs::remove_file(self.at().join(FILLER)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Copies what a disk that loses its power now would have: what is in memory alone is not in it.
    ///
    /// # Errors
    ///
    /// There is no room for the copy.
    pub fn copied(&self) -> Outcome<Copied> {
        let copy = self.dir.path().join("copy");
        run(Command::new("cp").arg("--sparse=always").arg(self.file()).arg(&copy))?;
        Ok(Copied(copy))
    }

    /// The power comes back: the disk is now what was copied, and its own journal is replayed. Whoever
    /// used it must be gone.
    ///
    /// # Errors
    ///
    /// Somebody still uses it, or the copy is no disk.
    pub fn come_back(&self, copied: Copied) -> Outcome<()> {
        let start = Instant::now();
        while let Err(trouble) = run(Command::new("umount").arg(self.at())) {
            if start.elapsed() > BUSY_WITHIN {
                return Err(trouble);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        std::fs::rename(copied.0, self.file())?;
        self.mount()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // Where it is not mounted there is nothing to do; a folder that is left over costs little.
        let _gone = run(Command::new("umount").arg("-l").arg(self.at()));
    }
}

fn run(command: &mut Command) -> Outcome<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let said = command.stdin(Stdio::null()).output();
    let said =
        said.map_err(|error| Trouble::from(error).while_trying_to(&format!("run `{program}`")))?;
    if said.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&said.stderr);
    Err(Trouble::new(format!("`{program}` failed: {}", words.trim())))
}
