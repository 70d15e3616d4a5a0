//! Is it time for a host to begin, and what is held back from it?

use std::collections::BTreeMap;

use tidegate_policies::gate::Gate;
use tidegate_policies::schedule::Window;
use tidegate_policies::tiers::Holdback;
use tidegate_policies::time::WallTime;
use tidegate_policies::when::When;

use super::Machine;
use super::calendar::{Calendar, HeldBack};
use super::clock::Clock;
use super::fleet::Host;
use super::ids::{HostId, RolloutId, TokenId};
use super::membership::stage_of;
use super::patch_sets::KernelKey;
use super::rollouts::Rollout;

/// The id that no host has: it is all that a holdback of hosts alone never names.
pub(super) const NOBODY: HostId = HostId(0);

impl Machine {
    /// What is known of dates and times of day.
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Whether it is time for hosts of a step of `rollout`.
    pub fn when(&self, rollout: &Rollout, step: usize) -> When {
        let wall = self.clock.wall;
        let tier = rollout.policy.ladder.get(step).map_or("", |stage| stage.tier.as_str());
        let rules = self.calendar.rules(tier);
        let published = self.patch_sets.get(&rollout.version).map(|set| set.published);
        When {
            wall,
            frozen: self.calendar.frozen(tier, wall),
            start_at: rollout.start_at,
            published: published.unwrap_or(wall),
            holdback: rules.map_or(Holdback::NONE, |rules| rules.holdback),
            // A clock that stands still may be inside of a window that has long closed.
            window: rules.and_then(|rules| {
                self.calendar.window(rules, self.clock.wall_fresh.then_some(wall))
            }),
        }
    }

    /// What keeps hosts of a step from beginning now, by the calendar.
    pub fn closed(&self, rollout: &Rollout, step: usize) -> Option<Gate> {
        self.when(rollout, step).closed()
    }

    /// What is held back from `host` of this patch set: whether it lets it through, and from when on.
    pub(super) fn holds_back(
        &self,
        rollout: &Rollout,
        host: &Host,
    ) -> Option<(Holdback, Option<WallTime>)> {
        self.holds_back_from(rollout, (&host.token, host.id))
    }

    /// The same of a host of this token.
    pub(super) fn holds_back_from(
        &self,
        rollout: &Rollout,
        (token, host): (&TokenId, HostId),
    ) -> Option<(Holdback, Option<WallTime>)> {
        let holdback = self.calendar.held_back(token, host);
        if holdback == Holdback::NONE {
            return None;
        }
        let published = self.patch_sets.get(&rollout.version)?.published;
        let from = holdback.lets_through_from(published);
        from.is_none_or(|from| from > self.clock.wall).then_some((holdback, from))
    }

    /// Whether a host of this profile has the patch set held back: what [`Machine::holds_back`] says, for many.
    pub(super) fn held_back(&self, rollout: &Rollout) -> impl Fn(HostId, u64) -> bool {
        let nobody = self.calendar.holdbacks.is_empty();
        let profiles = self.hosts.profiles().filter(|_| !nobody);
        let token_of: BTreeMap<u64, TokenId> =
            profiles.map(|(number, _, profile)| (number, profile.token)).collect();
        move |host, profile| {
            let token = token_of.get(&profile);
            token.is_some_and(|token| self.holds_back_from(rollout, (token, host)).is_some())
        }
    }

    /// Hosts that will have a part in a step of `rollout` when what is held back from them is old enough.
    pub(super) fn waits_for_a_delay(&self, rollout: &Rollout, step: usize) -> u64 {
        let later = |token: &TokenId, host| {
            self.holds_back_from(rollout, (token, host)).is_some_and(|(_, from)| from.is_some())
        };
        let of_step = |tier: &str, kernel: &KernelKey| {
            let set = self.patch_sets.get(&rollout.version);
            set.is_some_and(|set| set.artifacts.contains_key(kernel))
                && stage_of(rollout, None, tier) == Some(step)
        };
        let mut waits = 0;
        for (_, uses, profile) in self.hosts.profiles() {
            // No host has the id of nobody: what is held back from the token alone.
            let waits_all = later(&profile.token, NOBODY) && self.entitles_all(&profile);
            if waits_all && of_step(profile.tier.as_str(), &profile.kernel) {
                waits += uses;
            }
        }
        let named = self.calendar.holdbacks.keys().filter_map(|of| match of {
            HeldBack::Host(host) => self.hosts.get(host),
            HeldBack::Token(_) => None,
        });
        let alone = named.filter(|host| {
            of_step(host.tier.as_str(), &host.facts.kernel)
                && later(&host.token, host.id)
                && self.entitled(host).is_ok()
                && self.holds_back_from(rollout, (&host.token, NOBODY)).is_none()
        });
        waits + u64::try_from(alone.count()).unwrap_or(u64::MAX)
    }

    /// The windows whose openings a leader should put into the log.
    pub fn windows_run_out(&self) -> Vec<Window> {
        if !self.clock.wall_fresh {
            return Vec::new();
        }
        self.calendar.run_out(self.clock.wall)
    }

    /// The wall clock has gone on: for some hosts a delay has ended, and they count from now on.
    pub(super) fn delays_end(&mut self, before: &Clock) {
        let (past, now) = (before.wall, self.clock.wall);
        if self.calendar.holdbacks.is_empty() || past == now {
            return;
        }
        let delays: Vec<Holdback> = self.calendar.holdbacks.values().copied().collect();
        let ends = |rollout: &&Rollout| {
            let Some(set) = self.patch_sets.get(&rollout.version) else { return false };
            let ends = |of: &Holdback| {
                of.lets_through_from(set.published).is_some_and(|at| past < at && at <= now)
            };
            rollout.place.is_some() && delays.iter().any(ends)
        };
        let ids: Vec<RolloutId> =
            self.rollouts.values().filter(ends).map(|rollout| rollout.id.clone()).collect();
        ids.iter().for_each(|id| self.take_census_anew(id));
    }

    /// What is held back from a token or host has changed.
    pub(super) fn hold_back(&mut self, of: &HeldBack, holdback: Holdback) {
        if holdback == Holdback::NONE {
            self.calendar.holdbacks.remove(of);
        } else {
            self.calendar.holdbacks.insert(of.clone(), holdback);
        }
        let hosts: Vec<HostId> = match of {
            HeldBack::Host(host) => vec![*host],
            HeldBack::Token(token) => {
                let of_token = self.hosts.values().filter(|host| host.token == *token);
                of_token.map(|host| host.id).collect()
            }
        };
        hosts.into_iter().for_each(|host| self.leaves_trials(host));
        let started = self.rollouts.values().filter(|rollout| rollout.place.is_some());
        let ids: Vec<RolloutId> = started.map(|rollout| rollout.id.clone()).collect();
        ids.iter().for_each(|id| self.take_census_anew(id));
    }
}
