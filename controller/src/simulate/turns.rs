//! Whose turn is it, and when do they ask? Hosts beat at a phase of their own; those whose turn has come
//! ask for an offer with a beat.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policies::bucket::{Bucket, Lot, Purpose};
use tidegate_policies::time::Millis;

use super::chance::Chance;
use super::fleet::Fleet;
use crate::machine::Machine;
use crate::machine::ids::HostId;
use crate::machine::rollouts::{Place, Rollout};

/// The beats of hosts that have nothing to do yet.
#[derive(Debug)]
pub(super) struct Turns {
    beat: u64,
    phases: Vec<u64>,
    buckets: Vec<Bucket>,
    waves: BTreeMap<Place, Vec<usize>>,
    waiting: BTreeSet<(u64, usize)>,
}

impl Turns {
    /// Every host of `fleet` beats at a phase that `seed` draws.
    pub(super) fn new(fleet: &Fleet, beat: Millis, seed: u64) -> Self {
        let mut chance = Chance::new(seed, PHASES);
        let beat = beat.0.max(1);
        let phases = fleet.members.iter().map(|_| chance.below(beat)).collect();
        let buckets = vec![Bucket(0); fleet.members.len()];
        Self { beat, phases, buckets, waves: BTreeMap::new(), waiting: BTreeSet::new() }
    }

    /// The rollout has started: which hosts come in which wave?
    pub(super) fn draw(&mut self, fleet: &Fleet, machine: &Machine, rollout: &Rollout) {
        let ladder = &rollout.policy.ladder;
        let version = rollout.version.as_str();
        let lots: Vec<Lot> = ladder
            .iter()
            .map(|stage| Lot::of(version, Purpose::Wave { tier: &stage.tier }))
            .collect();
        let drawn: BTreeMap<HostId, usize> = machine.entries().drawn(rollout).collect();
        for (n, member) in fleet.members.iter().enumerate() {
            let tier = &fleet.plan.tiers[member.tier].name;
            let of_tier = || ladder.iter().position(|stage| stage.tier == *tier);
            let Some(stage) = drawn.get(&member.id).copied().or_else(of_tier) else { continue };
            let bucket = lots[stage].place(&member.id.to_string());
            let waves = &ladder[stage].waves;
            let inside = waves.iter().position(|&share| bucket.is_inside(share));
            let wave = inside.unwrap_or(waves.len() - 1);
            self.buckets[n] = bucket;
            self.waves.entry(Place { stage, wave }).or_default().push(n);
        }
    }

    /// The turn of a wave has come.
    pub(super) fn start_wave(&mut self, place: Place) {
        for n in self.waves.remove(&place).unwrap_or_default() {
            self.wait(n);
        }
    }

    /// A host waits for an offer.
    pub(super) fn wait(&mut self, n: usize) {
        self.waiting.insert((self.phases[n], n));
    }

    /// A host has its offer.
    pub(super) fn serve(&mut self, n: usize) {
        self.waiting.remove(&(self.phases[n], n));
    }

    /// When the next host that waits beats after `after`; `None`: nobody waits.
    pub(super) fn next_beat(&self, after: u64) -> Option<u64> {
        let (round, phase) = (after / self.beat, after % self.beat);
        let later = self.waiting.range((phase + 1, 0)..).next();
        let this_round = later.map(|&(phase, _)| round * self.beat + phase);
        let next_round = || self.waiting.first().map(|&(phase, _)| (round + 1) * self.beat + phase);
        this_round.or_else(next_round)
    }

    /// The hosts that wait and beat after `after`, up to `until`.
    pub(super) fn beating(&self, after: u64, until: u64) -> Vec<usize> {
        if until - after >= self.beat {
            return self.waiting.iter().map(|&(_, n)| n).collect();
        }
        let (low, high) = (after % self.beat, until % self.beat);
        let hosts = |from, to| self.waiting.range((from, 0)..(to, 0)).map(|&(_, n)| n);
        if low < high {
            return hosts(low + 1, high + 1).collect();
        }
        hosts(low + 1, self.beat).chain(hosts(0, high + 1)).collect()
    }

    /// Every host that beats after `after`, up to `until`, whether it waits or not.
    pub(super) fn all_beating(&self, after: u64, until: u64) -> Vec<usize> {
        let beats = |&phase: &u64| {
            let next = after + 1 + (phase + self.beat - (after + 1) % self.beat) % self.beat;
            next <= until
        };
        let all = self.phases.iter().enumerate();
        all.filter(|(_, phase)| beats(phase)).map(|(n, _)| n).collect()
    }

    /// The first `room` of `hosts` by their places in the draw: the machine would take no others.
    pub(super) fn first(&self, mut hosts: Vec<usize>, room: usize) -> Vec<usize> {
        hosts.sort_unstable_by_key(|&n| self.buckets[n]);
        hosts.truncate(room);
        hosts
    }

    /// The last beat of a host before `at`.
    pub(super) fn beat_before(&self, n: usize, at: u64) -> u64 {
        let since = (at + self.beat - self.phases[n] % self.beat) % self.beat;
        at.saturating_sub(since.max(1))
    }

    /// How often hosts beat, in milliseconds.
    pub(super) const fn beat(&self) -> u64 {
        self.beat
    }
}

/// What the phases are drawn for.
const PHASES: u64 = 0x0050_4841_5345;

#[cfg(test)]
mod tests {
    use super::*;

    /// Hosts that wait at these phases of a beat of ten.
    fn waiting(phases: &[u64]) -> Turns {
        let phases = phases.to_vec();
        let buckets = (0..phases.len() as u64).rev().map(Bucket).collect();
        let (waves, waiting) = (BTreeMap::new(), BTreeSet::new());
        let mut turns = Turns { beat: 10, phases, buckets, waves, waiting };
        (0..turns.phases.len()).for_each(|n| turns.wait(n));
        turns
    }

    #[test]
    fn a_host_beats_once_in_every_beat_however_time_is_cut() {
        let turns = waiting(&[0, 3, 7, 9]);
        let mut beats = vec![0; 4];
        for cut in (0..100).step_by(4) {
            let cut_beats = turns.beating(cut, cut + 4);
            let mut everybody = turns.all_beating(cut, cut + 4);
            let mut sorted = cut_beats.clone();
            sorted.sort_unstable();
            everybody.sort_unstable();
            assert_eq!(sorted, everybody, "after {cut}");
            cut_beats.into_iter().for_each(|n| beats[n] += 1);
        }
        assert_eq!(beats, [10; 4]);
    }

    #[test]
    fn the_next_beat_is_of_the_host_that_comes_next() {
        let mut turns = waiting(&[3, 7]);
        assert_eq!([2, 3, 7, 12].map(|after| turns.next_beat(after)), [3, 7, 13, 13].map(Some));
        turns.serve(0);
        assert_eq!(turns.next_beat(7), Some(17));
        turns.serve(1);
        assert_eq!(turns.next_beat(7), None);
    }

    #[test]
    fn of_more_hosts_than_there_is_room_for_the_first_in_the_draw_ask() {
        assert_eq!(waiting(&[1, 1, 1]).first(vec![0, 1, 2], 2), [2, 1]);
    }

    #[test]
    fn the_last_beat_is_before_the_moment() {
        let turns = waiting(&[3]);
        assert_eq!([14, 13, 12].map(|at| turns.beat_before(0, at)), [13, 12, 3]);
    }
}
