//! How does an artifact arrive although connections break? What came is kept, and the next attempt
//! goes on from there, with whichever controller.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_proto::v1::FetchArtifactRequest;
use tonic::{Code, Status};

use super::Transport;
use super::calls::FETCH_TIMEOUT;
use super::failure::{call_failed, too_long};
use crate::core::{CallFailed, Digest, OfferedArtifact};

/// The first bytes of the artifact that is being downloaded. A host downloads one at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Begun(Arc<Mutex<Arrived>>);

/// Which artifact, and what has come of it.
type Arrived = Option<(Digest, Vec<u8>)>;

impl Begun {
    /// How many bytes of the artifact are here. Those of another one are let go.
    fn go_on(&self, digest: Digest) -> u64 {
        let mut begun = self.lock();
        match &*begun {
            Some((of, bytes)) if *of == digest => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Some(_) | None => {
                *begun = Some((digest, Vec::new()));
                0
            }
        }
    }

    /// Keeps what came next; how many bytes are here then.
    fn extend(&self, more: &[u8]) -> usize {
        let mut begun = self.lock();
        let Some((_, bytes)) = &mut *begun else { return 0 };
        bytes.extend_from_slice(more);
        bytes.len()
    }

    /// Gives out all that came.
    fn take(&self) -> Vec<u8> {
        self.lock().take().map(|(_, bytes)| bytes).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Arrived> {
        // Nothing panics while it holds the lock; the digest of the whole decides at the end.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport {
    /// Downloads an artifact, from where the attempt before broke off. Stops once more bytes came than
    /// were offered: such bytes are wrong whatever follows. The caller checks the digest.
    ///
    /// # Errors
    ///
    /// Where the stream broke off. What came is kept for the next attempt.
    pub async fn fetch(&self, artifact: &OfferedArtifact) -> Result<Vec<u8>, CallFailed> {
        let offset_bytes = self.begun.go_on(artifact.digest);
        let sha256 = artifact.digest.0.to_vec();
        let request = self.request(FetchArtifactRequest { sha256, offset_bytes });
        let most = usize::try_from(artifact.size_bytes).unwrap_or(usize::MAX);
        let mut client = self.client();
        let download = async {
            let mut chunks = client.fetch_artifact(request).await?.into_inner();
            while let Some(chunk) = chunks.message().await? {
                if self.begun.extend(&chunk.data) > most {
                    break;
                }
            }
            Ok::<_, Status>(())
        };
        match tokio::time::timeout(FETCH_TIMEOUT, download).await {
            Ok(Ok(())) => Ok(self.begun.take()),
            Ok(Err(status)) => {
                if status.code() == Code::OutOfRange {
                    drop(self.begun.take()); // It has fewer bytes than came: begin anew.
                }
                Err(call_failed(&status))
            }
            Err(_) => Err(too_long("the download")),
        }
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::transport::Endpoints;
    use crate::yes_controller;

    #[tokio::test]
    async fn a_download_that_breaks_off_goes_on_where_it_stopped() {
        let patch: String = ('a'..='z').cycle().take(500).collect();
        let controller = yes_controller::start_with_breaks(&patch, 3).await;
        let addresses = std::slice::from_ref(&controller.address);
        let endpoints = Endpoints::plaintext(addresses, &[], 1).unwrap();
        let transport = Transport::new(endpoints, 0);
        let digest = Digest(Sha256::digest(patch.as_bytes()).into());
        let artifact = OfferedArtifact {
            digest,
            size_bytes: 500,
            module: "livepatch_113_1".to_owned().try_into().unwrap(),
            kernel_release: "5.15.0-107.117".to_owned(),
            flavour: "generic".to_owned(),
            arch: "amd64".to_owned(),
        };
        for _ in 0..3 {
            transport.fetch(&artifact).await.unwrap_err();
        }
        assert_eq!(transport.fetch(&artifact).await.unwrap(), patch.as_bytes());
        let begins: Vec<u64> = controller.downloads.lock().unwrap().clone();
        assert_eq!(begins, [0, 50, 100, 150]);
        assert_eq!(transport.fetch(&artifact).await.unwrap(), patch.as_bytes());
    }
}
