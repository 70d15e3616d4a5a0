//! How does a whole cluster of real processes live and die in a test? With folders and ports of its
//! own; every node can be killed, paused and started again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::network::Network;
use crate::processes::{Process, free_port, tidegate};
use crate::trouble::{Outcome, Trouble};

/// How fast a cluster's clocks run, as the configuration file writes it.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// Raft's tick.
    pub raft_tick: &'static str,
    /// The machine's tick.
    pub machine_tick: &'static str,
    /// How often idle hosts sync.
    pub idle_sync: &'static str,
}

/// Quick enough to watch a rollout, slow enough for a busy machine.
pub const QUICK: Clocks = Clocks { raft_tick: "40ms", machine_tick: "200ms", idle_sync: "1s" };

/// Where the controllers of a cluster listen.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// All on one address, each on a port of its own.
    Together,
    /// Each on an address of its own in a [`Network`], so that the network can fail between them.
    Apart,
}

/// Where a controller's place is.
#[derive(Clone, Copy, Debug)]
struct Seat<'s> {
    /// Its folder.
    data_dir: &'s str,
    /// Whom it begins with, or whom it asks.
    members: &'s [u64],
    /// The line that says how it comes into the cluster; empty: it is one of the first.
    arrival: &'s str,
}

/// A cluster of real processes, numbered from 1, whose folders are gone with it.
#[derive(Debug)]
pub struct Cluster {
    dir: TempDir,
    place: Place,
    ports: BTreeMap<u64, u16>,
    running: BTreeMap<u64, Process>,
    tracer: Option<Command>,
    /// What every configuration file ends with.
    settings: &'static str,
}

/// Checkpoints as often as the configuration lets them be made, so that a restart begins at one, and
/// who was away for a moment is sent a snapshot.
pub const SMALL_CHECKPOINTS: &str = "\n[checkpoint]\nentries = 1000\nbytes = \"1MiB\"\n";

impl Cluster {
    /// Writes the configurations of `size` controllers, and starts none.
    ///
    /// # Errors
    ///
    /// No folder or port is to be had.
    pub fn prepare(size: u64, clocks: Clocks) -> Outcome<Self> {
        Self::prepare_at(Place::Together, size, clocks, "")
    }

    /// Like [`Cluster::prepare`]; every configuration file, also of those who join later, ends with
    /// `settings`.
    ///
    /// # Errors
    ///
    /// No folder or port is to be had.
    pub fn prepare_with(size: u64, clocks: Clocks, settings: &'static str) -> Outcome<Self> {
        Self::prepare_at(Place::Together, size, clocks, settings)
    }

    fn prepare_at(
        place: Place,
        size: u64,
        clocks: Clocks,
        settings: &'static str,
    ) -> Outcome<Self> {
        let dir = TempDir::with_prefix("tidegate-test-")?;
        let mut ports = BTreeMap::new();
        for node in 1..=size {
            ports.insert(node, free_port()?);
        }
        let cluster = Self { dir, place, ports, running: BTreeMap::new(), tracer: None, settings };
        let members = cluster.nodes();
        for node in 1..=size {
            let seat = Seat { data_dir: &format!("data-{node}"), members: &members, arrival: "" };
            cluster.seat(node, clocks, seat)?;
        }
        Ok(cluster)
    }

    /// Writes the configuration of one more controller, which waits to be added, and starts nothing.
    ///
    /// # Errors
    ///
    /// No port is to be had.
    pub fn prepare_joiner(&mut self, node: u64, clocks: Clocks) -> Outcome<()> {
        let contacts = self.nodes();
        self.ports.insert(node, free_port()?);
        let data_dir = format!("data-{node}");
        let seat = Seat { data_dir: &data_dir, members: &contacts, arrival: "join = true\n" };
        self.seat(node, clocks, seat)
    }

    /// Writes the configuration of a node anew: it is the only member, and keeps everything in
    /// `data_dir`.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn prepare_alone(&self, node: u64, data_dir: &str, clocks: Clocks) -> Outcome<()> {
        self.seat(node, clocks, Seat { data_dir, members: &[node], arrival: "" })
    }

    fn seat(&self, node: u64, clocks: Clocks, seat: Seat<'_>) -> Outcome<()> {
        Ok(std::fs::write(self.config(node), self.document(node, clocks, seat))?)
    }

    /// Starts a cluster of `size`.
    ///
    /// # Errors
    ///
    /// A process cannot be started.
    pub fn start(size: u64, clocks: Clocks) -> Outcome<Self> {
        let mut cluster = Self::prepare(size, clocks)?;
        cluster.start_all()?;
        Ok(cluster)
    }

    /// Starts a cluster of `size` in the network that this thread has entered.
    ///
    /// # Errors
    ///
    /// A process cannot be started.
    pub fn start_apart(_network: &Network, size: u64, clocks: Clocks) -> Outcome<Self> {
        let mut cluster = Self::prepare_at(Place::Apart, size, clocks, "")?;
        cluster.start_all()?;
        Ok(cluster)
    }

    fn document(&self, node: u64, clocks: Clocks, seat: Seat<'_>) -> String {
        use std::fmt::Write as _;
        let Clocks { raft_tick, machine_tick, idle_sync } = clocks;
        let Seat { data_dir, members, arrival } = seat;
        let listen = self.address(node);
        let mut text = format!(
            "cluster = \"system-test\"\nnode-id = {node}\ndata-dir = \"{data_dir}\"\n\
             {arrival}mode = \"development\"\nmachine-tick = \"{machine_tick}\"\nidle-sync = \"{idle_sync}\"\n\n\
             [listen]\naddress = \"{listen}\"\n\n[raft]\ntick = \"{raft_tick}\"\n"
        );
        for &member in members {
            let address = self.address(member);
            // Writing to a text cannot fail.
            let _written =
                write!(text, "\n[[member]]\nnode-id = {member}\naddress = \"{address}\"\n");
        }
        text.push_str(self.settings);
        text
    }

    /// The folder of the whole cluster.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The configuration file of a node.
    #[must_use]
    pub fn config(&self, node: u64) -> PathBuf {
        self.dir().join(format!("controller-{node}.toml"))
    }

    /// Where a node keeps everything.
    #[must_use]
    pub fn data_dir(&self, node: u64) -> PathBuf {
        self.dir().join(format!("data-{node}"))
    }

    /// Where a node listens; nowhere for a node that is not of the cluster.
    #[must_use]
    pub fn address(&self, node: u64) -> String {
        let port = self.ports.get(&node).copied().unwrap_or(0);
        match self.place {
            Place::Together => format!("127.0.0.1:{port}"),
            Place::Apart => format!("{}:{port}", Network::address(node)),
        }
    }

    /// Every node, running or not.
    #[must_use]
    pub fn nodes(&self) -> Vec<u64> {
        self.ports.keys().copied().collect()
    }

    /// The nodes that run.
    #[must_use]
    pub fn running(&self) -> Vec<u64> {
        self.running.keys().copied().collect()
    }

    /// Where every node listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.ports.keys().map(|&node| self.address(node)).collect()
    }

    /// Runs the node that is started next under `tracer`, which has to become the program that its
    /// last arguments name.
    pub fn trace_with(&mut self, tracer: Command) {
        self.tracer = Some(tracer);
    }

    /// Starts a node that does not run, with what its folder holds.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn start_node(&mut self, node: u64) -> Outcome<()> {
        let program = tidegate()?;
        let mut command = match self.tracer.take() {
            None => Command::new(program),
            Some(mut tracer) => {
                tracer.arg(program);
                tracer
            }
        };
        command.arg("serve").arg("--config").arg(self.config(node));
        let log = self.dir().join(format!("controller-{node}.log"));
        self.running.insert(node, Process::start(command, log)?);
        Ok(())
    }

    /// Starts every node that does not run.
    ///
    /// # Errors
    ///
    /// One cannot be started.
    pub fn start_all(&mut self) -> Outcome<()> {
        for node in self.nodes() {
            if !self.running.contains_key(&node) {
                self.start_node(node)?;
            }
        }
        Ok(())
    }

    /// Has everything that a node stores be in `folder`, which is made where it is not there.
    ///
    /// # Errors
    ///
    /// It cannot be made, or the node has stored something already.
    pub fn store_in(&self, node: u64, folder: &Path) -> Outcome<()> {
        std::fs::create_dir_all(folder)?;
        Ok(std::os::unix::fs::symlink(folder, self.data_dir(node))?)
    }

    /// `SIGKILL`: nothing is said, nothing is written any more.
    pub fn kill(&mut self, node: u64) {
        if let Some(mut process) = self.running.remove(&node) {
            process.kill();
        }
    }

    /// The node is of the cluster no more: it was removed.
    pub fn forget(&mut self, node: u64) {
        self.kill(node);
        self.ports.remove(&node);
    }

    /// `SIGKILL` for every node.
    pub fn kill_all(&mut self) {
        for node in self.running() {
            self.kill(node);
        }
    }

    /// A node's process.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub fn process(&mut self, node: u64) -> Outcome<&mut Process> {
        let process = self.running.get_mut(&node);
        process.ok_or_else(|| Trouble::new(format!("node {node} does not run")))
    }

    /// `SIGSTOP`: it stands still, and its connections stay open.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub fn pause(&mut self, node: u64) -> Outcome<()> {
        self.process(node)?.signal(Signal::STOP)
    }

    /// `SIGCONT`: it goes on as if no time had passed.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub fn go_on(&mut self, node: u64) -> Outcome<()> {
        self.process(node)?.signal(Signal::CONT)
    }
}
