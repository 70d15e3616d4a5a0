//! Who has to agree? `tidegate rollout approve|expedite|supersede`, and `tidegate approval` for what takes two people.

use clap::{Args, Subcommand};
use tidegate_proto::v1;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;

use super::rollout::{announce, fetch};
use crate::client::advice::{Intent, Subject};
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::arrange::Arrange;
use crate::client::output::text::hosts;
use crate::client::session::Session;

/// Flags of `rollout approve`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout approve 113.1 --remark 'CHG-117'")]
pub struct Approve {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout)]
    name: String,
    /// Why, for the record.
    #[arg(long, default_value = "", hide_default_value = true)]
    remark: String,
}

/// Flags of `rollout expedite`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tidegate rollout expedite 113.1 --reason 'exploited in the wild'"
)]
pub struct Expedite {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout)]
    name: String,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
}

/// Flags of `rollout supersede`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout supersede 113.1 --by 114.1")]
pub struct Supersede {
    /// The rollout whose place is taken, e.g. `113.1`.
    #[arg(value_parser = names::rollout)]
    name: String,
    /// The draft of a newer patch set that takes it, e.g. `114.1`.
    #[arg(long, value_name = "ROLLOUT", value_parser = names::rollout)]
    by: String,
    /// Why, for the record.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

/// Verbs of `approval`.
#[derive(Debug, Subcommand)]
pub enum ApprovalCommand {
    /// List what waits for a second person.
    #[command(after_help = "Example:\n  tidegate approval list")]
    List(Arrange),
    /// Agree, as a second person: it happens now.
    Approve(OfProposal),
    /// Turn it down, or take it back.
    Reject(OfProposal),
}

/// A proposal, and a word on it.
#[derive(Debug, Args)]
pub struct OfProposal {
    /// The proposal, e.g. `3` or `proposals/3`.
    #[arg(value_parser = names::proposal)]
    name: String,
    /// What to say of it, for the record.
    #[arg(long, default_value = "", hide_default_value = true)]
    remark: String,
}

/// Promotes the present wave, with a remark.
pub(crate) async fn approve(session: &mut Session, flags: Approve) -> Result<Exit, Failure> {
    let seen = fetch(session, &flags.name).await?;
    let attempt = format!("approve {}", flags.name);
    let wave = format!("{} wave {}", id_of(&seen.tier), seen.wave);
    let stakes = format!("This promotes {} past {wave}.", flags.name);
    session.asking.confirm(&attempt, &stakes, Danger::Moderate).await?;
    let body = v1::ApproveRolloutRequest {
        request_id: session.request_id.to_string(),
        name: flags.name.clone(),
        remark: flags.remark,
        from_tier: seen.tier,
        from_wave: seen.wave,
        etag: session.etag(),
        validate_only: session.validate_only(),
    };
    let intent = Intent::write(attempt, Subject::Rollout(flags.name), session.request_id);
    let rollout = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).approve_rollout(request).await
        })
        .await?;
    let (given, needed) = (rollout.approvals.len(), rollout.approvals_needed);
    if given > 0 {
        session.out.talk(&format!("{given} of {needed} people have promoted {wave}"));
    }
    announce(
        session,
        &rollout,
        (intent.attempt(), "approved"),
        &format!("tidegate rollout watch {}", id_of(&rollout.name)),
    )?;
    Ok(Exit::Done)
}

/// Proposes, or as a second person agrees, that soaks be shorter.
pub(crate) async fn expedite(session: &mut Session, flags: Expedite) -> Result<Exit, Failure> {
    let attempt = format!("expedite {}", flags.name);
    let stakes = "Soaks become as short as the policy lets them: late faults are seen when more hosts have them.";
    session.asking.confirm(&attempt, stakes, Danger::Moderate).await?;
    let body = v1::ExpediteRolloutRequest {
        request_id: session.request_id.to_string(),
        name: flags.name.clone(),
        reason: flags.reason,
        etag: session.etag(),
        validate_only: session.validate_only(),
    };
    let intent = Intent::write(attempt, Subject::Rollout(flags.name), session.request_id);
    let rollout = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).expedite_rollout(request).await
        })
        .await?;
    done_or_proposed(session, &rollout, (intent.attempt(), "expedited"))
}

/// Lets a newer rollout take the place of one.
pub(crate) async fn supersede(session: &mut Session, flags: Supersede) -> Result<Exit, Failure> {
    let attempt = format!("supersede {} by {}", flags.name, flags.by);
    let seen = fetch(session, &flags.name).await?;
    let begun = seen.counts.as_ref().map_or(0, |counts| counts.begun);
    let stakes = format!(
        "Nobody begins {} any more; of {} each that has it keeps it.",
        flags.name,
        hosts(begun)
    );
    session.asking.confirm(&attempt, &stakes, Danger::Moderate).await?;
    let body = v1::SupersedeRolloutRequest {
        request_id: session.request_id.to_string(),
        name: flags.name.clone(),
        by: flags.by.clone(),
        reason: flags.reason,
        etag: session.etag(),
        validate_only: session.validate_only(),
    };
    let intent = Intent::write(attempt, Subject::Rollout(flags.name), session.request_id);
    let rollout = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).supersede_rollout(request).await
        })
        .await?;
    let next = format!("tidegate rollout start {} --id {}", id_of(&flags.by), id_of(&flags.by));
    announce(session, &rollout, (intent.attempt(), "superseded"), &next)?;
    Ok(Exit::Done)
}

/// Says what became of a command that may take a second person: what was attempted, and what it is
/// called when it is done: `("start rollouts/113.1", "started")`.
pub(crate) fn done_or_proposed(
    session: &Session,
    rollout: &v1::Rollout,
    (attempt, done): (&str, &str),
) -> Result<Exit, Failure> {
    let verb = attempt.split(' ').next();
    let same = |of: &&v1::Proposal| of.action.split(' ').next() == verb;
    let Some(proposal) = rollout.proposals.iter().rfind(same) else {
        announce(
            session,
            rollout,
            (attempt, done),
            &format!("tidegate rollout watch {}", id_of(&rollout.name)),
        )?;
        return Ok(Exit::Done);
    };
    session.out.talk(&format!("{} waits for a second person: {}", proposal.name, proposal.action));
    let next = format!("tidegate approval approve {}   # as somebody else", id_of(&proposal.name));
    announce(session, rollout, (attempt, "proposed"), &next)?;
    Ok(Exit::Precondition)
}

/// Runs a verb of `approval`.
pub(crate) async fn run(session: &mut Session, command: ApprovalCommand) -> Result<Exit, Failure> {
    match command {
        ApprovalCommand::List(arrange) => list(session, arrange).await,
        ApprovalCommand::Approve(flags) => agree(session, flags).await,
        ApprovalCommand::Reject(flags) => reject(session, flags).await,
    }
}

async fn list(session: &mut Session, arrange: Arrange) -> Result<Exit, Failure> {
    let intent = Intent::read("list what waits for a second person", Subject::Proposals);
    let mut answer = session
        .client
        .unary(&intent, v1::ListProposalsRequest {}, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).list_proposals(request).await
        })
        .await?;
    arrange.sort(&mut answer.proposals)?;
    session.out.list(("proposals", answer.proposals.as_slice()), &arrange, [])?;
    Ok(Exit::Done)
}

async fn agree(session: &mut Session, flags: OfProposal) -> Result<Exit, Failure> {
    let attempt = format!("agree to {}", flags.name);
    let stakes = "What was proposed happens at once: see `tidegate approval list`.";
    session.asking.confirm(&attempt, stakes, Danger::Moderate).await?;
    let intent = Intent::write(attempt, Subject::Proposals, session.request_id);
    let body = v1::ApproveProposalRequest {
        request_id: session.request_id.to_string(),
        name: flags.name,
        remark: flags.remark,
        validate_only: session.validate_only(),
    };
    let rollout = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).approve_proposal(request).await
        })
        .await?;
    announce(
        session,
        &rollout,
        (intent.attempt(), "agreed to"),
        &format!("tidegate rollout watch {}", id_of(&rollout.name)),
    )?;
    Ok(Exit::Done)
}

async fn reject(session: &mut Session, flags: OfProposal) -> Result<Exit, Failure> {
    let intent =
        Intent::write(format!("reject {}", flags.name), Subject::Proposals, session.request_id);
    let body = v1::RejectProposalRequest {
        request_id: session.request_id.to_string(),
        name: flags.name,
        reason: flags.remark,
        validate_only: session.validate_only(),
    };
    let rollout = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).reject_proposal(request).await
        })
        .await?;
    announce(
        session,
        &rollout,
        (intent.attempt(), "left as it is"),
        &format!("tidegate rollout get {}", id_of(&rollout.name)),
    )?;
    Ok(Exit::Done)
}
