//! How does an artifact get from one node to another? As a stream of pieces from any byte on.

use std::path::PathBuf;

use tidegate_proto::CHUNK_BYTES;
use tidegate_proto::v1::{ArtifactChunk, FetchBlobRequest};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::Peers;
use crate::node::NodeId;

/// Pieces that are read ahead of the network.
const CHUNKS_AHEAD: usize = 4;

/// A file's pieces, as they are read.
pub(super) type BlobStream = ReceiverStream<Result<ArtifactChunk, Status>>;

impl Peers {
    /// Streams the artifact with this SHA-256 from `peer`, from byte `offset_bytes` on. The caller
    /// checks the digest: a peer may hold a damaged file.
    ///
    /// # Errors
    ///
    /// The peer's status: `NOT_FOUND` where it does not hold the artifact, `OUT_OF_RANGE` for an
    /// offset past its end, `UNAVAILABLE` where the peer cannot be reached.
    pub async fn fetch_blob(
        &self,
        peer: NodeId,
        sha256: [u8; 32],
        offset_bytes: u64,
    ) -> Result<Streaming<ArtifactChunk>, Status> {
        let unreachable = |why: String| {
            let text = format!("could not fetch an artifact from node {peer}: {why}; ask another");
            Status::unavailable(text)
        };
        let link = self.shared.links.get(peer).ok_or_else(|| unreachable("no such peer".into()))?;
        let mut client = link.client().await.map_err(|error| unreachable(error.to_string()))?;
        let header = self.header_for(peer);
        let request = FetchBlobRequest { header, sha256: sha256.to_vec(), offset_bytes };
        Ok(client.fetch_blob(request).await?.into_inner())
    }
}

/// The pieces of the file at `path` from byte `offset_bytes` on.
pub(super) async fn stream(path: PathBuf, offset_bytes: u64) -> Result<BlobStream, Status> {
    let failed = |error: std::io::Error| {
        Status::unavailable(format!("could not read the artifact: {error}; ask another node"))
    };
    let mut file = File::open(&path).await.map_err(failed)?;
    let size = file.metadata().await.map_err(failed)?.len();
    if offset_bytes > size {
        return Err(Status::out_of_range(format!(
            "could not read the artifact from byte {offset_bytes}: it has {size}; start again at 0"
        )));
    }
    file.seek(std::io::SeekFrom::Start(offset_bytes)).await.map_err(failed)?;
    let (chunks, receiver) = mpsc::channel(CHUNKS_AHEAD);
    tokio::spawn(async move {
        loop {
            let mut data = Vec::with_capacity(CHUNK_BYTES);
            let chunk = match (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut data).await {
                Ok(0) => return,
                Ok(_) => Ok(ArtifactChunk { data }),
                Err(error) => Err(failed(error)),
            };
            let ended = chunk.is_err();
            if chunks.send(chunk).await.is_err() || ended {
                return;
            }
        }
    });
    Ok(ReceiverStream::new(receiver))
}
