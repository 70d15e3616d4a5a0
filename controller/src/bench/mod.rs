//! `tidegate bench`: how fast is it, and how fast is etcd on the same machine in the same run?
//!
//! It starts real controllers of its own program on loopback, with folders on a real disk, and talks to
//! them as operators and agents do. Every figure comes with the machine that it was taken on.

mod apply;
mod cluster;
mod commands;
mod duel;
mod etcd;
mod facts;
mod failover;
mod figures;
mod host;
mod ids;
mod ledger;
mod load;
mod operator;
mod process;
mod reports;
mod restart;
mod show;
mod stage;
mod tidegate;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::client::Globals;
use crate::machine::measure::Measured;
use crate::serve_command::{WithCauses, failed};
use commands::To;
use facts::Facts;
use show::Show;
use stage::{Against, Rival};

/// What is measured.
#[derive(Debug, clap::Subcommand)]
pub enum BenchCommand {
    /// Durable operator commands per second, and how long one takes.
    Commands(commands::Args),
    /// Reports of hosts made durable per second, delivered in batches.
    Reports(reports::Args),
    /// How long nobody can write after the leader was killed.
    Failover(failover::Args),
    /// How long a restart and a snapshot take, and how much memory the state holds.
    Restart(restart::Args),
    /// What one entry costs the machine, in fleets of different sizes.
    Apply(apply::Args),
    /// How far streams are behind the log while hosts report.
    Watch(watch::Args),
    /// A part of `restart`, in a process of its own.
    #[command(hide = true)]
    Probe(restart::ProbeArgs),
}

/// Whom to measure beside Tidegate, and where the servers keep their data.
#[derive(Clone, Debug, clap::Args)]
pub struct Beside {
    /// Whom to measure beside Tidegate.
    #[arg(long, value_enum, default_value_t = Against::Etcd)]
    against: Against,
    /// Where the servers' temporary folders are made; a real disk, or the figures say little
    /// [default: the system's folder for temporary files].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// How two systems take turns.
#[derive(Clone, Debug, clap::Args)]
pub struct Turns {
    /// Whom the clients talk to.
    #[arg(long, value_enum, default_value_t = To::Leader)]
    to: To,
    /// How long a slice is, in seconds; the systems take turns slice by slice.
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS", value_parser = seconds)]
    seconds: f64,
    /// How many slices of each system make one figure: their median.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    slices: u32,
}

impl Beside {
    fn base(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(std::env::temp_dir)
    }
}

impl Turns {
    fn slice(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

/// Reads a length between a tenth of a second and an hour.
fn seconds(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is not a number of seconds"))?;
    if (0.1..=3_600.0).contains(&number) {
        return Ok(number);
    }
    Err(format!("`{text}` is not between 0.1 and 3600 seconds"))
}

/// Why a benchmark did not come to its end.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("could not {what}: {detail}")]
    Setup { what: &'static str, detail: String },
    #[error("could not {what}: {}", .status.message())]
    Call { what: &'static str, status: Box<tonic::Status> },
}

impl BenchError {
    fn setup(what: &'static str, error: &dyn std::error::Error) -> Self {
        Self::Setup { what, detail: WithCauses(error).to_string() }
    }
}

/// A machine to measure, in whose fleet so many hosts have enrolled.
fn fleet_of(hosts: u64) -> Result<Measured, BenchError> {
    Measured::fleet(hosts).map_err(|error| BenchError::setup("make a fleet", &error))
}

/// Turns a refused call into an error that says what was attempted.
fn call(what: &'static str) -> impl Fn(tonic::Status) -> BenchError {
    move |status| BenchError::Call { what, status: Box::new(status) }
}

/// Exit code of an interrupted benchmark.
const INTERRUPTED: u8 = 130;

/// Runs a benchmark. Interrupted, it ends what it has started.
pub async fn run(command: BenchCommand, globals: &Globals) -> ExitCode {
    let show = Show::new(globals);
    let ended = tokio::select! {
        ended = dispatch(&command, &show) => Some(ended),
        () = interrupted() => None,
    };
    match ended {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => failed(&error),
        None => {
            show.say("interrupted: the servers are stopped and their folders removed");
            ExitCode::from(INTERRUPTED)
        }
    }
}

async fn dispatch(command: &BenchCommand, show: &Show) -> Result<(), BenchError> {
    match command {
        BenchCommand::Commands(args) => {
            let (rival, facts) = look_around(&args.beside, show);
            let rows = commands::run(args, &rival, show).await?;
            show.results("commands", &facts, &rows);
        }
        BenchCommand::Reports(args) => {
            let (rival, facts) = look_around(&args.beside, show);
            let rows = reports::run(args, &rival, show).await?;
            show.results("reports", &facts, &rows);
        }
        BenchCommand::Failover(args) => {
            let (rival, facts) = look_around(&args.beside, show);
            let rows = failover::run(args, &rival, show).await?;
            show.results("failover", &facts, &rows);
        }
        BenchCommand::Restart(args) => {
            let facts = look_at_machine(&args.beside.base(), None, show);
            show.results("restart", &facts, &restart::run(args, show).await?);
        }
        BenchCommand::Apply(args) => {
            let facts = look_at_machine(&std::env::temp_dir(), None, show);
            show.results("apply", &facts, &apply::run(args, show).await?);
        }
        BenchCommand::Watch(args) => {
            let base = args.data_dir.clone().unwrap_or_else(std::env::temp_dir);
            let facts = look_at_machine(&base, None, show);
            show.results("watch", &facts, &watch::run(args, show).await?);
        }
        BenchCommand::Probe(args) => restart::run_probe(args)?,
    }
    Ok(())
}

/// The other system, and the machine as it is before the measurement.
fn look_around(beside: &Beside, show: &Show) -> (Rival, Facts) {
    let rival = Rival::find(beside.against, show);
    let facts = look_at_machine(&beside.base(), rival.version(), show);
    (rival, facts)
}

fn look_at_machine(base: &Path, etcd: Option<String>, show: &Show) -> Facts {
    let facts = Facts::read(base, etcd);
    show.say(&facts.line());
    facts
}

/// Waits for Ctrl-C or `SIGTERM`.
async fn interrupted() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => (),
            _ = tokio::signal::ctrl_c() => (),
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
