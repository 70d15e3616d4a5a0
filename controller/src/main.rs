//! `tidegate`: the controller (`serve`), its demonstration (`demo`), its measurements (`bench`), rollouts
//! in virtual time (`simulate`, `policy`), and the operator's client.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tidegate_controller::client::{self, Globals};
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
    globals: Globals,
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
    Policy(simulate::PolicyCommand),
    #[command(flatten)]
    Client(client::Command),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return serve_command::failed(&error),
    };
    runtime.block_on(async move {
        match cli.command {
            Top::Serve(args) => serve_command::run(args).await,
            Top::Demo(args) => demo::run(args, &cli.globals).await,
            Top::Bench(command) => bench::run(command, &cli.globals).await,
            Top::Simulate(args) => simulate::run(args, &cli.globals).await,
            Top::Policy(command) => simulate::policy(command, &cli.globals).await,
            Top::Client(command) => client::run(cli.globals, command).await,
        }
    })
}
