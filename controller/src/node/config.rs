//! Who is this node, who votes with it, and how patient is it?

use std::collections::BTreeSet;

use super::{Fatal, NodeId};

/// Most bytes of entries in one append message. A single larger entry travels alone.
const MAX_APPEND_BYTES: u64 = 256 * 1024;
/// Most append messages on their way to one follower.
const MAX_INFLIGHT_APPENDS: usize = 256;
/// Most bytes of commands in the leader's log that are not committed; more are refused as busy.
const MAX_UNCOMMITTED_BYTES: u64 = 8 * 1024 * 1024;
/// How much of that agents may fill. The rest is for operators, and for the leader's own ticks.
pub(super) const MAX_UNCOMMITTED_AGENT_BYTES: usize = 6 * 1024 * 1024;
/// Most bytes of entries that are applied before the next ones are read.
const MAX_APPLY_BYTES: u64 = 4 * 1024 * 1024;

/// How a node is set up. Read once, at open.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// This node; one of `voters`.
    pub id: NodeId,
    /// The whole cluster.
    pub voters: BTreeSet<NodeId>,
    /// The source of the election timeouts. Give each node its own: equal seeds make rivals
    /// campaign in step.
    pub seed: u64,
    /// Least number of ticks that a follower waits for its leader before it campaigns; more than
    /// `heartbeat_ticks`. Default 10.
    pub election_ticks_min: usize,
    /// Upper bound of that number, exclusive. Default 20.
    pub election_ticks_max: usize,
    /// Ticks between a leader's heartbeats, at least 1. Default 2.
    pub heartbeat_ticks: usize,
    /// Where raft's own words go. Default: nowhere.
    pub logger: slog::Logger,
}

impl NodeConfig {
    /// Node `id` of `voters`, with every default.
    pub fn new(id: NodeId, voters: impl IntoIterator<Item = NodeId>, seed: u64) -> Self {
        Self {
            id,
            voters: voters.into_iter().collect(),
            seed,
            election_ticks_min: 10,
            election_ticks_max: 20,
            heartbeat_ticks: 2,
            logger: slog::Logger::root(slog::Discard, slog::o!()),
        }
    }

    pub(super) fn check(&self) -> Result<raft::Config, Fatal> {
        if !self.voters.contains(&self.id) || self.voters.contains(&NodeId(raft::INVALID_ID)) {
            return Err(Fatal::Config(format!(
                "node {} must be one of the voters {:?}, and no id may be 0",
                self.id, self.voters
            )));
        }
        let config = raft::Config {
            id: self.id.0,
            election_tick: self.election_ticks_min,
            min_election_tick: self.election_ticks_min,
            max_election_tick: self.election_ticks_max,
            heartbeat_tick: self.heartbeat_ticks,
            pre_vote: true,
            check_quorum: true,
            max_size_per_msg: MAX_APPEND_BYTES,
            max_inflight_msgs: MAX_INFLIGHT_APPENDS,
            max_uncommitted_size: MAX_UNCOMMITTED_BYTES,
            max_committed_size_per_ready: MAX_APPLY_BYTES,
            ..raft::Config::default()
        };
        config.validate().map_err(|error| Fatal::Config(error.to_string()))?;
        Ok(config)
    }
}
