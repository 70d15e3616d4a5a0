//! How is a backup written? In one pass, in the order of the format; the last record seals the rest.

use std::io::{self, Read, Write};

use super::format::{FORMAT, Head, Header, Kind, MAGIC};

/// Writes one backup.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    whole: blake3::Hasher,
}

impl<W: Write> Writer<W> {
    /// Begins with what the backup is of, and the root of the state.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn begin(out: W, header: &Header, root: &[u8]) -> io::Result<Self> {
        let mut writer = Self { out, whole: blake3::Hasher::new() };
        writer.put(MAGIC)?;
        writer.put(&FORMAT.to_le_bytes())?;
        let header = postcard::to_stdvec(header).map_err(io::Error::other)?;
        writer.small(Kind::Header, &header)?;
        writer.small(Kind::Root, root)?;
        Ok(writer)
    }

    /// Writes a piece of the state. They come by rising hash.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.small(Kind::Piece, bytes)
    }

    /// Writes an artifact. They come after all pieces, by rising digest.
    ///
    /// # Errors
    ///
    /// What `out` says, or that `content` ends before its `size`.
    pub fn artifact(
        &mut self,
        sha256: [u8; 32],
        size: u32,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        self.put(&Head { kind: Kind::Artifact, length: size, hash: sha256 }.encode())?;
        let mut left = usize::try_from(size).map_err(io::Error::other)?;
        let mut buffer = vec![0; tidegate_proto::CHUNK_BYTES];
        while left > 0 {
            let part = buffer.len().min(left);
            content.read_exact(&mut buffer[..part])?;
            self.put(&buffer[..part])?;
            left -= part;
        }
        Ok(())
    }

    /// Seals the backup: without this record it is refused as cut short.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn end(mut self) -> io::Result<W> {
        let hash = *self.whole.finalize().as_bytes();
        self.put(&Head { kind: Kind::End, length: 0, hash }.encode())?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn small(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let hash = *blake3::hash(bytes).as_bytes();
        self.put(&Head { kind, length, hash }.encode())?;
        self.put(bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.whole.update(bytes);
        self.out.write_all(bytes)
    }
}
