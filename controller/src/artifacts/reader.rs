//! How does an artifact leave? In chunks, from any byte on.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use tidegate_proto::CHUNK_BYTES;

use super::error::{Attempt, StoreError};
use crate::machine::ids::Digest;

/// An open artifact. It can be read to its end even if the blob is moved aside meanwhile.
#[derive(Debug)]
pub struct BlobReader {
    file: File,
    path: PathBuf,
    size: u64,
    left: u64,
}

impl BlobReader {
    pub(super) fn open(
        mut file: File,
        path: PathBuf,
        digest: Digest,
        offset: u64,
    ) -> Result<Self, StoreError> {
        let reading = Attempt::new("read the artifact", &path);
        let size = file.metadata().map_err(|error| reading.failed(error))?.len();
        let Some(left) = size.checked_sub(offset) else {
            return Err(StoreError::OffsetPastEnd { digest, size, offset });
        };
        file.seek(SeekFrom::Start(offset)).map_err(|error| reading.failed(error))?;
        Ok(Self { file, path, size, left })
    }

    /// The size of the whole artifact, in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The next 1 to [`CHUNK_BYTES`] bytes; `None` at the end.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        if length == 0 {
            return Ok(None);
        }
        let mut chunk = vec![0; length];
        let reading = Attempt::new("read the artifact", &self.path);
        self.file.read_exact(&mut chunk).map_err(|error| reading.failed(error))?;
        self.left = self.left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(Some(chunk))
    }
}
