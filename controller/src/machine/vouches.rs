//! Do the nodes have the same state? Each says its hash now and then; who differs from a majority stops.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::cluster_event::ClusterEvent;
use super::command::VouchState;
use super::event::Event;
use super::ids::NodeId;
use super::{Applied, Machine};

/// Every node says the hash of its state after each entry whose index is a multiple of this.
pub const VOUCH_EVERY: u64 = 1_000;

/// Indexes that vouches are kept of; the lowest leaves first.
pub const MAX_VOUCHED_INDEXES: usize = 4;

/// Who said which hash, at one index.
pub type Hashes = BTreeMap<NodeId, [u8; 32]>;

/// What the nodes said of their states, at the newest few indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vouches {
    kept: BTreeMap<u64, Hashes>,
}

impl Vouches {
    /// What was said of the state at `index`; `None` if nothing is kept of it.
    pub fn at(&self, index: u64) -> Option<&Hashes> {
        self.kept.get(&index)
    }

    /// The indexes that something is kept of, and what was said, lowest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Hashes)> {
        self.kept.iter().map(|(&index, hashes)| (index, hashes))
    }

    /// Whether `vouch` says anything that is new and would be kept.
    pub(super) fn is_news(&self, vouch: &VouchState) -> bool {
        match self.kept.get(&vouch.index) {
            Some(hashes) => hashes.get(&vouch.node) != Some(&vouch.hash),
            None => {
                let lowest = self.kept.first_key_value().map(|(&index, _)| index);
                self.kept.len() < MAX_VOUCHED_INDEXES
                    || lowest.is_some_and(|lowest| vouch.index > lowest)
            }
        }
    }

    pub(super) fn keep(&mut self, vouch: &VouchState) {
        self.kept.entry(vouch.index).or_default().insert(vouch.node, vouch.hash);
        while self.kept.len() > MAX_VOUCHED_INDEXES {
            self.kept.pop_first();
        }
    }

    /// What a node that left has said counts no more.
    pub(super) fn forget(&mut self, node: NodeId) {
        for hashes in self.kept.values_mut() {
            hashes.remove(&node);
        }
    }
}

/// Why a node may not go on: its state, or everybody's, is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// A majority of the voters has another state.
    Minority {
        /// The index.
        index: u64,
        /// The hash that this node has.
        own: [u8; 32],
        /// The hash that the majority has.
        majority: [u8; 32],
        /// The voters that have it.
        agreeing: Vec<NodeId>,
    },
    /// The voters have so many states that none can be a majority's.
    NoMajority {
        /// The index.
        index: u64,
        /// What the voters said.
        hashes: Hashes,
    },
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minority { index, own, majority, agreeing } => write!(
                f,
                "the state at log index {index} has the hash {} here, and {} on the nodes {}, a \
                 majority: keep this node's folder for an inquiry, remove the node with `tidegate \
                 cluster remove`, and add one with a new id and an empty folder",
                short(own),
                short(majority),
                listed(agreeing.iter())
            ),
            Self::NoMajority { index, hashes } => {
                let said: Vec<String> =
                    hashes.iter().map(|(node, hash)| format!("{node}: {}", short(hash))).collect();
                write!(
                    f,
                    "the voters disagree on the state at log index {index} ({}), and no majority has \
                     the same: keep every folder for an inquiry, and restore a backup with `tidegate \
                     cluster restore`",
                    said.join(", ")
                )
            }
        }
    }
}

fn short(hash: &[u8; 32]) -> String {
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn listed<'a>(nodes: impl Iterator<Item = &'a NodeId>) -> String {
    nodes.map(NodeId::to_string).collect::<Vec<_>>().join(", ")
}

impl Machine {
    /// What the nodes said of their states.
    pub fn vouches(&self) -> &Vouches {
        &self.vouches
    }

    /// Whether every node shall say its state's hash after the entry that did `applied`, the last one.
    pub fn vouch_is_due(&self, applied: &Applied) -> bool {
        let asked =
            |event: &Event| matches!(event, Event::Cluster(ClusterEvent::StateCheckAsked { .. }));
        self.applied().is_multiple_of(VOUCH_EVERY) || applied.events.iter().any(asked)
    }

    /// Whether a node whose state had the hash `own` at `index` must stop, by all that was said so far.
    pub fn diverged(&self, index: u64, own: [u8; 32]) -> Option<Divergence> {
        let cluster = self.cluster()?;
        let hashes = voters_hashes(cluster, self.vouches.at(index)?);
        let mut agreeing: BTreeMap<[u8; 32], Vec<NodeId>> = BTreeMap::new();
        for (&node, &hash) in &hashes {
            agreeing.entry(hash).or_default().push(node);
        }
        let largest = agreeing.iter().max_by_key(|(_, nodes)| nodes.len());
        let (&majority, nodes) = largest?;
        if nodes.len() >= cluster.majority() {
            let agreeing = nodes.clone();
            return (majority != own).then_some(Divergence::Minority {
                index,
                own,
                majority,
                agreeing,
            });
        }
        let silent = cluster.voters().count() - hashes.len();
        (nodes.len() + silent < cluster.majority())
            .then_some(Divergence::NoMajority { index, hashes })
    }
}

fn voters_hashes(cluster: &Cluster, said: &Hashes) -> Hashes {
    said.iter().filter(|(node, _)| cluster.is_voter(**node)).map(|(&n, &hash)| (n, hash)).collect()
}
