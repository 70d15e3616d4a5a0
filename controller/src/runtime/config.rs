//! How is a replica run? Read once, at start.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::{DiskGauge, DiskLimits};
use crate::meters::Meters;
use crate::node::{CHECKPOINT_BYTES, CHECKPOINT_ENTRIES, NodeId};

/// How often everything that is stored is read and checked, by default.
const SCRUB_INTERVAL: Duration = Duration::from_secs(3_600);

/// How a replica is run. Read once, at start.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// The cluster's name, 1 to 255 bytes; fixed for the data directory's life.
    pub cluster: String,
    /// This node; fixed for the data directory's life.
    pub id: NodeId,
    /// The voters that the cluster begins with, this node included. Empty: the node joins a cluster
    /// that exists, and waits to be added. Looked at only where the journal is new.
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
    /// After how much log the next checkpoint is made.
    pub checkpoint: CheckpointLimits,
    /// How often everything that is stored is read and checked; default 1 h. A round that takes longer
    /// is followed by the next at once.
    pub scrub_interval: Duration,
    /// How full the disk is, as somebody measures it; by default nobody does, and it is fine.
    pub disk: DiskGauge,
    /// Where is noted what the node does and how long it takes.
    pub meters: Meters,
}

impl RuntimeConfig {
    /// Node `id` of `voters`, with the defaults.
    pub fn new(cluster: String, id: NodeId, voters: BTreeSet<NodeId>, data_dir: PathBuf) -> Self {
        Self {
            cluster,
            id,
            voters,
            data_dir,
            raft_tick: Duration::from_millis(20),
            machine_tick: Duration::from_secs(1),
            seed: 0,
            checkpoint: CheckpointLimits::default(),
            scrub_interval: SCRUB_INTERVAL,
            disk: DiskGauge::default(),
            meters: Meters::default(),
        }
    }
}

/// After how much log the next checkpoint is made: whichever comes first. A restart replays about as
/// much at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointLimits {
    /// Applied entries, at least 1; default 50,000.
    pub entries: u64,
    /// Bytes of applied entries, at least 1; default 64 MiB.
    pub bytes: u64,
}

impl Default for CheckpointLimits {
    fn default() -> Self {
        Self { entries: CHECKPOINT_ENTRIES, bytes: CHECKPOINT_BYTES }
    }
}

/// How a node looks after what it stores. Read once, at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageConfig {
    /// When checkpoints are made.
    pub checkpoint: CheckpointLimits,
    /// How full the disk may be.
    pub disk: DiskLimits,
    /// How often everything that is stored is read and checked; default 1 h.
    pub scrub_interval: Duration,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            checkpoint: CheckpointLimits::default(),
            disk: DiskLimits::default(),
            scrub_interval: SCRUB_INTERVAL,
        }
    }
}
