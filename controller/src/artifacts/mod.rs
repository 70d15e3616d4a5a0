//! Where do a node's artifacts lie, and are they whole? One file per blob, named by its SHA-256.
//!
//! ```text
//! artifacts/
//!   9f86d081…0f00a08           a blob: complete, synced, never changed
//!   9f86d081…0f00a08.damaged   a blob that rotted on this disk, moved aside
//!   9f86d081…0f00a08.part      the first bytes of one whose transfer broke off
//!   incoming-9f86…-Xk3q9T.part bytes of a transfer that is under way
//! ```
//!
//! A blob gets its name only after its length and its digest were found right and its bytes are on
//! disk, so what has a name is whole. After a start no blob is trusted: the first time it is opened
//! its digest is computed again.
//!
//! Every call blocks on the disk; asynchronous callers go through a blocking thread. One process
//! owns the folder: [`Store::open`] puts away what an earlier one left unfinished.

mod error;
mod incoming;
mod part;
mod reader;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

pub use self::error::StoreError;
pub use self::incoming::Incoming;
pub use self::reader::BlobReader;

use self::error::Attempt;
use crate::machine::ids::Digest;

/// A node's artifacts. Copies share the folder and what is known about it.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    /// The blobs whose content was seen to match since the start. Whoever gives a blob its name,
    /// or takes it away, holds the lock.
    verified: Mutex<BTreeSet<Digest>>,
    /// Blobs that were moved aside since the start.
    damaged: AtomicU64,
}

impl Store {
    /// Opens the store in `dir`, which is created if it does not exist. What an earlier process was
    /// receiving can be gone on with.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let opening = Attempt::new("open the artifact store", dir);
        fs::create_dir_all(dir).map_err(|error| opening.failed(error))?;
        for name in names(dir).map_err(|error| opening.failed(error))? {
            part::adopt(dir, &name)?;
        }
        sync_dir(dir).map_err(|error| opening.failed(error))?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_dir(parent).map_err(|error| opening.failed(error))?;
        }
        let shared = Shared {
            dir: dir.to_owned(),
            verified: Mutex::default(),
            damaged: AtomicU64::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Begins to receive the artifact `digest` of `size` bytes. It may be here already, and others
    /// may be sending it too: whoever finishes puts the same bytes in place.
    ///
    /// # Errors
    ///
    /// [`StoreError::SizeOutOfRange`] if `size` is 0 or above
    /// [`tidegate_proto::MAX_ARTIFACT_BYTES`]; or the disk refuses.
    pub fn receive(&self, digest: Digest, size: u64) -> Result<Incoming, StoreError> {
        Incoming::begin(self.clone(), digest, size)
    }

    /// How many bytes of the artifact a broken transfer left here: where the next one can go on. 0 if
    /// none; the artifact's size is not among the answers, see [`Store::has`].
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn held(&self, digest: Digest) -> Result<u64, StoreError> {
        part::held(self, digest)
    }

    /// Goes on with a broken transfer of the artifact from byte `offset` on, at most [`Store::held`].
    ///
    /// # Errors
    ///
    /// [`StoreError::NothingToResume`] if fewer bytes are here, for example because another transfer
    /// went on from them; otherwise as [`Store::receive`].
    pub fn resume(&self, digest: Digest, size: u64, offset: u64) -> Result<Incoming, StoreError> {
        if offset == 0 {
            return self.receive(digest, size);
        }
        Incoming::resume(self.clone(), digest, size, offset)
    }

    /// Whether the artifact is here, whole when it arrived.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn has(&self, digest: Digest) -> Result<bool, StoreError> {
        let path = self.path(digest);
        path.try_exists()
            .map_err(|error| Attempt::new("look for the artifact", &path).failed(error))
    }

    /// Opens an artifact for reading from byte `offset` on; `None` if it is not here. An offset
    /// equal to the size is good and gives no bytes.
    ///
    /// The first time after a start this reads the whole blob, up to 64 MiB, and computes its digest.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the content no longer matches: the blob was moved aside, so that
    /// it is not here any more and can be received again. [`StoreError::OffsetPastEnd`]; or the
    /// disk refuses.
    pub fn open_blob(&self, digest: Digest, offset: u64) -> Result<Option<BlobReader>, StoreError> {
        let path = self.path(digest);
        let reading = Attempt::new("read the artifact", &path);
        let mut verified = self.verified();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(reading.failed(error)),
        };
        if !verified.contains(&digest) {
            let found = digest_of(&mut file).map_err(|error| reading.failed(error))?;
            if found != digest {
                return Err(self.move_aside(digest, found)?);
            }
            verified.insert(digest);
        }
        drop(verified);
        BlobReader::open(file, path, digest, offset).map(Some)
    }

    /// Where the artifact lies, its content seen to match; `None` if it is not here.
    ///
    /// # Errors
    ///
    /// As [`Store::open_blob`].
    pub fn verified_path(&self, digest: Digest) -> Result<Option<PathBuf>, StoreError> {
        Ok(self.open_blob(digest, 0)?.map(|_| self.path(digest)))
    }

    /// The artifacts that are here, in order.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn digests(&self) -> Result<BTreeSet<Digest>, StoreError> {
        let dir = &self.shared.dir;
        let names =
            names(dir).map_err(|error| Attempt::new("list the artifacts in", dir).failed(error))?;
        Ok(names.iter().filter_map(|name| named(name)).collect())
    }

    /// How many artifacts were found to have rotted since the store was opened.
    pub fn damaged(&self) -> u64 {
        self.shared.damaged.load(Ordering::Relaxed)
    }

    /// Where the artifact lies. The name has hex digits only, so no path comes from outside.
    fn path(&self, digest: Digest) -> PathBuf {
        self.shared.dir.join(digest.to_string())
    }

    fn verified(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        // A panic between two inserts leaves a set that is still true.
        self.shared.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the name away from a blob whose content is `found`, and says what happened.
    fn move_aside(&self, digest: Digest, found: Digest) -> Result<StoreError, StoreError> {
        let path = self.path(digest);
        let aside = path.with_extension("damaged");
        let moving = Attempt::new("move aside the damaged artifact", &path);
        fs::rename(&path, &aside)
            .and_then(|()| sync_dir(&self.shared.dir))
            .map_err(|error| moving.failed(error))?;
        self.shared.damaged.fetch_add(1, Ordering::Relaxed);
        Ok(StoreError::Damaged { digest, found, aside })
    }
}

/// The names in a folder that are text; ours all are.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

/// The digest that a file is named by: 64 lower-case hex digits.
fn named(name: &str) -> Option<Digest> {
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(name.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    let digest = Digest(bytes);
    (digest.to_string() == name).then_some(digest)
}

fn digest_of(file: &mut File) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    io::copy(file, &mut HashInto(&mut hasher))?;
    Ok(Digest(hasher.finalize().into()))
}

/// Makes the names in a folder durable.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Feeds what is written to it to a hash.
struct HashInto<'h>(&'h mut Sha256);

impl io::Write for HashInto<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
