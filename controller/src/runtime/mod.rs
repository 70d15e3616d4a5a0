//! How does the sans-IO node meet the world? One thread drives it; the rest of the process is
//! async and speaks to it through a [`Handle`].
//!
//! Nothing else in the controller crosses from async to that thread, and nothing else reads the
//! clock ([`Clock`]). What is sent to other nodes goes through [`Outbound`]; `peers` carries it.

mod beats;
mod carrier;
mod clock;
mod error;
mod handle;
mod inbox;
mod log_drain;
mod node_thread;
mod outbound;
mod pacing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::journal::{Identity, JournalOpenFailed, SledJournal};
use crate::machine::Machine;
use crate::node::{Fatal, Node, NodeConfig, NodeId};
use node_thread::NodeThread;

pub use beats::Beats;
pub use clock::Clock;
pub use error::{ProposeError, QueryError, Stopped, WaitError};
pub use handle::{AppliedEntry, Handle, Stop};
pub use outbound::Outbound;

/// How a replica is run. Read once, at start.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// The cluster's name, 1 to 255 bytes; fixed for the data directory's life.
    pub cluster: String,
    /// This node; fixed for the data directory's life.
    pub id: NodeId,
    /// The whole cluster, this node included.
    pub voters: BTreeSet<NodeId>,
    /// Where the node keeps its journal, in the folder `journal`.
    pub data_dir: PathBuf,
    /// Length of a raft tick. Heartbeats leave every 2 ticks, and a follower campaigns after 10 to
    /// 20 ticks of silence. At least 1 ms; default 20 ms.
    pub raft_tick: Duration,
    /// How often the leader proposes a `Tick` while something is live; ten times as long
    /// otherwise. At least 1 ms; default 1 s.
    pub machine_tick: Duration,
    /// The source of the election timeouts; each node needs its own.
    pub seed: u64,
}

impl RuntimeConfig {
    /// Node `id` of `voters`, with the default ticks.
    pub fn new(cluster: String, id: NodeId, voters: BTreeSet<NodeId>, data_dir: PathBuf) -> Self {
        Self {
            cluster,
            id,
            voters,
            data_dir,
            raft_tick: Duration::from_millis(20),
            machine_tick: Duration::from_secs(1),
            seed: 0,
        }
    }
}

/// A replica was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal cannot be trusted, or is not this node's.
    #[error(transparent)]
    Journal(#[from] JournalOpenFailed),
    /// The node refuses its configuration or its recovered state.
    #[error(transparent)]
    Node(#[from] Fatal),
    /// The system gave no thread or timer.
    #[error("could not start the node's thread; check the system's limits")]
    Thread(#[source] std::io::Error),
}

/// Starts replicas.
#[derive(Debug)]
pub struct Runtime;

impl Runtime {
    /// Opens the journal, starts the node on a thread of its own, and replays the log there. What
    /// the node sends lands in `outbound`. Blocks while the journal is read and checked.
    ///
    /// The thread ends when [`Handle::stop`] is called, when every handle is gone, or on a
    /// [`Fatal`] error; after the last one the process must stop. See [`Handle::stopped`].
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is wrong and what to do.
    pub fn start(
        config: &RuntimeConfig,
        outbound: Outbound,
    ) -> Result<(Handle, JoinHandle<()>), StartError> {
        let identity = Identity { cluster: config.cluster.clone(), node_id: config.id.0 };
        let (journal, recovered) = SledJournal::open(&config.data_dir.join("journal"), &identity)?;
        tracing::info!(
            node = config.id.0,
            is_new = recovered.conf_state.is_none(),
            entries = recovered.entries.len(),
            commit = recovered.hard_state.commit,
            "journal opened"
        );
        let mut node_config =
            NodeConfig::new(config.id, config.voters.iter().copied(), config.seed);
        node_config.logger = log_drain::logger();
        let node = Node::open(node_config, journal, recovered, Machine::new())?;
        let timers = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(StartError::Thread)?;
        let (handle, node_thread) = NodeThread::new(node, config, outbound);
        let thread = std::thread::Builder::new()
            .name("tidegate-node".to_owned())
            .spawn(move || node_thread.run(&timers))
            .map_err(StartError::Thread)?;
        Ok((handle, thread))
    }
}
