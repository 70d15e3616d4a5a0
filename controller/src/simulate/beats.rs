//! When do the controllers tick, who was heard by then, and who asks? Beats and ticks that change
//! nothing are left out.
//!
//! A tick is needed where a command comes, an offer or a dead-man timer runs out, a soak can end, a host
//! may have an offer, and before running time would be lost. All ticks are on the second, as a leader's are,
//! so that leaving some out moves nothing. A host whose agent would beat all the time and say nothing new is
//! heard once before its dead-man timer runs out; the last beat of one that goes silent is played when it is.

use tidegate_policies::time::{Listened, Millis};

use super::agents::IDLE;
use super::controllers::Controllers;
use super::fleet::boot_id;
use super::queue::Happening;
use super::world::{Beats, World};
use crate::machine::clock::TICK;
use crate::machine::ids::HostId;
use crate::machine::trial::Role;
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
        let asks = self.turns.next_beat(self.controllers.ticked);
        let asks = asks.map(|at| at.div_ceil(TICK.0) * TICK.0);
        let asks = asks.filter(|_| self.room() > 0);
        let soonest = [heard, asks, self.missed_due()].into_iter().flatten().min();
        soonest.map_or(u64::MAX, |at| at.max(next)).min(self.controllers.tick_due())
    }

    /// When a reference host that is away counts as not heard, or as silent.
    fn missed_due(&self) -> Option<u64> {
        let Controllers { machine, ticked, .. } = &self.controllers;
        let clock = machine.clock();
        let away = self.away.iter().filter(|&&n| !self.hosts[n].is_up());
        let due = away.filter_map(|&n| {
            let watch = *self.role(n)?.watch()?;
            let silent = watch.silent_at.0.saturating_sub(clock.listened.0);
            let unheard = watch.heard_until.map(|until| until.since(clock.elapsed).0);
            Some(unheard.map_or(silent, |unheard| unheard.min(silent)))
        });
        due.min().map(|span| (ticked + span.max(1)).div_ceil(TICK.0) * TICK.0)
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

    /// A host that may be a sentinel, and is not known as one, is heard with the next tick.
    pub(super) fn hear_sentinel(&mut self, n: usize) {
        let id = self.scene.fleet.members[n].id;
        let is_new = || self.role(n).is_none() && self.controllers.machine.watched_at(id).is_some();
        if self.beats == Beats::ThatMatter && self.hosts[n].is_up() && is_new() {
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
        let applied = self.controllers.tick(at, asking);
        self.learn(&applied.events);
    }

    /// Those who ask with a beat between the last tick and `at`.
    fn asking(&self, at: u64) -> Vec<HostId> {
        let after = self.controllers.ticked;
        let hosts = match self.beats {
            Beats::All => self.all_asking(after, at),
            Beats::ThatMatter => {
                let room = self.room();
                let beating = if room > 0 { self.turns.beating(after, at) } else { Vec::new() };
                let able = beating.into_iter().filter(|&n| self.is_free(n)).collect();
                self.turns.first(able, room)
            }
        };
        hosts.into_iter().map(|n| self.scene.fleet.members[n].id).collect()
    }

    /// Whether a host can be heard, and its agent has nothing else to do.
    pub(super) fn is_free(&self, n: usize) -> bool {
        self.hosts[n].is_up() && self.hosts[n].agent.is_none()
    }

    /// How many hosts may have an offer now, at most. Looked at once for each entry.
    fn room(&self) -> usize {
        let applied = self.controllers.machine.applied();
        let (at, known) = self.room.get();
        if at == applied {
            return known;
        }
        let room = self.room_in_books().unwrap_or(0);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        self.room.set((applied, room));
        room
    }

    fn room_in_books(&self) -> Option<u64> {
        let rollout = self.controllers.rollout()?;
        let inputs = self.controllers.machine.inputs(rollout)?;
        let offered = rollout.counts.offered;
        let exposed = inputs.counts.exposed() + offered;
        let in_flight = inputs.counts.in_flight + offered;
        let room = inputs.exposure_budget.checked_sub(exposed)?;
        let room = room.min(inputs.in_flight_cap.checked_sub(in_flight)?);
        (room > 0 && self.controllers.machine.has_room(rollout)).then_some(room)
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
        let due = machine.grants().dead_man().iter().take_while(|&&(when, _)| when <= by);
        let there = due.filter_map(|&(_, grant)| self.host_of(grant)).filter(|&n| {
            let host = &self.hosts[n];
            host.is_up() && host.agent.is_some()
        });
        let mut heard: Vec<HostId> = there.map(|n| self.scene.fleet.members[n].id).collect();
        let unheard = machine.subjects().unheard_by(machine.clock().elapsed.after(step));
        let fleet = &self.scene.fleet;
        heard.extend(
            unheard.filter(|&host| fleet.place_of(host).is_some_and(|n| self.hosts[n].is_up())),
        );
        heard
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
            self.away.insert(n);
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
