//! Once the faults are over: does everything come to rest, and to the right rest?

use std::collections::BTreeSet;

use tidegate_agent::core::Agent;
use tidegate_controller::machine::Machine;
use tidegate_controller::machine::ids::HostId;
use tidegate_controller::machine::rollouts::{MAX_REFUSALS, State};
use tidegate_policies::evidence::Class;
use tidegate_policies::gate::{GateName, GateState};

use super::Violation;
use crate::sim::hosts::Power;
use crate::sim::scenario::Patch;
use crate::sim::world::World;

/// How many entries a controller may be behind while all is calm.
const LAG: u64 = 20;

impl World {
    /// Whether the world has come to rest as it must.
    ///
    /// # Errors
    ///
    /// [`Violation`] of `LIVENESS`: what does not come to rest, or I5 for replicas that differ.
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
        self.good_rollout_is_done()?;
        self.controllers_agree()
    }

    /// One leads, and all of them keep up.
    fn controllers_stand(&self) -> Result<(), Violation> {
        let newest = self.newest().map_or(0, Machine::applied);
        let leaders = self.controllers.values().filter(|one| one.leads()).count();
        if leaders != 1 {
            let what = format!("{leaders} controllers lead once all is calm");
            return Err(Violation::new("LIVENESS", what));
        }
        for (id, controller) in &self.controllers {
            let Some(machine) = controller.machine() else {
                return Err(Violation::new("LIVENESS", format!("node {id} is still down")));
            };
            if machine.applied() + LAG < newest {
                let what = format!("node {id} has applied {} only", machine.applied());
                return Err(Violation::new("LIVENESS", what));
            }
        }
        Ok(())
    }

    /// Whoever has applied the whole log has the state that a replay of it gives.
    fn controllers_agree(&self) -> Result<(), Violation> {
        let replayed = self.checks.log.replayed();
        for (id, controller) in &self.controllers {
            let Some(machine) = controller.machine() else { continue };
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
            State::Draft | State::Paused | State::Halted => {
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
            | GateName::InFlight => false,
        };
        let over = self.now() >= self.scenario.troubled + self.scenario.grace;
        if excused && over {
            return Ok(());
        }
        stuck(format!("the good rollout waits on {}: {}", gate.name.as_str(), gate.detail))
    }

    /// Hosts that are gone, that the good rollout has tried and will not try again, or that have begun
    /// the bad one where it was published later: an older patch set never follows a newer one.
    fn hosts_out_of_reach(&self) -> u64 {
        let gone = self.hosts.iter().filter(|host| host.power == Power::Gone).map(|host| host.id);
        let mut out: BTreeSet<HostId> = gone.collect();
        let rollouts = |patch: Patch| self.newest()?.rollouts().get(&patch.rollout());
        let entries = rollouts(Patch::Good).into_iter().flat_map(|rollout| &rollout.entries);
        let tried = entries.filter(|(_, entry)| {
            matches!(entry.class, Class::Failure(_) | Class::Refused)
                || entry.refusals >= MAX_REFUSALS
        });
        out.extend(tried.map(|(&host, _)| host));
        if self.scenario.first == Patch::Good {
            let newer = rollouts(Patch::Bad).into_iter().flat_map(|rollout| &rollout.entries);
            out.extend(newer.filter(|(_, entry)| entry.begun).map(|(&host, _)| host));
        }
        u64::try_from(out.len()).unwrap_or(u64::MAX)
    }
}
