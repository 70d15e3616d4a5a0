//! What do the books say about a rollout now? Gathers the inputs, asks `policies`, and acts.

use tidegate_policies::decide::{Inputs, Verdict, VerdictKind};
use tidegate_policies::detector::cut::Cut;
use tidegate_policies::detector::ruling::Scope;
use tidegate_policies::gate::{GateName, GateState};
use tidegate_policies::policy::StageGates;
use tidegate_policies::time::Elapsed;

use super::event::Event;
use super::grants::Phase;
use super::ids::{HostId, RolloutId};
use super::incidents::HaltScope;
use super::membership::Eligible;
use super::patch_sets::Halt;
use super::people_event::PeopleEvent;
use super::records::JUDGE;
use super::rollouts::{Place, Reached, Rollout, State};
use super::trial::{Basis, TrialMove, source_of};
use super::{Machine, Position};

impl Machine {
    /// What the books say of `rollout` now; `None` before it has started.
    pub fn inputs(&self, rollout: &Rollout) -> Option<Inputs> {
        let place = rollout.place?;
        let stage = rollout.policy.ladder.get(place.stage)?;
        let progress = rollout.stages.get(place.stage)?;
        let policy = &rollout.policy;
        let (tier, tier_acknowledged) = progress.rest();
        Some(Inputs {
            now: self.clock.elapsed,
            guard_rails: policy.guard_rails_of(rollout.hosts()),
            gates: StageGates { soak: rollout.shortest_soak(place.stage)?, ..stage.gates },
            exposure_budget: policy.exposure.budget.of(rollout.hosts()),
            in_flight_cap: self.in_flight_cap(rollout, place),
            counts: rollout.unacknowledged,
            shut_out: rollout.shut_out,
            tier,
            tier_acknowledged,
            tier_acknowledged_eligible: self.acknowledged_eligible(rollout, place.stage),
            tier_hosts: progress.hosts,
            wave_hosts: progress.waves.get(place.wave)?.hosts,
            next: rollout.next(place),
            soaks_end: rollout.soaks_end,
            approvals: u64::try_from(rollout.approvals.len()).unwrap_or(u64::MAX),
            approvals_needed: policy.people.approvals,
            heard_since: self.clock.heard_since,
            when: self.when(rollout, place.stage),
            held_back: if progress.hosts == 0 {
                self.waits_for_a_delay(rollout, place.stage)
            } else {
                0
            },
        })
    }

    /// Most hosts that may be in flight: the policy's share of the tier. Where they are compared with
    /// others, credit paces a sampled tier, and its share is of the tier that it draws from as well; and
    /// they are a share of the others at most.
    fn in_flight_cap(&self, rollout: &Rollout, place: Place) -> u64 {
        let hosts = |step: usize| rollout.stages.get(step).map_or(0, |progress| progress.hosts);
        let share = rollout.policy.exposure.in_flight;
        let judged = rollout.policy.judgement.as_ref().zip(self.trial(rollout));
        let Some((judgement, trial)) = judged else { return share.of(hosts(place.stage)) };
        let source = source_of(rollout, place.stage).filter(|step| *step != place.stage);
        let source = source.map_or(0, hosts);
        let sentinels = trial.sentinels_at(rollout, place);
        share.of(hosts(place.stage) + source).min(judgement.cohorts.most_in_flight(sentinels))
    }

    /// Hosts of a step whose failure was acknowledged, and that still belong to it.
    fn acknowledged_eligible(&self, rollout: &Rollout, step: usize) -> u64 {
        let of_step = self.entries.acknowledged(rollout).filter(|(_, stage)| *stage == step);
        let belongs = |(id, _): &(HostId, usize)| {
            let counted = match self.hosts.get(id) {
                Some(host) => self.census_part(rollout, &host),
                None => {
                    let evicted = self.evicted.get(*id);
                    evicted.and_then(|evicted| self.census_part_of_old(rollout, &evicted.host))
                }
            };
            counted.is_some_and(|(part, eligible)| part.stage == step && eligible == Eligible::Yes)
        };
        u64::try_from(of_step.filter(belongs).count()).unwrap_or(u64::MAX)
    }

    /// The verdict on `rollout` now; `None` before it has started.
    pub fn verdict(&self, rollout: &Rollout) -> Option<Verdict> {
        self.basis(rollout).map(|basis| basis.judge())
    }

    /// Judges every rollout that this entry may have moved, and acts on the verdicts.
    pub(super) fn judge(&mut self, at: Position, events: &mut Vec<Event>) {
        for id in self.to_judge(at, events) {
            loop {
                let held = self.hold_of(&id);
                self.take(at, held, events);
                let decided = self.judge_one(at, &id);
                let narrowed =
                    decided.iter().any(|event| matches!(event, Event::SliceHalted { .. }));
                self.take(at, decided, events);
                // What is left without the slice is judged at once. Each turn halts a slice that was not.
                if !narrowed {
                    break;
                }
            }
        }
    }

    /// On a tick every rollout that time matters to; else those that the events speak of.
    fn to_judge(&self, at: Position, events: &[Event]) -> Vec<RolloutId> {
        let ticked = events.iter().any(|event| matches!(event, Event::ClockAdvanced(_)));
        let moved = |event: &Event| match event {
            Event::GrantMoved { grant, to, soak_ends } => {
                let rollout = self.grants.rollout_of(*grant);
                rollout.filter(|id| !self.only_heard(at, id, to, *soak_ends)).cloned()
            }
            Event::Trial { trial, moved: TrialMove::Failed { .. } } => {
                self.rollout_of_trial(*trial).map(|rollout| rollout.id.clone())
            }
            Event::People(event) => match &**event {
                PeopleEvent::Expedited { rollout, .. } => Some(rollout.clone()),
                PeopleEvent::Proposed(_)
                | PeopleEvent::Agreed { .. }
                | PeopleEvent::Rejected { .. }
                | PeopleEvent::Lapsed(_)
                | PeopleEvent::Overtaken { .. }
                | PeopleEvent::Superseded { .. } => None,
            },
            Event::WaveStarted { rollout, .. }
            | Event::RolloutResumed { rollout, .. }
            | Event::SliceHalted { rollout, .. }
            | Event::SliceResumed { rollout, .. }
            | Event::WaveApproved { rollout, .. } => Some(rollout.clone()),
            Event::ClusterBootstrapped(_)
            | Event::Cluster(_)
            | Event::Calendar(_)
            | Event::ClockAdvanced(_)
            | Event::BlobStored(_)
            | Event::TokenCreated { .. }
            | Event::Entitlement(_)
            | Event::Incident(_)
            | Event::Block(_)
            | Event::Webhook(_)
            | Event::HostEnrolled(_)
            | Event::HostChanged { .. }
            | Event::GoodbyeSaid { .. }
            | Event::ReportCounted { .. }
            | Event::PatchSetPublished { .. }
            | Event::RolloutCreated { .. }
            | Event::RolloutStarted { .. }
            | Event::RolloutCompleted { .. }
            | Event::RolloutPaused { .. }
            | Event::Halted { .. }
            | Event::Withdrawal(_)
            | Event::GrantOffered(_)
            | Event::Trial { .. }
            | Event::HoldMoved { .. }
            | Event::VerdictReached { .. } => None,
        };
        let mut ids: Vec<RolloutId> = events.iter().filter_map(moved).collect();
        if ticked {
            ids.extend(self.rollouts.values().filter(|r| r.is_live()).map(|r| r.id.clone()));
        }
        ids.sort();
        ids.dedup();
        ids
    }

    fn judge_one(&self, at: Position, id: &RolloutId) -> Vec<Event> {
        let Some(rollout) = self.rollouts.get(id) else { return Vec::new() };
        let (Some(basis), Some(place)) = (self.basis(rollout), rollout.place) else {
            return Vec::new();
        };
        let promotes = match rollout.state {
            State::Running => !self.is_halted(rollout),
            State::Paused | State::Completed | State::Superseded => false,
            State::Draft | State::Halted | State::RollingBack | State::RolledBack => {
                return Vec::new();
            }
        };
        let glance = basis.judge_silently();
        let last = rollout.verdict.as_ref();
        let changed = last.is_none_or(|last| differs(&last.verdict, &glance));
        if !changed && matches!(glance.kind, VerdictKind::Continue | VerdictKind::Hold) {
            return Vec::new();
        }
        let Some(basis) = self.whole_basis(rollout) else { return Vec::new() };
        let verdict = basis.judge();
        let mut decided = Vec::new();
        if changed {
            let basis = basis.clone();
            let reached = Reached { verdict: verdict.clone(), basis, index: at.index };
            decided.push(Event::VerdictReached { rollout: id.clone(), reached: Box::new(reached) });
        }
        match verdict.kind {
            VerdictKind::Halt => decided.extend(self.halt_by_judge(at, rollout, &verdict, &basis)),
            VerdictKind::Promote if promotes => {
                decided.push(promotion(
                    rollout,
                    place,
                    JUDGE.to_owned(),
                    "every gate is open".into(),
                ));
            }
            VerdictKind::Promote | VerdictKind::Continue | VerdictKind::Hold => (),
        }
        decided
    }

    /// A hold by evidence begins, ends, or is released to try again.
    fn hold_of(&self, id: &RolloutId) -> Vec<Event> {
        let rollout = self.rollouts.get(id);
        rollout.and_then(|rollout| self.hold_moves(rollout)).into_iter().collect()
    }

    /// Whether a grant's move only ran its dead-man timer anew, in a rollout that is judged by evidence: its
    /// verdict cannot have changed.
    fn only_heard(
        &self,
        at: Position,
        rollout: &RolloutId,
        to: &Phase,
        soak_ends: Option<Elapsed>,
    ) -> bool {
        let heard = match to {
            Phase::Begun(begun) => begun.index != at.index,
            Phase::Applied { .. } => soak_ends.is_none(),
            Phase::Offered { .. }
            | Phase::Soaked { .. }
            | Phase::Expired
            | Phase::Withdrawn
            | Phase::Refused { .. }
            | Phase::Failed { .. }
            | Phase::Reverted { .. } => false,
        };
        heard && self.rollouts.get(rollout).is_some_and(|rollout| self.trial(rollout).is_some())
    }

    /// Whether the patch set of `rollout` is withdrawn, or a halt stands on it, from this rollout or another.
    pub(super) fn is_halted(&self, rollout: &Rollout) -> bool {
        let patch_set = self.patch_sets.get(&rollout.version);
        patch_set.is_none_or(|patch_set| patch_set.halt.is_some() || patch_set.withdrawn.is_some())
    }

    fn halt_by_judge(
        &self,
        at: Position,
        rollout: &Rollout,
        verdict: &Verdict,
        basis: &Basis,
    ) -> Vec<Event> {
        let shut: Vec<_> =
            verdict.gates.iter().filter(|gate| gate.state == GateState::Shut).cloned().collect();
        let reason = shut.first().map_or_else(
            || "a guard rail was crossed".to_owned(),
            |gate| {
                if gate.name == GateName::Evidence {
                    format!("the evidence halts: {}", gate.detail)
                } else {
                    format!("{} was crossed: {}", gate.name.as_str(), gate.detail)
                }
            },
        );
        let (scope, reason) = match self.alone(rollout, verdict, basis) {
            Some((cut, why)) => (HaltScope::Slice(cut), format!("{reason}; {why}")),
            None => (HaltScope::Everything, reason),
        };
        let halt = Halt { gates: shut, ..self.halt(at, rollout, &scope, (JUDGE, reason)) };
        self.halted(rollout, scope, halt)
    }

    /// The slice that a verdict halts alone, and why; `None`: it halts everything.
    fn alone(&self, rollout: &Rollout, verdict: &Verdict, basis: &Basis) -> Option<(Cut, String)> {
        let Scope::Slice(slice) = verdict.scope else { return None };
        let cut = self.trial(rollout)?.detector().slices().cut(slice)?;
        let patch_set = self.patch_sets.get(&rollout.version)?;
        let why = basis.why_alone(slice)?;
        patch_set.slice_around(&cut).is_none().then_some((cut, why))
    }
}

/// Whether a verdict says something else than the one before: the kind, or which gates are not open.
fn differs(before: &Verdict, now: &Verdict) -> bool {
    let states = |verdict: &Verdict| -> Vec<_> {
        verdict.gates.iter().map(|gate| (gate.name, gate.state == GateState::Shut)).collect()
    };
    let waits = |verdict: &Verdict| verdict.waiting_on().map(|gate| gate.name);
    before.kind != now.kind || states(before) != states(now) || waits(before) != waits(now)
}

/// The rollout goes on from `place`: to the next wave or tier, or to its end.
pub(super) fn promotion(rollout: &Rollout, place: Place, actor: String, reason: String) -> Event {
    match rollout.after(place) {
        Some(next) => wave_started(rollout, next, actor, reason),
        None => Event::RolloutCompleted { rollout: rollout.id.clone(), actor, reason },
    }
}

/// The wave at `place` starts.
pub(super) fn wave_started(
    rollout: &Rollout,
    place: Place,
    actor: String,
    reason: String,
) -> Event {
    let stage = &rollout.policy.ladder[place.stage];
    let label = format!(
        "{} wave {}/{} ({})",
        stage.tier,
        place.wave + 1,
        stage.waves.len(),
        stage.waves[place.wave]
    );
    Event::WaveStarted { rollout: rollout.id.clone(), place, label, actor, reason }
}
