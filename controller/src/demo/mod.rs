//! `tidegate demo`: what does the whole look like on one machine? A controller with a real log, a
//! fleet of real agents with simulated kernels, a good patch set, and a bad one that must stop.
//!
//! Nothing here is special: the demonstration does what an operator does, over gRPC on loopback, and
//! counts what the hosts really went through.

mod journey;
mod operator;
mod patch_sets;
mod report;
mod show;
mod stage;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::client::{Globals, OutputFormat};
use crate::config::Loopback;
use crate::runtime::Clock;
use crate::serve_command::{WithCauses, failed};
use crate::telemetry::{self, LogFormat, TelemetryConfig};
use journey::Journey;
use report::Report;
use show::Show;
use stage::Stage;

/// How the demonstration is set up.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 the good patch set completed and the bad one halted, 1 otherwise, 2 usage.
The policy is the preset `compressed`: soaks of seconds, for demonstrations only.")]
pub struct Args {
    /// Repeats the fleet's facts, the faults and the draws.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many hosts, at least 40.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(40..=5_000))]
    hosts: u64,
    /// Keep the controller and the fleet up afterwards, until Ctrl-C.
    #[arg(long)]
    serve: bool,
    /// Where to listen; by default a free port, with `--serve` 127.0.0.1:7443.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<Loopback>,
    /// Where the controller keeps everything; by default a temporary folder.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// How long the whole demonstration may take, from the first host on.
const DEADLINE: Duration = Duration::from_secs(85);

/// Why the demonstration did not come to its end.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("could not {what}: {detail}")]
    Setup { what: &'static str, detail: String },
    #[error("could not {what}: {}", .status.message())]
    Call { what: &'static str, status: Box<tonic::Status> },
    #[error("{what} took longer than the demonstration's {} s", DEADLINE.as_secs())]
    TooSlow { what: &'static str },
}

impl DemoError {
    fn setup(what: &'static str, error: &dyn std::error::Error) -> Self {
        Self::Setup { what, detail: WithCauses(error).to_string() }
    }
}

/// Turns a refused call into an error that says what was attempted.
fn call(what: &'static str) -> impl Fn(tonic::Status) -> DemoError {
    move |status| DemoError::Call { what, status: Box::new(status) }
}

/// Runs the demonstration.
pub async fn run(args: Args, globals: &Globals) -> ExitCode {
    let log = TelemetryConfig {
        log_filter: Some("error".to_owned()),
        log_format: LogFormat::Text,
        otlp_endpoint: None,
        metrics_listen: None,
        service_name: "tidegate-controller".to_owned(),
        instance: "demo".to_owned(),
    };
    let guard = match telemetry::init(&log) {
        Ok(guard) => guard,
        Err(error) => return failed(&WithCauses(&error)),
    };
    let json =
        matches!(globals.output, OutputFormat::Json | OutputFormat::Yaml | OutputFormat::Jsonl);
    let show = Show::new(json);
    let code = match play(&args, &show).await {
        Ok((report, stage)) => {
            report.print(json);
            if args.serve {
                stage.keep_up(&show).await;
            }
            stage.clear().await;
            if report.is_as_promised() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => failed(&error),
    };
    drop(guard);
    code
}

/// Sets the stage, and plays both acts.
async fn play(args: &Args, show: &Show) -> Result<(Report, Stage), DemoError> {
    let clock = Clock::start();
    let mut stage = Stage::set(args, show).await?;
    let end = tokio::time::sleep(DEADLINE);
    tokio::pin!(end);
    let fleet = tokio::select! {
        fleet = stage.fleet_is_enrolled(show) => fleet?,
        () = &mut end => return Err(DemoError::TooSlow { what: "enrolling the fleet" }),
    };
    let acts = async {
        let good = patch_sets::good();
        let good = Journey::of(&mut stage.operator, &good, &fleet.kernels, show).await?;
        let bad = patch_sets::bad(&fleet.kernels);
        let bad = Journey::of(&mut stage.operator, &bad, &fleet.kernels, show).await?;
        Ok::<_, DemoError>((good, bad))
    };
    let (good, bad) = tokio::select! {
        acts = acts => acts?,
        () = &mut end => return Err(DemoError::TooSlow { what: "the rollouts" }),
    };
    // Whoever got a go before the halt may still insert until the lease is over; nobody else may.
    stage.leases_are_over().await;
    let report = Report::of(args, &mut stage, &fleet, good, bad).await?;
    Ok((report.took(clock.monotonic()), stage))
}
