//! How do artifacts come in and go out? In pieces, checked to the last byte.

use tidegate_proto::v1 as pb;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::convert::check;
use super::error::ApiError;
use crate::artifacts::{Incoming, Store, StoreError};
use crate::machine::ids::Digest;

/// Pieces that are read ahead of the network.
const CHUNKS_AHEAD: usize = 4;

/// A stream of an artifact's pieces.
pub(super) type Chunks = ReceiverStream<Result<pb::ArtifactChunk, Status>>;

/// The artifact from `offset` on; `None` if it is not here.
pub(super) async fn chunks(
    store: &Store,
    digest: Digest,
    offset: u64,
) -> Result<Option<Chunks>, ApiError> {
    let store = store.clone();
    let Some(mut reader) = blocking(move || store.open_blob(digest, offset)).await? else {
        return Ok(None);
    };
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        loop {
            let chunk = match reader.next_chunk() {
                Ok(Some(data)) => Ok(pb::ArtifactChunk { data }),
                Ok(None) => return,
                Err(error) => Err(Status::from(ApiError::from(error))),
            };
            let ended = chunk.is_err();
            if sender.blocking_send(chunk).is_err() || ended {
                return;
            }
        }
    });
    Ok(Some(ReceiverStream::new(receiver)))
}

/// How much of an artifact is here: all, or the bytes that an upload can go on from.
pub(super) async fn held(store: &Store, digest: Digest) -> Result<(u64, bool), ApiError> {
    let store = store.clone();
    blocking(move || Ok((store.held(digest)?, store.has(digest)?))).await
}

/// Takes an upload to its end. One that breaks off can be gone on with; nothing is kept of one that
/// is not what it said.
pub(super) async fn receive(
    store: &Store,
    mut upload: Streaming<pb::UploadArtifactRequest>,
) -> Result<(Digest, u64), ApiError> {
    use pb::upload_artifact_request::Part;
    let first = next(&mut upload).await?.and_then(|message| message.part);
    let Some(Part::Header(header)) = first else {
        return Err(bad_upload("HEADER_MISSING", "an upload begins with its header"));
    };
    let digest = check::digest("header.sha256", &header.sha256)?;
    let size = header.size_bytes;
    let begin = {
        let store = store.clone();
        move || store.resume(digest, size, header.offset_bytes)
    };
    let mut incoming: Incoming = blocking(begin).await?;
    while let Some(message) = next(&mut upload).await? {
        let Some(Part::Data(data)) = message.part else {
            return Err(bad_upload("HEADER_TWICE", "an upload has one header, then bytes alone"));
        };
        incoming = blocking(move || incoming.write(&data)).await?;
    }
    blocking(move || incoming.finish()).await?;
    Ok((digest, size))
}

async fn next(
    upload: &mut Streaming<pb::UploadArtifactRequest>,
) -> Result<Option<pb::UploadArtifactRequest>, ApiError> {
    upload.message().await.map_err(|status| ApiError::BadUpload {
        reason: "UPLOAD_BROKEN",
        what: format!("the upload broke off: {}; send it again", status.message()),
    })
}

fn bad_upload(reason: &'static str, what: &str) -> ApiError {
    ApiError::BadUpload { reason, what: what.to_owned() }
}

/// Does the store's work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => {
            Err(ApiError::Internal { what: format!("the artifact store broke: {error}") })
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let reason = match &error {
            StoreError::SizeOutOfRange { .. } => "ARTIFACT_SIZE",
            StoreError::Oversized { .. } => "UPLOAD_OVERSIZED",
            StoreError::Truncated { .. } => "UPLOAD_TRUNCATED",
            StoreError::DigestMismatch { .. } => "DIGEST_MISMATCH",
            StoreError::OffsetPastEnd { .. } => "OFFSET_PAST_END",
            // The next attempt asks anew, and goes on from what is here then.
            StoreError::NothingToResume { .. } => {
                return Self::Unavailable { reason: "UPLOAD_OFFSET", what: error.to_string() };
            }
            StoreError::Damaged { .. } => {
                return Self::Unavailable { reason: "CHECKSUM_MISMATCH", what: error.to_string() };
            }
            StoreError::NoSpace { .. } => {
                return Self::Unavailable { reason: "DISK_FULL", what: error.to_string() };
            }
            StoreError::Io { .. } => return Self::Internal { what: error.to_string() },
        };
        Self::BadUpload { reason, what: error.to_string() }
    }
}
