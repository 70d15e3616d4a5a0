//! Which controllers make up the cluster, and what do they understand?

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::command::{Bootstrap, FIRST_VERSION, TierSpec};
use super::ids::NodeId;

/// The cluster: its name, its controllers, its ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// What tells it from any other of its name; a restore draws another.
    pub id: [u8; 16],
    /// Rises with each restore, so that hosts can tell an older answer: 1, or the seconds since the Unix
    /// epoch at its last restore.
    pub generation: u64,
    /// The tiers, first to last.
    pub ladder: Vec<TierSpec>,
    /// The controllers.
    pub members: BTreeMap<NodeId, Member>,
    /// Controllers that left. Their ids are never used again.
    pub removed: BTreeSet<NodeId>,
    /// The version of entries that every member understands, and of the rules that all follow. Only
    /// rises; from [`FIRST_VERSION`].
    pub version: u16,
    /// Grants are numbered above this: a restore leaves a gap for those that it does not know of.
    pub grants_after: u64,
}

/// One controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Where it listens, `host:port`.
    pub address: String,
    /// Which part it has.
    pub role: MemberRole,
    /// Which disk it has; `None` until it has said so.
    pub incarnation: Option<[u8; 16]>,
    /// The entries that it understands, as it said last.
    pub speaks: Speaks,
}

/// Which part a controller has in the group that keeps the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberRole {
    /// It votes, and an entry needs a majority of its kind.
    Voter,
    /// It follows the log, and nothing waits for it.
    Learner,
    /// Another voter took its place. Until the joint change has ended, the old group decides, too, and
    /// may need its vote.
    Leaving,
}

/// The versions of entries that a build reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speaks {
    /// The oldest rules that it can follow.
    pub oldest: u16,
    /// The newest entries that it reads.
    pub newest: u16,
}

impl Default for Speaks {
    /// What a node is taken to understand that has not said anything: the first version alone.
    fn default() -> Self {
        Self { oldest: FIRST_VERSION, newest: FIRST_VERSION }
    }
}

impl Speaks {
    /// What this build understands.
    pub const fn of_this_build() -> Self {
        Self { oldest: FIRST_VERSION, newest: super::command::ENTRY_VERSION }
    }

    /// Whether `version` is among them.
    pub const fn knows(&self, version: u16) -> bool {
        self.oldest <= version && version <= self.newest
    }
}

impl Member {
    /// A controller that has not said anything yet.
    pub fn new(address: String, role: MemberRole) -> Self {
        Self { address, role, incarnation: None, speaks: Speaks::default() }
    }

    /// Whether it votes, and goes on to.
    pub const fn votes(&self) -> bool {
        match self.role {
            MemberRole::Voter => true,
            MemberRole::Learner | MemberRole::Leaving => false,
        }
    }
}

impl Cluster {
    /// The cluster that `bootstrap` names: its members are voters that have not said anything yet.
    pub fn new(bootstrap: &Bootstrap) -> Self {
        let voter = |(&node, address): (&NodeId, &String)| {
            (node, Member::new(address.clone(), MemberRole::Voter))
        };
        Self {
            name: bootstrap.cluster.clone(),
            id: bootstrap.id,
            generation: 1,
            ladder: bootstrap.ladder.clone(),
            members: bootstrap.members.iter().map(voter).collect(),
            removed: BTreeSet::new(),
            version: FIRST_VERSION,
            grants_after: 0,
        }
    }

    /// The controllers that vote, and go on to.
    pub fn voters(&self) -> impl Iterator<Item = NodeId> + Clone + '_ {
        self.members.iter().filter(|(_, member)| member.votes()).map(|(&node, _)| node)
    }

    /// How many voters are a majority.
    pub fn majority(&self) -> usize {
        self.voters().count() / 2 + 1
    }

    /// Those whose place was taken, and who may still be needed.
    pub(super) fn leaving(&self) -> impl Iterator<Item = NodeId> + '_ {
        let leaves = |member: &Member| member.role == MemberRole::Leaving;
        self.members.iter().filter(move |(_, member)| leaves(member)).map(|(&node, _)| node)
    }

    /// Whether `node` votes, and goes on to.
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.members.get(&node).is_some_and(Member::votes)
    }

    /// The newest version that every member has said it understands; `None` while one has said nothing.
    pub fn spoken_by_all(&self) -> Option<u16> {
        let said = self.members.values().all(|member| member.incarnation.is_some());
        let newest = self.members.values().map(|member| member.speaks.newest).min();
        newest.filter(|_| said)
    }

    /// A node follows the log.
    pub(super) fn add(&mut self, node: NodeId, address: String) {
        self.members.insert(node, Member::new(address, MemberRole::Learner));
    }

    /// A learner votes, in the place of `replacing`, which leaves.
    pub(super) fn promote(&mut self, node: NodeId, replacing: Option<NodeId>) {
        let mut give = |node, role| {
            if let Some(member) = self.members.get_mut(&node) {
                member.role = role;
            }
        };
        give(node, MemberRole::Voter);
        if let Some(leaving) = replacing {
            give(leaving, MemberRole::Leaving);
        }
    }

    /// A node leaves for good.
    pub(super) fn remove(&mut self, node: NodeId) {
        self.members.remove(&node);
        self.removed.insert(node);
    }

    /// The version that the cluster rises to, now that its members are these; `None`: it stays.
    pub(super) fn rises_to(&self) -> Option<u16> {
        self.spoken_by_all().filter(|&spoken| spoken > self.version)
    }
}
