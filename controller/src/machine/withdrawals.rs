//! What changes when a patch set is withdrawn, for good? Its offers, its rollouts, and who still runs it.
//!
//! A withdrawal is a tombstone that nothing lifts. It raises the epoch and takes every offer back in its
//! entry; the rollouts of the patch set that have started roll back, until nobody runs it any more.

use serde::{Deserialize, Serialize};
use tidegate_policies::evidence::Failure;
use tidegate_policies::time::WallTime;

use super::absorb::may_become;
use super::event::Event;
use super::grants::{Grant, Livepatch, Phase};
use super::ids::{GrantId, RolloutId, Version};
use super::incidents::{HaltNow, HaltScope, IncidentState};
use super::ledger::{Leaves, Owed, Owing};
use super::patch_sets::PatchSet;
use super::rejection::Rejection;
use super::rollouts::{Rollout, State};
use super::withdrawal_event::WithdrawalEvent;
use super::{Machine, Position};

/// A tombstone on a patch set that nothing lifts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// The rollout that was rolled back; `None`: the patch set was withdrawn by its version.
    pub rollout: Option<RolloutId>,
    /// Who: a person's name.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Log index of the entry.
    pub index: u64,
    /// The epoch that it raised the patch set to.
    pub epoch: u64,
    /// When.
    pub at: WallTime,
    /// Hosts on its ledger.
    pub owing: Owing,
}

/// Why a patch set is withdrawn, and by whom.
pub(super) struct Because<'a> {
    /// The rollout that is rolled back, if one is.
    pub(super) rollout: Option<&'a RolloutId>,
    pub(super) actor: &'a str,
    pub(super) reason: &'a str,
}

impl Machine {
    /// The patch set is not withdrawn.
    pub(super) fn not_withdrawn(&self, patch_set: &PatchSet) -> Result<(), Rejection> {
        let Some(withdrawal) = &patch_set.withdrawn else { return Ok(()) };
        Err(Rejection::PatchSetWithdrawn {
            version: patch_set.version.clone(),
            actor: withdrawal.actor.clone(),
            reason: withdrawal.reason.clone(),
        })
    }

    /// The patch set is withdrawn: what was offered of it is taken back, and what has started rolls back.
    pub(super) fn withdrawn(
        &self,
        at: Position,
        patch_set: &PatchSet,
        because: &Because<'_>,
    ) -> Vec<Event> {
        let (actor, reason) = (because.actor.to_owned(), because.reason.to_owned());
        let withdrawal = Withdrawal {
            rollout: because.rollout.cloned(),
            actor: actor.clone(),
            reason: reason.clone(),
            index: at.index,
            epoch: patch_set.epoch + 1,
            at: self.clock.wall,
            owing: Owing::default(),
        };
        let version = patch_set.version.clone();
        let withdrawal = Box::new(withdrawal);
        let offers = self.offers_of(&patch_set.version).into_iter();
        let taken_back =
            offers.map(|grant| Event::GrantMoved { grant, to: Phase::Withdrawn, soak_ends: None });
        let started = self.of_version(&patch_set.version).into_iter();
        let rolling_back = started.map(|rollout| {
            let (actor, reason) = (actor.clone(), reason.clone());
            Event::Withdrawal(WithdrawalEvent::RollbackStarted { rollout, actor, reason })
        });
        let withdrawn = WithdrawalEvent::Withdrawn { version, withdrawal };
        std::iter::once(Event::Withdrawal(withdrawn))
            .chain(taken_back)
            .chain(rolling_back)
            .collect()
    }

    /// The offers of a patch set that stand.
    fn offers_of(&self, version: &Version) -> Vec<GrantId> {
        let offered = self.grants.expiries().iter().map(|&(_, id)| id);
        let of_it = |id: &GrantId| {
            let rollout = self.grants.rollout_of(*id).and_then(|id| self.rollouts.get(id));
            rollout.is_some_and(|rollout| rollout.version == *version)
        };
        offered.filter(of_it).collect()
    }

    /// Absorbs what happened to a patch set that is taken back.
    pub(super) fn change_withdrawal(&mut self, at: Position, event: &WithdrawalEvent) {
        match event {
            WithdrawalEvent::Withdrawn { version, withdrawal } => {
                self.put_withdrawal(at, version, withdrawal);
            }
            WithdrawalEvent::RollbackStarted { rollout, .. } => {
                self.with_rollout(at, rollout, |rollout| rollout.state = State::RollingBack);
            }
            WithdrawalEvent::RolledBack { rollout } => {
                let wall = self.clock.wall;
                self.with_rollout(at, rollout, |rollout| {
                    rollout.state = State::RolledBack;
                    rollout.ended.get_or_insert(wall);
                });
            }
            WithdrawalEvent::RebootOwed { version, host, owed } => {
                self.put_owed(at, version, *host, Some(owed.clone()));
            }
        }
    }

    /// Absorbs that a patch set is withdrawn. What was halted of it needs nobody any more.
    fn put_withdrawal(&mut self, at: Position, version: &Version, of: &Withdrawal) {
        let Some(patch_set) = self.patch_sets.get_mut(version) else { return };
        patch_set.epoch = of.epoch;
        patch_set.withdrawn = Some(of.clone());
        let mut scopes = vec![HaltScope::Everything];
        scopes.extend(patch_set.slices.iter().map(|slice| HaltScope::Slice(slice.cut.clone())));
        let state = IncidentState::Resolved {
            halt: HaltNow::Stands,
            actor: of.actor.clone(),
            reason: format!("the patch set was withdrawn: {}", of.reason),
            acknowledged: 0,
            index: at.index,
            at: self.clock.wall,
        };
        scopes.iter().for_each(|scope| self.incidents.close(version, scope, &state));
        self.open_ledger(at, version);
    }

    /// The rollouts that roll back and are done: nobody is on the ledger, and nobody is in flight.
    pub(super) fn rolled_back(&self) -> Vec<Event> {
        let done = |rollout: &&Rollout| {
            let withdrawal = self.patch_sets.get(&rollout.version).map(|set| &set.withdrawn);
            let empty = matches!(withdrawal, Some(Some(of)) if of.owing == Owing::default());
            rollout.state == State::RollingBack && empty && rollout.counts.in_flight == 0
        };
        let done = self.rollouts.values().filter(done);
        let done = done.map(|rollout| WithdrawalEvent::RolledBack { rollout: rollout.id.clone() });
        done.map(Event::Withdrawal).collect()
    }
}

impl Machine {
    /// What a grant becomes whose host has taken the livepatch out again. On command that is neither harm nor
    /// evidence, and what had gone wrong before stays counted as it was. `None`: nobody told it to, and it
    /// counts as a failure.
    pub(super) fn reverted(&self, grant: &Grant, boot: &str) -> Option<Phase> {
        let rollout = self.rollouts.get(&grant.rollout)?;
        let withdrawn = self.patch_sets.get(&rollout.version)?.withdrawn.is_some();
        let begun = grant.phase.may_run().filter(|begun| begun.boot == *boot)?.clone();
        let livepatch = Livepatch::Gone;
        match grant.phase.clone() {
            Phase::Failed { begun, failure, detail, applied, trace, livepatch: _ }
                if withdrawn || !may_become(failure, Failure::Failed) =>
            {
                Some(Phase::Failed { begun, failure, detail, applied, trace, livepatch })
            }
            Phase::Refused { begun, detail, livepatch: _ } => {
                Some(Phase::Refused { begun, detail, livepatch })
            }
            Phase::Begun(_) | Phase::Applied { .. } | Phase::Soaked { .. } if withdrawn => {
                Some(Phase::Reverted { begun })
            }
            Phase::Offered { .. }
            | Phase::Begun(_)
            | Phase::Applied { .. }
            | Phase::Soaked { .. }
            | Phase::Expired
            | Phase::Withdrawn
            | Phase::Failed { .. }
            | Phase::Reverted { .. } => None,
        }
    }

    /// What becomes of the ledger where a host cannot take a withdrawn patch set out; `None`: it is not on it.
    pub(super) fn reboot_owed(&self, grant: &Grant, why: &str) -> Option<Event> {
        let version = self.rollouts.get(&grant.rollout)?.version.clone();
        let owed = self.ledger.get(self.patch_sets.get(&version)?, grant.host)?;
        let leaves = Leaves::ByReboot { why: why.to_owned() };
        let owed = Owed { leaves, ..owed };
        let host = grant.host;
        Some(Event::Withdrawal(WithdrawalEvent::RebootOwed { version, host, owed }))
    }
}
