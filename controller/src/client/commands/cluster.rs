//! `tidegate cluster`: how do the controllers do, and who are they?

use clap::Subcommand;
use tidegate_proto::v1;
use tidegate_proto::v1::cluster_service_client::ClusterServiceClient;

use super::backup::{self, BackupTo};
use super::check;
use super::members::{self, Add, Promote, Remove, Transfer};
use super::restore::{self, Restore};
use crate::client::advice::{Intent, Subject};
use crate::client::errors::{Exit, Failure};
use crate::client::output::cluster;
use crate::client::session::Session;

/// Verbs of `cluster`.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Show how the answering controller sees the cluster; needs no leader.
    Status,
    /// Add a controller that learns the log and does not vote yet.
    Add(Add),
    /// Give a learner its vote.
    Promote(Promote),
    /// Take a controller away for good: its id is never used again.
    Remove(Remove),
    /// Let another voter lead.
    Transfer(Transfer),
    /// Have every controller hash its state at one log index, and compare.
    #[command(after_help = check::EXAMPLES)]
    Check,
    /// Write the whole state and its artifacts to a file.
    Backup(BackupTo),
    /// Make a new cluster of one controller from a backup. Works without any controller.
    Restore(Restore),
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: ClusterCommand) -> Result<Exit, Failure> {
    match command {
        ClusterCommand::Status => status(session).await,
        ClusterCommand::Add(flags) => members::add(session, flags).await,
        ClusterCommand::Promote(flags) => members::promote(session, flags).await,
        ClusterCommand::Remove(flags) => members::remove(session, flags).await,
        ClusterCommand::Transfer(flags) => members::transfer(session, flags).await,
        ClusterCommand::Check => check::run(session).await,
        ClusterCommand::Backup(flags) => backup::run(session, flags).await,
        ClusterCommand::Restore(flags) => restore::run(session, flags).await,
    }
}

/// The cluster as the answering controller sees it.
pub(crate) async fn fetch(session: &mut Session) -> Result<v1::ClusterStatus, Failure> {
    let intent = Intent::read("show the cluster's status", Subject::Cluster);
    let body = v1::GetClusterStatusRequest {};
    session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            ClusterServiceClient::new(attempt.channel).get_cluster_status(request).await
        })
        .await
}

async fn status(session: &mut Session) -> Result<Exit, Failure> {
    let status = fetch(session).await?;
    session.out.one(&status, |show, now| cluster::status(&status, show, now))?;
    Ok(Exit::Done)
}
