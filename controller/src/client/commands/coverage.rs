//! `tidegate coverage`: which kernels are covered, until when?

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use tidegate_proto::v1;
use tidegate_proto::v1::apply_coverage_request::Table;
use tidegate_proto::v1::calendar_service_client::CalendarServiceClient;

use crate::client::advice::{Intent, Subject};
use crate::client::confirm::Danger;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names::id_of;
use crate::client::output::coverage::{stand, table_whole};
use crate::client::session::Session;

/// Verbs of `coverage`.
#[derive(Debug, Subcommand)]
pub enum CoverageCommand {
    /// Show which kernels are covered, until when, and how the fleet's hosts stand.
    #[command(after_help = "Example:\n  tidegate coverage get -o wide")]
    Get,
    /// Say anew which kernels are covered. A host whose kernel is not gets nothing.
    #[command(after_help = "Example:\n  tidegate coverage apply -f coverage.toml --dry-run")]
    Apply(ApplyTable),
    /// Print the table as the document that says it.
    #[command(after_help = "Example:\n  tidegate coverage export > coverage.toml")]
    Export,
}

/// Flags of `coverage apply`.
#[derive(Debug, Args)]
pub struct ApplyTable {
    /// The coverage document, as `coverage export` prints it.
    #[arg(short, long, value_name = "FILE.toml", required_unless_present = "preset")]
    file: Option<PathBuf>,
    /// A table that ships: ubuntu.
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    preset: Option<String>,
    /// Why, for the record; needed where it lets some hosts have patches for longer.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: CoverageCommand) -> Result<Exit, Failure> {
    match command {
        CoverageCommand::Get => {
            let coverage = fetch(session, "show which kernels are covered").await?;
            session.out.one(&coverage, |show, now| table_whole(&coverage, show, now))?;
            Ok(Exit::Done)
        }
        CoverageCommand::Apply(flags) => apply(session, flags).await,
        CoverageCommand::Export => {
            let coverage = fetch(session, "print which kernels are covered").await?;
            if coverage.version == 0 {
                session.out.talk("no coverage table was applied: there is nothing to print");
            }
            session.out.raw(&coverage.coverage_toml)?;
            Ok(Exit::Done)
        }
    }
}

async fn fetch(session: &mut Session, attempt: &str) -> Result<v1::Coverage, Failure> {
    let intent = Intent::read(attempt, Subject::Coverage);
    session
        .client
        .unary(&intent, v1::GetCoverageRequest {}, async |attempt, body| {
            let request = attempt.request(body);
            CalendarServiceClient::new(attempt.channel).get_coverage(request).await
        })
        .await
}

async fn apply(session: &mut Session, flags: ApplyTable) -> Result<Exit, Failure> {
    let attempt = "apply the coverage table";
    let (table, source) = match (flags.preset, flags.file) {
        (Some(preset), _) => (Table::Preset(preset), String::new()),
        (None, file) => {
            let path = file.unwrap_or_default();
            let source = path.display().to_string();
            let text = fs::read_to_string(&path).map_err(|error| {
                let next = "name a file that can be read, or a --preset";
                let reason = "BAD_COVERAGE_FILE";
                Failure::usage(format!("read {source}"), reason, error.to_string(), next)
            })?;
            (Table::CoverageToml(text), source)
        }
    };
    let hosts: u64 = fetch(session, attempt).await?.hosts.iter().map(|of| of.hosts).sum();
    let stakes = format!("This decides for all {hosts} hosts whether they may have patches.");
    session.asking.confirm(attempt, &stakes, Danger::Moderate).await?;
    let intent = Intent::write(attempt, Subject::Coverage, session.request_id);
    let body = v1::ApplyCoverageRequest {
        request_id: session.request_id.to_string(),
        table: Some(table),
        source,
        reason: flags.reason,
        etag: session.etag(),
        validate_only: session.validate_only(),
    };
    let coverage = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            CalendarServiceClient::new(attempt.channel).apply_coverage(request).await
        })
        .await?;
    told(session, &coverage, intent.attempt())
}

fn told(session: &Session, coverage: &v1::Coverage, attempt: &str) -> Result<Exit, Failure> {
    if !coverage.proposal.is_empty() {
        let proposal = &coverage.proposal;
        session.out.one(coverage, |_, _| format!("coverage table proposed: {proposal}"))?;
        session.out.talk(&format!(
            "{proposal} waits for a second person: some hosts may have patches for longer by it"
        ));
        let next = format!("tidegate approval approve {}   # as somebody else", id_of(proposal));
        session.end(attempt, &next);
        return Ok(Exit::Precondition);
    }
    let did = session.did("applied");
    session
        .out
        .one(coverage, |_, _| format!("coverage table {did}: {}", stand(&coverage.hosts)))?;
    session.end(attempt, "tidegate report deadlines --within 90d");
    Ok(Exit::Done)
}
