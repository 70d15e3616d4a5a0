//! What can an operator do with rollouts? Start, steer, watch, and ask why.

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::rollout_service_server::RolloutService;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::{check, fleet, people, plan, rollout, verdict};
use super::desk::Desk;
use super::error::{ApiError, BadField};
use super::meant::Meant;
use super::page::{Asked, Wanted};
use super::reads::Freshness;
use super::{explain, follow};
use crate::machine::command::Action;
use crate::machine::grants::Grant;
use crate::machine::ids::{GrantId, RolloutId};
use crate::machine::rollouts::Rollout;
use crate::machine::{Machine, Rejection};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl RolloutService for Desk {
    type WatchRolloutStream = ReceiverStream<Result<pb::WatchRolloutResponse, Status>>;

    async fn create_rollout(
        &self,
        request: Request<pb::CreateRolloutRequest>,
    ) -> Answer<pb::Rollout> {
        let (mut meant, request) = Meant::of(request)?;
        let create = rollout::create(&request).map_err(ApiError::from)?;
        let id = create.rollout.clone();
        if request.validate_start {
            meant = meant.and_then(Action::StartRollout(id.clone()))?;
        }
        self.steer(meant, Action::CreateRollout(Box::new(create)), id).await
    }

    async fn plan_rollout(
        &self,
        request: Request<pb::PlanRolloutRequest>,
    ) -> Answer<pb::RolloutPlan> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        let create = plan::create(&request).map_err(ApiError::from)?;
        self.read(&metadata, move |machine| Ok(plan::plan(machine, &machine.plan(&create)?))).await
    }

    async fn start_rollout(
        &self,
        request: Request<pb::StartRolloutRequest>,
    ) -> Answer<pb::Rollout> {
        let (meant, request) = Meant::of(request)?;
        let id = rollout::id(&request.name).map_err(ApiError::from)?;
        self.steer(meant, Action::StartRollout(id.clone()), id).await
    }

    async fn pause_rollout(
        &self,
        request: Request<pb::PauseRolloutRequest>,
    ) -> Answer<pb::Rollout> {
        let (meant, request) = Meant::of(request)?;
        let pause = rollout::with_reason(&request.name, &request.reason).map_err(ApiError::from)?;
        let id = pause.rollout.clone();
        self.steer(meant, Action::PauseRollout(pause), id).await
    }

    async fn resume_rollout(
        &self,
        request: Request<pb::ResumeRolloutRequest>,
    ) -> Answer<pb::Rollout> {
        let (meant, request) = Meant::of(request)?;
        let (id, action) = rollout::resume(&request).map_err(ApiError::from)?;
        self.steer(meant, action, id).await
    }

    async fn halt_rollout(&self, request: Request<pb::HaltRolloutRequest>) -> Answer<pb::Rollout> {
        let (meant, request) = Meant::of(request)?;
        let (id, action) = rollout::halt(&request).map_err(ApiError::from)?;
        self.steer(meant, action, id).await
    }

    async fn rollback_rollout(
        &self,
        request: Request<pb::RollbackRolloutRequest>,
    ) -> Answer<pb::Rollout> {
        let (meant, request) = Meant::of(request)?;
        let back = rollout::with_reason(&request.name, &request.reason).map_err(ApiError::from)?;
        let id = back.rollout.clone();
        self.steer(meant, Action::RollBack(back), id).await
    }

    async fn promote_rollout(
        &self,
        request: Request<pb::PromoteRolloutRequest>,
    ) -> Answer<pb::Rollout> {
        let (meant, request) = Meant::of(request)?;
        let promote = rollout::promote(&request).map_err(ApiError::from)?;
        let id = promote.rollout.clone();
        self.steer(meant, Action::PromoteRollout(promote), id).await
    }

    async fn approve_rollout(
        &self,
        request: Request<pb::ApproveRolloutRequest>,
    ) -> Answer<pb::Rollout> {
        let (meant, request) = Meant::of(request)?;
        let approve = people::approve(&request).map_err(ApiError::from)?;
        let id = approve.rollout.clone();
        self.steer(meant, Action::ApproveWave(approve), id).await
    }

    async fn expedite_rollout(
        &self,
        request: Request<pb::ExpediteRolloutRequest>,
    ) -> Answer<pb::Rollout> {
        let (meant, request) = Meant::of(request)?;
        let of = people::expedite(&request).map_err(ApiError::from)?;
        let id = of.rollout.clone();
        self.steer(meant, Action::ExpediteRollout(of), id).await
    }

    async fn supersede_rollout(
        &self,
        request: Request<pb::SupersedeRolloutRequest>,
    ) -> Answer<pb::Rollout> {
        let (meant, request) = Meant::of(request)?;
        let of = people::supersede(&request).map_err(ApiError::from)?;
        let id = of.rollout.clone();
        self.steer(meant, Action::SupersedeRollout(of), id).await
    }

    async fn list_proposals(
        &self,
        request: Request<pb::ListProposalsRequest>,
    ) -> Answer<pb::ListProposalsResponse> {
        caller::operator(request.metadata())?;
        let list = |machine: &Machine| {
            let open = machine.proposals().open.values();
            let proposals = open.map(|of| people::proposal(machine, of)).collect();
            Ok(pb::ListProposalsResponse { proposals })
        };
        self.read(request.metadata(), list).await
    }

    async fn approve_proposal(
        &self,
        request: Request<pb::ApproveProposalRequest>,
    ) -> Answer<pb::Rollout> {
        let (meant, request) = Meant::of(request)?;
        let of = people::of_proposal(&request.name, &request.remark).map_err(ApiError::from)?;
        self.settle(meant, of.number, Action::AgreeToProposal(of)).await
    }

    async fn reject_proposal(
        &self,
        request: Request<pb::RejectProposalRequest>,
    ) -> Answer<pb::Rollout> {
        let (meant, request) = Meant::of(request)?;
        let of = people::of_proposal(&request.name, &request.reason).map_err(ApiError::from)?;
        self.settle(meant, of.number, Action::RejectProposal(of)).await
    }

    async fn get_rollout(&self, request: Request<pb::GetRolloutRequest>) -> Answer<pb::Rollout> {
        caller::operator(request.metadata())?;
        let id = rollout::id(&request.get_ref().name).map_err(ApiError::from)?;
        self.read(request.metadata(), move |machine| draw(machine, &id)).await
    }

    async fn list_rollouts(
        &self,
        request: Request<pb::ListRolloutsRequest>,
    ) -> Answer<pb::ListRolloutsResponse> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        self.read(&metadata, move |machine| list_rollouts(machine, &request)).await
    }

    async fn watch_rollout(
        &self,
        request: Request<pb::WatchRolloutRequest>,
    ) -> Answer<Self::WatchRolloutStream> {
        caller::operator(request.metadata())?;
        let freshness = Freshness::of(request.metadata())?;
        let request = request.into_inner();
        check::reserved("from_revision", request.from_revision == 0).map_err(ApiError::from)?;
        let id = rollout::id(&request.name).map_err(ApiError::from)?;
        let applied = self.show(freshness, Some(&id)).await?;
        let seat = self.views.sit_down().map_err(ApiError::from)?;
        Ok(freshness.label(follow::stream(self, &id, seat).await?, applied))
    }

    async fn explain_rollout(
        &self,
        request: Request<pb::ExplainRolloutRequest>,
    ) -> Answer<pb::ExplainRolloutResponse> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        let id = rollout::id(&request.name).map_err(ApiError::from)?;
        let host = request.host;
        self.read(&metadata, move |machine| explain::rollout(machine, find(machine, &id)?, &host))
            .await
    }

    async fn replay_rollout(
        &self,
        request: Request<pb::ReplayRolloutRequest>,
    ) -> Answer<pb::ReplayRolloutResponse> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        let id = rollout::id(&request.name).map_err(ApiError::from)?;
        let index = request.log_index;
        self.read(&metadata, move |machine| replay(machine, &id, index)).await
    }

    async fn list_grants(
        &self,
        request: Request<pb::ListGrantsRequest>,
    ) -> Answer<pb::ListGrantsResponse> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        self.read(&metadata, move |machine| list_grants(machine, &request)).await
    }
}

impl Desk {
    /// Has the cluster carry out an action on a rollout as it is meant, and answers the rollout as it is then.
    async fn steer(&self, meant: Meant, action: Action, id: RolloutId) -> Answer<pb::Rollout> {
        self.carry_out(meant, action, move |machine: &Machine| draw(machine, &id)).await
    }

    /// Has the cluster carry out what settles a proposal, and answers the rollout that it is about.
    async fn settle(&self, meant: Meant, number: u64, action: Action) -> Answer<pb::Rollout> {
        self.ready(Freshness::Linearizable).await?;
        let of = move |machine: &Machine| {
            let about = machine.proposals().about.get(&number).cloned();
            Ok(about.ok_or(Rejection::UnknownProposal { number })?)
        };
        let id = self.look(of).await?;
        self.steer(meant, action, id).await
    }
}

fn find<'a>(machine: &'a Machine, id: &RolloutId) -> Result<&'a Rollout, ApiError> {
    let unknown = || Rejection::UnknownRollout { rollout: id.clone() };
    Ok(machine.rollouts().get(id).ok_or_else(unknown)?)
}

fn draw(machine: &Machine, id: &RolloutId) -> Result<pb::Rollout, ApiError> {
    Ok(rollout::rollout(machine, find(machine, id)?))
}

/// A page of the rollouts, newest first.
fn list_rollouts(
    machine: &Machine,
    request: &pb::ListRolloutsRequest,
) -> Result<pb::ListRolloutsResponse, ApiError> {
    let wanted = Wanted::<u64, _>::of(Asked {
        list: ("rollouts", ""),
        size: request.page_size,
        token: &request.page_token,
        filter: &request.filter,
    })?;
    let older = |of: &&Rollout| wanted.after.is_none_or(|after| of.created_index < after);
    let mut rest: Vec<&Rollout> = machine.rollouts().values().filter(older).collect();
    rest.sort_by_key(|of| std::cmp::Reverse(of.created_index));
    let draw = |of: &&Rollout| Some(rollout::rollout(machine, of));
    let (rollouts, next_page_token) = wanted.page(rest.into_iter(), |of| of.created_index, draw);
    Ok(pb::ListRolloutsResponse { rollouts, next_page_token })
}

fn replay(
    machine: &Machine,
    id: &RolloutId,
    index: u64,
) -> Result<pb::ReplayRolloutResponse, ApiError> {
    let of = find(machine, id)?;
    let replayed = machine.replay(of, index).ok_or_else(|| {
        let what = "is no entry that reached a verdict on the rollout, or its record is not kept any more: \
                    `tidegate rollout explain` lists those that are";
        BadField::new("log_index", &index.to_string(), what)
    })?;
    Ok(pb::ReplayRolloutResponse {
        log_index: replayed.index,
        verdict: Some(verdict::verdict(&replayed.verdict, replayed.index)),
        recorded_hash: replayed.recorded_hash.to_vec(),
        computed_hash: replayed.computed_hash.to_vec(),
        same: replayed.is_same(),
        recorded: replayed.recorded,
        evidence: replayed.evidence,
        name: format!("rollouts/{}", of.id),
    })
}

fn list_grants(
    machine: &Machine,
    request: &pb::ListGrantsRequest,
) -> Result<pb::ListGrantsResponse, ApiError> {
    let id: RolloutId = check::resource("rollout", "rollouts", &request.rollout)?;
    let of = find(machine, &id)?;
    let wanted = Wanted::<u64, _>::of(Asked {
        list: ("grants", id.as_str()),
        size: request.page_size,
        token: &request.page_token,
        filter: &request.filter,
    })?;
    let rest = machine.grants().after(GrantId(wanted.after.unwrap_or(0)));
    let draw = |grant: &Grant| (grant.rollout == of.id).then(|| fleet::grant(machine, grant));
    let (grants, next_page_token) = wanted.page(rest, |grant| grant.id.0, draw);
    Ok(pb::ListGrantsResponse { grants, next_page_token })
}
