//! What does an operator do over gRPC? The calls that the demonstration needs, and no way around them.

use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tidegate_proto::CHUNK_BYTES;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;
use tidegate_proto::v1::patch_set_service_client::PatchSetServiceClient;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::{DemoError, call};

/// Pause before a call that the cluster was not ready for is made again.
const AGAIN: Duration = Duration::from_millis(50);

/// An operator's connection.
pub(super) struct Operator {
    pub(super) rollouts: RolloutServiceClient<Channel>,
    patch_sets: PatchSetServiceClient<Channel>,
    fleet: FleetServiceClient<Channel>,
}

impl Operator {
    /// Connects to the controller.
    pub(super) async fn connect(address: &str) -> Result<Self, DemoError> {
        let what = "connect to the controller";
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| DemoError::setup(what, &error))?;
        let channel = endpoint.connect().await.map_err(|error| DemoError::setup(what, &error))?;
        Ok(Self {
            rollouts: RolloutServiceClient::new(channel.clone()),
            patch_sets: PatchSetServiceClient::new(channel.clone()),
            fleet: FleetServiceClient::new(channel),
        })
    }

    /// Creates a token for `tier`, and returns its secret.
    pub(super) async fn create_token(
        &mut self,
        tier: &str,
        max_hosts: u64,
    ) -> Result<String, DemoError> {
        let secret = format!("tgt_{}", hex(&random::<32>()?));
        let request = pb::CreateTokenRequest {
            request_id: request_id()?,
            token_id: format!("demo-{tier}"),
            tier: format!("tiers/{tier}"),
            max_hosts,
            secret_sha256: Sha256::digest(secret.as_bytes()).to_vec(),
            ..pb::CreateTokenRequest::default()
        };
        loop {
            match self.fleet.create_token(request.clone()).await {
                Ok(_) => return Ok(secret),
                // A young cluster elects its leader first.
                Err(status) if is_passing(&status) => tokio::time::sleep(AGAIN).await,
                Err(status) => return Err(call("create a token")(status)),
            }
        }
    }

    /// Uploads one artifact for all its kernels, and publishes the patch set.
    pub(super) async fn publish(
        &mut self,
        set: pb::PatchSet,
        artifact: Vec<u8>,
    ) -> Result<(), DemoError> {
        use pb::upload_artifact_request::Part;
        let header = pb::UploadHeader {
            sha256: Sha256::digest(&artifact).to_vec(),
            size_bytes: artifact.len() as u64,
            offset_bytes: 0,
        };
        let pieces: Vec<Part> =
            artifact.chunks(CHUNK_BYTES).map(|data| Part::Data(data.to_vec())).collect();
        let parts = std::iter::once(Part::Header(header)).chain(pieces);
        let messages = parts.map(|part| pb::UploadArtifactRequest { part: Some(part) });
        let upload = tokio_stream::iter(messages.collect::<Vec<_>>());
        self.patch_sets.upload_artifact(upload).await.map_err(call("upload the artifact"))?;
        let request = pb::PublishPatchSetRequest {
            request_id: request_id()?,
            patch_set: Some(set),
            ..pb::PublishPatchSetRequest::default()
        };
        self.patch_sets.publish_patch_set(request).await.map_err(call("publish the patch set"))?;
        Ok(())
    }

    /// Creates and starts the rollout of a patch set under the preset `compressed`.
    pub(super) async fn start(&mut self, version: &str) -> Result<pb::Rollout, DemoError> {
        let create = pb::CreateRolloutRequest {
            request_id: request_id()?,
            patch_set: format!("patchSets/{version}"),
            policy: Some(pb::create_rollout_request::Policy::Preset("compressed".to_owned())),
            ..pb::CreateRolloutRequest::default()
        };
        let created =
            self.rollouts.create_rollout(create).await.map_err(call("create the rollout"))?;
        let start = pb::StartRolloutRequest {
            request_id: request_id()?,
            name: created.into_inner().name,
            ..pb::StartRolloutRequest::default()
        };
        let started =
            self.rollouts.start_rollout(start).await.map_err(call("start the rollout"))?;
        Ok(started.into_inner())
    }

    /// Every grant of a rollout.
    pub(super) async fn grants(&mut self, rollout: &str) -> Result<Vec<pb::Grant>, DemoError> {
        let mut grants = Vec::new();
        let mut page_token = String::new();
        loop {
            let rollout = rollout.to_owned();
            let request = pb::ListGrantsRequest {
                rollout,
                page_size: 1_000,
                page_token,
                ..pb::ListGrantsRequest::default()
            };
            let page = self.rollouts.list_grants(request).await.map_err(call("list the grants"))?;
            let page = page.into_inner();
            grants.extend(page.grants);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(grants);
            }
        }
    }
}

fn is_passing(status: &Status) -> bool {
    status.code() == Code::Unavailable
}

fn request_id() -> Result<String, DemoError> {
    let hex = hex(&random::<16>()?);
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(parts.join("-"))
}

fn random<const N: usize>() -> Result<[u8; N], DemoError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| DemoError::setup("draw randomness", &error))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
