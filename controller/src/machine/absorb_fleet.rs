//! What changes when a host comes, changes, moves or goes? Its row, its token's count, the censuses and the
//! trials, all in one place, so that they cannot disagree.

use super::Machine;
use super::absorb::count_part;
use super::evicted::{Evicted, Eviction};
use super::fleet::Host;
use super::ids::{HostId, RolloutId};
use super::membership::{Eligible, Part};
use super::rollouts::{Rollout, Way};

/// Where a host counts.
type Counted = Vec<(RolloutId, Part, Eligible)>;

impl Machine {
    /// Puts `after` in its row, and keeps tokens and censuses true. A host that is not what it was leaves the
    /// trials that watch it. One that was evicted is so no more.
    pub(super) fn replace_host(&mut self, after: Host) {
        let before = self.hosts.get(&after.id);
        let same = before.as_ref().is_some_and(|before| {
            before.facts == after.facts && before.mode == after.mode && before.tier == after.tier
        });
        if !same {
            self.leaves_trials(after.id);
        }
        if before.as_ref().map(|host| &host.token) != Some(&after.token) {
            if let Some(before) = &before {
                self.count_enrolled(&before.token, Way::Leaves);
            }
            self.count_enrolled(&after.token, Way::Enters);
        }
        let stood = match &before {
            Some(before) => Some(before.facts.clone()),
            None => self.evicted.get(after.id).map(|evicted| evicted.host.facts),
        };
        if let Some(stood) = stood {
            self.moves_domain(after.id, (&stood, &after.facts));
        }
        let left = match &before {
            Some(before) => self.counts(before),
            None => self.evicted_counts(after.id),
        };
        self.see_kernel(&after.facts.kernel.release);
        let (entered, id) = (self.counts(&after), after.id);
        self.hosts.put(after);
        self.evicted.rows.remove(id);
        self.recount(left, entered);
        self.follow_slices(id);
    }

    /// Takes a host's row away. Where it has begun it stays counted, with what has become of it.
    pub(super) fn remove_host(&mut self, id: HostId, eviction: &Eviction) {
        let Some(host) = self.hosts.get(&id) else { return };
        self.leaves_trials(id);
        self.count_enrolled(&host.token, Way::Leaves);
        let left = self.counts(&host);
        self.hosts.remove(id);
        self.evicted.rows.insert(id, &Evicted { eviction: eviction.clone(), host });
        let entered = self.evicted_counts(id);
        self.recount(left, entered);
    }

    /// Where an enrolled host counts.
    fn counts(&self, host: &Host) -> Counted {
        self.in_started(|rollout| self.census_part(rollout, host))
    }

    /// Where an evicted host counts.
    fn evicted_counts(&self, id: HostId) -> Counted {
        let Some(evicted) = self.evicted.get(id) else { return Vec::new() };
        self.in_started(|rollout| self.census_part_of_old(rollout, &evicted.host))
    }

    fn in_started(&self, counts: impl Fn(&Rollout) -> Option<(Part, Eligible)>) -> Counted {
        let started = self.rollouts.values().filter(|rollout| rollout.place.is_some());
        let of = |rollout: &Rollout| {
            counts(rollout).map(|(part, eligible)| (rollout.id.clone(), part, eligible))
        };
        started.filter_map(of).collect()
    }

    fn recount(&mut self, left: Counted, entered: Counted) {
        let left = left.into_iter().map(|one| (one, Way::Leaves));
        let entered = entered.into_iter().map(|one| (one, Way::Enters));
        for ((rollout, part, eligible), way) in left.chain(entered) {
            if let Some(rollout) = self.rollouts.get_mut(&rollout) {
                let first_wave = part.first_wave(rollout);
                count_part(&mut rollout.stages, (part, first_wave, eligible), way);
            }
        }
    }
}
