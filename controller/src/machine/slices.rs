//! Which slices of a patch set are halted by themselves, and who is in them?
//!
//! A halted slice is a tombstone on a part of a patch set: its hosts begin nothing, and the rest goes on
//! without them. Who is in it follows from a host's facts alone, and so changes with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::detector::cut::Cut;
use tidegate_policies::detector::slices::Dimension;

use super::Machine;
use super::fleet::{Facts, Host};
use super::hosts::Profile;
use super::ids::HostId;
use super::patch_sets::{Halt, PatchSet};
use super::rollouts::Rollout;
use super::trial::facts::{borrowed, facts_of, facts_of_profile};

/// A slice that is halted by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltedSlice {
    /// The slice.
    pub cut: Cut,
    /// The halt. Its epoch is that of the patch set, which a halted slice does not raise: the others' offers
    /// stay good.
    pub halt: Halt,
}

/// Whether a host with these facts is inside of a slice.
pub fn is_inside(cut: &Cut, facts: &Facts) -> bool {
    cut.holds(&borrowed(&facts_of(facts)))
}

impl PatchSet {
    /// The halted slice that a host with these facts is in; of several the one that was halted first.
    pub fn slice_of(&self, facts: &Facts) -> Option<&HaltedSlice> {
        if self.slices.is_empty() {
            return None;
        }
        let facts = facts_of(facts);
        let facts = borrowed(&facts);
        self.slices.iter().find(|slice| slice.cut.holds(&facts))
    }

    /// The halted slice that holds all hosts of this one.
    pub fn slice_around(&self, cut: &Cut) -> Option<&HaltedSlice> {
        self.slices.iter().find(|slice| slice.cut.covers(cut))
    }
}

impl Machine {
    /// The halted slice of the rollout's patch set that `host` is in.
    pub fn halted_slice(&self, rollout: &Rollout, host: &Host) -> Option<&HaltedSlice> {
        self.patch_sets.get(&rollout.version)?.slice_of(&host.facts)
    }

    /// Whether hosts are in a halted slice, for looking at a whole fleet: what many hosts share is looked at
    /// once.
    pub(super) fn shut_out(&self, rollout: &Rollout) -> impl Fn(HostId, u64) -> bool + '_ {
        let patch_set = self.patch_sets.get(&rollout.version);
        let slices = patch_set.map_or(&[][..], |patch_set| patch_set.slices.as_slice());
        let by_class = slices.iter().any(|slice| slice.cut.dimension == Dimension::Class);
        let holds = |profile: &Profile| {
            let facts = facts_of_profile(profile);
            let facts = borrowed(&facts);
            slices.iter().any(|slice| slice.cut.holds(&facts))
        };
        let profiles = self.hosts.profiles().filter(|_| !slices.is_empty());
        let of_profile: BTreeMap<u64, bool> =
            profiles.map(|(number, _, profile)| (number, holds(&profile))).collect();
        move |host, profile| {
            let shared = of_profile.get(&profile).copied().unwrap_or_default();
            let labelled = || {
                let facts = self.hosts.get(&host).map(|host| host.facts);
                facts.is_some_and(|facts| slices.iter().any(|of| is_inside(&of.cut, &facts)))
            };
            shared || (by_class && labelled())
        }
    }

    /// The slice that a person means, as evidence knows it: `kernel=other` are all kernels that few hosts
    /// have.
    pub(super) fn resolved(&self, rollout: &Rollout, cut: &Cut) -> Cut {
        let slices = self.trial(rollout).map(|trial| trial.detector().slices());
        let known = slices.and_then(|slices| slices.cut(slices.named(cut)?));
        known.unwrap_or_else(|| cut.clone())
    }
}
