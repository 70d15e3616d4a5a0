//! What may never come in, nor go on? The block-list: versions, and artifacts by their bytes.
//!
//! A block stops what it names wherever it is: what is not published is refused, what is published starts nothing, and
//! what is on its way is halted in the entry of the block. Lifting it lifts no halt.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::time::WallTime;

use super::block_refusal::BlockRefusal;
use super::ids::{Blocked, Digest, Version};
use super::patch_sets::{Artifact, KernelKey, PatchSet};
use super::rollouts::{Rollout, State};
use super::{Machine, Rejection};

/// Blocks that the list takes.
pub const MAX_BLOCKS: usize = 1_000;

/// A line of the block-list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it names.
    pub what: Blocked,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// When.
    pub since: WallTime,
}

/// The block-list.
pub type Blocks = BTreeMap<Blocked, Block>;

impl Machine {
    /// The block-list.
    pub const fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// The line that names this version, or one of these artifacts.
    pub fn block_on<'a>(
        &self,
        version: &Version,
        mut artifacts: impl Iterator<Item = &'a Artifact>,
    ) -> Option<&Block> {
        if self.blocks.is_empty() {
            return None;
        }
        let by_version = self.blocks.get(&Blocked::Version(version.clone()));
        let by_bytes = |digest: Digest| self.blocks.get(&Blocked::Artifact(digest));
        by_version.or_else(|| artifacts.find_map(|artifact| by_bytes(artifact.digest)))
    }

    /// Nothing on the block-list is in these.
    pub(super) fn not_blocked(
        &self,
        version: &Version,
        artifacts: &BTreeMap<KernelKey, Artifact>,
    ) -> Result<(), Rejection> {
        let Some(block) = self.block_on(version, artifacts.values()) else { return Ok(()) };
        let kernel = artifacts.iter().find(|(_, of)| block.what == Blocked::Artifact(of.digest));
        Err(BlockRefusal::Blocked {
            version: version.clone(),
            what: block.what.to_string(),
            kernel: kernel.map(|(kernel, _)| Box::new(kernel.clone())),
            actor: block.actor.clone(),
            reason: block.reason.clone(),
        }
        .into())
    }

    /// The patch sets that a block on `what` names.
    pub fn named_by<'a>(&'a self, what: &'a Blocked) -> impl Iterator<Item = &'a PatchSet> {
        self.patch_sets.values().filter(move |set| match what {
            Blocked::Version(version) => set.version == *version,
            Blocked::Artifact(digest) => set.artifacts.values().any(|of| of.digest == *digest),
        })
    }

    /// The rollout on which a halt of the patch set is to stand: the newest of those that are on their way.
    pub(super) fn on_its_way(&self, set: &PatchSet) -> Option<&Rollout> {
        let under_way = |rollout: &&Rollout| match rollout.state {
            State::Running | State::Paused | State::Completed => true,
            State::Draft
            | State::Halted
            | State::Superseded
            | State::RollingBack
            | State::RolledBack => false,
        };
        let its = self.rollouts.values().filter(|rollout| rollout.version == set.version);
        its.filter(under_way).max_by_key(|rollout| rollout.created_index)
    }
}
