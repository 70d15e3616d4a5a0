//! How do the pieces of a snapshot get from one node to another? Each is named by its content, so that
//! whoever holds it may give it, and a wrong one is seen.

use std::sync::Arc;
use std::time::Duration;

use tidegate_proto::v1::{FetchPiecesRequest, FetchPiecesResponse};
#[cfg(test)]
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::Peers;
use crate::journal::{PieceHash, PieceReader};
use crate::node::NodeId;
use crate::runtime::{Outbound, PiecesWanted};

/// Most pieces that one call may ask for.
const MAX_HASHES: usize = 1_024;
/// Bytes of pieces after which a part of the answer takes no further one.
const PART_BYTES: usize = 512 * 1024;
/// Parts that are read ahead of the network.
const PARTS_AHEAD: usize = 2;
/// Most calls that this node answers at a time; further ones are refused, and asked again.
const MAX_SERVED: usize = 8;
/// Most calls that this node makes at a time.
const MAX_FETCHED: usize = 4;
/// How long a whole answer may take. What came until then is used.
const PATIENCE: Duration = Duration::from_secs(10);

/// A part of the answer after another.
pub(super) type PieceStream = ReceiverStream<Result<FetchPiecesResponse, Status>>;

/// How many calls are answered now.
#[derive(Debug)]
pub(super) struct Serving {
    free: Arc<Semaphore>,
}

impl Default for Serving {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(MAX_SERVED)) }
    }
}

impl Serving {
    /// Takes all places, so that no call is answered until they are given back.
    #[cfg(test)]
    pub(super) async fn hold(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(MAX_SERVED).unwrap();
        Arc::clone(&self.free).acquire_many_owned(all).await.unwrap()
    }

    /// Streams those of the pieces that `reader` has, off the async threads.
    pub(super) fn stream(
        &self,
        reader: PieceReader,
        hashes: Vec<Vec<u8>>,
    ) -> Result<PieceStream, Status> {
        let hashes = parse(hashes)?;
        let busy = || {
            Status::resource_exhausted(format!(
                "could not give pieces: {MAX_SERVED} nodes are given some already; ask another node"
            ))
        };
        let permit = Arc::clone(&self.free).try_acquire_owned().map_err(|_| busy())?;
        let (parts, receiver) = mpsc::channel(PARTS_AHEAD);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut pieces = Vec::new();
            let mut bytes = 0;
            for hash in hashes {
                let piece = match reader.piece(&hash) {
                    Ok(Some(piece)) => piece,
                    Ok(None) => continue,
                    Err(error) => {
                        // The scrub stops a node whose disk is damaged; another peer has the piece.
                        tracing::error!(?hash, %error, "piece.unreadable");
                        continue;
                    }
                };
                bytes += piece.len();
                pieces.push(piece.to_vec());
                if bytes >= PART_BYTES {
                    bytes = 0;
                    let part = FetchPiecesResponse { pieces: std::mem::take(&mut pieces) };
                    if parts.blocking_send(Ok(part)).is_err() {
                        return; // Nobody listens any more.
                    }
                }
            }
            if !pieces.is_empty() {
                drop(parts.blocking_send(Ok(FetchPiecesResponse { pieces })));
            }
        });
        Ok(ReceiverStream::new(receiver))
    }
}

fn parse(hashes: Vec<Vec<u8>>) -> Result<Vec<PieceHash>, Status> {
    if hashes.len() > MAX_HASHES {
        let count = hashes.len();
        let text = format!("{count} pieces were asked for; ask for {MAX_HASHES} at most");
        return Err(Status::invalid_argument(text));
    }
    let parsed = hashes.into_iter().map(|hash| <[u8; 32]>::try_from(hash).map(PieceHash));
    parsed.collect::<Result<_, _>>().map_err(|wrong| {
        let bytes = wrong.len();
        Status::invalid_argument(format!("a piece's hash has 32 bytes, not {bytes}"))
    })
}

/// Carries out what the node wants fetched, until it stops. What cannot be had is wanted again by the
/// node itself.
pub(super) async fn run(peers: Peers, outbound: Outbound) {
    let free = Arc::new(Semaphore::new(MAX_FETCHED));
    loop {
        let PiecesWanted { from, hashes } = tokio::select! {
            wanted = outbound.next_wanted() => wanted,
            _ = peers.shared.handle.stopped() => return,
        };
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        let peers = peers.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let count = hashes.len();
            let fetched = tokio::time::timeout(PATIENCE, peers.fetch_pieces(from, hashes)).await;
            let why = match fetched {
                Ok(Ok(())) => return,
                Ok(Err(status)) => status.to_string(),
                Err(late) => late.to_string(),
            };
            tracing::debug!(peer = from.0, count, why, "pieces.not_fetched");
        });
    }
}

impl Peers {
    /// Fetches pieces from `peer` and gives each part to the node as it comes.
    async fn fetch_pieces(&self, peer: NodeId, hashes: Vec<PieceHash>) -> Result<(), Status> {
        let no_link = || Status::unavailable("no such peer");
        let link = self.shared.links.get(peer).ok_or_else(no_link)?;
        let connected = link.client().await;
        let mut client = connected.map_err(|error| Status::unavailable(error.to_string()))?;
        let hashes = hashes.into_iter().map(|PieceHash(hash)| hash.to_vec()).collect();
        let request = FetchPiecesRequest { header: self.header_for(peer), hashes };
        let mut parts = client.fetch_pieces(request).await?.into_inner();
        while let Some(part) = parts.message().await? {
            self.shared.handle.pieces_arrived(part.pieces);
        }
        Ok(())
    }
}
