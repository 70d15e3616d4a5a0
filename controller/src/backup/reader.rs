//! What does a backup hold, and is it whole? Everything is checked before anything can be used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tidegate_proto::MAX_ARTIFACT_BYTES;

use super::error::{BackupError, failed};
use super::format::{FORMAT, HEAD_BYTES, Head, Header, Kind, MAGIC, MAX_SMALL_BYTES};

/// A backup file that was read to its end and found whole.
#[derive(Debug)]
pub struct Backup {
    path: PathBuf,
    header: Header,
    root: Arc<[u8]>,
    pieces: BTreeMap<[u8; 32], Arc<[u8]>>,
    /// Where each artifact's bytes lie in the file, and how many there are.
    artifacts: BTreeMap<[u8; 32], (u64, u32)>,
}

impl Backup {
    /// Reads and checks a whole file. The state's pieces stay in memory, the artifacts do not.
    ///
    /// # Errors
    ///
    /// [`BackupError`] says where the file is not what was written.
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let file = File::open(path).map_err(failed("open", path))?;
        let mut reading = Reading {
            input: BufReader::with_capacity(1 << 20, file),
            path,
            at: 0,
            whole: blake3::Hasher::new(),
            record: 0,
        };
        reading.preamble()?;
        reading.records()
    }

    /// What it is of.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The root of the state.
    pub const fn root(&self) -> &Arc<[u8]> {
        &self.root
    }

    /// A piece of the state; `None` if it is not in it.
    pub fn piece(&self, hash: &[u8; 32]) -> Option<Arc<[u8]>> {
        self.pieces.get(hash).cloned()
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same backup under its new name.
    pub(super) fn renamed(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }

    /// The artifacts' SHA-256 and sizes in bytes, by digest.
    pub fn artifacts(&self) -> impl Iterator<Item = ([u8; 32], u32)> + '_ {
        self.artifacts.iter().map(|(digest, (_, size))| (*digest, *size))
    }

    /// An artifact's bytes; `None` if it is not in it.
    ///
    /// # Errors
    ///
    /// The file cannot be read any more.
    pub fn artifact(&self, sha256: &[u8; 32]) -> Result<Option<impl Read>, BackupError> {
        let Some((offset, size)) = self.artifacts.get(sha256) else { return Ok(None) };
        let mut file = File::open(&self.path).map_err(failed("open", &self.path))?;
        file.seek(SeekFrom::Start(*offset)).map_err(failed("read", &self.path))?;
        Ok(Some(file.take(u64::from(*size))))
    }
}

/// A file that is being read from its beginning to its end.
struct Reading<'p> {
    input: BufReader<File>,
    path: &'p Path,
    at: u64,
    whole: blake3::Hasher,
    /// Where the present record begins.
    record: u64,
}

impl Reading<'_> {
    fn preamble(&mut self) -> Result<(), BackupError> {
        let mut magic = [0; MAGIC.len()];
        let begun = self.fill(&mut magic, "its first bytes");
        if matches!(begun, Err(BackupError::CutShort { .. })) {
            return Err(BackupError::NotABackup(self.path.to_owned()));
        }
        begun?;
        if magic != *MAGIC {
            return Err(BackupError::NotABackup(self.path.to_owned()));
        }
        let mut format = [0; 2];
        self.fill(&mut format, "its first bytes")?;
        match u16::from_le_bytes(format) {
            FORMAT => Ok(()),
            found => Err(BackupError::Format { path: self.path.to_owned(), found }),
        }
    }

    fn records(mut self) -> Result<Backup, BackupError> {
        let head = self.head()?;
        let header = self.header(head)?;
        let head = self.head()?;
        let root = match head.kind {
            Kind::Root => self.small(head)?,
            Kind::Header | Kind::Piece | Kind::Artifact | Kind::End => {
                return Err(self.damaged("is not the root, which comes second"));
            }
        };
        let (mut pieces, mut artifacts) = (BTreeMap::new(), BTreeMap::new());
        loop {
            let sealed = *self.whole.finalize().as_bytes();
            let head = self.head()?;
            match head.kind {
                Kind::Piece if artifacts.is_empty() => {
                    let bytes = self.small(head)?;
                    if pieces.last_key_value().is_some_and(|(last, _)| *last >= head.hash) {
                        return Err(self.damaged("is a piece out of its order"));
                    }
                    pieces.insert(head.hash, bytes);
                }
                Kind::Artifact => {
                    if artifacts.last_key_value().is_some_and(|(last, _)| *last >= head.hash) {
                        return Err(self.damaged("is an artifact out of its order"));
                    }
                    let offset = self.at;
                    self.artifact(head)?;
                    artifacts.insert(head.hash, (offset, head.length));
                }
                Kind::End => {
                    if head.hash != sealed || head.length != 0 {
                        return Err(self.damaged("seals other bytes than those before it"));
                    }
                    break;
                }
                Kind::Header | Kind::Root | Kind::Piece => {
                    return Err(self.damaged("is out of its order"));
                }
            }
        }
        let counts = (as_count(pieces.len()), as_count(artifacts.len()));
        if counts != (header.pieces, header.artifacts) {
            return Err(self.damaged("ends a file with fewer or more records than it announced"));
        }
        let mut after = [0; 1];
        if self.input.read(&mut after).map_err(failed("read", self.path))? > 0 {
            return Err(self.damaged("is the last, and bytes follow it"));
        }
        let path = self.path.to_owned();
        Ok(Backup { path, header, root, pieces, artifacts })
    }

    fn header(&mut self, head: Head) -> Result<Header, BackupError> {
        if head.kind != Kind::Header {
            return Err(self.damaged("is not the header, which comes first"));
        }
        let bytes = self.small(head)?;
        postcard::from_bytes(&bytes).map_err(|_| self.damaged("is no header"))
    }

    fn head(&mut self) -> Result<Head, BackupError> {
        self.record = self.at;
        let mut bytes = [0; HEAD_BYTES];
        self.fill(&mut bytes, "the beginning of a record")?;
        Head::decode(&bytes).ok_or_else(|| self.damaged("is of no known kind"))
    }

    fn small(&mut self, head: Head) -> Result<Arc<[u8]>, BackupError> {
        if head.length > MAX_SMALL_BYTES {
            return Err(self.damaged("is longer than it may be"));
        }
        let length = usize::try_from(head.length).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        self.fill(&mut bytes, "a record")?;
        if *blake3::hash(&bytes).as_bytes() != head.hash {
            return Err(self.damaged("is not what its hash says"));
        }
        Ok(bytes.into())
    }

    fn artifact(&mut self, head: Head) -> Result<(), BackupError> {
        if u64::from(head.length) > MAX_ARTIFACT_BYTES {
            return Err(self.damaged("is longer than an artifact may be"));
        }
        let mut left = usize::try_from(head.length).unwrap_or(usize::MAX);
        let mut buffer = vec![0; tidegate_proto::CHUNK_BYTES];
        let mut hasher = Sha256::new();
        while left > 0 {
            let part = buffer.len().min(left);
            self.fill(&mut buffer[..part], "an artifact")?;
            hasher.update(&buffer[..part]);
            left -= part;
        }
        let found: [u8; 32] = hasher.finalize().into();
        if found == head.hash { Ok(()) } else { Err(self.damaged("is not what its hash says")) }
    }

    fn fill(&mut self, bytes: &mut [u8], inside: &'static str) -> Result<(), BackupError> {
        let mut filled = 0;
        while filled < bytes.len() {
            let count = match self.input.read(&mut bytes[filled..]) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed("read", self.path)(error)),
            };
            if count == 0 {
                let at = self.at + as_count(filled);
                return Err(BackupError::CutShort { path: self.path.to_owned(), at, inside });
            }
            filled += count;
        }
        self.whole.update(bytes);
        self.at += as_count(bytes.len());
        Ok(())
    }

    fn damaged(&self, what: &'static str) -> BackupError {
        BackupError::Damaged { path: self.path.to_owned(), at: self.record, what }
    }
}

fn as_count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
