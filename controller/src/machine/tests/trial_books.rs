//! Do the trials say what their rows say, and the rows what the grants say? Recounted from scratch.

use tidegate_policies::detector::risk::RiskSets;
use tidegate_policies::evidence::Class;

use crate::machine::Machine;
use crate::machine::ids::HostId;
use crate::machine::rollouts::Rollout;
use crate::machine::trial::{Role, Trial, Watch};

/// Asserts that every risk set, credit and ear equals its recount.
pub(super) fn trials_balance(machine: &Machine) {
    for (rollout, trial) in machine.trials() {
        risk_balances(machine, rollout, trial);
        flights_balance(machine, rollout, trial);
        hearing_balances(machine, rollout, trial);
    }
}

fn risk_balances(machine: &Machine, rollout: &Rollout, trial: &Trial) {
    let mut recount = RiskSets::default();
    let rows = machine.subjects.rows.iter();
    for (_, row) in rows.filter(|((of, _), _)| *of == rollout.created_index) {
        if let Some(cohort) = row.role.cohort() {
            recount.enter(row.stratum, &row.slices, cohort);
        }
    }
    for (slice, _) in trial.detector().slices().iter() {
        let (kept, recount) = (trial.detector().risk().of_slice(slice), recount.of_slice(slice));
        assert_eq!(kept, recount, "hosts at risk of {}", trial.detector().slices().name(slice));
    }
}

fn flights_balance(machine: &Machine, rollout: &Rollout, trial: &Trial) {
    let rows = machine.subjects.of(rollout.created_index);
    let flying = rows.filter(|(_, role)| matches!(role, Role::InFlight(_)));
    let flying: Vec<HostId> = flying.map(|(host, _)| host).collect();
    let said = machine.entries.of(rollout).filter(|(_, entry)| entry.class == Class::InFlight);
    let said: Vec<HostId> = said.map(|(host, _)| host).collect();
    assert_eq!(flying, said, "hosts in flight of {}", rollout.id);
    let credit = trial.book().of(Default::default());
    assert_eq!(credit.in_flight, flying.len() as u64, "credit in flight of {}", rollout.id);
}

fn hearing_balances(machine: &Machine, rollout: &Rollout, trial: &Trial) {
    let (mut hosts, mut heard) = (0, 0);
    for (_, role) in machine.subjects.of(rollout.created_index) {
        hosts += u32::from(role.watch().is_some());
        heard += u32::from(role.watch() == Some(&Watch::Heard));
    }
    let fleet = trial.hearing().fleet();
    assert_eq!((fleet.hosts, fleet.heard), (hosts, heard), "reference hosts of {}", rollout.id);
}
