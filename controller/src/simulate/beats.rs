//! When do the controllers tick, who was heard by then, and who asks? Beats and ticks that change
//! nothing are left out.
//!
//! A tick is needed where a command comes, an offer or a dead-man timer runs out, a soak can end, a host
//! may have an offer, and before running time would be lost. All ticks are on the second, as a leader's are,
//! so that leaving some out moves nothing. A host whose agent would beat all the time and say nothing new is
//! heard once before its dead-man timer runs out; the last beat of one that goes silent is played when it is.

use tidegate_policies::time::{Elapsed, Listened, Millis};

use super::agents::IDLE;
use super::controllers::Controllers;
use super::fleet::boot_id;
use super::queue::Happening;
use super::world::{Beats, World};
use crate::machine::clock::TICK;
use crate::machine::ids::HostId;
use crate::machine::trial::{Role, Watch, heard_for};
use crate::machine::{Missed, Room};
use crate::relay::answers;

impl World<'_> {
    /// When the next tick is.
    pub(super) fn next_tick(&self) -> u64 {
        if !self.controllers.up {
            return u64::MAX;
        }
        let next = self.controllers.ticked + TICK.0;
        match self.beats {
            Beats::All => return next,
            Beats::ThatMatter => (),
        }
        let heard =
            (!self.controllers.heard.is_empty()).then(|| self.now.div_ceil(TICK.0) * TICK.0);
        let ticked = self.controllers.ticked;
        let asks = match (self.room(), self.opens()) {
            (Some(room), None) => self.turns.next_beat(ticked, &|slices| room.takes(slices)),
            // Whoever comes late to an earlier tier may have a window of its own.
            (Some(_) | None, opens) => {
                Some(self.controllers.next_minute().min(opens.unwrap_or(u64::MAX)))
            }
        };
        let asks = asks.map(|at| at.div_ceil(TICK.0) * TICK.0);
        let soonest = [heard, asks, self.missed_due()].into_iter().flatten().min();
        soonest.map_or(u64::MAX, |at| at.max(next)).min(self.controllers.tick_due())
    }

    /// When the calendar lets hosts of the present tier begin; `None`: it does.
    fn opens(&self) -> Option<u64> {
        let machine = &self.controllers.machine;
        let rollout = self.controllers.rollout()?;
        let gate = machine.closed(rollout, rollout.place?.stage)?;
        let opens = gate.opens()?.0.saturating_sub(machine.clock().wall.0);
        Some(self.controllers.ticked + opens)
    }

    /// When the leader misses a reference host that is away, or one that it missed is silent.
    fn missed_due(&self) -> Option<u64> {
        let Controllers { machine, ticked, .. } = &self.controllers;
        let listened = machine.clock().listened;
        let due = self.gone().filter_map(|(n, last)| match *self.role(n)?.watch()? {
            Watch::Heard => Some(self.missed_at(last)),
            Watch::Missed { silent_at } => Some(ticked + silent_at.0.saturating_sub(listened.0)),
        });
        due.min().map(|at| at.max(ticked + 1).div_ceil(TICK.0) * TICK.0)
    }

    /// Those who are away and cannot be heard, and when they were last.
    fn gone(&self) -> impl Iterator<Item = (usize, u64)> {
        let away = self.away.iter().map(|(&n, &last)| (n, last));
        away.filter(|&(n, _)| !self.hosts[n].is_up())
    }

    /// When the present leader misses a reference host that was last heard at `last`.
    fn missed_at(&self, last: u64) -> u64 {
        last.max(self.controllers.leads_since) + heard_for(Millis(self.turns.beat())).0
    }

    /// The reference hosts that the leader hears no more at `at`.
    fn missed(&mut self, at: u64) -> Vec<Missed> {
        match self.beats {
            Beats::All => {
                let step = Millis(at - self.controllers.ticked);
                let Controllers { machine, roll_call, heard, .. } = &mut self.controllers;
                let now = machine.clock().elapsed_after(step);
                heard.retain(|&host| roll_call.hear(machine, now, host));
                return roll_call.missed(machine, now, usize::MAX);
            }
            Beats::ThatMatter => (),
        }
        let Some(rollout) = self.controllers.rollout() else { return Vec::new() };
        let trial = rollout.created_index;
        let is_heard = |n| self.role(n).as_ref().and_then(Role::watch) == Some(&Watch::Heard);
        let missed = self.gone().filter(|&(n, last)| self.missed_at(last) <= at && is_heard(n));
        let clock = self.controllers.machine.clock();
        let elapsed = clock.elapsed_after(Millis(at - self.controllers.ticked));
        let missed = missed.map(|(n, last)| {
            let ago = at - last.max(self.controllers.leads_since);
            let heard_at = Elapsed(elapsed.0.saturating_sub(ago));
            Missed { trial, host: self.scene.fleet.members[n].id, heard_at }
        });
        missed.collect()
    }

    /// What a host is in the comparison.
    fn role(&self, n: usize) -> Option<Role> {
        let trial = self.controllers.rollout()?.created_index;
        self.controllers.machine.subjects().role(trial, self.scene.fleet.members[n].id)
    }

    /// Whether somebody waits for a host's beats: it has something to do, or is compared with others.
    pub(super) fn is_listened_to(&self, n: usize) -> bool {
        self.hosts[n].agent.is_some() || self.role(n).is_some_and(|role| role.watch().is_some())
    }

    /// A wave begins: whoever is compared with its hosts is heard with the next tick.
    pub(super) fn hear_sentinels(&mut self) {
        if self.beats == Beats::ThatMatter {
            (0..self.hosts.len()).for_each(|n| self.hear_sentinel(n));
        }
    }

    /// A host that may be a sentinel, and is not known as one or is missed, is heard with the next tick.
    pub(super) fn hear_sentinel(&mut self, n: usize) {
        let id = self.scene.fleet.members[n].id;
        let is_news = || match self.role(n) {
            None => self.controllers.machine.watched_at(id).is_some(),
            Some(role) => matches!(role.watch(), Some(Watch::Missed { .. })),
        };
        if self.beats == Beats::ThatMatter && self.hosts[n].is_up() && is_news() {
            self.controllers.heard.push(id);
        }
    }

    /// All ticks up to the present moment.
    pub(super) fn catch_up(&mut self) {
        let until = self.now / TICK.0 * TICK.0;
        while self.controllers.up && self.controllers.ticked < until {
            self.tick(self.next_tick().min(until));
        }
    }

    /// One tick, at `at`.
    pub(super) fn tick(&mut self, at: u64) {
        let asking = self.asking(at);
        self.keep_alive(at);
        self.controllers.missed = self.missed(at);
        let applied = self.controllers.tick(at, asking);
        self.learn(&applied.events);
        self.know_openings();
        if let Some(rollout) = self.controllers.rollout() {
            self.turns.let_go(rollout);
        }
    }

    /// Those who ask with a beat between the last tick and `at`.
    fn asking(&self, at: u64) -> Vec<HostId> {
        let after = self.controllers.ticked;
        let hosts = match self.beats {
            Beats::All => self.all_asking(after, at),
            Beats::ThatMatter => {
                let Some(room) = self.room() else { return Vec::new() };
                let beating =
                    self.turns.beating(after, at, &|slices| room.takes(slices)).into_iter();
                let able = beating.filter(|&n| self.is_free(n)).collect();
                self.turns.first(able, usize::try_from(room.hosts).unwrap_or(usize::MAX))
            }
        };
        hosts.into_iter().map(|n| self.scene.fleet.members[n].id).collect()
    }

    /// Whether a host can be heard, and its agent has nothing else to do.
    pub(super) fn is_free(&self, n: usize) -> bool {
        self.hosts[n].is_up() && self.hosts[n].agent.is_none()
    }

    /// For whom there is room now.
    fn room(&self) -> Option<Room<'_>> {
        self.controllers.machine.room(self.controllers.rollout()?)
    }

    /// Hears those that are there, and of whom something hangs on being heard by `at`.
    fn keep_alive(&mut self, at: u64) {
        let heard = match self.beats {
            Beats::All => self.all_listened_to(at),
            Beats::ThatMatter => self.just_in_time(at),
        };
        self.controllers.heard.extend(heard);
    }

    /// Everybody whom a controller would take note of: who beats by `at` and is compared with others. Those
    /// that have something to do say themselves that they were heard.
    fn all_listened_to(&self, at: u64) -> Vec<HostId> {
        let beating = self.turns.all_beating(self.controllers.ticked, at).into_iter();
        let ids = beating.filter(|&n| self.is_free(n)).map(|n| self.scene.fleet.members[n].id);
        ids.filter(|&id| self.controllers.machine.watched_at(id).is_some()).collect()
    }

    /// Whoever is there, and would count as away or silent by `at`.
    fn just_in_time(&self, at: u64) -> Vec<HostId> {
        let machine = &self.controllers.machine;
        let step = Millis(at - self.controllers.ticked);
        let by = Listened(machine.clock().listened.0 + step.0);
        let timers = machine.grants().dead_man();
        if timers.first().is_none_or(|&(first, _)| first > by) {
            return Vec::new();
        }
        // They have all beaten within the last beat. With one of them those are heard that would follow, so
        // that not each of them takes a tick.
        let soon = by.after(Millis(self.turns.beat()));
        let due = timers.iter().take_while(|&&(when, _)| when <= soon);
        let there = due.filter_map(|&(_, grant)| self.host_of(grant)).filter(|&n| {
            let host = &self.hosts[n];
            host.is_up() && host.agent.is_some()
        });
        there.map(|n| self.scene.fleet.members[n].id).collect()
    }

    /// A host that will not be heard after `at` beats for the last time before.
    pub(super) fn foretell(&mut self, n: usize, at: u64) {
        let last = self.turns.beat_before(n, at).max(self.now);
        match self.beats {
            Beats::All => (),
            Beats::ThatMatter => self.queue.put(last, Happening::LastBeat(n)),
        }
    }

    /// A beat that nothing comes of but that it was heard.
    pub(super) fn last_beat(&mut self, n: usize) {
        if self.controllers.up && self.hosts[n].is_up() && self.is_listened_to(n) {
            self.controllers.heard.push(self.scene.fleet.members[n].id);
            self.away.insert(n, self.now);
        }
    }

    /// Everybody who beats and is told that an offer would follow.
    fn all_asking(&self, after: u64, at: u64) -> Vec<usize> {
        let beating = self.turns.all_beating(after, at);
        let asks = |&n: &usize| {
            let (id, boot) = (self.scene.fleet.members[n].id, boot_id(n, self.hosts[n].boot));
            let answer = answers::sync(&self.controllers.machine, id, &boot, IDLE);
            self.is_free(n) && answer.is_ok_and(|answer| answer.asks)
        };
        beating.into_iter().filter(asks).collect()
    }
}
