//! How does an artifact arrive? Piece by piece into a file without a name, which gets its name last.

use std::io::Write as _;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tidegate_proto::MAX_ARTIFACT_BYTES;

use super::error::{Attempt, StoreError};
use super::{PART, Store, sync_dir};
use crate::machine::ids::Digest;

/// An artifact that is arriving. Dropped before it is finished, it leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    store: Store,
    digest: Digest,
    size: u64,
    received: u64,
    hasher: Sha256,
    /// Removed from the disk when dropped.
    file: NamedTempFile,
}

impl Incoming {
    pub(super) fn begin(store: Store, digest: Digest, size: u64) -> Result<Self, StoreError> {
        if size == 0 || size > MAX_ARTIFACT_BYTES {
            return Err(StoreError::SizeOutOfRange { digest, size });
        }
        let dir = &store.shared.dir;
        let file = tempfile::Builder::new()
            .prefix(PART.0)
            .suffix(PART.1)
            .tempfile_in(dir)
            .map_err(|error| Attempt::new("begin an upload in", dir).failed(error))?;
        Ok(Self { store, digest, size, received: 0, hasher: Sha256::new(), file })
    }

    /// Takes the next bytes, and gives the upload back to go on with. After an error it is over.
    ///
    /// # Errors
    ///
    /// [`StoreError::Oversized`] as soon as more bytes arrive than were announced, before they are
    /// written; or the disk refuses.
    pub fn write(mut self, bytes: &[u8]) -> Result<Self, StoreError> {
        let room = self.size - self.received;
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if more > room {
            return Err(StoreError::Oversized { digest: self.digest, size: self.size });
        }
        self.hasher.update(bytes);
        self.received += more;
        if let Err(error) = self.file.write_all(bytes) {
            return Err(Attempt::new("write the upload", self.file.path()).failed(error));
        }
        Ok(self)
    }

    /// Checks what arrived and puts it in place. When this returns, the artifact survives a power cut.
    ///
    /// # Errors
    ///
    /// [`StoreError::Truncated`], [`StoreError::DigestMismatch`]; or the disk refuses.
    pub fn finish(self) -> Result<(), StoreError> {
        let Self { store, digest, size, received, hasher, file } = self;
        if received != size {
            return Err(StoreError::Truncated { digest, size, received });
        }
        let found = Digest(hasher.finalize().into());
        if found != digest {
            return Err(StoreError::DigestMismatch { digest, found });
        }
        let path = store.path(digest);
        let storing = Attempt::new("store the artifact", &path);
        file.as_file().sync_all().map_err(|error| storing.failed(error))?;
        let mut verified = store.verified();
        if verified.contains(&digest) && store.has(digest)? {
            return Ok(());
        }
        file.persist(&path).map_err(|refused| storing.failed(refused.error))?;
        if let Err(error) = sync_dir(&store.shared.dir) {
            // The name may not survive a power cut: better none than one that cannot be trusted.
            return Err(match std::fs::remove_file(&path) {
                Ok(()) => storing.failed(error),
                Err(also) => Attempt::new("take back the artifact", &path).failed(also),
            });
        }
        verified.insert(digest);
        Ok(())
    }
}
