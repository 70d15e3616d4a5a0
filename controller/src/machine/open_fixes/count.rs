//! How many hosts are alike in what is open on them, and why?

use std::collections::BTreeMap;

use tidegate_policies::time::WallTime;

use super::Lines;
use super::cause::{Cause, Way};
use crate::machine::Machine;
use crate::machine::grants::Phase;
use crate::machine::ids::{HostId, TierName};
use crate::machine::patch_sets::{Fix, KernelKey};
use crate::machine::rollouts::Rollout;

/// Hosts that are alike: each has something open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    /// Their tier.
    pub(super) tier: TierName,
    /// Their kernel.
    pub(super) kernel: KernelKey,
    /// The log index at which the patch set was published that they run; `None`: none that holds.
    pub(super) runs: Option<u64>,
    /// What keeps them from the newest one.
    pub(super) cause: Cause,
}

/// A fleet, counted.
#[derive(Debug)]
pub(super) struct Counted<'a> {
    /// Hosts that were looked at.
    pub(super) hosts: u64,
    /// Of each tier and kernel.
    pub(super) of: BTreeMap<(TierName, KernelKey), u64>,
    /// What was published for each kernel.
    pub(super) lines: Lines<'a>,
    /// Hosts with something open.
    pub(super) open: BTreeMap<Group, u64>,
}

impl<'a> Counted<'a> {
    /// What is open on the hosts of a group.
    pub(super) fn open_to(&self, group: &Group) -> impl Iterator<Item = (WallTime, &'a Fix)> {
        self.lines.get(&group.kernel).into_iter().flat_map(|line| line.since(group.runs))
    }

    /// Hosts with this kernel.
    pub(super) fn hosts_of(&self, kernel: &KernelKey) -> u64 {
        self.of.iter().filter(|((_, of), _)| of == kernel).map(|(_, hosts)| hosts).sum()
    }
}

impl Machine {
    /// Counts the hosts of `tier`, or all.
    pub(super) fn count_open(&self, tier: Option<&TierName>) -> Counted<'_> {
        let profiles = self.hosts.profiles();
        let wanted = profiles.filter(|(_, _, profile)| tier.is_none_or(|of| profile.tier == *of));
        let profiles: BTreeMap<u64, _> =
            wanted.map(|(number, _, profile)| (number, profile)).collect();
        let mut lines = Lines::new();
        for profile in profiles.values() {
            if !lines.contains_key(&profile.kernel) {
                lines.insert(profile.kernel.clone(), self.line(&profile.kernel));
            }
        }
        let runs = self.running();
        let newest = lines.values().filter_map(|line| line.newest());
        let ways: BTreeMap<u64, Way<'_>> =
            newest.map(|set| (set.published_index, self.way(set))).collect();
        let mut counted = Counted { hosts: 0, of: BTreeMap::new(), lines, open: BTreeMap::new() };
        for (host, (mode, number)) in self.hosts.eligibilities() {
            let Some(profile) = profiles.get(&number) else { continue };
            let (tier, kernel) = (profile.tier.clone(), profile.kernel.clone());
            counted.hosts += 1;
            *counted.of.entry((tier.clone(), kernel.clone())).or_default() += 1;
            let runs = runs.get(&host).copied().flatten();
            let Some(line) = counted.lines.get(&kernel) else { continue };
            let Some(newest) = line.newest().filter(|_| line.since(runs).next().is_some()) else {
                continue;
            };
            let Some(way) = ways.get(&newest.published_index) else { continue };
            let cause = self.kept_out_by(way, (host, mode, number, profile));
            *counted.open.entry(Group { tier, kernel, runs, cause }).or_default() += 1;
        }
        counted
    }

    /// The patch set that each host runs in its present boot, by the log index of its publication, as far as that
    /// holds what it fixes; `None`: it runs one that was withdrawn.
    fn running(&self) -> BTreeMap<HostId, Option<u64>> {
        let set = |of: &&Rollout| self.patch_sets.get(&of.version);
        let mut started: Vec<&Rollout> =
            self.rollouts.values().filter(|of| of.place.is_some()).collect();
        started.sort_by_key(|of| std::cmp::Reverse(set(of).map(|set| set.published_index)));
        let mut runs = BTreeMap::new();
        for rollout in started {
            let Some(set) = set(&rollout) else { continue };
            for (host, entry) in self.entries.of(rollout).filter(|(_, entry)| entry.begun) {
                if runs.contains_key(&host) {
                    continue;
                }
                let grant = self.grants.get(&entry.grant);
                let applied = grant.as_ref().and_then(|grant| match &grant.phase {
                    Phase::Applied { begun, .. } | Phase::Soaked { begun } => Some(&begun.boot),
                    Phase::Offered { .. }
                    | Phase::Begun(_)
                    | Phase::Expired
                    | Phase::Withdrawn
                    | Phase::Refused { .. }
                    | Phase::Failed { .. }
                    | Phase::Reverted { .. } => None,
                });
                let boot = self.hosts.standing(host).map(|standing| standing.boot);
                if applied.is_some() && applied == boot.as_ref() {
                    runs.insert(host, set.withdrawn.is_none().then_some(set.published_index));
                }
            }
        }
        runs
    }
}
