//! `tidegate rollout`: the operator's hands on a patch set's journey.

use clap::{Args, Subcommand};
use tidegate_proto::v1;
use tidegate_proto::v1::rollout_service_client::RolloutServiceClient;

use super::halt::{self, Halt};
use super::pages::{Listing, Page, Question};
use super::people::{self, Approve, Expedite, Supersede};
use super::plan::{self, Plan};
use super::policy::{self, Diff, Lint};
use super::promote::{self, Promote};
use super::report::say_what_is_open;
use super::start::{self, Start};
use super::watch::{self, Get, Status};
use super::withdrawal::{self, Rollback};
use crate::client::advice::{Intent, Subject};
use crate::client::complete;
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::rollout::{explanation, failures_in_words, replayed, standing};
use crate::client::output::text::hosts;
use crate::client::session::Session;

/// Verbs of `rollout`.
#[derive(Debug, Subcommand)]
pub enum RolloutCommand {
    /// Say what a rollout would do that started now: its hosts, wave by wave, and when it could be done.
    Plan(Plan),
    /// Create a rollout of a patch set, and start it.
    Start(Start),
    /// List rollouts, newest first.
    #[command(
        after_help = "Example:\n  tidegate rollout list --filter 'state=RUNNING OR state=HALTED'"
    )]
    List(Listing),
    /// Show one rollout: its tiers, waves and gates.
    Get(Get),
    /// Follow a rollout until it is completed: redrawn on a terminal, one line a change in a pipe.
    Watch(Named),
    /// One line, and exit code 3 where it is halted.
    Status(Status),
    /// Go on to the next wave or tier.
    Promote(Promote),
    /// Promote the present wave with a remark, once every other gate is open; it may take several people.
    Approve(Approve),
    /// Let soaks be as short as the policy allows, for a critical fix; always takes two people.
    Expedite(Expedite),
    /// Let the draft of a newer patch set take the place of a rollout.
    Supersede(Supersede),
    /// Stop further begins until `resume`. Never asks.
    Pause(Reasoned),
    /// Lift a pause or a halt; lifting a halt acknowledges the failures counted so far.
    Resume(Resume),
    /// Stop a rollout now, or one slice of it. Never asks; safe to repeat.
    Halt(Halt),
    /// Withdraw the patch set for good and take it back: hosts revert where they can, and owe a reboot where not.
    Rollback(Rollback),
    /// Say why a rollout, or a host in it, is where it is.
    Explain(Explain),
    /// Compute a recorded verdict again from what was recorded with it; exit code 1 where it differs.
    Replay(Replay),
    /// List a rollout's hosts with what became of them.
    Hosts(HostsOf),
    /// Say in what a rollout's policy differs from another; exit code 5 where it does.
    Diff(Diff),
    /// Say whether a policy is one, and fits the cluster's ladder.
    Lint(Lint),
}

/// A rollout's name.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout watch 113.1")]
pub struct Named {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout, add = complete::rollouts())]
    pub(crate) name: String,
}

/// A rollout, and a reason that may be left out.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout pause 113.1 --reason lunch")]
pub struct Reasoned {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout, add = complete::rollouts())]
    name: String,
    /// Why, for the record.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

/// Flags of `rollout resume`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout resume 113.1 --reason 'known, and harmless'")]
pub struct Resume {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout, add = complete::rollouts())]
    name: String,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    /// Let this halted slice go on, as `rollout get` names it; left out: lift the pause or the halt of
    /// everything, which leaves halted slices as they are.
    #[arg(long, value_name = "FACT=VALUE", default_value = "", hide_default_value = true)]
    slice: String,
}

/// Flags of `rollout explain`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout explain 113.1 --host web-7")]
pub struct Explain {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout, add = complete::rollouts())]
    name: String,
    /// Explain this host's part in it.
    #[arg(long, value_parser = names::host)]
    host: Option<String>,
}

/// Flags of `rollout replay`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate rollout replay 113.1")]
pub struct Replay {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout, add = complete::rollouts())]
    name: String,
    /// Log index of the verdict, as `explain` shows it; left out: the newest one.
    #[arg(long, value_name = "INDEX", default_value_t = 0, hide_default_value = true)]
    at: u64,
}

/// Flags of `rollout hosts`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tidegate rollout hosts 113.1 --filter 'phase=CRASHED OR phase=SILENT'"
)]
pub struct HostsOf {
    /// The rollout, e.g. `113.1` or `rollouts/113.1`.
    #[arg(value_parser = names::rollout, add = complete::rollouts())]
    name: String,
    #[command(flatten)]
    listing: Listing,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: RolloutCommand) -> Result<Exit, Failure> {
    match command {
        RolloutCommand::Plan(flags) => plan::run(session, flags).await,
        RolloutCommand::Start(flags) => start::run(session, flags).await,
        RolloutCommand::List(listing) => list(session, listing).await,
        RolloutCommand::Get(flags) => watch::get(session, flags).await,
        RolloutCommand::Watch(Named { name }) => watch::follow(session, &name).await,
        RolloutCommand::Status(flags) => watch::status(session, flags).await,
        RolloutCommand::Promote(flags) => promote::run(session, flags).await,
        RolloutCommand::Approve(flags) => people::approve(session, flags).await,
        RolloutCommand::Expedite(flags) => people::expedite(session, flags).await,
        RolloutCommand::Supersede(flags) => people::supersede(session, flags).await,
        RolloutCommand::Pause(flags) => pause(session, flags).await,
        RolloutCommand::Resume(flags) => resume(session, flags).await,
        RolloutCommand::Halt(flags) => halt::run(session, flags).await,
        RolloutCommand::Rollback(flags) => withdrawal::rollback(session, flags).await,
        RolloutCommand::Explain(flags) => explain(session, flags).await,
        RolloutCommand::Replay(flags) => replay(session, flags).await,
        RolloutCommand::Hosts(flags) => list_hosts(session, flags).await,
        RolloutCommand::Diff(flags) => policy::diff(session, flags).await,
        RolloutCommand::Lint(flags) => policy::fits(session, flags).await,
    }
}

/// The rollout as it is now.
pub(crate) async fn fetch(session: &mut Session, name: &str) -> Result<v1::Rollout, Failure> {
    let intent = Intent::read(format!("show {name}"), Subject::Rollout(name.to_owned()));
    let body = v1::GetRolloutRequest { name: name.to_owned() };
    session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).get_rollout(request).await
        })
        .await
}

/// Prints what a command did to a rollout, and suggests the next one. `attempt`: what it was to do, `did`: what it
/// has done.
pub(crate) fn announce(
    session: &Session,
    rollout: &v1::Rollout,
    (attempt, did): (&str, &str),
    next: &str,
) -> Result<(), Failure> {
    let did = session.did(did);
    let line =
        || format!("{} {did}: {} (epoch {})", rollout.name, standing(rollout), rollout.epoch);
    session.out.one(rollout, |_, _| line())?;
    session.end(attempt, next);
    Ok(())
}

async fn list(session: &mut Session, listing: Listing) -> Result<Exit, Failure> {
    let intent = Intent::read("list rollouts", Subject::Rollouts);
    let listed = listing.list(async |question: Question| {
        let Question { page_size, page_token, filter } = question;
        let body = v1::ListRolloutsRequest { page_size, page_token, filter };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                RolloutServiceClient::new(attempt.channel).list_rollouts(request).await
            })
            .await?;
        Ok(Page { rows: page.rollouts, next: page.next_page_token })
    });
    listed.await?.show(session, ("rollouts", "rollouts"), None)?;
    Ok(Exit::Done)
}

async fn pause(session: &mut Session, flags: Reasoned) -> Result<Exit, Failure> {
    let Reasoned { name, reason } = flags;
    let (intent, request_id) = steering(session, "pause", &name);
    let body = v1::PauseRolloutRequest {
        request_id,
        name: name.clone(),
        reason,
        validate_only: session.validate_only(),
    };
    let rollout = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).pause_rollout(request).await
        })
        .await?;
    let next = format!("tidegate rollout resume {} --reason REASON", id_of(&name));
    announce(session, &rollout, (intent.attempt(), "paused"), &next)?;
    Ok(Exit::Done)
}

/// What is meant to happen to a rollout, and the id of the request for it.
fn steering(session: &Session, verb: &str, name: &str) -> (Intent, String) {
    let subject = Subject::Rollout(name.to_owned());
    let intent = Intent::write(format!("{verb} {name}"), subject, session.request_id);
    (intent, session.request_id.to_string())
}

async fn resume(session: &mut Session, flags: Resume) -> Result<Exit, Failure> {
    let name = flags.name;
    let before = fetch(session, &name).await?;
    let attempt = format!("resume {name}");
    let stakes = match flags.slice.as_str() {
        "" => resume_stakes(&before),
        slice => slice_stakes(&before, slice),
    };
    session.asking.confirm(&attempt, &stakes, Danger::Moderate).await?;
    let intent = Intent::write(attempt, Subject::Rollout(name.clone()), session.request_id);
    let body = v1::ResumeRolloutRequest {
        request_id: session.request_id.to_string(),
        name: name.clone(),
        reason: flags.reason,
        etag: session.etag(),
        validate_only: session.validate_only(),
        slice: flags.slice,
    };
    let rollout = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).resume_rollout(request).await
        })
        .await?;
    people::done_or_proposed(session, &rollout, (intent.attempt(), "resumed"))
}

pub(crate) fn resume_stakes(rollout: &v1::Rollout) -> String {
    let tier = rollout.tiers.iter().find(|tier| tier.tier == rollout.tier);
    let place = tier.map_or_else(String::new, |tier| {
        let begun = tier.counts.as_ref().map_or(0, |counts| counts.begun);
        let open = tier.eligible_hosts.saturating_sub(begun);
        format!(" In {}, {open} of {} have not begun.", tier.tier, hosts(tier.eligible_hosts))
    });
    let acknowledged = rollout.halt.as_ref().map_or_else(String::new, |halt| {
        let counts = halt.counts.unwrap_or_default();
        format!(" It acknowledges the halt by {}: {}.", halt.actor, failures_in_words(&counts))
    });
    format!("{} goes on ({}).{place}{acknowledged}", rollout.name, standing(rollout))
}

fn slice_stakes(rollout: &v1::Rollout, slice: &str) -> String {
    let of = rollout.halted_slices.iter().find(|of| of.slice == slice);
    let Some(of) = of else { return format!("{slice} of {} is not halted.", rollout.name) };
    let acknowledged = of.halt.as_ref().map_or_else(String::new, |halt| {
        let counts = halt.counts.unwrap_or_default();
        format!(" It acknowledges the halt by {}: {}.", halt.actor, failures_in_words(&counts))
    });
    format!("{slice} of {} goes on: {}.{acknowledged}", rollout.name, hosts(of.hosts))
}

async fn explain(session: &mut Session, flags: Explain) -> Result<Exit, Failure> {
    let name = flags.name;
    let intent = Intent::read(format!("explain {name}"), Subject::Rollout(name.clone()));
    let is_whole = flags.host.is_none();
    let body =
        v1::ExplainRolloutRequest { name: name.clone(), host: flags.host.unwrap_or_default() };
    let answer = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).explain_rollout(request).await
        })
        .await?;
    session.out.one(&answer, |_, now| explanation(&answer, now))?;
    if is_whole {
        say_what_is_open(session, &[&name]).await;
    }
    Ok(Exit::Done)
}

async fn replay(session: &mut Session, flags: Replay) -> Result<Exit, Failure> {
    let Replay { name, at } = flags;
    let intent = Intent::read(format!("replay {name}"), Subject::Rollout(name.clone()));
    let body = v1::ReplayRolloutRequest { name, log_index: at };
    let answer = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            RolloutServiceClient::new(attempt.channel).replay_rollout(request).await
        })
        .await?;
    session.out.one(&answer, |_, _| replayed(&answer))?;
    Ok(if answer.same { Exit::Done } else { Exit::Failed })
}

async fn list_hosts(session: &mut Session, flags: HostsOf) -> Result<Exit, Failure> {
    let name = flags.name;
    let intent = Intent::read(format!("list the hosts of {name}"), Subject::Rollout(name.clone()));
    let listed = flags.listing.list(async |question: Question| {
        let Question { page_size, page_token, filter } = question;
        let body = v1::ListGrantsRequest { rollout: name.clone(), page_size, page_token, filter };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                RolloutServiceClient::new(attempt.channel).list_grants(request).await
            })
            .await?;
        Ok(Page { rows: page.grants, next: page.next_page_token })
    });
    listed.await?.show(session, ("grants", "hosts"), None)?;
    Ok(Exit::Done)
}
