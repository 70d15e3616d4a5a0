//! How does a person see which slices of a rollout are halted? Line by line, with who waits for whom.

use super::Machine;
use super::hosts::{Labels, Profile};
use super::ids::RolloutId;
use super::incidents::HaltScope;
use super::quarantine::Rejoined;
use super::records::{Note, halt_words, rollout_subject};
use super::rollouts::Rollout;
use super::slices::HaltedSlice;
use super::trial::facts::{borrowed, class_of, facts_of_profile};

use tidegate_policies::detector::cut::Cut;
use tidegate_policies::detector::slices::Dimension;

/// A halted slice of a rollout, for screens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceSeen<'a> {
    /// The slice and its halt.
    pub slice: &'a HaltedSlice,
    /// Enrolled hosts in it.
    pub hosts: u64,
    /// The number of its incident; `None`: it is not kept any more.
    pub incident: Option<u64>,
}

impl HaltedSlice {
    /// The record of its halt.
    pub(super) fn note(&self, rollout: &RolloutId) -> Note {
        Note {
            actor: self.halt.actor.clone(),
            event: "rollout.slice.halted".to_owned(),
            subject: rollout_subject(rollout.as_str()),
            detail: format!("{} alone: {}", self.cut, halt_words(&self.halt)),
        }
    }
}

impl Rejoined {
    /// The record of its resume.
    pub(super) fn note(&self, rollout: &RolloutId) -> Note {
        let (cut, reason, acknowledged) = (&self.cut, &self.reason, self.acknowledged.len());
        Note {
            actor: self.actor.clone(),
            event: "rollout.slice.resumed".to_owned(),
            subject: rollout_subject(rollout.as_str()),
            detail: format!("{cut}: {reason} ({acknowledged} failures acknowledged)"),
        }
    }
}

impl Machine {
    /// The halted slices of a rollout's patch set, in the order of their halts.
    pub fn halted_slices(&self, rollout: &Rollout) -> Vec<SliceSeen<'_>> {
        let patch_set = self.patch_sets.get(&rollout.version);
        let slices = patch_set.map_or(&[][..], |patch_set| patch_set.slices.as_slice());
        let seen = slices.iter().map(|slice| {
            let scope = HaltScope::Slice(slice.cut.clone());
            let incident = self.incidents.open_on(&rollout.version, &scope).map(|of| of.number);
            SliceSeen { slice, hosts: self.hosts_inside(&slice.cut), incident }
        });
        seen.collect()
    }

    /// Enrolled hosts in a slice. Looks at what many hosts share once.
    fn hosts_inside(&self, cut: &Cut) -> u64 {
        let class = |labels: &Labels| {
            let class = class_of(labels).map(|class| (Dimension::Class, class.as_str()));
            class.is_some_and(|class| cut.holds(&[class]))
        };
        let shared = |profile: &Profile| cut.holds(&borrowed(&facts_of_profile(profile)));
        if cut.dimension == Dimension::Class {
            let labels = self.hosts.labels.iter().filter(|(_, _, labels)| class(labels));
            return labels.map(|(_, uses, _)| uses).sum();
        }
        let profiles = self.hosts.profiles().filter(|(_, _, profile)| shared(profile));
        profiles.map(|(_, uses, _)| uses).sum()
    }

    /// What is halted of a rollout although it goes on, in lines for people; empty where nothing is.
    pub fn explain_slices(&self, rollout: &Rollout) -> Vec<String> {
        let seen = self.halted_slices(rollout);
        let line = |of: &SliceSeen<'_>| {
            let (cut, halt) = (&of.slice.cut, &of.slice.halt);
            let incident = of.incident.map_or_else(String::new, |n| format!(", incident {n}"));
            format!(
                "halted slice {cut}: by {} at log index {}{incident}; its {} hosts begin nothing: {}",
                halt.actor, halt.index, of.hosts, halt.reason
            )
        };
        let mut lines: Vec<String> = seen.iter().map(line).collect();
        if !lines.is_empty() {
            let counts = rollout.shut_out;
            lines.push(format!(
                "shut out: {} hosts that have a place in the rollout; {} of them are in flight and {} went \
                 wrong; coverage, waves and proof are of the others",
                rollout.shut_out_hosts(),
                counts.in_flight,
                counts.all_failures()
            ));
        }
        lines
    }
}
