//! What does a host's agent get? Enrolment, beats, begins, reports, artifacts.

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::agent_service_server::AgentService;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::{begin, check, enroll, report};
use super::desk::Desk;
use super::error::ApiError;
use super::upload::chunks;
use crate::machine::ids::{Digest, HostId};
use crate::machine::membership::artifact_for;
use crate::machine::report::Disposition;
use crate::machine::{Command, Machine, Reply};
use crate::relay::{Relayed, answers};

#[tonic::async_trait]
impl AgentService for Desk {
    type FetchArtifactStream = ReceiverStream<Result<pb::ArtifactChunk, Status>>;

    async fn enroll(
        &self,
        request: Request<pb::EnrollRequest>,
    ) -> Result<Response<pb::EnrollResponse>, Status> {
        let command = enroll::enroll(request.get_ref()).map_err(ApiError::from)?;
        let reply = self.propose_and_see(Command::EnrollHost(Box::new(command))).await?;
        let Reply::Host { host, tier } = reply else { return Err(unexpected("EnrollHost").into()) };
        tracing::info!(%host, %tier, "host.enrolled");
        Ok(Response::new(enroll::enrolled(host, &tier)))
    }

    async fn sync(
        &self,
        request: Request<pb::SyncRequest>,
    ) -> Result<Response<pb::SyncResponse>, Status> {
        let host = caller::host(request.metadata())?;
        let beat = request.into_inner();
        let boot = check::required("boot_id", &beat.boot_id, 64).map_err(ApiError::from)?;
        if !self.relay.is_fresh() {
            let what = "this node has not reached the leader of late, so that a beat here would not \
                        count: ask another";
            return Err(unavailable("NO_LEADER", what).into());
        }
        let idle = self.idle_sync;
        // Beats are shed before they get into an operator's way.
        let look = move |machine: &Machine| answers::sync(machine, host, &boot, idle);
        let answer = self.handle.query_or_shed(look).await.map_err(ApiError::from)?;
        let answer = answer.map_err(ApiError::from)?;
        // Whether the boot is the known one is for the leader to say: this node may lag.
        match self.relay.note(host, &beat, &answer) {
            Relayed::Counts => (),
            Relayed::Stray => tracing::debug!(%host, beat = beat.beat, "beat.stray"),
        }
        Ok(Response::new(answer.response))
    }

    async fn begin(
        &self,
        request: Request<pb::BeginRequest>,
    ) -> Result<Response<pb::BeginResponse>, Status> {
        let host = caller::host(request.metadata())?;
        let request = request.into_inner();
        let command = begin::begin(host, &request).map_err(ApiError::from)?;
        let (position, reply) = self.propose(Command::BeginGrant(command)).await?;
        let Reply::Begin(decision) = reply else { return Err(unexpected("BeginGrant").into()) };
        tracing::debug!(%host, grant = request.grant_id, ?decision, "grant.begin");
        let cluster = self.handle.cluster();
        let generation = cluster.borrow().as_ref().map_or(0, |cluster| cluster.generation);
        let at = (generation, position.index);
        Ok(Response::new(begin::begun(request.request_id, decision, at)))
    }

    async fn report(
        &self,
        request: Request<pb::ReportRequest>,
    ) -> Result<Response<pb::ReportResponse>, Status> {
        let host = caller::host(request.metadata())?;
        let command = report::reports(host, request.get_ref()).map_err(ApiError::from)?;
        let (_, reply) = self.propose(Command::RecordReports(command)).await?;
        let Reply::Reports(results) = reply else { return Err(unexpected("RecordReports").into()) };
        for (sequence, disposition) in &results {
            if let Disposition::Refused { reason, message } = disposition {
                tracing::warn!(%host, sequence, reason, message, "report.refused");
            }
        }
        Ok(Response::new(report::reported(results)))
    }

    async fn fetch_artifact(
        &self,
        request: Request<pb::FetchArtifactRequest>,
    ) -> Result<Response<Self::FetchArtifactStream>, Status> {
        let host = caller::host(request.metadata())?;
        let request = request.into_inner();
        let digest = check::digest("sha256", &request.sha256).map_err(ApiError::from)?;
        self.look(move |machine| is_offered(machine, host, digest)).await?;
        let stream = chunks(&self.store, digest, request.offset_bytes).await?;
        stream.map(Response::new).ok_or_else(|| {
            let what =
                "this node does not hold the artifact yet: ask another, or again in a moment";
            unavailable("ARTIFACT_NOT_HERE", what).into()
        })
    }
}

/// A host gets the artifact of its own grant, and no other.
fn is_offered(machine: &Machine, host: HostId, digest: Digest) -> Result<(), ApiError> {
    let offered = machine.hosts().get(&host).and_then(|host| {
        let grant = machine.grants().get(&host.live_grant?)?;
        let rollout = machine.rollouts().get(&grant.rollout)?;
        artifact_for(machine.patch_sets().get(&rollout.version)?, &host)
    });
    match offered {
        Some(artifact) if artifact.digest == digest => Ok(()),
        Some(_) | None => Err(ApiError::NotAllowed {
            what: "the artifact is not the one of this host's offer: sync, and fetch what is offered",
        }),
    }
}

fn unavailable(reason: &'static str, what: &str) -> ApiError {
    ApiError::Unavailable { reason, what: what.to_owned() }
}

/// A reply of another command: a defect, and never a reason to go ahead.
fn unexpected(command: &str) -> ApiError {
    ApiError::Internal { what: format!("the machine gave {command} another command's answer") }
}
