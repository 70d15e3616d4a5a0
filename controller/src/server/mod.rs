//! How is a controller put together, and how does it end?
//!
//! The only room that knows all others: journal and node behind the runtime, peers, artifacts, relay
//! and the door. Everything that runs is stopped by [`Running::stop`].

mod arrival;
mod blob_keeper;
mod bootstrap;
mod calendar_keeper;
mod decision_log;
mod registration;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tidegate_policies::time::Millis;
use tokio::sync::oneshot;

use crate::api::{Desk, Door, ListenError, serve};
use crate::artifacts::{Store, StoreError};
use crate::config::{Arrival, Loopback};
use crate::machine::ids::{Digest, NodeId};
use crate::metrics::{self, Metrics};
use crate::peers::{BadAddress, Hooks, Peers, PeersConfig};
use crate::relay::{Relay, take_over};
use crate::runtime::{
    Clock, DiskGauge, DiskWatch, Handle, Outbound, Runtime, RuntimeConfig, StartError, Stop,
    StorageConfig,
};
use crate::views::{self, Views};
use crate::webhooks::{self, Egress};

pub use arrival::Unwelcome;

/// How a controller is set up. Read once, at start.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The cluster's name.
    pub cluster: String,
    /// This node.
    pub node: NodeId,
    /// How the node comes into its cluster where its data directory is empty.
    pub arrival: Arrival,
    /// Every voter that the cluster begins with and where it listens, this node included; of a node
    /// that joins, whom it may ask.
    pub members: BTreeMap<NodeId, String>,
    /// Where this node listens. Loopback alone.
    pub listen: Loopback,
    /// Where the node keeps everything.
    pub data_dir: PathBuf,
    /// Length of a raft tick.
    pub raft_tick: Duration,
    /// How often the leader ticks while something is live.
    pub machine_tick: Duration,
    /// How often hosts sync that no rollout concerns.
    pub idle_sync: Duration,
    /// How the node looks after what it stores.
    pub storage: StorageConfig,
    /// Who gets its metrics.
    pub metrics: MetricsConfig,
    /// Who may be called by webhooks, and where the secrets are.
    pub egress: Egress,
}

/// Who gets a controller's metrics.
#[derive(Clone, Debug, Default)]
pub struct MetricsConfig {
    /// Where Prometheus asks for them; `None`: nowhere. Loopback alone.
    pub listen: Option<SocketAddr>,
    /// The collector that they are sent to; `None`: to none.
    pub collector: Option<String>,
    /// `service.instance.id` there.
    pub instance: String,
}

/// A controller was not started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// It cannot listen where metrics are asked for.
    #[error(
        "could not listen for metrics on {address}; stop the process that has the port (`ss -ltnp`), or give \
         another --metrics-listen"
    )]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// The system's word.
        #[source]
        cause: std::io::Error,
    },
    /// The peers know a node of this id with another data directory.
    #[error(transparent)]
    Unwelcome(#[from] Unwelcome),
    /// The journal or the node refuse.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The artifacts cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A peer's address is none.
    #[error(transparent)]
    Peer(#[from] BadAddress),
    /// The system gave no randomness or no address.
    #[error("could not {what}")]
    System {
        /// What was attempted.
        what: &'static str,
        /// The system's word.
        #[source]
        cause: std::io::Error,
    },
}

/// A controller that runs.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    desk: Desk,
    shutdown: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    node_thread: JoinHandle<()>,
}

impl Running {
    /// Starts a controller. It answers callers when this returns; a leader follows.
    ///
    /// # Errors
    ///
    /// [`ServeError`] says what is wrong and what to do. Nothing keeps running then.
    pub async fn start(config: &ServerConfig) -> Result<Self, ServeError> {
        // Before the port: a peer that is only just starting too is seen to be down, not waited for.
        arrive(config).await?;
        // The port before the journal: two processes on one data directory differ in what they say.
        let door = Door::open(config.listen).await?;
        Self::start_on(config, door).await
    }

    /// Where Prometheus asks for metrics; `None`: nowhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Starts a controller that may begin.
    async fn start_on(config: &ServerConfig, door: Door) -> Result<Self, ServeError> {
        let address =
            door.address().map_err(|cause| system("read the listener's address", cause))?;
        let mut peers_config = peers_config(config);
        peers_config.address = address.to_string();
        let endpoint = metrics_endpoint(&config.metrics).await?;
        let metrics_address = endpoint.as_ref().and_then(|endpoint| endpoint.address().ok());
        let store = Store::open(&config.data_dir.join("artifacts"))?;
        let disk = DiskGauge::default();
        let watch = DiskWatch::new(&config.data_dir, config.storage.disk, disk.clone());
        watch.look();
        let (handle, node_thread, outbound) = start_node(config, disk).await?;
        let peers = Peers::start(&peers_config, handle.clone(), &outbound, hooks(&handle, &store))?;
        let clock = Clock::start();
        let (views, announce) = Views::new(clock);
        let desk = Desk {
            relay: Arc::new(Relay::new(peers.clone(), clock, handle.meters().clone())),
            views: views.clone(),
            handle,
            peers,
            store,
            idle_sync: Millis(u64::try_from(config.idle_sync.as_millis()).unwrap_or(u64::MAX)),
            backups: Desk::backups(),
            reports: Desk::reports(),
            egress: Arc::new(config.egress.clone()),
        };
        let (shutdown, ended) = oneshot::channel::<()>();
        let ended = async move { drop(ended.await) };
        let serving = tokio::spawn(serve(desk.clone(), door, ended));
        let members = config.members.clone();
        let own_address = address.to_string();
        let mut tasks = vec![
            tokio::spawn(watch.run()),
            tokio::spawn(bootstrap::run(desk.clone(), config.cluster.clone(), members)),
            tokio::spawn(registration::register(desk.clone(), own_address)),
            tokio::spawn(registration::vouch(desk.clone(), outbound)),
            tokio::spawn(calendar_keeper::run(desk.clone())),
            tokio::spawn(blob_keeper::run(desk.clone())),
            tokio::spawn(decision_log::run(desk.clone())),
            deliver(&desk)?,
            tokio::spawn(views::run(views, announce, desk.handle.clone())),
        ];
        tasks.extend(metrics_tasks(&config.metrics, endpoint, &desk));
        tracing::info!(node = config.node.0, %address, cluster = config.cluster, "controller.started");
        Ok(Self { address, metrics: metrics_address, desk, shutdown, serving, tasks, node_thread })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The node.
    pub fn handle(&self) -> &Handle {
        &self.desk.handle
    }

    /// Waits until the node cannot go on by itself.
    pub async fn stopped(&self) -> Stop {
        self.desk.handle.stopped().await
    }

    /// Stops taking callers, then the node, and waits for both. Callers that are served have a moment
    /// to end.
    pub async fn stop(self) {
        // Where it fails, the server has ended already.
        let _ended = self.shutdown.send(());
        self.desk.handle.stop().await;
        drop(self.desk.handle.stopped().await);
        for task in &self.tasks {
            task.abort();
        }
        let mut serving = self.serving;
        if tokio::time::timeout(Duration::from_secs(1), &mut serving).await.is_err() {
            serving.abort();
        }
        drop(tokio::task::spawn_blocking(move || self.node_thread.join()).await);
    }
}

/// Where the data directory is empty, asks the peers whether the node may begin.
async fn arrive(config: &ServerConfig) -> Result<(), ServeError> {
    let is_empty = arrival::is_empty(&config.data_dir)
        .map_err(|cause| system("look into the data directory", cause))?;
    if is_empty {
        arrival::ask(&peers_config(config)).await?;
    }
    Ok(())
}

/// The listener of the metrics, where they are asked for.
async fn metrics_endpoint(config: &MetricsConfig) -> Result<Option<metrics::Endpoint>, ServeError> {
    let Some(address) = config.listen else { return Ok(None) };
    let opened = metrics::Endpoint::open(address).await;
    opened.map(Some).map_err(|cause| ServeError::Metrics { address, cause })
}

/// What counts, and tells whoever wants to know.
fn metrics_tasks(
    config: &MetricsConfig,
    endpoint: Option<metrics::Endpoint>,
    desk: &Desk,
) -> Vec<tokio::task::JoinHandle<()>> {
    let (handle, relay) = (desk.handle.clone(), Arc::clone(&desk.relay));
    let metrics = Metrics::new(handle, Clock::start(), relay, desk.store.clone());
    let mut tasks = vec![tokio::spawn(metrics.clone().follow())];
    if let Some(endpoint) = endpoint {
        tasks.push(tokio::spawn(metrics::serve(endpoint, metrics.clone())));
    }
    if let Some(collector) = config.collector.clone() {
        tasks.push(tokio::spawn(metrics::push(metrics, collector, config.instance.clone())));
    }
    tasks
}

/// Tells receivers of incidents, while this node leads.
fn deliver(desk: &Desk) -> Result<tokio::task::JoinHandle<()>, ServeError> {
    let (handle, egress) = (desk.handle.clone(), Arc::clone(&desk.egress));
    Ok(tokio::spawn(webhooks::deliver::run(handle, egress, seed()?)))
}

fn peers_config(config: &ServerConfig) -> PeersConfig {
    let members = config.members.clone();
    let peers = PeersConfig::new(config.cluster.clone(), config.node, members);
    let address = config.listen.to_string();
    PeersConfig { arrival: config.arrival, address, ..peers }
}

/// Opens the journal and starts the node, off the async threads: reading the log takes its time.
async fn start_node(
    config: &ServerConfig,
    disk: DiskGauge,
) -> Result<(Handle, JoinHandle<()>, Outbound), ServeError> {
    let voters: BTreeSet<NodeId> = match config.arrival {
        Arrival::Founds => config.members.keys().copied().collect(),
        Arrival::Joins => BTreeSet::new(),
    };
    let mut runtime =
        RuntimeConfig::new(config.cluster.clone(), config.node, voters, config.data_dir.clone());
    runtime.raft_tick = config.raft_tick;
    runtime.machine_tick = config.machine_tick;
    runtime.checkpoint = config.storage.checkpoint;
    runtime.scrub_interval = config.storage.scrub_interval;
    runtime.disk = disk;
    runtime.seed = seed()?;
    let others = config.members.keys().copied().filter(|&node| node != config.node);
    let outbound = Outbound::new(others);
    let given = outbound.clone();
    let started = tokio::task::spawn_blocking(move || Runtime::start(&runtime, given)).await;
    let started =
        started.map_err(|broke| system("start the node", std::io::Error::other(broke)))?;
    let (handle, thread) = started?;
    Ok((handle, thread, outbound))
}

/// What peers may ask of this node.
fn hooks(handle: &Handle, store: &Store) -> Hooks {
    let (handle, store) = (handle.clone(), store.clone());
    Hooks {
        on_relay: Arc::new(move |beats| {
            let handle = handle.clone();
            tokio::spawn(async move { take_over(&handle, beats).await });
        }),
        find_blob: Arc::new(move |sha256| {
            let found = store.verified_path(Digest(sha256));
            found.inspect_err(|error| tracing::error!(%error, "artifact.unreadable")).ok().flatten()
        }),
    }
}

/// A number that nobody could foretell.
fn seed() -> Result<u64, ServeError> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)
        .map_err(|cause| system("draw a seed", std::io::Error::other(cause)))?;
    Ok(u64::from_le_bytes(seed))
}

const fn system(what: &'static str, cause: std::io::Error) -> ServeError {
    ServeError::System { what, cause }
}
