//! How do three servers stand beside each other on loopback? The same way for whichever system: three
//! processes, three folders on one disk, killed and started again one by one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::BenchError;
use super::process::{Process, free_port};
use crate::runtime::Clock;

/// Servers of each system.
pub(super) const MEMBERS: usize = 3;

/// How long three servers may take until they have a leader.
const LEADER_WITHIN: Duration = Duration::from_secs(30);
/// Pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long an attempt to connect may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// Where one server is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// From 1.
    pub(super) number: usize,
    /// Where clients reach it.
    pub(super) client_port: u16,
    /// Where the others reach it, for systems that keep that apart.
    pub(super) peer_port: u16,
    /// Where it keeps everything.
    pub(super) data: PathBuf,
}

impl Place {
    /// `host:port` for clients.
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.client_port)
    }
}

/// What differs between the systems.
pub(super) trait System: Sized {
    /// What it is called.
    const NAME: &str;

    /// What starts the server at `place`, one of `all`; `dir` is the cluster's folder.
    fn command(dir: &Path, place: &Place, all: &[Place]) -> Result<Command, BenchError>;

    /// The number of the leader as the server behind `channel` knows it, `None` while it knows none,
    /// and how far the server has applied.
    fn look(channel: Channel) -> impl Future<Output = Result<Look, Status>> + Send;
}

/// How one server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Whether it leads.
    pub(super) leads: bool,
    /// Whether it knows a leader.
    pub(super) knows_leader: bool,
    /// The log index that it has applied.
    pub(super) applied: u64,
}

/// Three servers. Dropped, they are killed and their folders removed.
#[derive(Debug)]
pub(super) struct Cluster<S> {
    places: Vec<Place>,
    running: BTreeMap<usize, Process>,
    // After the processes, so that nobody writes any more.
    dir: TempDir,
    system: std::marker::PhantomData<S>,
}

impl<S: System> Cluster<S> {
    /// Starts three servers with empty folders below `base`, and waits for their leader.
    pub(super) async fn start(base: &Path) -> Result<Self, BenchError> {
        let prefix = format!("tidegate-bench-{}-", S::NAME);
        let dir = TempDir::with_prefix_in(prefix, base)
            .map_err(|error| BenchError::setup("make a folder for the servers", &error))?;
        let mut places = Vec::new();
        for number in 1..=MEMBERS {
            let (client_port, peer_port) = (free_port()?, free_port()?);
            let data = dir.path().join(format!("data-{number}"));
            places.push(Place { number, client_port, peer_port, data });
        }
        let running = BTreeMap::new();
        let mut cluster = Self { places, running, dir, system: std::marker::PhantomData };
        for number in 1..=MEMBERS {
            cluster.start_one(number)?;
        }
        cluster.leader().await?;
        Ok(cluster)
    }

    /// Starts a server that does not run, with what its folder holds.
    pub(super) fn start_one(&mut self, number: usize) -> Result<(), BenchError> {
        let Some(place) = self.places.get(number - 1) else { return Ok(()) };
        let command = S::command(self.dir.path(), place, &self.places)?;
        let log = self.dir.path().join(format!("server-{number}.log"));
        self.running.insert(number, Process::start(command, log)?);
        Ok(())
    }

    /// `SIGKILL`: nothing is said, nothing is written any more.
    pub(super) fn kill(&mut self, number: usize) {
        if let Some(mut process) = self.running.remove(&number) {
            process.kill();
        }
    }

    /// Where clients reach a server.
    pub(super) fn address(&self, number: usize) -> String {
        self.places.get(number - 1).map(Place::address).unwrap_or_default()
    }

    /// Where clients reach the servers, in order.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.places.iter().map(Place::address).collect()
    }

    /// Waits until a server that runs says that it leads, and answers its number.
    pub(super) async fn leader(&mut self) -> Result<usize, BenchError> {
        let clock = Clock::start();
        while clock.monotonic() < LEADER_WITHIN {
            for process in self.running.values_mut() {
                process.still_runs()?;
            }
            for number in self.running.keys().copied() {
                if self.look(number).await.is_some_and(|look| look.leads) {
                    return Ok(number);
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let detail = format!("{} has none after {} s", S::NAME, LEADER_WITHIN.as_secs());
        Err(BenchError::Setup { what: "find the leader", detail })
    }

    /// Waits until every server knows a leader and has applied what the leader had when it was asked.
    pub(super) async fn all_caught_up(&mut self) -> Result<(), BenchError> {
        let leader = self.leader().await?;
        let clock = Clock::start();
        let goal = self.look(leader).await.map_or(0, |look| look.applied);
        while clock.monotonic() < LEADER_WITHIN {
            let mut ready = 0;
            for number in 1..=MEMBERS {
                let look = self.look(number).await;
                ready += usize::from(look.is_some_and(|l| l.knows_leader && l.applied >= goal));
            }
            if ready == MEMBERS {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let detail = format!("a server of {} does not catch up", S::NAME);
        Err(BenchError::Setup { what: "wait for the servers", detail })
    }

    async fn look(&self, number: usize) -> Option<Look> {
        let channel = connect(&self.address(number)).await.ok()?;
        let look = tokio::time::timeout(CONNECT_TIMEOUT, S::look(channel)).await;
        look.ok()?.ok()
    }
}

/// A connection of its own.
pub(super) async fn connect(address: &str) -> Result<Channel, BenchError> {
    let what = "connect to a server";
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|error| BenchError::setup(what, &error))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true);
    endpoint.connect().await.map_err(|error| BenchError::setup(what, &error))
}
