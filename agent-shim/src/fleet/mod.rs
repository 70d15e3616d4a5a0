//! How do many simulated hosts run in one process? Each is a whole agent with a kernel of its own;
//! they share the connections.

mod host;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use tokens::WeightedToken;

use crate::core::{AgentConfig, Chance, Millis, Mode};
use crate::driver::simulated::{Crash, SimulatedDriver, Truth, simulated_facts};
use crate::transport::{Endpoints, EndpointsRefused};
use host::Life;

/// What a simulated fleet is made of.
#[derive(Clone, Debug)]
pub struct FleetConfig {
    /// Seed of all facts, faults and draws. The same seed gives the same hosts.
    pub seed: u64,
    /// How many hosts.
    pub count: u64,
    /// Controllers, `host:port`.
    pub controllers: Vec<String>,
    /// Addresses beyond loopback that may be spoken to without TLS.
    pub plaintext_to: Vec<String>,
    /// Tokens to enrol with; the hosts are split by weight, in order.
    pub tokens: Vec<WeightedToken>,
    /// Whether the hosts may apply.
    pub mode: Mode,
    /// Spans and limits of every agent.
    pub agent: AgentConfig,
    /// Connections to each controller, at least 1.
    pub connections: usize,
    /// The hosts enrol within this span, at random.
    pub enrol_within: Millis,
}

impl FleetConfig {
    /// A fleet of `count` hosts with the defaults: mode normal, 4 connections to each controller,
    /// all enrolled within 2 s.
    #[must_use]
    pub fn new(
        seed: u64,
        count: u64,
        controllers: Vec<String>,
        tokens: Vec<WeightedToken>,
    ) -> Self {
        Self {
            seed,
            count,
            controllers,
            plaintext_to: Vec::new(),
            tokens,
            mode: Mode::Normal,
            agent: AgentConfig { watch_interval: Millis(60_000), ..AgentConfig::default() },
            connections: 4,
            enrol_within: Millis(2_000),
        }
    }
}

/// Why a fleet did not start.
#[derive(Debug, thiserror::Error)]
pub enum FleetRefused {
    /// The controllers cannot be used.
    #[error(transparent)]
    Endpoints(#[from] EndpointsRefused),
    /// There is no token, or all weights are 0.
    #[error("no token is given: name one with `--token-file`")]
    NoToken,
}

/// A simulated fleet.
pub struct Fleet;

impl Fleet {
    /// Starts a fleet on the present tokio runtime; its hosts enrol by themselves, and try again
    /// until they are.
    ///
    /// # Errors
    ///
    /// Where the controllers cannot be used, or there is no token.
    pub fn start(config: FleetConfig) -> Result<FleetHandle, FleetRefused> {
        let endpoints =
            Endpoints::plaintext(&config.controllers, &config.plaintext_to, config.connections)?;
        let config = Arc::new(config);
        let mut tasks = JoinSet::new();
        let mut drivers = Vec::new();
        for number in 1..=config.count {
            let token = tokens::of_host(&config.tokens, number - 1, config.count)
                .ok_or(FleetRefused::NoToken)?;
            let machine_id = format!("sim-{}-{number:04}", config.seed);
            let facts = simulated_facts(config.seed, number);
            let (told, crashes): (_, mpsc::UnboundedReceiver<Crash>) = mpsc::unbounded_channel();
            let driver =
                Arc::new(SimulatedDriver::new(config.seed, machine_id.clone(), facts, told));
            drivers.push(Arc::clone(&driver));
            let life = Life {
                driver,
                machine_id,
                secret: token.secret.clone(),
                endpoints: endpoints.clone(),
                lane: usize::try_from(number).unwrap_or(0),
                chance: Chance::new(config.seed ^ Chance::new(number).draw()),
                config: Arc::clone(&config),
            };
            tasks.spawn(life.live(crashes));
        }
        Ok(FleetHandle { drivers, tasks })
    }
}

/// A running fleet. Dropping it stops it.
pub struct FleetHandle {
    drivers: Vec<Arc<SimulatedDriver>>,
    tasks: JoinSet<()>,
}

impl FleetHandle {
    /// What really happened on each host so far, in the order of their numbers.
    #[must_use]
    pub fn truths(&self) -> Vec<Truth> {
        self.drivers.iter().map(|driver| driver.truth()).collect()
    }

    /// How many hosts are enrolled.
    #[must_use]
    pub fn enrolled(&self) -> usize {
        self.truths().iter().filter(|truth| !truth.host.is_empty()).count()
    }

    /// Stops every host where it stands, as a power cut would, and waits until they are gone.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}
