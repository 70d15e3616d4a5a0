//! How does an artifact arrive? Piece by piece into a file of its own, which gets its name last.

use std::io::Write as _;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tidegate_proto::MAX_ARTIFACT_BYTES;

use super::error::{Attempt, StoreError};
use super::{Store, part, sync_dir};
use crate::machine::ids::Digest;

/// An artifact that is arriving. Dropped before it is finished, it leaves what has arrived for a
/// transfer that goes on; refused, it leaves nothing.
#[derive(Debug)]
pub struct Incoming {
    store: Store,
    digest: Digest,
    size: u64,
    received: u64,
    hasher: Sha256,
    /// `None` once it was given its name, or given up.
    file: Option<NamedTempFile>,
}

impl Incoming {
    pub(super) fn begin(store: Store, digest: Digest, size: u64) -> Result<Self, StoreError> {
        check_size(digest, size)?;
        let file = Some(part::begin(&store, digest)?);
        Ok(Self { store, digest, size, received: 0, hasher: Sha256::new(), file })
    }

    pub(super) fn resume(
        store: Store,
        digest: Digest,
        size: u64,
        offset: u64,
    ) -> Result<Self, StoreError> {
        check_size(digest, size)?;
        if offset > size {
            return Err(StoreError::Oversized { digest, size });
        }
        let Some((file, hasher)) = part::take(&store, digest, offset)? else {
            let held = part::held(&store, digest)?;
            return Err(StoreError::NothingToResume { digest, offset, held });
        };
        Ok(Self { store, digest, size, received: offset, hasher, file: Some(file) })
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
            self.file = None;
            return Err(StoreError::Oversized { digest: self.digest, size: self.size });
        }
        if let Some(mut file) = self.file.take() {
            if let Err(error) = file.write_all(bytes) {
                return Err(Attempt::new("write the upload", file.path()).failed(error));
            }
            self.file = Some(file);
        }
        self.hasher.update(bytes);
        self.received += more;
        Ok(self)
    }

    /// Checks what arrived and puts it in place. When this returns, the artifact survives a power cut.
    ///
    /// # Errors
    ///
    /// [`StoreError::Truncated`], [`StoreError::DigestMismatch`]; or the disk refuses.
    pub fn finish(mut self) -> Result<(), StoreError> {
        let (digest, size, received) = (self.digest, self.size, self.received);
        let Some(file) = self.file.take() else { return Ok(()) };
        if received != size {
            return Err(StoreError::Truncated { digest, size, received });
        }
        let store = &self.store;
        let found = Digest(std::mem::take(&mut self.hasher).finalize().into());
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

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            part::leave(&self.store, self.digest, file);
        }
    }
}

fn check_size(digest: Digest, size: u64) -> Result<(), StoreError> {
    if size == 0 || size > MAX_ARTIFACT_BYTES {
        return Err(StoreError::SizeOutOfRange { digest, size });
    }
    Ok(())
}
