//! What can an operator ask of incidents? What was halted, why, and what became of it.

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::incident_service_server::IncidentService;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::incident;
use super::desk::Desk;
use super::error::ApiError;
use super::page::{Asked, Wanted};
use crate::machine::Machine;
use crate::machine::incidents::Incident;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl IncidentService for Desk {
    async fn get_incident(&self, request: Request<pb::GetIncidentRequest>) -> Answer<pb::Incident> {
        caller::operator(request.metadata())?;
        let number = incident::number(&request.get_ref().name).map_err(ApiError::from)?;
        self.read(request.metadata(), move |machine| get_incident(machine, number)).await
    }

    async fn list_incidents(
        &self,
        request: Request<pb::ListIncidentsRequest>,
    ) -> Answer<pb::ListIncidentsResponse> {
        caller::operator(request.metadata())?;
        let (metadata, _, request) = request.into_parts();
        self.read(&metadata, move |machine| list_incidents(machine, &request)).await
    }
}

fn get_incident(machine: &Machine, number: u64) -> Result<pb::Incident, ApiError> {
    let incident = machine.incidents().get(number);
    let unknown = || ApiError::NotFound {
        reason: "UNKNOWN_INCIDENT",
        what: format!("there is no incident {number}: see `tidegate incident list`"),
    };
    Ok(incident::incident(machine, &incident.ok_or_else(unknown)?))
}

/// A page of the incidents, newest first.
fn list_incidents(
    machine: &Machine,
    request: &pb::ListIncidentsRequest,
) -> Result<pb::ListIncidentsResponse, ApiError> {
    let wanted = Wanted::<u64, _>::of(Asked {
        list: ("incidents", ""),
        size: request.page_size,
        token: &request.page_token,
        filter: &request.filter,
    })?;
    let older = |of: &Incident| wanted.after.is_none_or(|after| of.number < after);
    let rest = machine.incidents().newest_first().filter(older);
    let draw = |of: &Incident| Some(incident::line(machine, of));
    let (incidents, next_page_token) = wanted.page(rest, |of| of.number, draw);
    Ok(pb::ListIncidentsResponse { incidents, next_page_token })
}
