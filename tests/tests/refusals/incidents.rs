//! What can be wrong with what somebody says of an incident?

use tidegate_proto::v1 as pb;
use tidegate_tests::door;
use tidegate_tests::trouble::Outcome;
use tonic::Code;

use super::BAD_FIELD;
use crate::{Fixture, ROLLOUT, Table};

const UNKNOWN: (Code, &str) = (Code::NotFound, "UNKNOWN_INCIDENT");

fn look_after(name: &str) -> pb::AcknowledgeIncidentRequest {
    pb::AcknowledgeIncidentRequest {
        request_id: door::request_id(),
        name: name.to_owned(),
        ..Default::default()
    }
}

fn note(name: &str, remark: &str) -> pb::NoteIncidentRequest {
    pb::NoteIncidentRequest {
        request_id: door::request_id(),
        name: name.to_owned(),
        remark: remark.to_owned(),
        validate_only: false,
    }
}

fn resolve(name: &str, reason: &str) -> pb::ResolveIncidentRequest {
    pb::ResolveIncidentRequest {
        request_id: door::request_id(),
        name: name.to_owned(),
        reason: reason.to_owned(),
        ..Default::default()
    }
}

/// Opens incident 1, which nobody looks after.
pub(crate) async fn open_incident(fixture: &Fixture) -> Outcome<()> {
    fixture.door.rollouts().halt_rollout(door::halt(ROLLOUT, "odd")).await?;
    Ok(())
}

/// Before and after somebody looks after it, and once it is over.
pub(crate) async fn incidents(fixture: &Fixture, table: &mut Table) -> Outcome<()> {
    let incidents = || fixture.door.incidents();
    let answer = incidents().acknowledge_incident(look_after("incidents/9")).await;
    table.row("no incident to look after", answer, UNKNOWN, &["9", "incident list"]).await?;
    let answer = incidents().note_incident(note("incidents/9", "why")).await;
    table.row("no incident to note", answer, UNKNOWN, &["9"]).await?;
    for name in ["9", "incidents/", "incidents/one", "incidents/-1"] {
        let answer = incidents().note_incident(note(name, "why")).await;
        table.row(name, answer, BAD_FIELD, &["`name`"]).await?;
    }
    let missing = (Code::InvalidArgument, "REMARK_MISSING");
    let answer = incidents().note_incident(note("incidents/1", "")).await;
    table.row("a note of nothing", answer, missing, &["--remark"]).await?;
    let answer = incidents().note_incident(note("incidents/1", &"x".repeat(513))).await;
    table.row("a long note", answer, BAD_FIELD, &["`remark`", "512"]).await?;
    let missing = (Code::InvalidArgument, "REASON_MISSING");
    let answer = incidents().resolve_incident(resolve("incidents/1", "")).await;
    table.row("resolved for no reason", answer, missing, &["say why"]).await?;
    let unseen = (Code::FailedPrecondition, "INCIDENT_NOT_ACKNOWLEDGED");
    let answer = incidents().resolve_incident(resolve("incidents/1", "over")).await;
    table.row("resolved unseen", answer, unseen, &["incident ack 1"]).await?;

    incidents().acknowledge_incident(look_after("incidents/1")).await?;
    table.goes_on().await?;
    let taken = (Code::FailedPrecondition, "INCIDENT_ACKNOWLEDGED");
    let somebody = fixture.door.with(crate::Caller::Operator("eve".to_owned()));
    let answer = somebody.incidents().acknowledge_incident(look_after("incidents/1")).await;
    table.row("looked after by two", answer, taken, &["incident note 1"]).await?;
    incidents().resolve_incident(resolve("incidents/1", "a false alarm")).await?;
    table.goes_on().await?;
    let over = (Code::FailedPrecondition, "INCIDENT_RESOLVED");
    let answer = incidents().resolve_incident(resolve("incidents/1", "again")).await;
    table.row("resolved twice", answer, over, &["incident note 1"]).await
}
