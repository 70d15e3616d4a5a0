//! What becomes of the state when a backup is all that is left of a cluster?
//!
//! Whatever was decided after the backup is lost, halts among it. So nothing goes on by itself: what
//! could let hosts begin is paused, what was offered is withdrawn, what waited for a second person waits
//! no more, and every fence number rises beyond all that a host may have seen. Hosts in flight stay in
//! flight.

use super::cluster::{Cluster, Member, MemberRole, Speaks};
use super::cluster_event::ClusterEvent;
use super::event::Event;
use super::grants::Phase;
use super::ids::NodeId;
use super::rollouts::Rollout;
use super::{Machine, Position};

/// By how much a restore raises the epoch of each patch set: beyond all that can have been reached after
/// the backup.
pub const EPOCH_JUMP: u64 = 1_000;

/// By how much a restore raises the number of the next grant, so that a host's word on a grant that the
/// backup does not know is never taken for a word on another.
pub const GRANT_JUMP: u64 = 1_000_000;

/// How a cluster goes on from a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restoration {
    /// The restored cluster's id, drawn at random: it is another cluster.
    pub cluster_id: [u8; 16],
    /// Its generation; above the backup's.
    pub generation: u64,
    /// The one controller that it begins with.
    pub node: NodeId,
    /// Where that listens, `host:port`.
    pub address: String,
    /// The log index that the restored state stands at; not below the backup's.
    pub index: u64,
    /// Why, for the record.
    pub reason: String,
}

/// Why a state cannot be restored so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRestored {
    /// The backup is of a cluster that never began.
    #[error("the backup holds no cluster: bootstrap a new one with `tidegate serve`")]
    NoCluster,
    /// The generation does not rise.
    #[error("the generation must be above the backup's, which is {known}, and {given} is not")]
    Generation {
        /// The backup's.
        known: u64,
        /// What was asked for.
        given: u64,
    },
    /// The index falls back.
    #[error(
        "the restored log must begin at {known} or above, where the backup ends, not at {given}"
    )]
    Index {
        /// The backup's.
        known: u64,
        /// What was asked for.
        given: u64,
    },
    /// The node has left the cluster for good.
    #[error("node {node} was removed, and no id is used again: choose another with `--node-id`")]
    Removed {
        /// The node.
        node: NodeId,
    },
    /// The backup's rules are newer than this build.
    #[error(
        "the backup follows version {version} of the rules, and this build knows {} to {}: use a build \
         that is at least as new as the cluster was",
        .speaks.oldest,
        .speaks.newest
    )]
    Version {
        /// The backup's version.
        version: u16,
        /// What this build knows.
        speaks: Speaks,
    },
}

impl Machine {
    /// Makes this state, which a backup holds, the beginning of another cluster of one controller. What
    /// happened is returned, in order, and recorded.
    ///
    /// Every rollout that lets hosts begin is paused: the running ones, and the completed ones too, since
    /// these serve hosts that come late. A person resumes each.
    ///
    /// # Errors
    ///
    /// [`NotRestored`]; nothing has changed then.
    pub fn restore(&mut self, restoration: &Restoration) -> Result<Vec<Event>, NotRestored> {
        self.may_restore(restoration)?;
        let begins = |rollout: &&Rollout| rollout.state.serves();
        let paused = self.rollouts.values().filter(begins).map(|rollout| Event::RolloutPaused {
            rollout: rollout.id.clone(),
            actor: RESTORE.to_owned(),
            reason: format!("the cluster was restored from a backup: {}", restoration.reason),
        });
        let withdrawn = self.grants.expiries().iter().map(|&(_, grant)| Event::GrantMoved {
            grant,
            to: Phase::Withdrawn,
            soak_ends: None,
        });
        let restored = ClusterEvent::ClusterRestored(Box::new(restoration.clone()));
        let mut decided = vec![Event::Cluster(restored)];
        decided.extend(paused.chain(withdrawn));
        self.applied = restoration.index;
        let mut events = Vec::new();
        let at = Position { index: restoration.index, term: 0 };
        self.take(at, decided, &mut events);
        let overtaken = self.overtaken(&events);
        self.take(at, overtaken, &mut events);
        Ok(events)
    }

    fn may_restore(&self, restoration: &Restoration) -> Result<(), NotRestored> {
        let Restoration { generation, node, index, .. } = *restoration;
        let cluster = self.cluster().ok_or(NotRestored::NoCluster)?;
        if generation <= cluster.generation {
            let (known, given) = (cluster.generation, generation);
            return Err(NotRestored::Generation { known, given });
        }
        if index < self.applied {
            return Err(NotRestored::Index { known: self.applied, given: index });
        }
        if cluster.removed.contains(&node) {
            return Err(NotRestored::Removed { node });
        }
        let (version, speaks) = (cluster.version, Speaks::of_this_build());
        if !speaks.knows(version) {
            return Err(NotRestored::Version { version, speaks });
        }
        Ok(())
    }

    /// The state becomes that of another cluster, which has heard nobody yet and holds no artifact for
    /// certain.
    pub(super) fn absorb_restoration(&mut self, restoration: &Restoration) {
        let last = self.grants.last();
        if let Some(cluster) = &mut self.cluster {
            cluster.grants_after = cluster.grants_after.max(last) + GRANT_JUMP;
            cluster.go_on_as(restoration);
        }
        for patch_set in self.patch_sets.values_mut() {
            patch_set.epoch += EPOCH_JUMP;
        }
        self.blobs.values_mut().for_each(|blob| blob.nodes.clear());
        self.vouches = super::vouches::Vouches::default();
        // The next tick is a new leader's, whatever its term: silence counts after a full beat again.
        self.clock.term = 0;
        self.clock.heard_since = None;
        self.clock.wall_fresh = false;
    }
}

/// The actor of what a restore does.
pub const RESTORE: &str = "restore";

impl Cluster {
    fn go_on_as(&mut self, restoration: &Restoration) {
        let Restoration { cluster_id, generation, node, address, .. } = restoration;
        (self.id, self.generation) = (*cluster_id, *generation);
        let left = std::mem::take(&mut self.members);
        self.removed.extend(left.into_keys().filter(|other| other != node));
        let member = Member::new(address.clone(), MemberRole::Voter);
        self.members.insert(*node, member);
    }
}
