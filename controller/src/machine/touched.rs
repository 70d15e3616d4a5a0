//! What does an entry change of what people look at? The one answer for all screens, from its events alone.

use std::collections::BTreeMap;

use super::Machine;
use super::event::Event;
use super::ids::{Digest, RolloutId, Version};
use super::rollouts::Rollout;
use super::withdrawal_event::WithdrawalEvent;

/// What entries have touched, and the log index of the last one that did. As large as there are rollouts
/// and patch sets, however many entries there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Rollouts.
    pub rollouts: BTreeMap<RolloutId, u64>,
    /// Patch sets.
    pub patch_sets: BTreeMap<Version, u64>,
    /// Who belongs to which tier.
    pub fleet: Option<u64>,
    /// Everything: the state was replaced, or nobody has looked yet.
    pub everything: bool,
}

/// What one event touches.
enum Touches<'a> {
    Nothing,
    /// Everything: the ladder came to be, or when its hosts may begin.
    Everything,
    Fleet,
    /// Every rollout that time matters to: its gates count on.
    Time,
    Rollout(&'a RolloutId),
    /// A rollout, its patch set, and the other rollouts of it.
    WithPatchSet(&'a RolloutId),
    PatchSet(&'a Version),
    /// A patch set, and every rollout of it.
    AllOf(&'a Version),
    Artifact(Digest),
}

impl Touched {
    /// Everything.
    pub fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// Takes note of the events of the entry at `index`, which `machine` has just applied.
    pub fn note(&mut self, machine: &Machine, index: u64, events: &[Event]) {
        for event in events {
            match touches(machine, event) {
                Touches::Nothing => (),
                Touches::Everything => self.everything = true,
                Touches::Fleet => {
                    self.fleet = Some(index);
                    self.live(machine, index);
                    self.withdrawn(machine, index);
                }
                Touches::Time => self.live(machine, index),
                Touches::Rollout(id) => self.rollout(id, index),
                Touches::WithPatchSet(id) => self.with_patch_set(machine, id, index),
                Touches::PatchSet(version) => self.patch_set(version, index),
                Touches::AllOf(version) => self.all_of(machine, version, index),
                Touches::Artifact(digest) => self.artifact(machine, digest, index),
            }
        }
    }

    fn rollout(&mut self, id: &RolloutId, index: u64) {
        match self.rollouts.get_mut(id) {
            Some(last) => *last = index,
            None => drop(self.rollouts.insert(id.clone(), index)),
        }
    }

    fn patch_set(&mut self, version: &Version, index: u64) {
        self.patch_sets.insert(version.clone(), index);
    }

    fn live(&mut self, machine: &Machine, index: u64) {
        for rollout in machine.rollouts().values().filter(|rollout| rollout.is_live()) {
            self.rollout(&rollout.id, index);
        }
    }

    fn with_patch_set(&mut self, machine: &Machine, id: &RolloutId, index: u64) {
        let Some(version) = machine.rollouts().get(id).map(|rollout| &rollout.version) else {
            return;
        };
        self.all_of(machine, version, index);
    }

    fn all_of(&mut self, machine: &Machine, version: &Version, index: u64) {
        self.patch_set(version, index);
        let siblings = |of: &&Rollout| of.version == *version;
        for rollout in machine.rollouts().values().filter(siblings) {
            self.rollout(&rollout.id, index);
        }
    }

    /// A host that boots anew leaves the ledgers.
    fn withdrawn(&mut self, machine: &Machine, index: u64) {
        for set in machine.patch_sets().values().filter(|set| set.withdrawn.is_some()) {
            self.all_of(machine, &set.version, index);
        }
    }

    fn artifact(&mut self, machine: &Machine, digest: Digest, index: u64) {
        for set in machine.patch_sets().values() {
            if set.artifacts.values().any(|artifact| artifact.digest == digest) {
                self.patch_set(&set.version, index);
            }
        }
    }
}

fn touches<'a>(machine: &'a Machine, event: &'a Event) -> Touches<'a> {
    match event {
        Event::ClusterBootstrapped(_) | Event::Cluster(_) | Event::Calendar(_) => {
            Touches::Everything
        }
        Event::People(event) => Touches::Rollout(event.rollout()),
        Event::Withdrawal(event) => match event {
            WithdrawalEvent::Withdrawn { version, .. }
            | WithdrawalEvent::RebootOwed { version, .. } => Touches::AllOf(version),
            WithdrawalEvent::RollbackStarted { rollout, .. }
            | WithdrawalEvent::RolledBack { rollout } => Touches::WithPatchSet(rollout),
        },
        Event::ClockAdvanced(_) => Touches::Time,
        Event::BlobStored(stored) => Touches::Artifact(stored.digest),
        Event::HostEnrolled(_) | Event::HostChanged { .. } | Event::Entitlement(_) => {
            Touches::Fleet
        }
        Event::PatchSetPublished { patch_set, .. } => Touches::PatchSet(&patch_set.version),
        Event::RolloutResumed { rollout, .. }
        | Event::Halted { rollout, .. }
        | Event::SliceHalted { rollout, .. }
        | Event::SliceResumed { rollout, .. } => Touches::WithPatchSet(rollout),
        Event::RolloutCreated { rollout, .. } => Touches::Rollout(&rollout.id),
        Event::RolloutStarted { rollout, .. }
        | Event::WaveStarted { rollout, .. }
        | Event::RolloutCompleted { rollout, .. }
        | Event::RolloutPaused { rollout, .. }
        | Event::WaveApproved { rollout, .. }
        | Event::HoldMoved { rollout, .. }
        | Event::VerdictReached { rollout, .. } => Touches::Rollout(rollout),
        Event::GrantOffered(grant) => Touches::Rollout(&grant.rollout),
        Event::GrantMoved { grant, .. } => machine
            .grants()
            .rollout_of(*grant)
            .map_or(Touches::Nothing, |id| of_grants(machine, id)),
        Event::Trial { trial, .. } => {
            let of = machine.rollout_of_trial(*trial);
            of.map_or(Touches::Nothing, |rollout| Touches::Rollout(&rollout.id))
        }
        Event::TokenCreated { .. }
        | Event::GoodbyeSaid { .. }
        | Event::ReportCounted { .. }
        | Event::Incident(_)
        | Event::Block(_)
        | Event::Webhook(_) => Touches::Nothing,
    }
}

/// What a grant of a rollout touches: where its patch set is withdrawn, the ledger too.
fn of_grants<'a>(machine: &Machine, id: &'a RolloutId) -> Touches<'a> {
    let of = machine.rollouts().get(id).and_then(|of| machine.patch_sets().get(&of.version));
    match of.is_some_and(|set| set.withdrawn.is_some()) {
        true => Touches::WithPatchSet(id),
        false => Touches::Rollout(id),
    }
}
