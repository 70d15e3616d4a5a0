//! Once the faults are over: does everything come to rest, and to the right rest?

use std::collections::BTreeSet;

use tidegate_agent::core::{Agent, ModuleName};
use tidegate_controller::machine::Machine;
use tidegate_controller::machine::ids::HostId;
use tidegate_controller::machine::ledger::Leaves;
use tidegate_controller::machine::rollouts::{MAX_REFUSALS, State};
use tidegate_policies::evidence::{Class, Failure};
use tidegate_policies::gate::{GateName, GateState};

use super::Violation;
use crate::sim::calendar::is_open;
use crate::sim::controllers::Standing;
use crate::sim::exam::Exam;
use crate::sim::hosts::Power;
use crate::sim::people::nobody_is_waited_for;
use crate::sim::places::all_are_entitled;
use crate::sim::scenario::Patch;
use crate::sim::world::World;

/// How many entries a controller may be behind while all is calm.
const LAG: u64 = 20;

impl World {
    /// Whether the world has come to rest as it must.
    ///
    /// # Errors
    ///
    /// [`Violation`] of `LIVENESS`: what does not come to rest; I5 or `DIVERGENCE` for replicas that
    /// differ.
    pub(in crate::sim) fn has_settled(&self) -> Result<(), Violation> {
        self.controllers_stand()?;
        for (at, host) in self.hosts.iter().enumerate() {
            let waiting = host.agent.as_ref().map_or(0, Agent::unacknowledged);
            if host.power == Power::On && waiting > 0 {
                let what = format!("host {at} still has {waiting} reports that nobody took");
                return Err(Violation::new("LIVENESS", what));
            }
            if host.power != Power::Gone && !host.enrolled {
                return Err(Violation::new("LIVENESS", format!("host {at} was never enrolled")));
            }
        }
        if !self.newest().is_some_and(all_are_entitled) {
            let what = "some host has no token that lets it have grants".to_owned();
            return Err(Violation::new("LIVENESS", what));
        }
        if !self.newest().is_some_and(is_open) {
            let what = "freezes, holdbacks or windows stand that everybody has lifted".to_owned();
            return Err(Violation::new("LIVENESS", what));
        }
        if !self.newest().is_some_and(nobody_is_waited_for) {
            let what = "proposals wait that everybody has agreed to or turned down".to_owned();
            return Err(Violation::new("LIVENESS", what));
        }
        self.good_rollout_is_done()?;
        self.ledger_is_true()?;
        if self.exam != Exam::Over {
            let what = format!("the examination is not over: {:?}", self.exam);
            return Err(Violation::new("LIVENESS", what));
        }
        self.controllers_agree()
    }

    /// One of the members leads, all of them keep up, and none has a state of its own.
    fn controllers_stand(&self) -> Result<(), Violation> {
        let newest = self.newest().map_or(0, Machine::applied);
        let stuck = |what: String| Err(Violation::new("LIVENESS", what));
        let Some(cluster) = self.newest().and_then(Machine::cluster) else {
            return stuck("there is no cluster".to_owned());
        };
        let mut leaders = 0;
        for id in cluster.members.keys().map(|id| id.0) {
            let Some(controller) = self.controllers.get(&id) else {
                return stuck(format!("node {id} was never started"));
            };
            let Some(machine) = controller.machine().filter(|_| !controller.is_lost()) else {
                return stuck(format!("node {id} is not there: {:?}", controller.life));
            };
            if machine.applied() + LAG < newest {
                return stuck(format!("node {id} has applied {} only", machine.applied()));
            }
            leaders += usize::from(controller.leads());
        }
        if leaders != 1 {
            return stuck(format!("{leaders} members lead once all is calm"));
        }
        if self.moves.is_busy() {
            return stuck(format!("the members still change: {:?}", self.moves));
        }
        if self.reads_in_peace() == 0 {
            return stuck("no read was answered since all is calm".to_owned());
        }
        if let Some(id) = self.tampered_state() {
            let what = format!("node {id} still serves a state that was changed behind its back");
            return Err(Violation::new("DIVERGENCE", what));
        }
        Ok(())
    }

    /// Whoever has applied the whole log has the state that a replay of it gives.
    fn controllers_agree(&self) -> Result<(), Violation> {
        let replayed = self.checks.log.replayed();
        for (id, controller) in &self.controllers {
            let Some(machine) = controller.machine() else { continue };
            if controller.standing != Standing::Sound {
                continue;
            }
            let same_place = machine.applied() == replayed.applied();
            if same_place && machine.state_hash() != replayed.state_hash() {
                let what = format!("node {id} has another state than a replay of the log");
                return Err(Violation::new("I5", what));
            }
        }
        Ok(())
    }

    /// The good rollout is completed, or waits at a gate that hosts which are gone keep shut.
    fn good_rollout_is_done(&self) -> Result<(), Violation> {
        let stuck = |what: String| Err(Violation::new("LIVENESS", what));
        let id = Patch::Good.rollout();
        let Some(machine) = self.newest() else { return stuck("nobody is there".to_owned()) };
        let Some(rollout) = machine.rollouts().get(&id) else {
            return stuck("the good rollout was never created".to_owned());
        };
        match rollout.state {
            State::Completed => return Ok(()),
            State::Running => (),
            State::Draft
            | State::Paused
            | State::Halted
            | State::Superseded
            | State::RollingBack
            | State::RolledBack => {
                return stuck(format!("the good rollout is {:?}", rollout.state));
            }
        }
        let verdict = machine.verdict(rollout);
        let waits = verdict.as_ref().and_then(|verdict| verdict.waiting_on());
        let Some(gate) = waits else { return stuck("it waits on nothing by name".to_owned()) };
        let missing = gate.required.saturating_sub(gate.observed);
        let excused = match gate.name {
            // Hosts that will never begin, or began and never said that they soaked.
            GateName::Coverage | GateName::Soak => missing <= self.hosts_out_of_reach(),
            GateName::MinVerified => {
                gate.state == GateState::Shut || missing <= self.hosts_out_of_reach()
            }
            GateName::GuardRail(_)
            | GateName::FailureShare
            | GateName::FleetHeard
            | GateName::Approval
            | GateName::ExposureBudget
            | GateName::InFlight
            | GateName::Signature
            | GateName::SilentShare
            | GateName::Evidence
            | GateName::Proof
            | GateName::Strata
            | GateName::Credit
            | GateName::Freeze
            | GateName::StartAt
            | GateName::CutOff
            | GateName::Delay
            | GateName::Window => false,
        };
        let over = self.now() >= self.scenario.troubled + self.scenario.grace;
        if excused && over {
            return Ok(());
        }
        stuck(format!("the good rollout waits on {}: {}", gate.name.as_str(), gate.detail))
    }

    /// Whoever still runs what was withdrawn is on its ledger, as one that cannot take it out; and whoever is
    /// on it and switched on has been asked.
    fn ledger_is_true(&self) -> Result<(), Violation> {
        let Some(machine) = self.newest() else { return Ok(()) };
        let patch_set = machine.patch_sets().get(&Patch::Bad.version());
        let Some(patch_set) = patch_set.filter(|set| set.withdrawn.is_some()) else {
            return Ok(());
        };
        let Ok(module) = ModuleName::try_from(Patch::Bad.module().to_owned()) else {
            return Ok(());
        };
        for (at, host) in self.hosts.iter().enumerate() {
            if host.power != Power::On || !host.enrolled {
                continue;
            }
            let owed = machine.ledger().get(patch_set, host.id);
            if host.kernel.is_enabled(&module) == Some(true) && owed.is_none() {
                let what = format!("host {at} runs what was withdrawn, and is on no ledger");
                return Err(Violation::new("LEDGER", what));
            }
            if owed.is_some_and(|owed| owed.leaves == Leaves::ByRevert) {
                let what =
                    format!("host {at} was told to revert, and has not said what became of it");
                return Err(Violation::new("LIVENESS", what));
            }
        }
        Ok(())
    }

    /// Hosts that are gone, that the good rollout has tried and will not try again, or that have begun
    /// the bad one where it was published later: an older patch set never follows a newer one.
    fn hosts_out_of_reach(&self) -> u64 {
        let gone = self.hosts.iter().filter(|host| host.power == Power::Gone).map(|host| host.id);
        let mut out: BTreeSet<HostId> = gone.collect();
        let entries = |patch: Patch| {
            let machine = self.newest()?;
            Some(machine.entries().of(machine.rollouts().get(&patch.rollout())?))
        };
        let tried = entries(Patch::Good).into_iter().flatten().filter(|(_, entry)| {
            matches!(entry.class, Class::Failure(_) | Class::Refused)
                || entry.refusals >= MAX_REFUSALS
        });
        out.extend(tried.map(|(host, _)| host));
        if self.scenario.keeps_stalls() {
            // A kernel in whose way a transition stands takes no other.
            let stalled = entries(Patch::Bad).into_iter().flatten();
            let stalled =
                stalled.filter(|(_, entry)| entry.class == Class::Failure(Failure::Stalled));
            out.extend(stalled.map(|(host, _)| host));
        }
        if self.scenario.first == Patch::Good {
            let newer = entries(Patch::Bad).into_iter().flatten();
            out.extend(newer.filter(|(_, entry)| entry.begun).map(|(host, _)| host));
        }
        u64::try_from(out.len()).unwrap_or(u64::MAX)
    }
}
