//! `tidegate holdback`: hold back from a token's hosts, or from one host, what is too new for them.

use clap::{Args, Subcommand};
use prost_types::Timestamp;
use tidegate_proto::v1;
use tidegate_proto::v1::calendar_service_client::CalendarServiceClient;

use super::pages::{Limit, Page, Question};
use super::report::say_what_is_open;
use crate::client::advice::{Intent, Subject};
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names;
use crate::client::output::calendar::{date, delay};
use crate::client::session::Session;

/// Verbs of `holdback`.
#[derive(Debug, Subcommand)]
pub enum HoldbackCommand {
    /// Say what is held back; it takes the place of what was said before.
    Set(Set),
    /// Hold nothing back any more.
    Clear(Clear),
    /// List what is held back from tokens and hosts; what tiers hold back is in `tier list`.
    #[command(after_help = "Example:\n  tidegate holdback list --sort-by name")]
    List(Limit),
}

/// From whom.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whom {
    /// The hosts of this token.
    #[arg(long, value_name = "TOKEN", value_parser = names::token)]
    token: Option<String>,
    /// This host, by its id.
    #[arg(long, value_name = "HOST", value_parser = names::host)]
    host: Option<String>,
}

/// Flags of `holdback set`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate holdback set --token web --delay 7d")]
pub struct Set {
    #[command(flatten)]
    whom: Whom,
    /// Nothing that was published more recently than that, e.g. `7d`.
    #[arg(long, value_name = "DURATION", value_parser = names::span, required_unless_present = "cut_off")]
    delay: Option<u64>,
    /// Nothing that was published after this, e.g. `2026-12-20T00:00:00Z`.
    #[arg(long, value_name = "DATE", value_parser = names::date)]
    cut_off: Option<Timestamp>,
    /// Why, for the record; needed where less is held back than before.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

/// Flags of `holdback clear`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tidegate holdback clear --token web --reason 'CHG-117'")]
pub struct Clear {
    #[command(flatten)]
    whom: Whom,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: HoldbackCommand) -> Result<Exit, Failure> {
    match command {
        HoldbackCommand::Set(flags) => {
            let (name, delay_ms) = (name(flags.whom), flags.delay.unwrap_or(0));
            let holdback = v1::Holdback { name, delay_ms, cut_off: flags.cut_off };
            set(session, holdback, flags.reason).await
        }
        HoldbackCommand::Clear(flags) => {
            let holdback = v1::Holdback { name: name(flags.whom), ..v1::Holdback::default() };
            set(session, holdback, flags.reason).await
        }
        HoldbackCommand::List(limit) => list(session, limit).await,
    }
}

fn name(whom: Whom) -> String {
    whom.token.or(whom.host).unwrap_or_default()
}

async fn set(
    session: &mut Session,
    holdback: v1::Holdback,
    reason: String,
) -> Result<Exit, Failure> {
    let attempt = format!("hold back from {}", holdback.name);
    let intent = Intent::write(attempt, Subject::Holdbacks, session.request_id);
    let body = v1::SetHoldbackRequest {
        request_id: session.request_id.to_string(),
        holdback: Some(holdback),
        reason,
        validate_only: session.validate_only(),
    };
    let known = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            CalendarServiceClient::new(attempt.channel).set_holdback(request).await
        })
        .await?;
    let did = session.did("set");
    session.out.one(&known, |_, _| {
        let (delay, cut_off) = (delay(known.delay_ms), date(known.cut_off.as_ref()));
        format!("holdback of {} {did}: delay {delay}, cut-off {cut_off}", known.name)
    })?;
    session.end(intent.attempt(), "tidegate holdback list");
    Ok(Exit::Done)
}

async fn list(session: &mut Session, limit: Limit) -> Result<Exit, Failure> {
    let intent = Intent::read("list what is held back", Subject::Holdbacks);
    let listed = limit.list(async |question: Question| {
        let Question { page_size, page_token, filter: _ } = question;
        let body = v1::ListHoldbacksRequest { page_size, page_token };
        let page = session
            .client
            .unary(&intent, body, async |attempt, body| {
                let request = attempt.request(body);
                CalendarServiceClient::new(attempt.channel).list_holdbacks(request).await
            })
            .await?;
        Ok(Page { rows: page.holdbacks, next: page.next_page_token })
    });
    listed.await?.show(session, ("holdbacks", "holdbacks"), None)?;
    say_what_is_open(session, &["tokens/", "hosts/"]).await;
    Ok(Exit::Done)
}
