//! Do whole controllers hold together while members come, go, fail and lose their disks?

mod joining;
mod lost_disk;
mod metrics;
mod reading;
mod tracing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::{MetricsConfig, Running, ServerConfig};
use crate::api::Door;
use crate::config::{Arrival, Loopback};
use crate::machine::Command;
use crate::machine::command::{Action, Operate, StoreBlob};
use crate::machine::ids::{Digest, NodeId};
use crate::runtime::{ProposeError, StorageConfig};

/// How often a test looks again at what it cannot await.
const LOOK: Duration = Duration::from_millis(5);

/// Bounds a test: what never happens must not hang the run.
async fn within_two_minutes(body: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(120), body).await.unwrap();
}

/// Looks again and again until it is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    while !is_so().await {
        tokio::time::sleep(LOOK).await;
    }
}

/// A node of a cluster, and its disk.
struct Site {
    config: ServerConfig,
    _dir: TempDir,
    running: Option<Running>,
}

impl Site {
    fn new(node: NodeId, arrival: Arrival, door: &Door, entries: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut storage = StorageConfig::default();
        storage.checkpoint.entries = entries;
        let config = ServerConfig {
            cluster: "blue".to_owned(),
            node,
            arrival,
            members: BTreeMap::new(),
            listen: Loopback::try_from(door.address().unwrap()).unwrap(),
            data_dir: dir.path().join("data"),
            raft_tick: Duration::from_millis(20),
            machine_tick: Duration::from_secs(3_600),
            idle_sync: Duration::from_secs(2),
            storage,
            metrics: MetricsConfig::default(),
            egress: crate::webhooks::Egress::default(),
        };
        Self { config, _dir: dir, running: None }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
    }
}

/// Controllers in this process.
struct Cluster {
    sites: BTreeMap<NodeId, Site>,
    /// Checkpoints are made after so many entries.
    entries: u64,
}

impl Cluster {
    /// Three founders that know of each other's directories.
    async fn new(entries: u64) -> Self {
        let mut cluster = Self { sites: BTreeMap::new(), entries };
        let mut doors = BTreeMap::new();
        for node in (1..=3).map(NodeId) {
            let door = Door::open(Loopback::port(0)).await.unwrap();
            cluster.sites.insert(node, Site::new(node, Arrival::Founds, &door, entries));
            doors.insert(node, door);
        }
        let members = cluster.addresses();
        for (node, door) in doors {
            let site = cluster.sites.get_mut(&node).unwrap();
            site.config.members = members.clone();
            site.running = Some(Running::start_on(&site.config, door).await.unwrap());
        }
        let all = cluster.sites.keys().copied().collect();
        cluster.until_registered(&all).await;
        cluster
    }

    fn addresses(&self) -> BTreeMap<NodeId, String> {
        self.sites.iter().map(|(&node, site)| (node, site.config.listen.to_string())).collect()
    }

    /// Starts a node that joins, and adds it.
    async fn join(&mut self, node: NodeId) {
        let door = Door::open(Loopback::port(0)).await.unwrap();
        let mut site = Site::new(node, Arrival::Joins, &door, self.entries);
        site.config.members = self.addresses();
        let address = site.config.listen.to_string();
        site.running = Some(Running::start_on(&site.config, door).await.unwrap());
        self.sites.insert(node, site);
        let add = crate::machine::command::AddMember { node, address };
        self.operate(Action::AddMember(add)).await;
    }

    /// Every node that runs, but the joining ones, has applied that these have registered.
    async fn until_registered(&self, nodes: &BTreeSet<NodeId>) {
        for site in self.sites.values().filter(|site| site.running.is_some()) {
            let mut cluster = site.running().handle().cluster();
            let registered = cluster.wait_for(|cluster| {
                let members = cluster.as_ref().map(|cluster| &cluster.members);
                members.is_some_and(|members| {
                    nodes.iter().all(|node| {
                        members.get(node).is_some_and(|member| member.incarnation.is_some())
                    })
                })
            });
            drop(registered.await.unwrap());
        }
    }

    /// The leader that some node knows.
    async fn leader(&self) -> NodeId {
        let mut leadership = self.any().running().handle().leadership();
        let known = leadership.wait_for(|leadership| leadership.leader.is_some()).await;
        known.unwrap().leader.unwrap()
    }

    fn any(&self) -> &Site {
        self.sites.values().find(|site| site.running.is_some()).unwrap()
    }

    /// Running voters that do not lead, lowest first.
    async fn followers(&self) -> Vec<NodeId> {
        let leader = self.leader().await;
        let running = self.sites.iter().filter(|(_, site)| site.running.is_some());
        running.map(|(&node, _)| node).filter(|&node| node != leader).collect()
    }

    /// Has the cluster do this, and asks again as an operator would.
    async fn operate(&self, action: Action) {
        static REQUESTS: AtomicU64 = AtomicU64::new(0);
        let request = format!("request-{}", REQUESTS.fetch_add(1, Ordering::Relaxed));
        let actor = "ada".to_owned();
        let command = Command::Operate(Operate { request, actor, action });
        loop {
            match self.any().running().desk.peers.propose(command.clone()).await {
                Ok((_, outcome)) => return drop(outcome.unwrap()),
                Err(
                    ProposeError::Unknown
                    | ProposeError::NotLeader { .. }
                    | ProposeError::ChangePending
                    | ProposeError::NotCaughtUp { .. },
                ) => tokio::time::sleep(LOOK).await,
                Err(refused) => panic!("{refused}"),
            }
        }
    }

    /// Proposes `count` commands at one node, many at a time, until each is in; answers the last index.
    async fn write(&self, first: u64, count: u64) -> u64 {
        let peers = self.any().running().desk.peers.clone();
        let mut calls = tokio::task::JoinSet::new();
        for number in first..first + count {
            let peers = peers.clone();
            calls.spawn(async move {
                loop {
                    match peers.propose(stored(number)).await {
                        Ok((receipt, _)) => return receipt.index,
                        Err(ProposeError::Unknown | ProposeError::NotLeader { .. }) => (),
                        Err(refused) => panic!("{refused}"),
                    }
                    tokio::time::sleep(LOOK).await;
                }
            });
        }
        calls.join_all().await.into_iter().max().unwrap()
    }

    /// All running nodes have the same state at the same index.
    async fn assert_agreed(&self, at_least: u64) {
        let mut states = BTreeSet::new();
        let leader = self.leader().await;
        let last = self.sites[&leader].running().handle().status().await.unwrap().applied;
        for site in self.sites.values().filter(|site| site.running.is_some()) {
            let handle = site.running().handle();
            handle.wait_applied(last.max(at_least), Duration::from_secs(20)).await.unwrap();
            let look =
                |machine: &crate::machine::Machine| (machine.applied(), machine.state_hash());
            states.insert(handle.query(look).await.unwrap());
        }
        let indexes: BTreeSet<u64> = states.iter().map(|(applied, _)| *applied).collect();
        assert_eq!(states.len(), indexes.len(), "two states at one index: {states:?}");
    }

    async fn stop(mut self) {
        for site in self.sites.values_mut().filter(|site| site.running.is_some()) {
            site.stop().await;
        }
    }
}

/// A command that a test can tell from another by its number.
fn stored(number: u64) -> Command {
    let mut digest = Digest([0; 32]);
    digest.0[..8].copy_from_slice(&number.to_be_bytes());
    Command::StoreBlob(StoreBlob { node: NodeId(1), digest, size: number + 1 })
}

/// Writes at one node until it is stopped.
struct Load {
    goes_on: Arc<AtomicBool>,
    writing: tokio::task::JoinHandle<u64>,
}

impl Load {
    fn on(site: &Site, first: u64) -> Self {
        let goes_on = Arc::new(AtomicBool::new(true));
        let (still, peers) = (Arc::clone(&goes_on), site.running().desk.peers.clone());
        let writing = tokio::spawn(async move {
            let mut written = 0;
            while still.load(Ordering::Relaxed) {
                match peers.propose(stored(first + written)).await {
                    Ok(_) => written += 1,
                    Err(ProposeError::Unknown | ProposeError::NotLeader { .. }) => (),
                    Err(refused) => panic!("{refused}"),
                }
            }
            written
        });
        Self { goes_on, writing }
    }

    /// Ends it; answers how many writes were acknowledged.
    async fn end(self) -> u64 {
        self.goes_on.store(false, Ordering::Relaxed);
        self.writing.await.unwrap()
    }
}
