//! `tidegate serve`: how does a controller run as a process?

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, Loopback};
use crate::runtime::Stop;
use crate::server::{Running, ServerConfig};
use crate::telemetry;

/// Which controller to run.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tidegate serve --dev                       one node, everything in ./tidegate-dev
  tidegate serve --config controller-1.toml  a member of a cluster

Stops on SIGTERM or Ctrl-C. Exit codes: 0 stopped, 1 could not start or go on, 2 usage.")]
pub struct Args {
    /// The controller's configuration file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dev", "data_dir", "listen"], required_unless_present = "dev")]
    config: Option<PathBuf>,
    /// One node for development: no TLS, loopback alone.
    #[arg(long)]
    dev: bool,
    /// Where the development node keeps everything.
    #[arg(long, value_name = "DIR", default_value = "tidegate-dev", requires = "dev")]
    data_dir: PathBuf,
    /// Where the development node listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7443", requires = "dev")]
    listen: Loopback,
}

/// Runs a controller until it is told to stop, or cannot go on.
pub async fn run(args: Args) -> ExitCode {
    let config = match &args.config {
        Some(path) => Config::load(path),
        None => Ok(Config::development(&args.data_dir, args.listen)),
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => return failed(&WithCauses(&error)),
    };
    let guard = match telemetry::init(&config.telemetry) {
        Ok(guard) => guard,
        Err(error) => return failed(&error),
    };
    let code = match Running::start(&ServerConfig::from(&config)).await {
        Ok(running) => until_stopped(running).await,
        Err(error) => failed(&WithCauses(&error)),
    };
    drop(guard);
    code
}

async fn until_stopped(running: Running) -> ExitCode {
    let told = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = terminate.recv() => (),
                _ = tokio::signal::ctrl_c() => (),
            },
            Err(_) => drop(tokio::signal::ctrl_c().await),
        }
    };
    tokio::select! {
        () = told => {
            tracing::info!("controller.stopping");
            running.stop().await;
            ExitCode::SUCCESS
        }
        stop = running.stopped() => match stop {
            Stop::Asked => ExitCode::SUCCESS,
            Stop::Fatal(fatal) => failed(&WithCauses(&*fatal)),
            Stop::Panicked => failed(&"the node broke one of its own assertions; see the log"),
        },
    }
}

/// Says on stderr why the process ends.
pub fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    // Where stderr is gone, nobody listens.
    let _said = writeln!(std::io::stderr(), "tidegate: {error}");
    ExitCode::FAILURE
}

/// An error with what caused it, on one line.
pub struct WithCauses<'a>(pub &'a dyn std::error::Error);

impl std::fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl From<&Config> for ServerConfig {
    fn from(config: &Config) -> Self {
        let members = config.members.iter();
        Self {
            cluster: config.cluster.clone(),
            node: config.node_id,
            members: members.map(|(&node, address)| (node, address.to_string())).collect(),
            listen: config.listen,
            data_dir: config.data_dir.clone(),
            raft_tick: config.raft_tick,
            machine_tick: config.machine_tick,
            idle_sync: config.idle_sync,
        }
    }
}
