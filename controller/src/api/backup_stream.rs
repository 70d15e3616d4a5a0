//! How does a backup leave a node? The state at one moment, then the artifacts, as the bytes of one
//! file, as fast as the reader takes them.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

use tidegate_proto::CHUNK_BYTES;
use tidegate_proto::v1 as pb;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::convert::count;
use super::error::ApiError;
use crate::artifacts::{BlobReader, Store};
use crate::backup::{Header, Writer};
use crate::machine::Machine;
use crate::machine::frozen::{Frozen, PieceHash};
use crate::machine::ids::Digest;

/// Backups that one node gives at a time: each keeps a copy of the state in memory while it is read.
pub(super) const MAX_BACKUPS: usize = 2;
/// Parts that are made ahead of the network.
const CHUNKS_AHEAD: usize = 4;

/// A stream of a backup file's bytes.
pub(super) type Chunks = ReceiverStream<Result<pb::BackupChunk, Status>>;

/// A state to back up, as it was at one index.
pub(super) struct Taken {
    header: Header,
    frozen: Frozen,
    artifacts: BTreeMap<Digest, Need>,
}

/// Whether a backup may do without an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Some node holds it.
    MustHave,
    /// No node is known to hold it.
    MayLack,
}

impl Taken {
    pub(super) fn index(&self) -> u64 {
        self.frozen.applied()
    }

    pub(super) fn artifacts(&self) -> usize {
        self.artifacts.len()
    }
}

/// The state as it is now. Runs on the node's thread: nothing is hashed or copied that need not be.
pub(super) fn take(machine: &Machine) -> Taken {
    let cluster = machine.cluster();
    let named = machine.patch_sets().values().flat_map(|set| set.artifacts.values());
    let need = |digest: &Digest| match machine.blobs().get(digest) {
        Some(blob) if !blob.nodes.is_empty() => Need::MustHave,
        Some(_) | None => Need::MayLack,
    };
    let artifacts = named.map(|artifact| (artifact.digest, need(&artifact.digest))).collect();
    let header = Header {
        cluster: cluster.map_or_else(String::new, |cluster| cluster.name.clone()),
        id: cluster.map_or([0; 16], |cluster| cluster.id),
        generation: cluster.map_or(0, |cluster| cluster.generation),
        version: machine.version(),
        index: machine.applied(),
        pieces: 0,
        artifacts: 0,
        written_by: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Taken { header, frozen: machine.freeze(), artifacts }
}

/// Leave to read a backup, until it is dropped.
pub(super) fn admit(backups: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ApiError> {
    let permit = Arc::clone(backups).try_acquire_owned();
    permit.map_err(|_| ApiError::Unavailable {
        reason: "BACKUPS_UNDER_WAY",
        what: format!(
            "{MAX_BACKUPS} backups are being read from this node: wait for their end, or ask another"
        ),
    })
}

/// The bytes of the backup file. Whether this node holds all artifacts is known when this returns.
pub(super) async fn stream(
    taken: Taken,
    store: Store,
    permit: OwnedSemaphorePermit,
) -> Result<Chunks, ApiError> {
    let Taken { mut header, frozen, artifacts } = taken;
    let opened = tokio::task::spawn_blocking(move || readers(&store, artifacts)).await;
    let artifacts = opened.map_err(|error| broke(&error))??;
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    header.artifacts = count(artifacts.len());
    tokio::task::spawn_blocking(move || {
        let out = Outgoing { sender: sender.clone(), buffer: Vec::with_capacity(CHUNK_BYTES) };
        if let Err(error) = write(out, header, &frozen, artifacts) {
            // Whoever asked may have gone.
            let what = format!("the backup was not finished: {error}");
            drop(sender.blocking_send(Err(ApiError::Internal { what }.into())));
        }
        drop(permit);
    });
    Ok(ReceiverStream::new(receiver))
}

fn broke(error: &tokio::task::JoinError) -> ApiError {
    ApiError::Internal { what: format!("the artifacts were not read: {error}") }
}

/// Opens every artifact, so that none of them can go while the backup is written.
fn readers(
    store: &Store,
    artifacts: BTreeMap<Digest, Need>,
) -> Result<Vec<(Digest, BlobReader)>, ApiError> {
    let mut readers = Vec::new();
    for (digest, need) in artifacts {
        match (store.open_blob(digest, 0)?, need) {
            (Some(reader), _) => readers.push((digest, reader)),
            (None, Need::MayLack) => (),
            (None, Need::MustHave) => {
                return Err(ApiError::Unavailable {
                    reason: "ARTIFACT_NOT_HERE",
                    what: format!(
                        "this node does not hold artifact {digest} yet: ask another, or again in a \
                         moment"
                    ),
                });
            }
        }
    }
    Ok(readers)
}

fn write(
    out: Outgoing,
    mut header: Header,
    frozen: &Frozen,
    artifacts: Vec<(Digest, BlobReader)>,
) -> io::Result<()> {
    let pieces: BTreeMap<PieceHash, Arc<[u8]>> = frozen.pieces().collect();
    header.pieces = count(pieces.len());
    let mut writer = Writer::begin(out, &header, frozen.root())?;
    for piece in pieces.values() {
        writer.piece(piece)?;
    }
    for (digest, reader) in artifacts {
        let size = u32::try_from(reader.size()).map_err(io::Error::other)?;
        writer.artifact(digest.0, size, &mut Bytes { reader, chunk: Vec::new(), at: 0 })?;
    }
    writer.end().map(drop)
}

/// An artifact as bytes to read.
struct Bytes {
    reader: BlobReader,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for Bytes {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            self.chunk = self.reader.next_chunk().map_err(io::Error::other)?.unwrap_or_default();
            self.at = 0;
        }
        let left = &self.chunk[self.at..];
        let part = left.len().min(into.len());
        into[..part].copy_from_slice(&left[..part]);
        self.at += part;
        Ok(part)
    }
}

/// Bytes on their way to the network, in chunks of the largest size.
struct Outgoing {
    sender: mpsc::Sender<Result<pb::BackupChunk, Status>>,
    buffer: Vec<u8>,
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..part]);
        if self.buffer.len() == CHUNK_BYTES {
            self.flush()?;
        }
        Ok(part)
    }

    fn flush(&mut self) -> io::Result<()> {
        let data = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES));
        let sent = self.sender.blocking_send(Ok(pb::BackupChunk { data }));
        sent.map_err(|_| io::Error::other("the reader went away"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_backups_are_read_at_a_time_and_the_next_when_one_has_ended() {
        let backups = Arc::new(Semaphore::new(MAX_BACKUPS));
        let mut read: Vec<_> = (0..MAX_BACKUPS).map(|_| admit(&backups).unwrap()).collect();
        let refused = admit(&backups).unwrap_err();
        let words = "2 backups are being read from this node: wait for their end, or ask another";
        assert_eq!(refused.to_string(), words);
        read.pop();
        assert!(admit(&backups).is_ok());
    }
}
