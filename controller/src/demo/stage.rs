//! What does the demonstration play on? A controller and a fleet, both real, in this process.

use std::collections::BTreeMap;
use std::time::Duration;

use tempfile::TempDir;
use tidegate_agent::driver::simulated::Truth;
use tidegate_agent::fleet::{Fleet, FleetConfig, FleetHandle, WeightedToken};

use super::operator::Operator;
use super::show::Show;
use super::{Args, DemoError};
use crate::config::{Arrival, Loopback};
use crate::machine::ids::NodeId;
use crate::runtime::StorageConfig;
use crate::server::{MetricsConfig, Running, ServerConfig};
use crate::webhooks::Egress;

/// The port that a demonstration which stays up listens on: the client's default.
const SERVE_PORT: u16 = 7443;

/// Tiers that hosts enrol in, and their parts of the fleet.
const TIERS: [(&str, u32); 2] = [("free", 60), ("paid", 40)];

/// The longest lease that the preset `compressed` gives, and a moment for what is under way.
const LEASE_AND_A_MOMENT: Duration = Duration::from_millis(5_500);

/// A controller, a fleet, and an operator's connection.
pub(super) struct Stage {
    pub(super) operator: Operator,
    running: Running,
    fleet: FleetHandle,
    count: usize,
    _data: Option<TempDir>,
}

/// What the fleet is like.
pub(super) struct FleetFacts {
    /// Hosts of each kernel release.
    pub(super) kernels: BTreeMap<String, u64>,
    /// Hosts of each tier.
    pub(super) tiers: BTreeMap<String, u64>,
}

impl Stage {
    /// Starts the controller, makes the tokens, and lets the fleet enrol.
    pub(super) async fn set(args: &Args, show: &Show) -> Result<Self, DemoError> {
        let data = match &args.data_dir {
            Some(_) => None,
            None => Some(
                TempDir::with_prefix("tidegate-demo-")
                    .map_err(|error| DemoError::setup("make a temporary folder", &error))?,
            ),
        };
        let temporary = data.as_ref().map(|dir| dir.path().to_owned());
        let data_dir = args.data_dir.clone().or(temporary).unwrap_or_default();
        let port = if args.serve { SERVE_PORT } else { 0 };
        let listen = args.listen.unwrap_or_else(|| Loopback::port(port));
        let config = ServerConfig {
            cluster: "demo".to_owned(),
            node: NodeId(1),
            arrival: Arrival::Founds,
            members: BTreeMap::from([(NodeId(1), listen.to_string())]),
            listen,
            data_dir,
            raft_tick: Duration::from_millis(20),
            machine_tick: Duration::from_millis(200),
            idle_sync: Duration::from_secs(2),
            storage: StorageConfig::default(),
            metrics: MetricsConfig::default(),
            egress: Egress::default(),
        };
        let running = Running::start(&config)
            .await
            .map_err(|error| DemoError::setup("start the controller", &error))?;
        let address = running.address().to_string();
        show.say(&format!("controller on {address}: one node, a real Raft log on disk"));
        let mut operator = Operator::connect(&address).await?;
        let mut tokens = Vec::new();
        for (tier, weight) in TIERS {
            let secret = operator.create_token(tier, args.hosts).await?;
            tokens.push(WeightedToken { secret, weight });
        }
        let fleet = FleetConfig::new(args.seed, args.hosts, vec![address], tokens);
        let fleet =
            Fleet::start(fleet).map_err(|error| DemoError::setup("start the fleet", &error))?;
        let count = usize::try_from(args.hosts).unwrap_or(usize::MAX);
        Ok(Self { operator, running, fleet, count, _data: data })
    }

    /// Waits until every host is enrolled.
    pub(super) async fn fleet_is_enrolled(&self, show: &Show) -> Result<FleetFacts, DemoError> {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        while self.fleet.enrolled() < self.count {
            look.tick().await;
        }
        let mut facts = FleetFacts { kernels: BTreeMap::new(), tiers: BTreeMap::new() };
        for truth in self.fleet.truths() {
            *facts.kernels.entry(truth.kernel_release).or_default() += 1;
            *facts.tiers.entry(truth.tier.trim_start_matches("tiers/").to_owned()).or_default() +=
                1;
        }
        show.say(&format!(
            "{} agents enrolled, each with a simulated kernel of {} releases",
            self.count,
            facts.kernels.len()
        ));
        Ok(facts)
    }

    /// What the hosts really went through.
    pub(super) fn truths(&self) -> Vec<Truth> {
        self.fleet.truths()
    }

    /// Waits until no go that was given before now can still be used.
    pub(super) async fn leases_are_over(&self) {
        tokio::time::sleep(LEASE_AND_A_MOMENT).await;
    }

    /// Stays up until Ctrl-C.
    pub(super) async fn keep_up(&self, show: &Show) {
        let address = self.running.address();
        show.say(&format!(
            "still up on {address}: try `tidegate rollout list`, `tidegate rollout explain 114.1`, \
             `tidegate host list`; Ctrl-C ends it"
        ));
        if address.port() != SERVE_PORT {
            show.say(&format!("(set TIDEGATE_ENDPOINTS={address} for the other commands)"));
        }
        // Without a signal handler the process ends by the signal itself.
        let _told = tokio::signal::ctrl_c().await;
    }

    /// Ends the fleet, then the controller.
    pub(super) async fn clear(self) {
        self.fleet.shutdown().await;
        self.running.stop().await;
    }
}
