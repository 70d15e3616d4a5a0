//! Which artifacts have soaked before, so that a rollout of them need not prove them from the start?
//!
//! Going back to what an older version held is a new version with the old artifacts. Each was proven where it was
//! released then; a policy may say how long it soaks the second time. Waves, gates, budgets and halts stay as they are.

use std::collections::BTreeMap;

use tidegate_policies::time::Millis;

use super::Machine;
use super::grants::Grant;
use super::ids::{HostId, RolloutId};
use super::patch_sets::{Artifact, KernelKey, PatchSet};
use super::rollouts::{Rollout, State};

impl Machine {
    /// The kernels on which the content of `patch_set` is proven for `rollout`, each with the rollout that proved it.
    pub(super) fn proven(
        &self,
        rollout: &Rollout,
        patch_set: &PatchSet,
    ) -> BTreeMap<KernelKey, RolloutId> {
        let Some(rule) = rollout.policy.proven else { return BTreeMap::new() };
        let proof = |(kernel, artifact): (&KernelKey, &Artifact)| {
            let by = self.proved(rollout, (kernel, artifact), rule.hosts)?;
            Some((kernel.clone(), by.id.clone()))
        };
        patch_set.artifacts.iter().filter_map(proof).collect()
    }

    /// The oldest rollout that brought the same bytes to the same kernel, as far up the ladder as `rollout` goes, to
    /// so many hosts at least; none if anything was ever stopped that held them and has not been resumed.
    fn proved(
        &self,
        rollout: &Rollout,
        (kernel, artifact): (&KernelKey, &Artifact),
        hosts: u64,
    ) -> Option<&Rollout> {
        let holds = |set: &PatchSet| set.artifacts.values().any(|of| of.digest == artifact.digest);
        let stopped = |set: &PatchSet| {
            set.withdrawn.is_some() || set.halt.is_some() || !set.slices.is_empty()
        };
        if self.patch_sets.values().any(|set| holds(set) && stopped(set)) {
            return None;
        }
        let same = |other: &&Rollout| {
            let set = self.patch_sets.get(&other.version);
            let of = set.and_then(|set| set.artifacts.get(kernel));
            of.is_some_and(|of| of.digest == artifact.digest)
        };
        let reached = |other: &&Rollout| {
            let passed = |tier: &str| other.policy.ladder.iter().any(|stage| stage.tier == tier);
            is_completed(other) && rollout.policy.ladder.iter().all(|stage| passed(&stage.tier))
        };
        let proves = |other: &&Rollout| {
            other.verified_on.get(kernel).is_some_and(|verified| *verified >= hosts)
        };
        let others = self.rollouts.values().filter(|other| other.id != rollout.id);
        others.filter(same).filter(reached).filter(proves).min_by_key(|other| other.created_index)
    }

    /// How long the host of a grant soaks.
    pub fn soak_of(&self, grant: &Grant) -> Option<Millis> {
        self.soak_in(self.rollouts.get(&grant.rollout)?, grant.stage, grant.host)
    }

    /// How long a host soaks that counts in a step of a rollout.
    pub(super) fn soak_in(&self, rollout: &Rollout, step: usize, host: HostId) -> Option<Millis> {
        if rollout.proven.is_empty() {
            return rollout.shortest_soak(step);
        }
        rollout.soak_on(step, &self.hosts.kernel(host)?)
    }
}

/// Whether every wave of a rollout has passed, also if a newer one has taken its place since.
fn is_completed(rollout: &Rollout) -> bool {
    rollout.ended.is_some()
        && match rollout.state {
            State::Completed | State::Superseded => true,
            State::Draft
            | State::Running
            | State::Paused
            | State::Halted
            | State::RollingBack
            | State::RolledBack => false,
        }
}
