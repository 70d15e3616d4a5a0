//! `tidegate cluster check`: do all controllers hold the same state?

use std::time::Duration;

use tidegate_proto::v1;
use tidegate_proto::v1::CheckVerdict;
use tidegate_proto::v1::cluster_service_client::ClusterServiceClient;

use crate::client::advice::{Intent, Subject};
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::output::cluster::nodes;
use crate::client::output::table;
use crate::client::session::Session;

/// The end of `cluster check --help`.
pub(crate) const EXAMPLES: &str = "\
Exit codes: 0 all agree, 1 one differs, 4 one has not answered in time.

Example:
  tidegate cluster check --timeout 30s";

/// How long to try where the operator does not say.
const PATIENCE: Duration = Duration::from_secs(30);
/// Which part of its time the asked controller may use up waiting for the others.
const WAITING: u32 = 2;

/// Asks for a check and says how it went.
pub(crate) async fn run(session: &mut Session) -> Result<Exit, Failure> {
    let intent = Intent::read("check the cluster", Subject::Cluster);
    let patience = session.client.patience().unwrap_or(PATIENCE);
    let waiting = session.client.share(patience) / WAITING;
    let patience_ms = u64::try_from(waiting.as_millis()).unwrap_or(u64::MAX);
    let body = v1::CheckClusterRequest { patience_ms };
    let answer = session
        .client
        .open(&intent, patience, body, async |attempt, body| {
            let request = attempt.request(body);
            ClusterServiceClient::new(attempt.channel).check_cluster(request).await
        })
        .await?;
    session.out.one(&answer, |show, now| {
        let table = table::render(&answer.members, show, true, now);
        format!("at log index {}\n\n{table}", answer.index)
    })?;
    let said = |verdict: CheckVerdict| -> Vec<u64> {
        let members = answer.members.iter().filter(|member| member.verdict() == verdict);
        members.map(|member| member.node_id).collect()
    };
    let (differ, silent) = (said(CheckVerdict::Differs), said(CheckVerdict::NotAnswered));
    if !differ.is_empty() {
        let which = nodes(&differ);
        session.out.talk(&format!("the state of {which} is not the others': it stops by itself"));
        session.out.next("remove it, and add a new controller with an empty folder");
        return Ok(Exit::Failed);
    }
    if !silent.is_empty() {
        let which = nodes(&silent);
        session.out.talk(&format!("{which} did not answer in time: down, or behind"));
        session.out.next("tidegate cluster status");
        return Ok(Exit::StillGoing);
    }
    session.out.talk("every controller has the same state");
    Ok(Exit::Done)
}
