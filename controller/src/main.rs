//! `tidegate`: the controller (`serve`), its demonstration (`demo`), its measurements (`bench`), rollouts
//! in virtual time (`simulate`, `policy`), and the operator's client.

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tidegate_controller::client::{self, Flags, Need};
use tidegate_controller::{bench, demo, serve_command, simulate};

/// A third of a controller's time under load went to the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Decides which host may apply which kernel livepatch, and when.
#[derive(Debug, Parser)]
#[command(
    name = "tidegate",
    version,
    about = "Rollout control plane for kernel livepatches: tier by tier, and back by itself",
    after_help = client::EXIT_CODES_HELP
)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Top,
}

#[derive(Debug, Subcommand)]
enum Top {
    /// Run a controller: one node for development, or a member of a cluster.
    Serve(serve_command::Args),
    /// Show a whole cluster and fleet on this machine: a good patch set and a bad one.
    Demo(demo::Args),
    /// Measure this program, beside etcd where it is installed.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Play a rollout many times in virtual time, without a cluster: what halts it, and whom it harms.
    Simulate(simulate::Args),
    /// Try policies out.
    #[command(subcommand)]
    Policy(Policy),
    #[command(flatten)]
    Client(client::Command),
}

/// What can be asked about policies: of the documents, and of what they do.
#[derive(Debug, Subcommand)]
enum Policy {
    #[command(flatten)]
    Document(client::PolicyCommand),
    #[command(flatten)]
    Played(simulate::PolicyCommand),
}

impl Top {
    /// What it needs of the files that name contexts.
    fn need(&self) -> Need {
        match self {
            Self::Serve(_)
            | Self::Demo(_)
            | Self::Bench(_)
            | Self::Simulate(_)
            | Self::Policy(_) => Need::Nothing,
            Self::Client(command) => command.need(),
        }
    }
}

/// The whole command line, each help laid out alike.
fn whole() -> clap::Command {
    client::laid_out(Cli::command())
}

fn main() -> ExitCode {
    client::complete::answer(whole);
    let cli = match Cli::from_arg_matches(&whole().get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let globals = match client::settle(cli.flags, cli.command.need()) {
        Ok(globals) => globals,
        Err(ended) => return ended,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return serve_command::failed(&error),
    };
    runtime.block_on(async move {
        match cli.command {
            Top::Serve(args) => serve_command::run(args).await,
            Top::Demo(args) => demo::run(args, &globals).await,
            Top::Bench(command) => bench::run(command, &globals).await,
            Top::Simulate(args) => simulate::run(args, &globals).await,
            Top::Policy(Policy::Document(command)) => client::policy(&globals, command),
            Top::Policy(Policy::Played(command)) => simulate::policy(command, &globals).await,
            Top::Client(command) => client::run(globals, command, whole()).await,
        }
    })
}
