//! What does an operator do, step by step? Each step is a call that must be answered well; the wire
//! itself is tested through `door`.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tidegate_proto::CHUNK_BYTES;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;
use tidegate_proto::v1::patch_set_service_client::PatchSetServiceClient;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};

/// Pause before a call that a young cluster was not ready for is made again.
const AGAIN: Duration = Duration::from_millis(50);

/// How many times such a call is made before its refusal counts: together 10 seconds.
const ATTEMPTS: usize = 200;

/// The largest page that a list gives.
const PAGE: i32 = 1_000;

/// An operator's connection to one controller.
#[derive(Clone, Debug)]
pub struct Operator {
    rollouts: RolloutServiceClient<Channel>,
    patch_sets: PatchSetServiceClient<Channel>,
    fleet: FleetServiceClient<Channel>,
}

/// A call that was refused, or whose answer never came.
pub struct Refused {
    attempted: &'static str,
    status: Box<Status>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, message) = (self.status.code(), self.status.message());
        write!(f, "could not {}: {code:?}: {message}", self.attempted)
    }
}

/// A failed test shows the debug form, so that one is for people, too.
impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Refused {}

fn refused(attempted: &'static str) -> impl Fn(Status) -> Refused {
    move |status| Refused { attempted, status: Box::new(status) }
}

/// What a rollout went through while it was watched.
#[derive(Debug)]
pub struct Watched {
    /// The rollout as it was when the wait was over.
    pub rollout: pb::Rollout,
    /// What was decided meanwhile, oldest first.
    pub records: Vec<pb::DecisionRecord>,
}

impl Operator {
    /// A connection to the controller at `address`, made when it is first used. Speaks plaintext.
    /// Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When the address is none that can be connected to.
    pub fn connect(address: SocketAddr) -> Result<Self, Refused> {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|error| {
            refused("connect to the controller")(Status::invalid_argument(error.to_string()))
        })?;
        let channel = endpoint.connect_lazy();
        Ok(Self {
            rollouts: RolloutServiceClient::new(channel.clone()),
            patch_sets: PatchSetServiceClient::new(channel.clone()),
            fleet: FleetServiceClient::new(channel),
        })
    }

    /// Creates the token `id` for so many hosts of `tier` (without `tiers/`), and returns its
    /// secret. Waits for the leader of a young cluster.
    ///
    /// # Errors
    /// When the controller refuses, or has no leader for 10 seconds.
    pub async fn create_token(
        &self,
        id: &str,
        tier: &str,
        max_hosts: u64,
    ) -> Result<String, Refused> {
        let attempted = "create a token";
        let secret = format!("tgt_{}", hex(&random::<32>(attempted)?));
        let request = pb::CreateTokenRequest {
            request_id: request_id(attempted)?,
            token_id: id.to_owned(),
            tier: format!("tiers/{tier}"),
            max_hosts,
            secret_sha256: Sha256::digest(secret.as_bytes()).to_vec(),
            ..pb::CreateTokenRequest::default()
        };
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            match self.fleet.clone().create_token(request.clone()).await {
                Ok(_) => return Ok(secret),
                Err(status) if left > 0 && status.code() == Code::Unavailable => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(status) => return Err(refused(attempted)(status)),
            }
        }
    }

    /// Every enrolled host, by id, without its grants.
    ///
    /// # Errors
    /// When the controller refuses.
    pub async fn hosts(&self) -> Result<Vec<pb::Host>, Refused> {
        let attempted = "list the hosts";
        let (mut fleet, mut hosts, mut page_token) =
            (self.fleet.clone(), Vec::new(), String::new());
        loop {
            let request = pb::ListHostsRequest {
                page_size: PAGE,
                page_token,
                ..pb::ListHostsRequest::default()
            };
            let page = fleet.list_hosts(request).await.map_err(refused(attempted))?.into_inner();
            hosts.extend(page.hosts);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(hosts);
            }
        }
    }

    /// Uploads the artifacts' bytes and publishes the patch set that names them.
    ///
    /// # Errors
    /// When the controller refuses either.
    pub async fn publish(&self, set: pb::PatchSet, artifacts: &[Vec<u8>]) -> Result<(), Refused> {
        let mut patch_sets = self.patch_sets.clone();
        for bytes in artifacts {
            let upload = tokio_stream::iter(upload(bytes));
            let attempted = "upload an artifact";
            patch_sets.upload_artifact(upload).await.map_err(refused(attempted))?;
        }
        let attempted = "publish the patch set";
        let request = pb::PublishPatchSetRequest {
            request_id: request_id(attempted)?,
            patch_set: Some(set),
            ..pb::PublishPatchSetRequest::default()
        };
        patch_sets.publish_patch_set(request).await.map_err(refused(attempted))?;
        Ok(())
    }

    /// Creates and starts the rollout of the patch set `version` under the policy document `policy`,
    /// which messages call `source`.
    ///
    /// # Errors
    /// When the controller refuses: also while too few controllers hold the artifacts.
    pub async fn start(
        &self,
        version: &str,
        source: &str,
        policy: &str,
    ) -> Result<pb::Rollout, Refused> {
        let attempted = "create the rollout";
        let create = pb::CreateRolloutRequest {
            request_id: request_id(attempted)?,
            patch_set: format!("patchSets/{version}"),
            policy: Some(pb::create_rollout_request::Policy::PolicyToml(policy.to_owned())),
            policy_source: source.to_owned(),
            ..pb::CreateRolloutRequest::default()
        };
        let created = self.rollouts.clone().create_rollout(create).await;
        let name = created.map_err(refused(attempted))?.into_inner().name;
        let attempted = "start the rollout";
        let request = pb::StartRolloutRequest {
            request_id: request_id(attempted)?,
            name,
            ..pb::StartRolloutRequest::default()
        };
        let started = self.rollouts.clone().start_rollout(request).await;
        started.map(Response::into_inner).map_err(refused(attempted))
    }

    /// Rolls the rollout `name` (`rollouts/…`) back.
    ///
    /// # Errors
    /// When the controller refuses.
    pub async fn roll_back(&self, name: &str, reason: &str) -> Result<pb::Rollout, Refused> {
        let attempted = "roll the rollout back";
        let request = pb::RollbackRolloutRequest {
            request_id: request_id(attempted)?,
            name: name.to_owned(),
            reason: reason.to_owned(),
            validate_only: false,
        };
        let answer = self.rollouts.clone().rollback_rollout(request).await;
        answer.map(Response::into_inner).map_err(refused(attempted))
    }

    /// The hosts that still run the withdrawn patch set `version`; at most a page's.
    ///
    /// # Errors
    /// When the controller refuses.
    pub async fn ledger(&self, version: &str) -> Result<Vec<pb::LedgerEntry>, Refused> {
        let request = pb::ListLedgerRequest {
            patch_set: format!("patchSets/{version}"),
            page_size: PAGE,
            page_token: String::new(),
            filter: String::new(),
        };
        let answer = self.patch_sets.clone().list_ledger(request).await;
        answer.map(|page| page.into_inner().entries).map_err(refused("list the ledger"))
    }

    /// Watches the rollout `name` (`rollouts/…`) until `is_over` says so. It has no time limit.
    ///
    /// # Errors
    /// When the controller refuses or ends the stream.
    pub async fn watch(
        &self,
        name: &str,
        is_over: impl Fn(&pb::Rollout) -> bool,
    ) -> Result<Watched, Refused> {
        let attempted = "watch the rollout";
        let request = pb::WatchRolloutRequest { name: name.to_owned(), from_revision: 0 };
        let stream = self.rollouts.clone().watch_rollout(request).await;
        let mut stream = stream.map_err(refused(attempted))?.into_inner();
        let mut records = Vec::new();
        while let Some(change) = stream.message().await.map_err(refused(attempted))? {
            records.extend(change.records);
            if let Some(rollout) = change.rollout.filter(|rollout| is_over(rollout)) {
                return Ok(Watched { rollout, records });
            }
        }
        Err(refused(attempted)(Status::cancelled("the controller ended the stream")))
    }

    /// Why the rollout `name` (`rollouts/…`) is where it is.
    ///
    /// # Errors
    /// When the controller refuses.
    pub async fn explain(&self, name: &str) -> Result<pb::ExplainRolloutResponse, Refused> {
        let request = pb::ExplainRolloutRequest {
            name: name.to_owned(),
            ..pb::ExplainRolloutRequest::default()
        };
        let explained = self.rollouts.clone().explain_rollout(request).await;
        explained.map(Response::into_inner).map_err(refused("explain the rollout"))
    }

    /// Every grant of the rollout `name` (`rollouts/…`), by number.
    ///
    /// # Errors
    /// When the controller refuses.
    pub async fn grants(&self, name: &str) -> Result<Vec<pb::Grant>, Refused> {
        let (mut rollouts, mut grants) = (self.rollouts.clone(), Vec::new());
        let mut page_token = String::new();
        loop {
            let rollout = name.to_owned();
            let request = pb::ListGrantsRequest {
                rollout,
                page_size: PAGE,
                page_token,
                ..pb::ListGrantsRequest::default()
            };
            let page = rollouts.list_grants(request).await.map_err(refused("list the grants"))?;
            let page = page.into_inner();
            grants.extend(page.grants);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(grants);
            }
        }
    }
}

/// One artifact in the pieces of an upload, its header first.
fn upload(bytes: &[u8]) -> Vec<pb::UploadArtifactRequest> {
    use pb::upload_artifact_request::Part;
    let header = pb::UploadHeader {
        sha256: Sha256::digest(bytes).to_vec(),
        size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        offset_bytes: 0,
    };
    let pieces = bytes.chunks(CHUNK_BYTES).map(|piece| Part::Data(piece.to_vec()));
    std::iter::once(Part::Header(header))
        .chain(pieces)
        .map(|part| pb::UploadArtifactRequest { part: Some(part) })
        .collect()
}

fn request_id(attempted: &'static str) -> Result<String, Refused> {
    let hex = hex(&random::<16>(attempted)?);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

fn random<const N: usize>(attempted: &'static str) -> Result<[u8; N], Refused> {
    let mut bytes = [0; N];
    let drawn = getrandom::fill(&mut bytes);
    drawn.map_err(|error| refused(attempted)(Status::internal(error.to_string())))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
