//! What has to be there before something can be measured? An operator's calls that set the scene.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;
use tidegate_proto::v1::patch_set_service_client::PatchSetServiceClient;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use super::cluster::connect;
use super::host::POLICY;
use super::ids::RequestIds;
use super::{BenchError, call};

/// The kernel of every host that is measured.
pub(super) const KERNEL: &str = "5.15.0-107.117";
/// Its flavour.
pub(super) const FLAVOUR: &str = "generic";
/// Its architecture.
pub(super) const ARCH: &str = "amd64";
/// The patch set that is rolled out.
const VERSION: &str = "113.1";
/// What stands for a livepatch; nobody inserts it.
pub(super) const ARTIFACT: &[u8] = b"a livepatch that is never inserted";

/// Pause before a call that the cluster was not ready for is made again.
const AGAIN: Duration = Duration::from_millis(50);
/// How often such a call is made.
const TRIES: u32 = 200;

/// An operator's connection.
pub(super) struct Operator {
    rollouts: RolloutServiceClient<Channel>,
    patch_sets: PatchSetServiceClient<Channel>,
    fleet: FleetServiceClient<Channel>,
    ids: RequestIds,
}

impl Operator {
    /// Connects to a controller.
    pub(super) async fn connect(address: &str) -> Result<Self, BenchError> {
        let channel = connect(address).await?;
        Ok(Self {
            rollouts: RolloutServiceClient::new(channel.clone()),
            patch_sets: PatchSetServiceClient::new(channel.clone()),
            fleet: FleetServiceClient::new(channel),
            ids: RequestIds::draw()?,
        })
    }

    /// Creates a token with this secret.
    pub(super) async fn create_token(
        &mut self,
        tier: &str,
        max_hosts: u64,
        secret: &str,
    ) -> Result<(), BenchError> {
        let request = pb::CreateTokenRequest {
            request_id: self.ids.next(),
            token_id: format!("bench-{tier}"),
            tier: format!("tiers/{tier}"),
            max_hosts,
            secret_sha256: Sha256::digest(secret.as_bytes()).to_vec(),
            ..pb::CreateTokenRequest::default()
        };
        let fleet = &self.fleet;
        until_ready("create a token", || {
            let (mut fleet, request) = (fleet.clone(), request.clone());
            async move { fleet.create_token(request).await }
        })
        .await?;
        Ok(())
    }

    /// Creates a token of this id that nobody will use.
    pub(super) async fn create_named_token(&mut self, id: &str) -> Result<(), BenchError> {
        let request = pb::CreateTokenRequest {
            request_id: self.ids.next(),
            token_id: id.to_owned(),
            tier: "tiers/free".to_owned(),
            max_hosts: 1,
            secret_sha256: Sha256::digest(id.as_bytes()).to_vec(),
            ..pb::CreateTokenRequest::default()
        };
        self.fleet.create_token(request).await.map_err(call("create a token"))?;
        Ok(())
    }

    /// Publishes the patch set.
    pub(super) async fn publish(&mut self) -> Result<(), BenchError> {
        use pb::upload_artifact_request::Part;
        let sha256 = Sha256::digest(ARTIFACT).to_vec();
        let size_bytes = ARTIFACT.len() as u64;
        let header = pb::UploadHeader { sha256: sha256.clone(), size_bytes, offset_bytes: 0 };
        let parts = [Part::Header(header), Part::Data(ARTIFACT.to_vec())];
        let messages = parts.map(|part| pb::UploadArtifactRequest { part: Some(part) });
        let patch_sets = &self.patch_sets;
        until_ready("upload an artifact", || {
            let (mut patch_sets, messages) = (patch_sets.clone(), messages.clone());
            async move { patch_sets.upload_artifact(tokio_stream::iter(messages)).await }
        })
        .await?;
        let artifact = pb::Artifact {
            kernel_release: KERNEL.to_owned(),
            flavour: FLAVOUR.to_owned(),
            arch: ARCH.to_owned(),
            sha256,
            size_bytes,
            module: "livepatch_113_1".to_owned(),
        };
        let patch_set = pb::PatchSet {
            name: format!("patchSets/{VERSION}"),
            notice: "LSN-0113-1".to_owned(),
            artifacts: vec![artifact],
            ..pb::PatchSet::default()
        };
        let request = pb::PublishPatchSetRequest {
            request_id: self.ids.next(),
            patch_set: Some(patch_set),
            ..pb::PublishPatchSetRequest::default()
        };
        until_ready("publish a patch set", || {
            let (mut patch_sets, request) = (patch_sets.clone(), request.clone());
            async move { patch_sets.publish_patch_set(request).await }
        })
        .await?;
        Ok(())
    }

    /// Creates and starts the rollout, and returns its name.
    pub(super) async fn start(
        &mut self,
        policy: pb::create_rollout_request::Policy,
    ) -> Result<String, BenchError> {
        let request = pb::CreateRolloutRequest {
            request_id: self.ids.next(),
            patch_set: format!("patchSets/{VERSION}"),
            policy: Some(policy),
            ..pb::CreateRolloutRequest::default()
        };
        let rollouts = &self.rollouts;
        let created = until_ready("create a rollout", || {
            let (mut rollouts, request) = (rollouts.clone(), request.clone());
            async move { rollouts.create_rollout(request).await }
        });
        let name = created.await?.name;
        let request = pb::StartRolloutRequest {
            request_id: self.ids.next(),
            name: name.clone(),
            ..pb::StartRolloutRequest::default()
        };
        // The artifact has to reach a majority first.
        until_ready("start a rollout", || {
            let (mut rollouts, request) = (rollouts.clone(), request.clone());
            async move { rollouts.start_rollout(request).await }
        })
        .await?;
        Ok(name)
    }

    /// Pauses the rollout.
    pub(super) async fn pause(&mut self, name: &str) -> Result<(), BenchError> {
        let request = pb::PauseRolloutRequest {
            request_id: self.ids.next(),
            name: name.to_owned(),
            reason: "so that commands can be measured".to_owned(),
            ..pb::PauseRolloutRequest::default()
        };
        self.rollouts.pause_rollout(request).await.map_err(call("pause the rollout"))?;
        Ok(())
    }
}

/// Has a rollout of no hosts started and paused, and returns its name.
pub(super) async fn paused_rollout(address: &str) -> Result<String, BenchError> {
    let mut operator = Operator::connect(address).await?;
    operator.publish().await?;
    let policy = pb::create_rollout_request::Policy::PolicyToml(POLICY.to_owned());
    let name = operator.start(policy).await?;
    operator.pause(&name).await?;
    Ok(name)
}

/// Makes a call until a young cluster is ready for it.
async fn until_ready<T, F>(
    what: &'static str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, BenchError>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut tries = 0;
    loop {
        tries += 1;
        match attempt().await {
            Ok(response) => return Ok(response.into_inner()),
            Err(status) if is_passing(&status) && tries < TRIES => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(status) => return Err(call(what)(status)),
        }
    }
}

fn is_passing(status: &Status) -> bool {
    status.code() == Code::Unavailable || status.code() == Code::FailedPrecondition
}
