//! What does a reboot or a crash mean for the trials? What the kernel left, and hosts that no grant speaks of.

use tidegate_policies::detector::signatures::KernelEvidence;
use tidegate_policies::detector::stream::Symptom;

use super::TrialMove;
use super::traces::trace;
use crate::machine::Machine;
use crate::machine::event::Event;
use crate::machine::grants::Grant;
use crate::machine::ids::HostId;
use crate::machine::rollouts::Rollout;

impl Machine {
    /// What a kernel's words say of the patch set of a grant.
    pub(in crate::machine) fn trace_of(
        &self,
        grant: &Grant,
        words: &str,
    ) -> Option<KernelEvidence> {
        let rollout = self.rollouts().get(&grant.rollout)?;
        Some(trace(words, self.patch_sets().get(&rollout.version)?))
    }

    /// A host that no grant speaks of has rebooted without a word: as a sentinel, or verified and watched
    /// on, it has failed like any other.
    pub(in crate::machine) fn reboots_in_trials(
        &self,
        host: HostId,
        evidence: Option<&str>,
        blamed: &[Event],
    ) -> Vec<Event> {
        let blames = |rollout: &Rollout| {
            blamed.iter().any(|event| {
                let Event::GrantMoved { grant, .. } = event else { return false };
                self.grants().rollout_of(*grant) == Some(&rollout.id)
            })
        };
        let watched = self.trials().filter(|(rollout, _)| {
            let role = self.subjects().role(rollout.created_index, host);
            role.is_some_and(|role| role.watch().is_some()) && !blames(rollout)
        });
        let failed = watched.map(|(rollout, _)| {
            let patch_set = self.patch_sets().get(&rollout.version);
            let trace = evidence.zip(patch_set).map(|(words, set)| trace(words, set));
            let symptom = if trace.is_some() { Symptom::Hard } else { Symptom::Silence };
            let moved = TrialMove::Failed { host, symptom, trace };
            Event::Trial { trial: rollout.created_index, moved }
        });
        failed.collect()
    }
}
