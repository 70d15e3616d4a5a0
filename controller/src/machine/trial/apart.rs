//! What becomes of the comparison when a slice is halted by itself? Its hosts leave it.
//!
//! Sentinels and verified hosts of the slice are watched no more. Hosts in flight stay in flight, and say
//! nothing of the others.

use std::collections::BTreeSet;

use tidegate_policies::detector::Apart;
use tidegate_policies::detector::cut::Cut;
use tidegate_policies::detector::slices::{Dimension, SliceId};
use tidegate_policies::detector::stream::{Cohort, Windows};

use super::subjects::Span;
use super::{Role, Trial};
use crate::machine::Machine;
use crate::machine::ids::{HostId, RolloutId};
use crate::machine::slices::is_inside;

impl Machine {
    /// The hosts of a slice leave the trial of a rollout, and so does what they have shown.
    pub(in crate::machine) fn set_trial_apart(&mut self, rollout: &RolloutId, cut: &Cut) {
        let Some(trial) = self.rollouts.get(rollout).map(|rollout| rollout.created_index) else {
            return;
        };
        let Some(of) = self.trials.get(&trial) else { return };
        let inside =
            |host: &HostId| self.host_of_old(*host).is_some_and(|host| is_inside(cut, &host.facts));
        let own = of.detector.slices().named(cut);
        let in_row = |host: HostId| {
            let row = self.subjects.get(trial, host);
            row.is_some_and(|row| own.is_some_and(|slice| row.slices.contains(slice)))
        };
        let subjects = self.subjects.of(trial);
        let leaving: Vec<(HostId, Role)> =
            subjects.filter(|(host, _)| inside(host) || in_row(*host)).collect();
        let failed = of.detector.trail().iter().map(|step| step.host);
        let hosts: BTreeSet<u64> = failed.filter(|host| inside(&HostId(*host))).collect();
        let silent: Vec<HostId> = of.silences.hosts().filter(&inside).collect();
        for (host, role) in leaving {
            match role {
                Role::Control(_) | Role::Verified(..) => self.leaves_trial(trial, host),
                Role::InFlight(span) => self.flies_apart(trial, host, &span),
                Role::Spent => (),
            }
        }
        if let Some(of) = self.trials.get_mut(&trial) {
            of.detector.set_apart(&Apart { cut, hosts: &hosts });
            silent.into_iter().for_each(|host| of.silences.forget(host));
        }
    }

    /// A host in flight leaves the comparison, and not its flight.
    fn flies_apart(&mut self, trial: u64, host: HostId, span: &Span) {
        let Some(row) = self.subjects.get(trial, host) else { return };
        if let Some(of) = self.trials.get_mut(&trial) {
            of.detector.leave(&row.subject(host), Cohort::Treated(span.windows));
        }
        let span = Span { windows: Windows::NONE, ..*span };
        self.subjects.turn(trial, host, Role::InFlight(span));
    }
}

impl Trial {
    /// A person lets a slice go on: its evidence begins anew.
    pub(in crate::machine) fn rejoin(&mut self, cut: &Cut) {
        self.detector.rejoin(cut);
    }

    /// Whether all hosts of a kind – kernel and CPU together – are in one of these slices.
    pub(super) fn is_shut_out(&self, slice: SliceId, halted: &[Cut]) -> bool {
        let kind = self.detector.slices().cut(slice);
        kind.is_some_and(|kind| {
            kind.dimension == Dimension::KernelAndCpu && halted.iter().any(|cut| cut.covers(&kind))
        })
    }
}
