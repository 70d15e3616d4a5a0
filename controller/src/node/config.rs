//! Who is this node, who votes with it, and how patient is it?

use std::collections::BTreeSet;

use super::{Fatal, NodeId};
use crate::machine::cluster::Speaks;

/// Most bytes of entries in one append message. A single larger entry travels alone.
pub(super) const MAX_APPEND_BYTES: usize = 256 * 1024;
/// Most append messages on their way to one follower.
const MAX_INFLIGHT_APPENDS: usize = 256;
/// Most bytes of commands in the leader's log that are not committed; more are refused as busy.
pub(super) const MAX_UNCOMMITTED_BYTES: usize = 8 * 1024 * 1024;
/// How much of that agents may fill. The rest is for operators, and for the leader's own ticks.
pub(super) const MAX_UNCOMMITTED_AGENT_BYTES: usize = 6 * 1024 * 1024;
/// Most bytes of entries that are applied before the next ones are read.
const MAX_APPLY_BYTES: u64 = 4 * 1024 * 1024;

/// How many election timeouts a node lingers that has left: 8 seconds, as things stand by default.
const LINGER_ELECTIONS: u64 = 20;

/// How many applied entries a checkpoint is made after, unless the configuration says otherwise.
pub const CHECKPOINT_ENTRIES: u64 = 50_000;
/// How many bytes of applied entries a checkpoint is made after, unless the configuration says
/// otherwise.
pub const CHECKPOINT_BYTES: u64 = 64 * 1024 * 1024;

/// How a node is set up. Read once, at open.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// This node.
    pub id: NodeId,
    /// The voters that found the cluster, this node among them. Empty: the node joins a cluster
    /// that exists, and waits to be added. Read only where the journal is new.
    pub initial_voters: BTreeSet<NodeId>,
    /// The entries that this build reads. Default: [`Speaks::of_this_build`].
    pub speaks: Speaks,
    /// The source of the election timeouts and of the names of reads. Give each node its own, and
    /// a new one at each start: equal seeds make rivals campaign in step.
    pub seed: u64,
    /// Least number of ticks that a follower waits for its leader before it campaigns; more than
    /// `heartbeat_ticks`. Default 10.
    pub election_ticks_min: usize,
    /// Upper bound of that number, exclusive. Default 20.
    pub election_ticks_max: usize,
    /// Ticks between a leader's heartbeats, at least 1. Default 2.
    pub heartbeat_ticks: usize,
    /// How many entries are applied before the next checkpoint is made, at least 1. Default
    /// [`CHECKPOINT_ENTRIES`].
    pub checkpoint_entries: u64,
    /// How many bytes of entries are applied before the next checkpoint is made, at least 1.
    /// Default [`CHECKPOINT_BYTES`].
    pub checkpoint_bytes: u64,
    /// Where raft's own words go. Default: nowhere.
    pub logger: slog::Logger,
}

impl NodeConfig {
    /// Node `id` of a cluster that `initial_voters` found, with every default.
    pub fn new(id: NodeId, initial_voters: impl IntoIterator<Item = NodeId>, seed: u64) -> Self {
        Self {
            id,
            initial_voters: initial_voters.into_iter().collect(),
            speaks: Speaks::of_this_build(),
            seed,
            election_ticks_min: 10,
            election_ticks_max: 20,
            heartbeat_ticks: 2,
            checkpoint_entries: CHECKPOINT_ENTRIES,
            checkpoint_bytes: CHECKPOINT_BYTES,
            logger: slog::Logger::root(slog::Discard, slog::o!()),
        }
    }

    /// Node `id`, which waits to be added to a cluster that exists, with every default.
    pub fn joining(id: NodeId, seed: u64) -> Self {
        Self::new(id, [], seed)
    }

    /// For how many ticks a node lingers that has left: long enough for several elections.
    pub(super) fn linger(&self) -> u64 {
        u64::try_from(self.election_ticks_max).unwrap_or(u64::MAX).saturating_mul(LINGER_ELECTIONS)
    }

    pub(super) fn check(&self) -> Result<(), Fatal> {
        let voters = &self.initial_voters;
        let is_outside = !voters.is_empty() && !voters.contains(&self.id);
        let none = NodeId(raft::INVALID_ID);
        if is_outside || self.id == none || voters.contains(&none) {
            return Err(Fatal::Config(format!(
                "node {} must be one of the voters {voters:?}, and no id may be 0",
                self.id
            )));
        }
        if self.checkpoint_entries == 0 || self.checkpoint_bytes == 0 {
            return Err(Fatal::Config(
                "a checkpoint covers at least one entry and byte".to_owned(),
            ));
        }
        Ok(())
    }

    /// What raft is told, for a log whose first `applied` entries the machine holds.
    pub(super) fn raft(&self, applied: u64) -> Result<raft::Config, Fatal> {
        let config = raft::Config {
            id: self.id.0,
            applied,
            election_tick: self.election_ticks_min,
            min_election_tick: self.election_ticks_min,
            max_election_tick: self.election_ticks_max,
            heartbeat_tick: self.heartbeat_ticks,
            pre_vote: true,
            check_quorum: true,
            max_size_per_msg: MAX_APPEND_BYTES as u64,
            max_inflight_msgs: MAX_INFLIGHT_APPENDS,
            max_uncommitted_size: MAX_UNCOMMITTED_BYTES as u64,
            max_committed_size_per_ready: MAX_APPLY_BYTES,
            ..raft::Config::default()
        };
        config.validate().map_err(|error| Fatal::Config(error.to_string()))?;
        Ok(config)
    }
}
