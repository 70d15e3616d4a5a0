//! `tidegate incident`: what was halted, on which evidence, and what became of it?

use clap::{Args, Subcommand};
use tidegate_proto::v1;
use tidegate_proto::v1::incident_service_client::IncidentServiceClient;

use super::pages::{Listing, Page, Question};
use super::report::say_what_is_open;
use crate::client::advice::{Intent, Subject};
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::incident::whole;
use crate::client::session::Session;

/// Verbs of `incident`.
#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// List incidents, newest first.
    #[command(after_help = "Example:\n  tidegate incident list --filter state=OPEN")]
    List(Listing),
    /// Show one incident: the halt, its hosts, and the arithmetic of the verdict.
    Get(IncidentNamed),
    /// Say that you look after an incident. Lifts nothing.
    Ack(Ack),
    /// Write down what you found out, also about an incident that is over.
    Note(Note),
    /// Close an incident whose halt is to stand. Resuming or rolling back the rollout closes it by itself.
    Resolve(Resolve),
}

/// Flags of `incident ack`.
#[derive(Debug, Args)]
pub struct Ack {
    /// The incident.
    #[command(flatten)]
    of: IncidentNamed,
    /// Anything to say, for the record.
    #[arg(long, default_value = "", hide_default_value = true)]
    remark: String,
}

/// Flags of `incident note`.
#[derive(Debug, Args)]
pub struct Note {
    /// The incident.
    #[command(flatten)]
    of: IncidentNamed,
    /// What you found out.
    #[arg(long)]
    remark: String,
}

/// Flags of `incident resolve`.
#[derive(Debug, Args)]
pub struct Resolve {
    /// The incident.
    #[command(flatten)]
    of: IncidentNamed,
    /// Why it is over though the halt stands.
    #[arg(long)]
    reason: String,
}

/// An incident's number.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate incident get 3")]
pub struct IncidentNamed {
    /// The incident, e.g. `3` or `incidents/3`.
    #[arg(value_parser = names::incident)]
    name: String,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: IncidentCommand) -> Result<Exit, Failure> {
    match command {
        IncidentCommand::List(listing) => list(session, listing).await,
        IncidentCommand::Get(IncidentNamed { name }) => get(session, name).await,
        IncidentCommand::Ack(flags) => ack(session, flags).await,
        IncidentCommand::Note(flags) => note(session, flags).await,
        IncidentCommand::Resolve(flags) => resolve(session, flags).await,
    }
}

async fn ack(session: &mut Session, flags: Ack) -> Result<Exit, Failure> {
    let name = flags.of.name;
    let attempt = format!("acknowledge {name}");
    let subject = Subject::Incident(name.clone());
    let intent = Intent::write(attempt.clone(), subject, session.request_id);
    let body = v1::AcknowledgeIncidentRequest {
        request_id: session.request_id.to_string(),
        name,
        remark: flags.remark,
        etag: session.etag(),
        validate_only: session.validate_only(),
    };
    let incident = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            IncidentServiceClient::new(attempt.channel).acknowledge_incident(request).await
        })
        .await?;
    let number = id_of(&incident.name).to_owned();
    end(session, (&incident, &attempt), &format!("tidegate incident note {number} --remark …"))
}

async fn note(session: &mut Session, flags: Note) -> Result<Exit, Failure> {
    let name = flags.of.name;
    let attempt = format!("note something on {name}");
    let subject = Subject::Incident(name.clone());
    let intent = Intent::write(attempt.clone(), subject, session.request_id);
    let body = v1::NoteIncidentRequest {
        request_id: session.request_id.to_string(),
        name,
        remark: flags.remark,
        validate_only: session.validate_only(),
    };
    let incident = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            IncidentServiceClient::new(attempt.channel).note_incident(request).await
        })
        .await?;
    let number = id_of(&incident.name).to_owned();
    end(session, (&incident, &attempt), &format!("tidegate incident get {number}"))
}

async fn resolve(session: &mut Session, flags: Resolve) -> Result<Exit, Failure> {
    let name = flags.of.name;
    let attempt = format!("resolve {name}");
    let subject = Subject::Incident(name.clone());
    let intent = Intent::write(attempt.clone(), subject, session.request_id);
    let body = v1::ResolveIncidentRequest {
        request_id: session.request_id.to_string(),
        name,
        reason: flags.reason,
        etag: session.etag(),
        validate_only: session.validate_only(),
    };
    let incident = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            IncidentServiceClient::new(attempt.channel).resolve_incident(request).await
        })
        .await?;
    session.out.talk("the halt stands: nobody begins whom it stops");
    end(session, (&incident, &attempt), "tidegate incident list")
}

/// Shows the incident after a change, and what to type next.
fn end(
    session: &Session,
    (incident, attempt): (&v1::Incident, &str),
    next: &str,
) -> Result<Exit, Failure> {
    session.out.one(incident, |show, now| whole(incident, show, now))?;
    session.end(attempt, next);
    Ok(Exit::Done)
}

async fn list(session: &mut Session, listing: Listing) -> Result<Exit, Failure> {
    let intent = Intent::read("list incidents", Subject::Incidents);
    let listed = listing.list(async |question: Question| {
        let Question { page_size, page_token, filter } = question;
        let body = v1::ListIncidentsRequest { page_size, page_token, filter };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                IncidentServiceClient::new(attempt.channel).list_incidents(request).await
            })
            .await?;
        Ok(Page { rows: page.incidents, next: page.next_page_token })
    });
    listed.await?.show(session, ("incidents", "incidents"), None)?;
    Ok(Exit::Done)
}

async fn get(session: &mut Session, name: String) -> Result<Exit, Failure> {
    let intent = Intent::read(format!("show {name}"), Subject::Incident(name.clone()));
    let body = v1::GetIncidentRequest { name };
    let incident = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            IncidentServiceClient::new(attempt.channel).get_incident(request).await
        })
        .await?;
    session.out.one(&incident, |show, now| whole(&incident, show, now))?;
    say_what_is_open(session, &[&incident.rollout]).await;
    Ok(Exit::Done)
}
