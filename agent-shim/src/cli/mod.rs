//! What can a person type? `tidegate-agent enable|run|status|goodbye`. Data goes to stdout, talk to
//! stderr.

mod enable;
mod fleet;
mod goodbye;
mod host;
mod mode;
mod secret;
mod status;
mod yaml;

use std::error::Error;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Asks a Tidegate cluster which kernel livepatch this host may apply, and when; applies it, and
/// reports what became of it.
#[derive(Debug, Parser)]
#[command(name = "tidegate-agent", version, arg_required_else_help = true)]
pub struct Arguments {
    /// Where the agent keeps what must survive it.
    #[arg(long, global = true, default_value = "/var/lib/tidegate-agent", value_name = "DIR")]
    state_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make this machine a member of the fleet, in the tier of its token.
    Enable(enable::Enable),
    /// Run the agent of this machine, or a fleet of simulated machines.
    Run(host::Run),
    /// Show what the agent of this machine is doing.
    Status(status::Status),
    /// Tell the cluster that this machine goes down on purpose, and wait until it knows.
    Goodbye(goodbye::Goodbye),
}

/// Runs the command line of this process; returns its exit code: 0 done, 1 not done, 2 for
/// arguments that make no sense, and for `status --check` what its help says.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("TIDEGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let state_dir = arguments.state_dir;
    let ended = match arguments.command {
        Command::Enable(enable) => on_runtime(enable.run(&state_dir)),
        Command::Run(run) => on_runtime(run.run(&state_dir)),
        Command::Status(status) => status.run(&state_dir),
        Command::Goodbye(goodbye) => on_runtime(goodbye.run(&state_dir)),
    };
    ended.unwrap_or_else(|error| {
        complain(error.as_ref());
        ExitCode::FAILURE
    })
}

/// How a command ends.
type Ended = Result<ExitCode, Box<dyn Error>>;

/// What was asked for cannot be done; says what to do instead.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unable(String);

fn on_runtime(command: impl Future<Output = Ended>) -> Ended {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(command)
}

/// Says an error and its causes on stderr, one a line.
fn complain(error: &dyn Error) {
    let mut text = format!("tidegate-agent: {error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("  because: {error}\n"));
        cause = error.source();
    }
    // Nobody can be told that stderr is closed.
    drop(std::io::stderr().write_all(text.as_bytes()));
}
