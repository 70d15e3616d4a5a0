//! `tidegate tier`: which steps has the ladder, and when may their hosts begin?

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use tidegate_proto::v1;
use tidegate_proto::v1::apply_ladder_request::Ladder as Declared;
use tidegate_proto::v1::calendar_service_client::CalendarServiceClient;
use tidegate_proto::v1::fleet_service_client::FleetServiceClient;

use super::report::say_what_is_open;
use crate::client::advice::{Intent, Subject};
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::{self, id_of};
use crate::client::output::arrange::Arrange;
use crate::client::output::calendar::tier_whole;
use crate::client::session::Session;

/// Verbs of `tier`.
#[derive(Debug, Subcommand)]
pub enum TierCommand {
    /// List the tiers, first to last.
    #[command(after_help = "Example:\n  tidegate tier list")]
    List(Arrange),
    /// Show one tier: its windows, delay and cut-off, and whether its hosts may begin now.
    #[command(after_help = "Example:\n  tidegate tier get free")]
    Get(TierNamed),
    /// Declare the ladder anew: its tiers, and when their hosts may begin.
    #[command(after_help = "Example:\n  tidegate tier apply -f ladder.toml")]
    Apply(Apply),
    /// Print the ladder as the document that declares it.
    #[command(after_help = "Example:\n  tidegate tier export > ladder.toml")]
    Export,
}

/// A tier's name.
#[derive(Debug, Args)]
pub struct TierNamed {
    /// The tier, e.g. `free` or `tiers/free`.
    #[arg(value_parser = names::tier)]
    name: String,
}

/// Flags of `tier apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// The ladder document, as `tier export` prints it.
    #[arg(short, long, value_name = "FILE.toml", required_unless_present = "preset")]
    file: Option<PathBuf>,
    /// A ladder that ships: default, edge, proposed.
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    preset: Option<String>,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: TierCommand) -> Result<Exit, Failure> {
    match command {
        TierCommand::List(arrange) => list(session, arrange).await,
        TierCommand::Get(TierNamed { name }) => get(session, name).await,
        TierCommand::Apply(flags) => apply(session, flags).await,
        TierCommand::Export => {
            let ladder = ladder(session, "print the ladder").await?;
            session.out.raw(&ladder.ladder_toml)?;
            Ok(Exit::Done)
        }
    }
}

async fn ladder(session: &mut Session, attempt: &str) -> Result<v1::Ladder, Failure> {
    let intent = Intent::read(attempt, Subject::Tiers);
    session
        .client
        .unary(&intent, v1::GetLadderRequest {}, async |attempt, body| {
            let request = attempt.request(body);
            CalendarServiceClient::new(attempt.channel).get_ladder(request).await
        })
        .await
}

async fn list(session: &mut Session, arrange: Arrange) -> Result<Exit, Failure> {
    let mut ladder = ladder(session, "list the tiers").await?;
    arrange.sort(&mut ladder.tiers)?;
    let more = [("version", ladder.version.into()), ("etag", ladder.etag.into())];
    session.out.list(("tiers", ladder.tiers.as_slice()), &arrange, more)?;
    Ok(Exit::Done)
}

async fn get(session: &mut Session, name: String) -> Result<Exit, Failure> {
    let intent = Intent::read(format!("show {name}"), Subject::Tiers);
    let tier = session
        .client
        .unary(&intent, v1::GetTierRequest { name }, async |attempt, body| {
            let request = attempt.request(body);
            FleetServiceClient::new(attempt.channel).get_tier(request).await
        })
        .await?;
    session.out.one(&tier, |_, now| tier_whole(&tier, now))?;
    say_what_is_open(session, &[&tier.name]).await;
    Ok(Exit::Done)
}

async fn apply(session: &mut Session, flags: Apply) -> Result<Exit, Failure> {
    let attempt = "declare the ladder";
    let (declared, source) = match (flags.preset, flags.file) {
        (Some(preset), _) => (Declared::Preset(preset), String::new()),
        (None, file) => {
            let path = file.unwrap_or_default();
            let source = path.display().to_string();
            let text = fs::read_to_string(&path).map_err(|error| {
                let next = "name a file that can be read, or a --preset";
                Failure::usage(format!("read {source}"), "BAD_LADDER_FILE", error.to_string(), next)
            })?;
            (Declared::LadderToml(text), source)
        }
    };
    let hosts: u64 = ladder(session, attempt).await?.tiers.iter().map(|tier| tier.hosts).sum();
    let stakes = format!("This decides for all {hosts} hosts when they may begin.");
    session.asking.confirm(attempt, &stakes, Danger::Moderate).await?;
    let intent = Intent::write(attempt, Subject::Tiers, session.request_id);
    let body = v1::ApplyLadderRequest {
        request_id: session.request_id.to_string(),
        ladder: Some(declared),
        source,
        etag: session.etag(),
        validate_only: session.validate_only(),
    };
    let ladder = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            CalendarServiceClient::new(attempt.channel).apply_ladder(request).await
        })
        .await?;
    let names: Vec<&str> = ladder.tiers.iter().map(|tier| id_of(&tier.name)).collect();
    let did = session.did("declared");
    session.out.one(&ladder, |_, _| format!("ladder {did}: {}", names.join(" → ")))?;
    session.end(intent.attempt(), "tidegate tier list -o wide");
    Ok(Exit::Done)
}
