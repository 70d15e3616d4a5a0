//! `tidegate cluster`: how do the controllers do?

use chrono::{DateTime, Utc};
use clap::Subcommand;
use tidegate_proto::v1;
use tidegate_proto::v1::cluster_service_client::ClusterServiceClient;

use crate::client::advice::{Intent, Subject};
use crate::client::errors::{Exit, Failure};
use crate::client::ids::to_hex;
use crate::client::output::text::plain;
use crate::client::output::time::span;
use crate::client::output::{Show, table};
use crate::client::session::Session;

/// Verbs of `cluster`.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Show how the answering controller sees the cluster.
    Status,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: ClusterCommand) -> Result<Exit, Failure> {
    match command {
        ClusterCommand::Status => status(session).await,
    }
}

async fn status(session: &mut Session) -> Result<Exit, Failure> {
    let intent = Intent::read("show the cluster's status", Subject::Cluster);
    let body = v1::GetClusterStatusRequest {};
    let status = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            ClusterServiceClient::new(attempt.channel).get_cluster_status(request).await
        })
        .await?;
    session.out.one(&status, |show, now| draw(&status, show, now))?;
    Ok(Exit::Done)
}

fn draw(status: &v1::ClusterStatus, show: Show, now: DateTime<Utc>) -> String {
    let leader = match status.leader_id {
        0 => "none known".to_owned(),
        id => format!("node {id}"),
    };
    let lines = [
        format!("cluster   {}", plain(&status.cluster)),
        format!("leader    {leader}  (term {})", status.term),
        format!("answering node {}  (version {})", status.node_id, plain(&status.version)),
        format!("log       committed {}, applied {}", status.commit_index, status.applied_index),
        format!("state     {}", to_hex(&status.state_hash)),
        format!("hosts     {}", status.hosts),
        format!("running   {}", span(status.elapsed_ms)),
        String::new(),
        table::render(&status.members, show, true, now),
    ];
    lines.join("\n")
}
