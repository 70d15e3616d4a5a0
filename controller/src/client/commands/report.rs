//! `tidegate report`: what is open on the whole fleet, and why? Which kernels have to be upgraded, and when?

use clap::{Args, Subcommand};
use tidegate_proto::v1;
use tidegate_proto::v1::report_service_client::ReportServiceClient;

use crate::client::advice::{Intent, Subject};
use crate::client::clock;
use crate::client::errors::Failure;
use crate::client::exit::Exit;
use crate::client::names;
use crate::client::output::coverage;
use crate::client::output::exposure::{leaves, whole};
use crate::client::session::Session;

/// Verbs of `report`.
#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Say which fixes are open on how many hosts, what keeps the hosts from them, and which promises are kept.
    #[command(after_help = "Example:\n  tidegate report exposure --tier paid")]
    Exposure(Exposure),
    /// Say how the fleet's kernels are covered, and when hosts have to be upgraded and booted anew, the soonest first.
    #[command(after_help = "Example:\n  tidegate report deadlines --within 90d")]
    Deadlines(Deadlines),
}

/// Flags of `report deadlines`.
#[derive(Debug, Args)]
pub struct Deadlines {
    /// Only kernels that are not covered, or will not be so soon, e.g. `90d`.
    #[arg(long, value_name = "DURATION", value_parser = names::span)]
    within: Option<u64>,
}

/// Flags of `report exposure`.
#[derive(Debug, Args)]
pub struct Exposure {
    /// Only hosts of this tier.
    #[arg(long, value_parser = names::tier)]
    tier: Option<String>,
}

/// Runs one of them.
pub(crate) async fn run(session: &mut Session, command: ReportCommand) -> Result<Exit, Failure> {
    match command {
        ReportCommand::Exposure(Exposure { tier }) => {
            let report = fetch(session, tier.unwrap_or_default()).await?;
            session.out.one(&report, |show, now| whole(&report, show, now))?;
            Ok(Exit::Done)
        }
        ReportCommand::Deadlines(Deadlines { within }) => deadlines(session, within).await,
    }
}

async fn deadlines(session: &mut Session, within: Option<u64>) -> Result<Exit, Failure> {
    let intent = Intent::read("report how kernels are covered", Subject::Coverage);
    let body = v1::ReportDeadlinesRequest { within_ms: within.unwrap_or(0) };
    let report = session
        .client
        .unary(&intent, body, async |attempt, body| {
            let request = attempt.request(body);
            ReportServiceClient::new(attempt.channel).report_deadlines(request).await
        })
        .await?;
    session.out.one(&report, |show, _| coverage::deadlines(&report, show))?;
    Ok(Exit::Done)
}

async fn fetch(session: &mut Session, tier: String) -> Result<v1::ExposureReport, Failure> {
    let intent = Intent::read("report what is open", Subject::Tiers);
    let body = v1::ReportExposureRequest { tier };
    let report = session.client.unary(&intent, body, async |attempt, body| {
        let request = attempt.request(body);
        ReportServiceClient::new(attempt.channel).report_exposure(request).await
    });
    report.await
}

/// Says of each thing with one of these names, or in one of these collections (`freezes/`), what it leaves open. It comes after what was asked for, and
/// where it cannot be had nothing is said.
pub(crate) async fn say_what_is_open(session: &mut Session, names: &[&str]) {
    if !session.out.talks() {
        return;
    }
    let Ok(report) = fetch(session, String::new()).await else { return };
    let is_it = |of: &str, name: &str| of == name || (name.ends_with('/') && of.starts_with(name));
    let of_it = |of: &&v1::KeptOut| names.iter().any(|name| is_it(&of.resource, name));
    for of in report.causes.iter().filter(of_it) {
        session.out.talk(&leaves(of, clock::now()));
    }
}
