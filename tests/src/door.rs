//! What does a caller say at a controller's door, and what is the answer as it is on the wire? Every
//! service, as anybody, with nothing tried again and no status dressed up.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::agent_service_client::AgentServiceClient;
use tidegate_proto::v1::calendar_service_client::CalendarServiceClient;
use tidegate_proto::v1::cluster_service_client::ClusterServiceClient;
use tidegate_proto::v1::dashboard_service_client::DashboardServiceClient;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;
use tidegate_proto::v1::incident_service_client::IncidentServiceClient;
use tidegate_proto::v1::patch_set_service_client::PatchSetServiceClient;
use tidegate_proto::v1::report_service_client::ReportServiceClient;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;
use tidegate_proto::{
    CHUNK_BYTES, DEVELOPMENT_HOST_HEADER, DEVELOPMENT_OPERATOR_HEADER, READ_HEADER, READ_STALE,
};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

use crate::trouble::Outcome;

/// How long an answer may take: longer than a controller looks for its leader.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// A piece of an upload.
pub use tidegate_proto::v1::upload_artifact_request::Part;

/// Who stands at the door.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Somebody who does not say who they are.
    Nobody,
    /// An operator of this name.
    Operator(String),
    /// An operator of this name who is content with what the node has.
    StaleReader(String),
    /// The host with this identity, `hosts/{host}`.
    Host(String),
}

impl Interceptor for Caller {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let (key, name) = match self {
            Self::Nobody => return Ok(request),
            Self::Operator(name) => (DEVELOPMENT_OPERATOR_HEADER, name),
            Self::StaleReader(name) => {
                request.metadata_mut().insert(READ_HEADER, MetadataValue::from_static(READ_STALE));
                (DEVELOPMENT_OPERATOR_HEADER, name)
            }
            Self::Host(name) => (DEVELOPMENT_HOST_HEADER, name),
        };
        let value = MetadataValue::try_from(name.as_str());
        let value = value.map_err(|error| Status::invalid_argument(error.to_string()))?;
        request.metadata_mut().insert(key, value);
        Ok(request)
    }
}

/// The connection of one caller to one controller.
pub type Line = InterceptedService<Channel, Caller>;

/// One controller's door, and who stands there.
#[derive(Clone, Debug)]
pub struct Door {
    channel: Channel,
    caller: Caller,
}

impl Door {
    /// The operator `tester` at the controller that listens on `address`, which need not run yet.
    ///
    /// # Errors
    ///
    /// The address is none.
    pub fn of(address: &str) -> Outcome<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        let endpoint = endpoint.connect_timeout(CONNECT_WITHIN).timeout(ANSWER_WITHIN);
        let caller = Caller::Operator("tester".to_owned());
        Ok(Self { channel: endpoint.connect_lazy(), caller })
    }

    /// Somebody else at the same door.
    #[must_use]
    pub fn with(&self, caller: Caller) -> Self {
        Self { channel: self.channel.clone(), caller }
    }

    /// The same operator, who is content with what the node has.
    #[must_use]
    pub fn stale(&self) -> Self {
        self.with(Caller::StaleReader("tester".to_owned()))
    }

    /// Who stands here.
    #[must_use]
    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }

    fn line(&self) -> (Channel, Caller) {
        (self.channel.clone(), self.caller.clone())
    }

    /// Rollouts.
    #[must_use]
    pub fn rollouts(&self) -> RolloutServiceClient<Line> {
        let (channel, caller) = self.line();
        RolloutServiceClient::with_interceptor(channel, caller)
    }

    /// What dashboards see.
    #[must_use]
    pub fn dashboard(&self) -> DashboardServiceClient<Line> {
        let (channel, caller) = self.line();
        DashboardServiceClient::with_interceptor(channel, caller)
    }

    /// Patch sets.
    #[must_use]
    pub fn patch_sets(&self) -> PatchSetServiceClient<Line> {
        let (channel, caller) = self.line();
        PatchSetServiceClient::with_interceptor(channel, caller)
    }

    /// Tiers, tokens, hosts.
    #[must_use]
    pub fn fleet(&self) -> FleetServiceClient<Line> {
        let (channel, caller) = self.line();
        FleetServiceClient::with_interceptor(channel, caller)
    }

    /// Incidents.
    #[must_use]
    pub fn incidents(&self) -> IncidentServiceClient<Line> {
        let (channel, caller) = self.line();
        IncidentServiceClient::with_interceptor(channel, caller)
    }

    /// Reports on the whole fleet.
    #[must_use]
    pub fn reports(&self) -> ReportServiceClient<Line> {
        let (channel, caller) = self.line();
        ReportServiceClient::with_interceptor(channel, caller)
    }

    /// The calendar service.
    #[must_use]
    pub fn calendar(&self) -> CalendarServiceClient<Line> {
        let (channel, caller) = self.line();
        CalendarServiceClient::with_interceptor(channel, caller)
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> ClusterServiceClient<Line> {
        let (channel, caller) = self.line();
        ClusterServiceClient::with_interceptor(channel, caller)
    }

    /// What agents call.
    #[must_use]
    pub fn agent(&self) -> AgentServiceClient<Line> {
        let (channel, caller) = self.line();
        AgentServiceClient::with_interceptor(channel, caller)
    }

    /// Calls whatever is at `path`, with nothing to say, and gives the status of the answer.
    pub async fn knock(&self, path: &'static str) -> Code {
        let mut client = Grpc::new(self.channel.clone());
        if client.ready().await.is_err() {
            return Code::Unavailable;
        }
        let codec = ProstCodec::<(), ()>::default();
        let answer = client.unary(Request::new(()), PathAndQuery::from_static(path), codec).await;
        answer.map_or_else(|status| status.code(), |_| Code::Ok)
    }

    /// Uploads an artifact as it should be.
    ///
    /// # Errors
    ///
    /// The controller's status.
    pub async fn upload(&self, bytes: &[u8]) -> Result<(), Status> {
        self.send(upload_of(bytes)).await
    }

    /// Uploads these pieces, whatever they are.
    ///
    /// # Errors
    ///
    /// The controller's status.
    pub async fn send(&self, parts: Vec<Part>) -> Result<(), Status> {
        let messages = parts.into_iter().map(|part| pb::UploadArtifactRequest { part: Some(part) });
        let messages: Vec<_> = messages.collect();
        self.patch_sets().upload_artifact(tokio_stream::iter(messages)).await.map(|_| ())
    }

    /// The rollout `name`.
    ///
    /// # Errors
    ///
    /// The controller's status.
    pub async fn rollout(&self, name: &str) -> Result<pb::Rollout, Status> {
        let request = pb::GetRolloutRequest { name: name.to_owned() };
        Ok(self.rollouts().get_rollout(request).await?.into_inner())
    }

    /// Every grant of the rollout `name`; at most a page's.
    ///
    /// # Errors
    ///
    /// The controller's status.
    pub async fn grants(&self, name: &str) -> Result<Vec<pb::Grant>, Status> {
        let request = pb::ListGrantsRequest {
            rollout: name.to_owned(),
            page_size: 1_000,
            ..pb::ListGrantsRequest::default()
        };
        Ok(self.rollouts().list_grants(request).await?.into_inner().grants)
    }

    /// The ids of all tokens; at most a page's.
    ///
    /// # Errors
    ///
    /// The controller's status.
    pub async fn token_ids(&self) -> Result<Vec<String>, Status> {
        let request = pb::ListTokensRequest { page_size: 1_000, ..Default::default() };
        let tokens = self.fleet().list_tokens(request).await?.into_inner().tokens;
        let id = |token: pb::Token| token.name.trim_start_matches("tokens/").to_owned();
        Ok(tokens.into_iter().map(id).collect())
    }

    /// How this node sees the cluster.
    ///
    /// # Errors
    ///
    /// The controller's status.
    pub async fn status(&self) -> Result<pb::ClusterStatus, Status> {
        let request = pb::GetClusterStatusRequest {};
        Ok(self.cluster().get_cluster_status(request).await?.into_inner())
    }
}

/// The reason code of a refusal; empty where there is none.
#[must_use]
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// A request id that no other request of any test has.
#[must_use]
pub fn request_id() -> String {
    static RUN: OnceLock<u128> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let run = RUN.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_nanos()
    });
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let (process, run) = (std::process::id() & 0xffff, run & 0xffff_ffff);
    format!("{run:08x}-{process:04x}-4000-8000-{number:012x}")
}

/// The secret of the token `id`.
#[must_use]
pub fn secret(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("tgt_{hex}")
}

/// Asks for a token of `tier` for so many hosts.
#[must_use]
pub fn token(id: &str, tier: &str, max_hosts: u64) -> pb::CreateTokenRequest {
    pb::CreateTokenRequest {
        request_id: request_id(),
        token_id: id.to_owned(),
        tier: format!("tiers/{tier}"),
        max_hosts,
        secret_sha256: Sha256::digest(secret(id).as_bytes()).to_vec(),
        ..pb::CreateTokenRequest::default()
    }
}

/// The pieces of an upload as it should be, the header first.
#[must_use]
pub fn upload_of(bytes: &[u8]) -> Vec<Part> {
    let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let header =
        pb::UploadHeader { sha256: Sha256::digest(bytes).to_vec(), size_bytes, offset_bytes: 0 };
    let pieces = bytes.chunks(CHUNK_BYTES).map(|piece| Part::Data(piece.to_vec()));
    std::iter::once(Part::Header(header)).chain(pieces).collect()
}

/// Asks to publish a patch set with one artifact for each of these kernels, all with the same bytes.
#[must_use]
pub fn publish(version: &str, kernels: &[&str], bytes: &[u8]) -> pb::PublishPatchSetRequest {
    let artifact = |kernel: &&str| pb::Artifact {
        kernel_release: (*kernel).to_owned(),
        flavour: "generic".to_owned(),
        arch: "amd64".to_owned(),
        sha256: Sha256::digest(bytes).to_vec(),
        size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        module: module(version),
    };
    let patch_set = pb::PatchSet {
        name: format!("patchSets/{version}"),
        notice: "LSN-0113-1".to_owned(),
        artifacts: kernels.iter().map(artifact).collect(),
        ..pb::PatchSet::default()
    };
    pb::PublishPatchSetRequest {
        request_id: request_id(),
        patch_set: Some(patch_set),
        ..pb::PublishPatchSetRequest::default()
    }
}

/// The livepatch module of the patch set `version`.
#[must_use]
pub fn module(version: &str) -> String {
    format!("livepatch_{}", version.replace('.', "_"))
}

/// Asks for a draft of the rollout of `version` under a preset.
#[must_use]
pub fn create(version: &str, preset: &str) -> pb::CreateRolloutRequest {
    pb::CreateRolloutRequest {
        request_id: request_id(),
        patch_set: format!("patchSets/{version}"),
        policy: Some(pb::create_rollout_request::Policy::Preset(preset.to_owned())),
        ..pb::CreateRolloutRequest::default()
    }
}

/// Asks to start the rollout `name`.
#[must_use]
pub fn start(name: &str) -> pb::StartRolloutRequest {
    pb::StartRolloutRequest {
        request_id: request_id(),
        name: name.to_owned(),
        ..pb::StartRolloutRequest::default()
    }
}

/// Asks to halt the rollout `name`.
#[must_use]
pub fn halt(name: &str, reason: &str) -> pb::HaltRolloutRequest {
    pb::HaltRolloutRequest {
        request_id: request_id(),
        name: name.to_owned(),
        reason: reason.to_owned(),
        ..pb::HaltRolloutRequest::default()
    }
}

/// Asks to resume the rollout `name`.
#[must_use]
pub fn resume(name: &str, reason: &str) -> pb::ResumeRolloutRequest {
    pb::ResumeRolloutRequest {
        request_id: request_id(),
        name: name.to_owned(),
        reason: reason.to_owned(),
        ..pb::ResumeRolloutRequest::default()
    }
}
