//! What can an operator ask of the calendar? Which tiers there are, when their hosts may begin, and which kernels are
//! covered.

use std::ops::Bound;

use tidegate_policies::tiers::Holdback;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::calendar_service_server::CalendarService;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::rollout::MAX_REASON_BYTES;
use super::convert::{calendar, check, coverage};
use super::desk::Desk;
use super::error::ApiError;
use super::meant::Meant;
use super::page::{Asked, Wanted};
use crate::machine::calendar::HeldBack;
use crate::machine::calendar_refusal::CalendarRefusal;
use crate::machine::command::{Action, LiftFreeze};
use crate::machine::ids::FreezeId;
use crate::machine::{Machine, Rejection, Reply};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl CalendarService for Desk {
    async fn apply_ladder(&self, request: Request<pb::ApplyLadderRequest>) -> Answer<pb::Ladder> {
        let (meant, request) = Meant::of(request)?;
        let apply = calendar::apply_ladder(&request).map_err(ApiError::from)?;
        let action = Action::ApplyLadder(Box::new(apply));
        let look = |machine: &Machine| Ok(calendar::ladder(machine));
        self.carry_out(meant, action, look).await
    }

    async fn get_ladder(&self, request: Request<pb::GetLadderRequest>) -> Answer<pb::Ladder> {
        caller::operator(request.metadata())?;
        self.read(request.metadata(), |machine| Ok(calendar::ladder(machine))).await
    }

    async fn create_freeze(&self, request: Request<pb::CreateFreezeRequest>) -> Answer<pb::Freeze> {
        let (meant, request) = Meant::of(request)?;
        let create = calendar::create_freeze(&request).map_err(ApiError::from)?;
        let freeze = create.freeze.clone();
        let action = Action::CreateFreeze(create);
        let look = move |machine: &Machine| find_freeze(machine, &freeze);
        self.carry_out(meant, action, look).await
    }

    async fn lift_freeze(
        &self,
        request: Request<pb::LiftFreezeRequest>,
    ) -> Answer<pb::LiftFreezeResponse> {
        let (meant, request) = Meant::of(request)?;
        let freeze = check::resource("name", "freezes", &request.name).map_err(ApiError::from)?;
        let reason =
            check::bounded("reason", &request.reason, MAX_REASON_BYTES).map_err(ApiError::from)?;
        let action = Action::LiftFreeze(LiftFreeze { freeze, reason });
        self.carry_out(meant, action, |_| Ok(pb::LiftFreezeResponse {})).await
    }

    async fn list_freezes(
        &self,
        request: Request<pb::ListFreezesRequest>,
    ) -> Answer<pb::ListFreezesResponse> {
        caller::operator(request.metadata())?;
        let list = |machine: &Machine| {
            let freezes = machine.calendar().freezes.values();
            let freezes = freezes.map(|of| calendar::freeze(of, machine.clock().wall)).collect();
            Ok(pb::ListFreezesResponse { freezes })
        };
        self.read(request.metadata(), list).await
    }

    async fn set_holdback(&self, request: Request<pb::SetHoldbackRequest>) -> Answer<pb::Holdback> {
        let (meant, request) = Meant::of(request)?;
        let held = calendar::hold_back(&request).map_err(ApiError::from)?;
        let (of, action) = (held.of.clone(), Action::HoldBack(held));
        let look = move |machine: &Machine| {
            let known = machine.calendar().holdbacks.get(&of).copied().unwrap_or_default();
            Ok(calendar::holdback(&of, &known))
        };
        self.carry_out(meant, action, look).await
    }

    async fn list_holdbacks(
        &self,
        request: Request<pb::ListHoldbacksRequest>,
    ) -> Answer<pb::ListHoldbacksResponse> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        self.read(&metadata, move |machine| list_holdbacks(machine, &request)).await
    }

    async fn apply_coverage(
        &self,
        request: Request<pb::ApplyCoverageRequest>,
    ) -> Answer<pb::Coverage> {
        let (meant, request) = Meant::of(request)?;
        let apply = coverage::apply(&request).map_err(ApiError::from)?;
        let action = Action::ApplyCoverage(Box::new(apply));
        let look = |machine: &Machine| Ok(coverage::table(machine));
        let (reply, mut answer) = self.carry_out_and_hear(meant, action, look).await?;
        if let Reply::Proposed { number, .. } = reply {
            answer.get_mut().proposal = format!("proposals/{number}");
        }
        Ok(answer)
    }

    async fn get_coverage(&self, request: Request<pb::GetCoverageRequest>) -> Answer<pb::Coverage> {
        caller::operator(request.metadata())?;
        self.read(request.metadata(), |machine| Ok(coverage::table(machine))).await
    }
}

fn find_freeze(machine: &Machine, id: &FreezeId) -> Result<pb::Freeze, ApiError> {
    let freeze = machine.calendar().freezes.get(id);
    let unknown = || Rejection::from(CalendarRefusal::UnknownFreeze { freeze: id.clone() });
    Ok(calendar::freeze(freeze.ok_or_else(unknown)?, machine.clock().wall))
}

fn list_holdbacks(
    machine: &Machine,
    request: &pb::ListHoldbacksRequest,
) -> Result<pb::ListHoldbacksResponse, ApiError> {
    let (size, token) = (request.page_size, request.page_token.as_str());
    let wanted =
        Wanted::<HeldBack, _>::of(Asked { list: ("holdbacks", ""), size, token, filter: "" })?;
    let from = wanted.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let rest = machine.calendar().holdbacks.range((from, Bound::Unbounded));
    let draw = |row: &(&HeldBack, &Holdback)| Some(calendar::holdback(row.0, row.1));
    let (holdbacks, next_page_token) = wanted.page(rest, |(of, _)| (*of).clone(), draw);
    Ok(pb::ListHoldbacksResponse { holdbacks, next_page_token })
}
