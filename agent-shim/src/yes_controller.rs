//! A controller for tests that says yes to everybody, over real gRPC on loopback.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};
use tidegate_proto::v1::agent_service_server::{AgentService, AgentServiceServer};
use tidegate_proto::v1::host_report::Body;
use tidegate_proto::v1::outcome::Result as Ended;
use tidegate_proto::v1::{self, begin_response::Decision};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// What a host told the controller, in order.
pub(crate) type Heard = BTreeMap<String, Vec<Body>>;

/// A controller at run.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: String,
    /// All that was heard so far, anew with every report.
    pub(crate) news: mpsc::UnboundedReceiver<Heard>,
    /// From which byte each download began.
    pub(crate) downloads: Arc<Mutex<Vec<u64>>>,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Starts a controller that offers `patch` to everybody.
pub(crate) async fn start(patch: &str) -> Running {
    start_with_breaks(patch, 0).await
}

/// The same, but the first `breaks` downloads break off after a piece.
pub(crate) async fn start_with_breaks(patch: &str, breaks: usize) -> Running {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (told, news) = mpsc::unbounded_channel();
    let downloads = Arc::default();
    let controller = YesController {
        artifact: patch.as_bytes().to_vec(),
        breaks,
        downloads: Arc::clone(&downloads),
        facts: Mutex::default(),
        heard: Mutex::default(),
        told,
    };
    let service = AgentServiceServer::from_arc(Arc::new(controller));
    let server = tonic::transport::Server::builder().add_service(service);
    let serving = tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    Running { address, news, downloads, serving }
}

/// Grants everybody everything.
struct YesController {
    artifact: Vec<u8>,
    breaks: usize,
    downloads: Arc<Mutex<Vec<u64>>>,
    facts: Mutex<BTreeMap<String, v1::HostFacts>>,
    heard: Mutex<Heard>,
    told: mpsc::UnboundedSender<Heard>,
}

fn host_of<T>(request: &Request<T>) -> String {
    let value = request.metadata().get(tidegate_proto::DEVELOPMENT_HOST_HEADER).unwrap();
    value.to_str().unwrap().to_owned()
}

#[tonic::async_trait]
impl AgentService for YesController {
    async fn enroll(
        &self,
        request: Request<v1::EnrollRequest>,
    ) -> Result<Response<v1::EnrollResponse>, Status> {
        let request = request.into_inner();
        let host = format!("hosts/{}", request.machine_id);
        self.facts.lock().unwrap().insert(host.clone(), request.facts.unwrap());
        let tier = format!("tiers/{}", request.token_secret.trim_start_matches("tgt_"));
        Ok(Response::new(v1::EnrollResponse {
            host: host.clone(),
            tier,
            development_identity: host,
        }))
    }

    async fn sync(
        &self,
        request: Request<v1::SyncRequest>,
    ) -> Result<Response<v1::SyncResponse>, Status> {
        let host = host_of(&request);
        let facts = self.facts.lock().unwrap()[&host].clone();
        let number: u64 = host.rsplit_once('-').unwrap().1.parse().unwrap();
        Ok(Response::new(v1::SyncResponse {
            offer: Some(v1::Offer {
                grant_id: number,
                patch_set: "patchSets/113.1".to_owned(),
                epoch: 1,
                artifact: Some(v1::Artifact {
                    kernel_release: facts.kernel_release,
                    flavour: facts.flavour,
                    arch: facts.arch,
                    sha256: Sha256::digest(&self.artifact).to_vec(),
                    size_bytes: u64::try_from(self.artifact.len()).unwrap(),
                    module: "livepatch_113_1".to_owned(),
                }),
                expires_in_ms: 60_000,
                plan: Some(Box::new(v1::ApplyPlan {
                    soak_ms: 400,
                    beat_interval_ms: 100,
                    transition_timeout_ms: 1_000,
                    health_check_offsets_ms: vec![0, 100],
                    on_stall: v1::OnStall::Keep.into(),
                })),
            }),
            next_sync_ms: 100,
            revision: 1,
            explanation: "everybody may".to_owned(),
            generation: 0,
            ..v1::SyncResponse::default()
        }))
    }

    async fn begin(
        &self,
        request: Request<v1::BeginRequest>,
    ) -> Result<Response<v1::BeginResponse>, Status> {
        let request_id = request.into_inner().request_id;
        let decision = Some(Decision::Go(v1::Go { request_id, epoch: 1, lease_ms: 10_000 }));
        Ok(Response::new(v1::BeginResponse { decision, revision: 1, generation: 0 }))
    }

    async fn report(
        &self,
        request: Request<v1::ReportRequest>,
    ) -> Result<Response<v1::ReportResponse>, Status> {
        let host = host_of(&request);
        let reports = request.into_inner().reports;
        let results = reports.iter().map(|report| v1::ReportResult {
            sequence: report.sequence,
            disposition: v1::ReportDisposition::Counted.into(),
            ..v1::ReportResult::default()
        });
        let response = v1::ReportResponse {
            acknowledged_sequence: reports.last().unwrap().sequence,
            results: results.collect(),
        };
        let mut heard = self.heard.lock().unwrap();
        let bodies = reports.into_iter().filter_map(|report| report.body);
        heard.entry(host).or_default().extend(bodies);
        self.told.send(heard.clone()).ok();
        Ok(Response::new(response))
    }

    type FetchArtifactStream =
        tokio_stream::Iter<std::vec::IntoIter<Result<v1::ArtifactChunk, Status>>>;

    async fn fetch_artifact(
        &self,
        request: Request<v1::FetchArtifactRequest>,
    ) -> Result<Response<Self::FetchArtifactStream>, Status> {
        let offset = request.into_inner().offset_bytes;
        let rest = &self.artifact[usize::try_from(offset).unwrap()..];
        let mut chunks: Vec<_> =
            rest.chunks(50).map(|data| Ok(v1::ArtifactChunk { data: data.to_vec() })).collect();
        let mut downloads = self.downloads.lock().unwrap();
        if downloads.len() < self.breaks {
            chunks.truncate(1);
            chunks.push(Err(Status::unavailable("the connection broke")));
        }
        downloads.push(offset);
        Ok(Response::new(tokio_stream::iter(chunks)))
    }
}

/// The outcomes among a host's reports, in a word each.
pub(crate) fn outcomes(bodies: &[Body]) -> Vec<&'static str> {
    let word = |body: &Body| match body {
        Body::Outcome(outcome) => Some(match outcome.result.as_ref().unwrap() {
            Ended::Applied(_) => "applied",
            Ended::Soaked(_) => "soaked",
            Ended::Refused(_) => "refused",
            Ended::ApplyFailed(_) => "apply-failed",
            Ended::TransitionStalled(_) => "stalled",
            Ended::Crashed(_) => "crashed",
            Ended::Degraded(_) => "degraded",
            Ended::Reverted(_) => "reverted",
            Ended::NotReverted(_) => "not-reverted",
        }),
        Body::Started(_) | Body::Health(_) | Body::Goodbye(_) => None,
    };
    bodies.iter().filter_map(word).collect()
}
