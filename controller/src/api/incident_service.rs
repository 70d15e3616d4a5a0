//! What can an operator ask of incidents? What was halted, why, and what became of it; and what
//! people say of it.

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::incident_service_server::IncidentService;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::incident;
use super::desk::Desk;
use super::error::ApiError;
use super::meant::Meant;
use super::page::{Asked, Wanted};
use crate::machine::Machine;
use crate::machine::command::Action;
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

    async fn acknowledge_incident(
        &self,
        request: Request<pb::AcknowledgeIncidentRequest>,
    ) -> Answer<pb::Incident> {
        let (meant, request) = Meant::of(request)?;
        let of = incident::said(&request.name, ("remark", &request.remark))?;
        self.say(meant, of.number, Action::AcknowledgeIncident(of)).await
    }

    async fn note_incident(
        &self,
        request: Request<pb::NoteIncidentRequest>,
    ) -> Answer<pb::Incident> {
        let (meant, request) = Meant::of(request)?;
        let of = incident::said(&request.name, ("remark", &request.remark))?;
        self.say(meant, of.number, Action::NoteIncident(of)).await
    }

    async fn resolve_incident(
        &self,
        request: Request<pb::ResolveIncidentRequest>,
    ) -> Answer<pb::Incident> {
        let (meant, request) = Meant::of(request)?;
        let of = incident::said(&request.name, ("reason", &request.reason))?;
        self.say(meant, of.number, Action::ResolveIncident(of)).await
    }
}

impl Desk {
    /// Carries out what is said of an incident, and shows the incident after it.
    async fn say(&self, meant: Meant, number: u64, action: Action) -> Answer<pb::Incident> {
        self.carry_out(meant, action, move |machine| get_incident(machine, number)).await
    }
}

fn get_incident(machine: &Machine, number: u64) -> Result<pb::Incident, ApiError> {
    Ok(incident::incident(machine, &machine.incident(number)?))
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
