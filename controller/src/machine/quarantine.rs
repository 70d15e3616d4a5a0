//! What changes when a slice is halted by itself, and when a person lets it go on?
//!
//! Its hosts leave the census, the counts of their tier and the comparison, so that the rest can go on and
//! be proven without them. What they are exposed to stays counted, and hosts in flight are watched to their
//! end.

use super::ids::{HostId, RolloutId, Version};
use super::incidents::{HaltScope, IncidentState};
use super::rollouts::{Entry, Rollout, Way};
use super::slices::HaltedSlice;
use super::{Machine, Position};

use tidegate_policies::detector::cut::Cut;

/// A slice that a person lets go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejoined {
    /// The slice.
    pub cut: Cut,
    /// The hosts whose failures were acknowledged.
    pub acknowledged: Vec<HostId>,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

impl Machine {
    /// Absorbs that a slice is halted. Halted slices that are inside of it are one with it.
    pub(super) fn put_slice_halt(&mut self, at: Position, id: &RolloutId, slice: &HaltedSlice) {
        let Some(rollout) = self.rollouts.get(id) else { return };
        let (version, reached) =
            (rollout.version.clone(), self.verdict_of(at, rollout, &slice.halt));
        let scope = HaltScope::Slice(slice.cut.clone());
        let into = self.incidents.open(&version, scope, (&slice.halt, reached));
        let Some(patch_set) = self.patch_sets.get_mut(&version) else { return };
        let (inside, others): (Vec<_>, Vec<_>) =
            patch_set.slices.drain(..).partition(|other| slice.cut.covers(&other.cut));
        patch_set.slices = others;
        patch_set.slices.push(slice.clone());
        for merged in inside {
            let state = IncidentState::Widened { into, index: at.index, at: self.clock.wall };
            self.incidents.close(&version, &HaltScope::Slice(merged.cut), &state);
        }
        self.count_apart(at, &version);
        for rollout in self.of_version(&version) {
            self.set_trial_apart(&rollout, &slice.cut);
        }
    }

    /// Absorbs that a slice goes on.
    pub(super) fn lift_slice_halt(&mut self, at: Position, id: &RolloutId, of: &Rejoined) {
        let Some(version) = self.rollouts.get(id).map(|rollout| rollout.version.clone()) else {
            return;
        };
        of.acknowledged.iter().for_each(|&host| self.acknowledge(id, host));
        let state = self.resolved_at(at, (&of.actor, &of.reason), &of.acknowledged);
        let Some(patch_set) = self.patch_sets.get_mut(&version) else { return };
        let lifted: Vec<HaltedSlice> =
            patch_set.slices.extract_if(.., |slice| slice.cut.is(&of.cut)).collect();
        for slice in lifted {
            self.incidents.close(&version, &HaltScope::Slice(slice.cut.clone()), &state);
            for rollout in self.of_version(&version) {
                let number = self.rollouts.get(&rollout).map(|rollout| rollout.created_index);
                if let Some(trial) = number.and_then(|number| self.trials.get_mut(&number)) {
                    trial.rejoin(&slice.cut);
                }
            }
        }
        self.count_apart(at, &version);
    }

    /// The rollouts of a patch set that have started.
    pub(super) fn of_version(&self, version: &Version) -> Vec<RolloutId> {
        let all = self.rollouts.values();
        let started = all.filter(|rollout| rollout.version == *version && rollout.place.is_some());
        started.map(|rollout| rollout.id.clone()).collect()
    }

    /// The halted slices of a patch set have changed: who counts in the census, and who apart, is counted
    /// anew.
    fn count_apart(&mut self, at: Position, version: &Version) {
        for id in self.of_version(version) {
            self.take_census_anew(&id);
            let Some(rollout) = self.rollouts.get(&id) else { continue };
            let is_out = |host: &HostId| {
                let host = self.host_of_old(*host);
                host.is_some_and(|host| self.halted_slice(rollout, &host).is_some())
            };
            let entries = self.entries.of(rollout);
            let moved: Vec<HostId> = entries
                .filter(|(host, entry)| entry.shut_out != is_out(host))
                .map(|(host, _)| host)
                .collect();
            moved.into_iter().for_each(|host| self.turn_aside(&id, host));
            if let Some(rollout) = self.rollouts.get_mut(&id) {
                rollout.revision = at.index;
            }
        }
    }

    /// A host of a rollout enters a halted slice, or is in none any more: it is counted apart, or no more.
    pub(super) fn turn_aside(&mut self, id: &RolloutId, host: HostId) {
        let Some(rollout) = self.rollouts.get_mut(id) else { return };
        let Some(entry) = self.entries.get(rollout, host) else { return };
        let way = if entry.shut_out { Way::Leaves } else { Way::Enters };
        rollout.count_apart(&entry, way);
        let entry = Entry { shut_out: !entry.shut_out, ..entry };
        self.entries.put(rollout.created_index, host, &entry);
    }

    /// Whether the facts of `host` have taken it into a halted slice or out of one, in each started rollout
    /// that it has a part in.
    pub(super) fn follow_slices(&mut self, host: HostId) {
        let Some(row) = self.hosts.get(&host) else { return };
        let moved = |rollout: &&Rollout| {
            let entry = self.entries.get(rollout, host);
            let out = self.halted_slice(rollout, &row).is_some();
            entry.is_some_and(|entry| entry.shut_out != out)
        };
        let started = self.rollouts.values().filter(|rollout| rollout.place.is_some());
        let moved: Vec<RolloutId> =
            started.filter(moved).map(|rollout| rollout.id.clone()).collect();
        moved.into_iter().for_each(|id| self.turn_aside(&id, host));
    }
}
