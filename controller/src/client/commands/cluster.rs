//! `tidegate cluster`: how do the controllers do, and who are they?

use clap::Subcommand;
use tidegate_proto::v1;
use tidegate_proto::v1::cluster_service_client::ClusterServiceClient;

use super::backup::{self, BackupTo};
use super::check;
use super::members::{self, Add, Promote, Remove, Transfer};
use super::restore::{self, Restore};
use crate::client::advice::{Intent, Subject};
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::output::cluster;
use crate::client::session::Session;

/// Verbs of `cluster`.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Show how the answering controller sees the cluster; needs no leader.
    #[command(after_help = "Example:\n  tidegate cluster status --endpoint 127.0.0.1:7443")]
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

/// The cluster as the answering controller sees it; what for, `attempt` says.
pub(crate) async fn fetch(
    session: &mut Session,
    attempt: &str,
) -> Result<v1::ClusterStatus, Failure> {
    let intent = Intent::read(attempt, Subject::Cluster);
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
    let status = fetch(session, "show the cluster's status").await?;
    session.out.one(&status, |show, now| cluster::status(&status, show, now))?;
    if let Some(next) = who_knows(&status) {
        session.out.next(&next);
    }
    Ok(Exit::Done)
}

/// Where to ask how far the other controllers are, if another one than this leads.
fn who_knows(status: &v1::ClusterStatus) -> Option<String> {
    let leader = status.leader_id;
    let member = status.members.iter().find(|member| member.node_id == leader)?;
    (leader != status.node_id).then(|| {
        format!(
            "tidegate cluster status --endpoint {}   # node {leader} leads, and alone knows how far the \
             others are",
            member.address
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_the_leader_names_it_and_the_leader_names_nobody() {
        let member = v1::Member { node_id: 2, address: "n2:1".to_owned(), ..Default::default() };
        let status = |node_id, leader_id| v1::ClusterStatus {
            node_id,
            leader_id,
            members: vec![member.clone()],
            ..Default::default()
        };
        assert!(who_knows(&status(1, 2)).is_some_and(|next| next.contains("--endpoint n2:1 ")));
        assert_eq!(who_knows(&status(2, 2)), None);
        assert_eq!(who_knows(&status(1, 0)), None);
    }
}
