//! `tidegate simulate`: what would a policy do to a fleet, and a fleet to a policy? The real machine, the
//! real policies and the real agents in virtual time, many times over; no cluster is needed.
//!
//! One controller stands for all of them: consensus is not what is asked about here. Calls are answered at
//! once; downloads, transitions, reboots and failures take their time. Nothing depends on anything but the
//! scenario and the seed.

mod agents;
mod batch;
mod beats;
mod chance;
mod controllers;
mod driver;
mod error;
mod figures;
mod files;
mod fleet;
mod host;
mod library;
mod opening;
mod outcome;
mod plot;
mod policy_test;
mod promises;
mod queue;
mod scenario;
mod show;
#[cfg(test)]
mod tests;
mod timeline;
mod troubles;
mod turns;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::client::Globals;
use crate::serve_command::failed;
use batch::{Batch, Played};
use error::SimulateError;
use fleet::Fleet;
pub use policy_test::PolicyCommand;
use scenario::Scenario;
use show::Progress;
use world::{Beats, Scene};

/// What is simulated, and how often.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tidegate simulate one-cpu-model --seeds 20 --hosts 10000
  tidegate simulate ours.toml --plot ours.svg
Exit codes: 0 it was played, whatever came out; 1 it could not be; 2 usage, or a bad scenario.")]
pub struct Args {
    /// The scenario: a TOML file, or the name of one that comes with Tidegate.
    #[arg(value_name = "FILE")]
    scenario: String,
    #[command(flatten)]
    runs: Runs,
    /// Draw one run over time, and where every run ended.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Play every beat, also those that change nothing: slow.
    #[arg(long)]
    all_beats: bool,
}

/// How often a scenario is played, and on how many hosts.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Runs {
    /// How many seeds.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: u64,
    /// The first seed; the others follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Hosts, instead of the scenario's.
    #[arg(long, value_parser = clap::value_parser!(u64).range(10..=1_000_000))]
    hosts: Option<u64>,
}

/// Exit code of an interrupted simulation.
const INTERRUPTED: u8 = 130;

/// Simulates.
pub async fn run(args: Args, globals: &Globals) -> ExitCode {
    let globals = globals.clone();
    aside(move || simulate(&args, &globals).map(|()| ExitCode::SUCCESS)).await
}

/// Does what a person asks about policies.
pub async fn policy(command: PolicyCommand, globals: &Globals) -> ExitCode {
    let globals = globals.clone();
    aside(move || policy_test::run(&command, &globals)).await
}

/// Does heavy work on threads of its own: whoever interrupts does not wait for it.
async fn aside(
    work: impl FnOnce() -> Result<ExitCode, SimulateError> + Send + 'static,
) -> ExitCode {
    let (told, ended) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("tidegate-simulate".to_owned());
    // Where nobody waits any more, nobody misses it.
    if let Err(error) = thread.spawn(move || drop(told.send(work()))) {
        return failed(&SimulateError::scene("start a thread", &error));
    }
    tokio::select! {
        ended = ended => match ended {
            Ok(Ok(code)) => code,
            Ok(Err(error)) if error.is_usage() => {
                failed(&error);
                ExitCode::from(2)
            }
            Ok(Err(error)) => failed(&error),
            Err(error) => failed(&error),
        },
        _ = tokio::signal::ctrl_c() => ExitCode::from(INTERRUPTED),
    }
}

fn simulate(args: &Args, globals: &Globals) -> Result<(), SimulateError> {
    let scenario = library::find(&args.scenario)?;
    let progress = Progress::of(args.runs.seeds, globals);
    let beats = if args.all_beats { Beats::All } else { Beats::ThatMatter };
    let (scene, played) = play(scenario, args.runs, beats, &progress)?;
    progress.done();
    if let Some(path) = &args.plot {
        let written = std::fs::write(path, plot::svg(&scene.scenario, &played));
        let path = path.display().to_string();
        written.map_err(|source| SimulateError::Write { path, source })?;
    }
    show::print(&show::text(globals.output, &scene.scenario, &played));
    Ok(())
}

/// Plays a scenario.
fn play(
    mut scenario: Scenario,
    runs: Runs,
    beats: Beats,
    progress: &Progress,
) -> Result<(Scene, Played), SimulateError> {
    scenario.fleet.hosts = runs.hosts.unwrap_or(scenario.fleet.hosts);
    progress.plays(&scenario.name);
    let fleet = Fleet::enrolled(&scenario.fleet, &scenario.policy.policy)?;
    let scene = Scene { scenario, fleet };
    let batch = Batch { seed: runs.seed, seeds: runs.seeds, beats };
    let played = batch.play(&scene, |_| progress.ended());
    Ok((scene, played))
}
