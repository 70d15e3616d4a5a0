//! `tidegate incident`: what was halted, on which evidence, and what became of it?

use clap::{Args, Subcommand};
use tidegate_proto::v1;
use tidegate_proto::v1::incident_service_client::IncidentServiceClient;

use super::pages::{Limit, Page};
use super::report::say_what_is_open;
use crate::client::advice::{Intent, Subject};
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names;
use crate::client::output::incident::whole;
use crate::client::session::Session;

/// Verbs of `incident`.
#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// List incidents, newest first.
    List(Limit),
    /// Show one incident: the halt, its hosts, and the arithmetic of the verdict.
    Get(IncidentNamed),
}

/// An incident's number.
#[derive(Debug, Args)]
pub struct IncidentNamed {
    /// The incident, e.g. `3` or `incidents/3`.
    #[arg(value_parser = names::incident)]
    name: String,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: IncidentCommand) -> Result<Exit, Failure> {
    match command {
        IncidentCommand::List(limit) => list(session, limit).await,
        IncidentCommand::Get(IncidentNamed { name }) => get(session, name).await,
    }
}

async fn list(session: &mut Session, limit: Limit) -> Result<Exit, Failure> {
    let intent = Intent::read("list incidents", Subject::Incidents);
    let listed = limit.list(async |page_size, page_token| {
        let body = v1::ListIncidentsRequest { page_size, page_token, filter: String::new() };
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
