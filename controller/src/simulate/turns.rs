//! Whose turn is it, and when do they ask? Hosts beat at a phase of their own; those whose turn has come
//! ask for an offer with a beat, where there is room for hosts of their slices.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policies::bucket::Bucket;
use tidegate_policies::detector::slices::Membership;
use tidegate_policies::time::Millis;

use super::chance::Chance;
use super::fleet::{Fleet, Member};
use crate::machine::Machine;
use crate::machine::rollouts::{Place, Rollout};

/// Whether there is room for hosts of these slices.
pub(super) type Takes<'a> = &'a dyn Fn(&Membership) -> bool;

/// The beats of hosts that have nothing to do yet.
#[derive(Debug)]
pub(super) struct Turns {
    beat: u64,
    phases: Vec<u64>,
    buckets: Vec<Bucket>,
    slices: Vec<Membership>,
    waves: BTreeMap<Place, Vec<usize>>,
    /// By the step that holds them out.
    held_out: BTreeMap<usize, Vec<usize>>,
    waiting: BTreeMap<Membership, BTreeSet<(u64, usize)>>,
}

impl Turns {
    /// Every host of `fleet` beats at a phase that `seed` draws.
    pub(super) fn new(fleet: &Fleet, beat: Millis, seed: u64) -> Self {
        let mut chance = Chance::new(seed, PHASES);
        let beat = beat.0.max(1);
        let phases = fleet.members.iter().map(|_| chance.below(beat)).collect();
        let buckets = vec![Bucket(0); fleet.members.len()];
        let slices = vec![Membership::WHOLE; fleet.members.len()];
        let (waves, held_out, waiting) = Default::default();
        Self { beat, phases, buckets, slices, waves, held_out, waiting }
    }

    /// The rollout has started: which hosts come in which wave, and who is held out?
    pub(super) fn draw(&mut self, fleet: &Fleet, machine: &Machine, rollout: &Rollout) {
        let mut alike = BTreeMap::new();
        for (n, member) in fleet.members.iter().enumerate() {
            let Member { kernel, cpu_model, zone, .. } = *member;
            let slices = || machine.slices_of(rollout, &fleet.facts(n));
            self.slices[n] = *alike.entry((kernel, cpu_model, zone)).or_insert_with(slices);
            let host = machine.hosts().get(&member.id);
            let part = host.and_then(|host| machine.part(rollout, &host).ok());
            let Some(part) = part else { continue };
            self.buckets[n] = part.bucket;
            if part.held_out {
                self.held_out.entry(part.stage).or_default().push(n);
            } else {
                let place = Place { stage: part.stage, wave: part.first_wave(rollout) };
                self.waves.entry(place).or_default().push(n);
            }
        }
    }

    /// The turn of a wave has come.
    pub(super) fn start_wave(&mut self, place: Place) {
        for n in self.waves.remove(&place).unwrap_or_default() {
            self.wait(n);
        }
    }

    /// Hosts that are held out come where the rollout lets them.
    pub(super) fn let_go(&mut self, rollout: &Rollout) {
        let Some(stage) =
            self.held_out.keys().copied().find(|&stage| rollout.lets_holdout_go(stage))
        else {
            return;
        };
        for n in self.held_out.remove(&stage).unwrap_or_default() {
            self.wait(n);
        }
    }

    /// A host waits for an offer.
    pub(super) fn wait(&mut self, n: usize) {
        self.waiting.entry(self.slices[n]).or_default().insert((self.phases[n], n));
    }

    /// A host has its offer.
    pub(super) fn serve(&mut self, n: usize) {
        if let Some(waiting) = self.waiting.get_mut(&self.slices[n]) {
            waiting.remove(&(self.phases[n], n));
        }
    }

    /// When the next host that waits, and that there is room for, beats after `after`; `None`: nobody does.
    pub(super) fn next_beat(&self, after: u64, takes: Takes<'_>) -> Option<u64> {
        let (round, phase) = (after / self.beat, after % self.beat);
        let next = |waiting: &BTreeSet<(u64, usize)>| {
            let later = waiting.range((phase + 1, 0)..).next();
            let this_round = later.map(|&(phase, _)| round * self.beat + phase);
            let next_round = || waiting.first().map(|&(phase, _)| (round + 1) * self.beat + phase);
            this_round.or_else(next_round)
        };
        self.taken(takes).filter_map(next).min()
    }

    /// The hosts that wait, that there is room for, and that beat after `after`, up to `until`.
    pub(super) fn beating(&self, after: u64, until: u64, takes: Takes<'_>) -> Vec<usize> {
        let (low, high) = (after % self.beat, until % self.beat);
        let spans = match (until - after >= self.beat, low < high) {
            (true, _) => [0..self.beat, 0..0],
            (false, true) => [low + 1..high + 1, 0..0],
            (false, false) => [low + 1..self.beat, 0..high + 1],
        };
        let hosts = |waiting: &'_ BTreeSet<(u64, usize)>| -> Vec<usize> {
            let spans = spans.iter().map(|span| waiting.range((span.start, 0)..(span.end, 0)));
            spans.flatten().map(|&(_, n)| n).collect()
        };
        self.taken(takes).flat_map(hosts).collect()
    }

    /// The hosts that wait and that there is room for.
    fn taken(&self, takes: Takes<'_>) -> impl Iterator<Item = &BTreeSet<(u64, usize)>> {
        let some = self.waiting.iter().filter(|(_, waiting)| !waiting.is_empty());
        some.filter(move |(slices, _)| takes(slices)).map(|(_, waiting)| waiting)
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
        let slices = vec![Membership::WHOLE; phases.len()];
        let (waves, held_out, waiting) = Default::default();
        let mut turns = Turns { beat: 10, phases, buckets, slices, waves, held_out, waiting };
        (0..turns.phases.len()).for_each(|n| turns.wait(n));
        turns
    }

    #[test]
    fn a_host_beats_once_in_every_beat_however_time_is_cut() {
        let turns = waiting(&[0, 3, 7, 9]);
        let mut beats = vec![0; 4];
        for cut in (0..100).step_by(4) {
            let cut_beats = turns.beating(cut, cut + 4, &|_| true);
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
        let next = |turns: &Turns, after| turns.next_beat(after, &|_| true);
        assert_eq!([2, 3, 7, 12].map(|after| next(&turns, after)), [3, 7, 13, 13].map(Some));
        turns.serve(0);
        assert_eq!(next(&turns, 7), Some(17));
        turns.serve(1);
        assert_eq!(next(&turns, 7), None);
    }

    #[test]
    fn hosts_without_room_for_their_slices_do_not_ask() {
        let turns = waiting(&[3, 7]);
        assert_eq!(turns.next_beat(2, &|_| false), None);
        assert!(turns.beating(0, 100, &|_| false).is_empty());
        assert_eq!(turns.beating(0, 100, &|slices| *slices == Membership::WHOLE), [0, 1]);
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
