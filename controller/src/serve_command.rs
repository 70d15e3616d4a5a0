//! `tidegate serve`: how does a controller run as a process?

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Arrival, Config, Loopback};
use crate::journal::Violation;
use crate::node::Fatal;
use crate::runtime::{StartError, Stop};
use crate::server::{MetricsConfig, Running, ServeError, ServerConfig};
use crate::telemetry;

/// The exit code of a node that must not be started again as it is.
const NEVER_AGAIN: u8 = 3;

/// Which controller to run.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tidegate serve --dev                              one node, everything in ./tidegate-dev
  tidegate serve --config controller-1.toml         a member of a cluster
  tidegate serve --config controller-4.toml --join  waits for `tidegate cluster add 4 ADDRESS`

Stops on SIGTERM or Ctrl-C. Exit codes: 0 stopped, 1 could not start or go on, 2 usage, 3 may not come
back as it is: it was removed, its disk is damaged or empty, or its state differs from the others'. Have
a supervisor start it again after 1, never after 3 (systemd: RestartPreventExitStatus=3).")]
pub struct Args {
    /// The controller's configuration file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dev", "data_dir", "listen"], required_unless_present = "dev")]
    config: Option<PathBuf>,
    /// Wait to be added to the cluster of the members in the configuration, as `join = true` says.
    #[arg(long, requires = "config")]
    join: bool,
    /// One node for development: no TLS, loopback alone.
    #[arg(long)]
    dev: bool,
    /// Where the development node keeps everything.
    #[arg(long, value_name = "DIR", default_value = "tidegate-dev", requires = "dev")]
    data_dir: PathBuf,
    /// Where the development node listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7443", requires = "dev")]
    listen: Loopback,
    /// Where Prometheus finds /metrics, e.g. 127.0.0.1:9464 [default: what the configuration says, else nowhere].
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<Loopback>,
}

/// Runs a controller until it is told to stop, or cannot go on.
pub async fn run(args: Args) -> ExitCode {
    let config = match &args.config {
        Some(path) => Config::load(path),
        None => Ok(Config::development(&args.data_dir, args.listen)),
    };
    let mut config = match config {
        Ok(config) => config,
        Err(error) => return failed(&WithCauses(&error)),
    };
    if args.join {
        config.arrival = Arrival::Joins;
    }
    if let Some(listen) = args.metrics_listen {
        config.telemetry.metrics_listen = Some(listen.socket_addr());
    }
    let guard = match telemetry::init(&config.telemetry) {
        Ok(guard) => guard,
        Err(error) => return failed(&error),
    };
    let collector = match telemetry::collector(&config.telemetry) {
        Ok(collector) => collector,
        Err(error) => return failed(&error),
    };
    let mut server = ServerConfig::from(&config);
    server.metrics.collector = collector;
    let code = match Running::start(&server).await {
        Ok(running) => until_stopped(running).await,
        Err(error) if may_come_back(&error) => failed(&WithCauses(&error)),
        Err(error) => never_again(&WithCauses(&error)),
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
            Stop::Fatal(fatal) if is_final(&fatal) => never_again(&WithCauses(&*fatal)),
            Stop::Fatal(fatal) => failed(&WithCauses(&*fatal)),
            Stop::TurnedAway(why) => never_again(&why),
            Stop::Damaged(violation) => never_again(&format!(
                "what this node stored is damaged: {}; do not start it again as this node: keep its \
                 data directory for a look, take it out with `tidegate cluster remove`, and add a new \
                 node with a new id and an empty data directory",
                WithCauses(&*violation)
            )),
            Stop::Panicked => failed(&"the node broke one of its own assertions; see the log"),
        },
    }
}

/// Whether it may be started again after this and get farther.
fn may_come_back(error: &ServeError) -> bool {
    match error {
        ServeError::Unwelcome(_) => false,
        ServeError::Start(StartError::Node(fatal)) => !is_final(fatal),
        ServeError::Start(StartError::Journal(failed)) => !is_lost(&failed.violation),
        ServeError::Start(StartError::Thread(_) | StartError::Chance(_))
        | ServeError::Listen(_)
        | ServeError::Metrics { .. }
        | ServeError::Store(_)
        | ServeError::Peer(_)
        | ServeError::System { .. } => true,
    }
}

/// Whether the journal cannot be trusted any more, however often it is opened.
const fn is_lost(violation: &Violation) -> bool {
    match violation {
        Violation::Hole { .. }
        | Violation::Shortened { .. }
        | Violation::Damaged { .. }
        | Violation::MissingPiece { .. }
        | Violation::Lost
        | Violation::Store(_) => true,
        Violation::OtherNode { .. }
        | Violation::OtherCluster { .. }
        | Violation::NewerFormat { .. }
        | Violation::Locked
        | Violation::Unwritable(_)
        | Violation::File { .. } => false,
    }
}

/// Whether no start of the same node on the same disk gets farther.
fn is_final(fatal: &Fatal) -> bool {
    match fatal {
        Fatal::Removed { .. } | Fatal::Diverged { .. } | Fatal::Thaw { .. } => true,
        Fatal::Config(_)
        | Fatal::Journal(_)
        | Fatal::Raft(_)
        | Fatal::UnknownEntry { .. }
        | Fatal::Encode(_)
        | Fatal::TooNew { .. } => false,
    }
}

/// Says why the process ends, and that it must not be started again as it is.
fn never_again(error: &dyn std::fmt::Display) -> ExitCode {
    let _said = failed(error);
    ExitCode::from(NEVER_AGAIN)
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
            arrival: config.arrival,
            members: members.map(|(&node, address)| (node, address.to_string())).collect(),
            listen: config.listen,
            data_dir: config.data_dir.clone(),
            raft_tick: config.raft_tick,
            machine_tick: config.machine_tick,
            idle_sync: config.idle_sync,
            storage: config.storage,
            metrics: MetricsConfig {
                listen: config.telemetry.metrics_listen,
                collector: None,
                instance: config.telemetry.instance.clone(),
            },
            egress: config.egress.clone(),
        }
    }
}
