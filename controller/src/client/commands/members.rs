//! `tidegate cluster add`, `promote`, `remove`, `transfer`: who is a member, who votes, who leads?

use std::time::Duration;

use clap::Args;
use tidegate_proto::v1;
use tidegate_proto::v1::cluster_service_client::ClusterServiceClient;
use tokio::time::{Instant, sleep};

use super::cluster::fetch;
use crate::client::advice::{Intent, Subject};
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names;
use crate::client::output::text::counted;
use crate::client::session::Session;

/// How long a promotion waits for a learner to catch up where the operator does not say.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two tries to promote it.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long a transfer is tried where the operator does not say: a controller waits some seconds for it.
const TRANSFER_PATIENCE: Duration = Duration::from_secs(30);
/// Fewer voters than this survive the loss of none of them.
const SAFE_VOTERS: usize = 3;

/// Flags of `cluster add`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate cluster add 4 127.0.0.1:7444   then start it: `tidegate serve` with `join = true`
  tidegate cluster promote 4              waits until it has caught up")]
pub struct Add {
    /// Its id; never one that a controller of this cluster has or had.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    id: u64,
    /// Where it listens.
    #[arg(value_name = "HOST:PORT", value_parser = names::address)]
    address: String,
}

/// Flags of `cluster promote`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate cluster promote 4                     one voter more, once it has caught up
  tidegate cluster promote 4 --replacing 1 -y    4 votes and 1 leaves, in one step")]
pub struct Promote {
    /// The learner.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    id: u64,
    /// The voter whose place it takes; that one leaves for good.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    replacing: Option<u64>,
}

/// Flags of `cluster remove`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate cluster remove 1 --yes         from four voters to three
  tidegate cluster remove 1 --confirm=1   from three voters to two: the next failure stops them")]
pub struct Remove {
    /// The controller; not the leader.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    id: u64,
    /// Agree to fewer than three voters: the controller's id.
    #[arg(long, value_name = "ID")]
    confirm: Option<String>,
}

/// Flags of `cluster transfer`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tidegate cluster transfer 2   before the leader is stopped for maintenance")]
pub struct Transfer {
    /// The voter that is to lead.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    id: u64,
}

/// Adds a learner.
pub(crate) async fn add(session: &mut Session, flags: Add) -> Result<Exit, Failure> {
    let Add { id, address } = flags;
    let intent = write(session, format!("add node {id} at {address}"));
    let (request_id, validate_only) = (session.request_id.to_string(), session.validate_only());
    let body = v1::AddMemberRequest { request_id, node_id: id, address, validate_only };
    let member = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            ClusterServiceClient::new(attempt.channel).add_member(request).await
        })
        .await?;
    session.out.one(&member, |_, _| {
        let is = if validate_only { "would be" } else { "is" };
        format!("node {id} at {} {is} a learner: it does not vote yet", member.address)
    })?;
    let next = format!(
        "start it with `join = true` in its configuration, then: tidegate cluster promote {id}"
    );
    session.end(intent.attempt(), &next);
    Ok(Exit::Done)
}

/// Gives a learner its vote.
pub(crate) async fn promote(session: &mut Session, flags: Promote) -> Result<Exit, Failure> {
    let Promote { id, replacing } = flags;
    let attempt = match replacing {
        None => format!("promote node {id}"),
        Some(old) => format!("promote node {id} in the place of node {old}"),
    };
    if let Some(old) = replacing {
        let stakes = format!("Node {old} leaves for good; its id is never used again.");
        session.asking.confirm(&attempt, &stakes, Danger::Moderate).await?;
    }
    let intent = write(session, attempt);
    let (request_id, validate_only) = (session.request_id.to_string(), session.validate_only());
    let replacing = replacing.unwrap_or(0);
    let body = v1::PromoteMemberRequest { request_id, node_id: id, replacing, validate_only };
    let member = when_caught_up(session, &intent, &body).await?;
    let votes = if validate_only { "would vote" } else { "votes" };
    session.out.one(&member, |_, _| format!("node {id} at {} {votes}", member.address))?;
    session.end(intent.attempt(), "tidegate cluster status");
    Ok(Exit::Done)
}

/// Asks again while the learner lags behind. A refusal of that kind leaves nothing in the log.
async fn when_caught_up(
    session: &mut Session,
    intent: &Intent,
    body: &v1::PromoteMemberRequest,
) -> Result<v1::Member, Failure> {
    let until = Instant::now() + session.client.patience().unwrap_or(CATCH_UP_PATIENCE);
    let mut told = false;
    loop {
        let asked = session.client.unary(intent, body.clone(), async |attempt, body| {
            let request = attempt.request(body);
            ClusterServiceClient::new(attempt.channel).promote_member(request).await
        });
        match asked.await {
            Err(failure)
                if failure.has_reason("LEARNER_NOT_CAUGHT_UP")
                    && Instant::now() + LOOK_AGAIN < until => {}
            answer => return answer,
        }
        if !told {
            session.out.talk(&format!("node {} has not caught up yet: waiting", body.node_id));
            told = true;
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Takes a member away.
pub(crate) async fn remove(session: &mut Session, flags: Remove) -> Result<Exit, Failure> {
    let Remove { id, confirm } = flags;
    let attempt = format!("remove node {id}");
    let before = fetch(session, &attempt).await?;
    let (stakes, danger) = stakes(&before, id, confirm);
    session.asking.confirm(&attempt, &stakes, danger).await?;
    let intent = write(session, attempt);
    let (request_id, validate_only) = (session.request_id.to_string(), session.validate_only());
    let body = v1::RemoveMemberRequest { request_id, node_id: id, validate_only };
    let removed = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            ClusterServiceClient::new(attempt.channel).remove_member(request).await
        })
        .await?;
    let voters = removed.voters;
    let is = if validate_only { "would be" } else { "is" };
    if !validate_only {
        session.out.talk(&format!("node {id} stops by itself; its id is never used again"));
    }
    let text = format!("node {id} {is} no member any more; {}", remaining(voters));
    let fields = [("nodeId", id.into()), ("voters", voters.into())];
    session.out.done(&id.to_string(), &fields, &text)?;
    session.end(intent.attempt(), "tidegate cluster status");
    Ok(Exit::Done)
}

/// What a removal leaves behind, and how much is at stake.
fn stakes(before: &v1::ClusterStatus, id: u64, confirm: Option<String>) -> (String, Danger) {
    let voters: Vec<u64> =
        before.members.iter().filter(|member| member.voter).map(|member| member.node_id).collect();
    if !before.members.iter().any(|member| member.node_id == id) {
        let stakes = format!("Node {id} is no member as far as node {} knows.", before.node_id);
        return (stakes, Danger::Moderate);
    }
    let left = voters.iter().filter(|voter| **voter != id).count();
    let left_over = remaining(u64::try_from(left).unwrap_or(u64::MAX));
    let gone = format!("Node {id} leaves for good; its id is never used again. {left_over}");
    if left >= SAFE_VOTERS || !voters.contains(&id) {
        return (format!("{gone}."), Danger::Moderate);
    }
    let stakes = format!("{gone}: the loss of one more stops the cluster.");
    (stakes, Danger::Severe { name: id.to_string(), given: confirm })
}

/// `1 voter remains`, `3 voters remain`.
fn remaining(voters: u64) -> String {
    let verb = if voters == 1 { "remains" } else { "remain" };
    format!("{} {verb}", counted(voters, "voter"))
}

/// Lets another voter lead.
pub(crate) async fn transfer(session: &mut Session, flags: Transfer) -> Result<Exit, Failure> {
    let id = flags.id;
    let validate_only = session.validate_only();
    let attempt = format!("let node {id} lead");
    // Handing over twice is no harm, and needs no request id; being told what would happen must not do it.
    let intent = if validate_only {
        write(session, attempt)
    } else {
        Intent::read(attempt, Subject::Cluster)
    };
    let body = v1::TransferLeaderRequest { node_id: id, validate_only };
    let patience = session.client.patience().unwrap_or(TRANSFER_PATIENCE);
    let moved = session
        .client
        .open(&intent, patience, body, async |attempt, body| {
            let request = attempt.request(body);
            ClusterServiceClient::new(attempt.channel).transfer_leader(request).await
        })
        .await?;
    let fields = [("leaderId", moved.leader_id.into()), ("term", moved.term.into())];
    if validate_only {
        let would = format!("node {id} votes and may be asked to lead");
        session.out.done(&id.to_string(), &fields, &would)?;
        session.end(intent.attempt(), "");
        return Ok(Exit::Done);
    }
    session.out.done(&id.to_string(), &fields, &leads(id, &moved))?;
    Ok(Exit::Done)
}

/// Who leads after the lead was handed to `asked`, as the answering controller knows.
fn leads(asked: u64, moved: &v1::TransferLeaderResponse) -> String {
    let term = moved.term;
    match moved.leader_id {
        0 => {
            format!("node {asked} took over; the answering controller does not know yet who leads")
        }
        leader if leader == asked => format!("node {leader} leads  (term {term})"),
        leader => format!(
            "node {asked} took over; the answering controller holds node {leader} for the leader  (term \
             {term})"
        ),
    }
}

fn write(session: &Session, attempt: String) -> Intent {
    Intent::write(attempt, Subject::Cluster, session.request_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(voters: &[u64]) -> v1::ClusterStatus {
        let member = |&node_id: &u64| v1::Member { node_id, voter: true, ..Default::default() };
        let members = voters.iter().map(member).collect();
        v1::ClusterStatus { node_id: 2, members, ..Default::default() }
    }

    #[test]
    fn a_removal_that_leaves_three_voters_needs_a_yes_and_one_that_leaves_two_the_id() {
        let (_, danger) = stakes(&status(&[1, 2, 3, 4]), 1, None);
        assert!(matches!(danger, Danger::Moderate));
        let (words, danger) = stakes(&status(&[1, 2, 3]), 1, None);
        assert!(matches!(danger, Danger::Severe { name, given: None } if name == "1"));
        assert!(words.contains("2 voters remain: the loss of one more"), "{words}");
    }

    #[test]
    fn the_removal_of_a_learner_needs_a_yes() {
        let mut status = status(&[1, 2, 3]);
        status.members.push(v1::Member { node_id: 4, ..Default::default() });
        let (words, danger) = stakes(&status, 4, None);
        assert!(matches!(danger, Danger::Moderate));
        assert!(words.ends_with("3 voters remain."), "{words}");
    }

    #[test]
    fn who_would_remove_a_stranger_is_told_that_it_is_one() {
        let (words, danger) = stakes(&status(&[1, 2, 3]), 9, None);
        assert!(matches!(danger, Danger::Moderate));
        assert_eq!(words, "Node 9 is no member as far as node 2 knows.");
    }

    #[test]
    fn nobody_is_called_the_leader_who_is_not_known_to_be() {
        let moved = |leader_id| v1::TransferLeaderResponse { leader_id, term: 7 };
        assert_eq!(leads(2, &moved(2)), "node 2 leads  (term 7)");
        assert!(leads(2, &moved(0)).contains("does not know yet who leads"));
        assert!(leads(2, &moved(3)).contains("holds node 3 for the leader"));
    }
}
