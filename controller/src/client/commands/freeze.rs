//! `tidegate freeze`: let nobody begin, everywhere or in a tier, until a date or until it is lifted.

use clap::{Args, Subcommand};
use prost_types::Timestamp;
use tidegate_proto::v1;
use tidegate_proto::v1::calendar_service_client::CalendarServiceClient;

use super::report::say_what_is_open;
use crate::client::advice::{Intent, Subject};
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::arrange::Arrange;
use crate::client::session::Session;

/// Verbs of `freeze`.
#[derive(Debug, Subcommand)]
pub enum FreezeCommand {
    /// Let nobody begin. Never asks; who is in flight is watched on.
    Create(Create),
    /// Let hosts begin again.
    Lift(Lift),
    /// List the freezes.
    #[command(after_help = "Example:\n  tidegate freeze list")]
    List(Arrange),
}

/// Flags of `freeze create`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tidegate freeze create quarter-end --until 2027-01-02T06:00:00Z"
)]
pub struct Create {
    /// Its name, e.g. `quarter-end`.
    #[arg(value_parser = names::id)]
    id: String,
    /// Only hosts of this tier.
    #[arg(long, value_parser = names::tier)]
    tier: Option<String>,
    /// It ends by itself then, such as `2027-01-02T06:00:00Z` [default: when it is lifted].
    #[arg(long, value_name = "DATE", value_parser = names::date)]
    until: Option<Timestamp>,
    /// Why, for the record.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

/// Flags of `freeze lift`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tidegate freeze lift quarter-end --reason 'the books are closed'"
)]
pub struct Lift {
    /// The freeze, e.g. `quarter-end` or `freezes/quarter-end`.
    #[arg(value_parser = names::freeze)]
    name: String,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: FreezeCommand) -> Result<Exit, Failure> {
    match command {
        FreezeCommand::Create(flags) => create(session, flags).await,
        FreezeCommand::Lift(flags) => lift(session, flags).await,
        FreezeCommand::List(arrange) => list(session, arrange).await,
    }
}

async fn create(session: &mut Session, flags: Create) -> Result<Exit, Failure> {
    let attempt = format!("freeze as freezes/{}", flags.id);
    let intent = Intent::write(attempt, Subject::Freezes, session.request_id);
    let body = v1::CreateFreezeRequest {
        request_id: session.request_id.to_string(),
        freeze_id: flags.id,
        tier: flags.tier.unwrap_or_default(),
        until: flags.until,
        reason: flags.reason,
        validate_only: session.validate_only(),
    };
    let freeze = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            CalendarServiceClient::new(attempt.channel).create_freeze(request).await
        })
        .await?;
    let whose = if freeze.tier.is_empty() { "nobody" } else { "no host of the tier" };
    let did = session.did("created");
    session.out.one(&freeze, |_, _| format!("{} {did}: {whose} begins", freeze.name))?;
    say_what_is_open(session, &[&freeze.name]).await;
    let next = format!("tidegate freeze lift {} --reason REASON", id_of(&freeze.name));
    session.end(intent.attempt(), &next);
    Ok(Exit::Done)
}

async fn lift(session: &mut Session, flags: Lift) -> Result<Exit, Failure> {
    let attempt = format!("lift {}", flags.name);
    let stakes = "Hosts that it keeps from beginning may begin.";
    session.asking.confirm(&attempt, stakes, Danger::Moderate).await?;
    let intent = Intent::write(attempt, Subject::Freezes, session.request_id);
    let body = v1::LiftFreezeRequest {
        request_id: session.request_id.to_string(),
        name: flags.name.clone(),
        reason: flags.reason,
        validate_only: session.validate_only(),
    };
    session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            CalendarServiceClient::new(attempt.channel).lift_freeze(request).await
        })
        .await?;
    let said = format!("{} {}", flags.name, session.did("lifted"));
    session.out.done(&flags.name, &[("name", flags.name.as_str().into())], &said)?;
    session.end(intent.attempt(), "tidegate freeze list");
    Ok(Exit::Done)
}

async fn list(session: &mut Session, arrange: Arrange) -> Result<Exit, Failure> {
    let intent = Intent::read("list the freezes", Subject::Freezes);
    let mut answer = session
        .client
        .unary(&intent, v1::ListFreezesRequest {}, async |attempt, body| {
            let request = attempt.request(body);
            CalendarServiceClient::new(attempt.channel).list_freezes(request).await
        })
        .await?;
    arrange.sort(&mut answer.freezes)?;
    session.out.list(("freezes", answer.freezes.as_slice()), &arrange, [])?;
    say_what_is_open(session, &["freezes/"]).await;
    Ok(Exit::Done)
}
