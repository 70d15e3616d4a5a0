//! Why is a host offered the patch set, or not? The gates on its way, in their order.

use tidegate_policies::begin::NoRoom;
use tidegate_policies::decide::VerdictKind;
use tidegate_policies::gate::{Gate, GateState};
use tidegate_policies::time::WallTime;

use super::Machine;
use super::fleet::{Host, Mode};
use super::grants::Phase;
use super::ledger::Leaves;
use super::membership::{NoPart, Part, artifact_for, stage_of};
use super::rollouts::{MAX_REFUSALS, Rollout, State};
use super::room::Full;

/// The gate of the rollout's own state.
const ROLLOUT: &str = "rollout";
/// The gate of the host's tier and wave.
const TURN: &str = "tier-turn";
/// The gate of a withdrawn patch set: whether it is still run.
pub const LEDGER: &str = "ledger";

/// One condition on a host's way to a patch set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostGate {
    /// E.g. `artifact`, `tier-turn`.
    pub name: &'static str,
    /// Whether it lets the host go on.
    pub state: GateState,
    /// One sentence with the numbers.
    pub detail: String,
    /// When it opens at the earliest; `None`: it is open, or more than time must open it.
    pub opens: Option<WallTime>,
}

impl From<Gate> for HostGate {
    fn from(gate: Gate) -> Self {
        let opens = gate.opens();
        Self { name: gate.name.as_str(), state: gate.state, detail: gate.detail, opens }
    }
}

impl HostGate {
    /// One that no date opens.
    const fn new(name: &'static str, state: GateState, detail: String) -> Self {
        Self { name, state, detail, opens: None }
    }
}

impl Machine {
    /// Every gate on the way of `host` in `rollout`, in the order they are looked at.
    pub fn explain_host(&self, rollout: &Rollout, host: &Host) -> Vec<HostGate> {
        let part = self.place_of(rollout, host);
        let mut gates =
            vec![mode_gate(host), artifact_gate(self, rollout, host), self.rollout_gate(rollout)];
        gates.extend(self.ledger_gate(rollout, host));
        gates.extend(self.token_gate(host));
        gates.extend(self.coverage_gate(host));
        gates.extend(self.slice_gate(rollout, host));
        if let Ok(part) = &part {
            gates.extend(self.when(rollout, part.stage).gates().into_iter().map(HostGate::from));
        }
        gates.extend([
            self.turn_gate(rollout, host, &part),
            self.grant_gate(rollout, host, &part),
            self.room_gate(rollout, host),
        ]);
        gates
    }

    /// When `host` may begin in `rollout` at the earliest, by the gates on its way; `None`: no date tells, or a
    /// person has to act first.
    pub fn may_begin_from(
        &self,
        (rollout, host): (&Rollout, &Host),
        gates: &[HostGate],
    ) -> Option<WallTime> {
        let mut begins = None;
        for gate in gates.iter().filter(|gate| gate.state != GateState::Open) {
            let takes_more = match (gate.state, gate.name) {
                (GateState::Open, _) => false,
                (GateState::Shut, _) => true,
                // Of the others that wait, the host or a neighbour opens them at any moment.
                (GateState::Waiting, ROLLOUT | TURN | LEDGER) => gate.opens.is_none(),
                (GateState::Waiting, _) => false,
            };
            if takes_more {
                return None;
            }
            begins = begins.max(gate.opens);
        }
        // What has opened may have closed again when the last one opens.
        let step = match self.place_of(rollout, host) {
            Ok(part) => Some(part.stage),
            Err(_) => stage_of(rollout, None, host.tier.as_str()),
        };
        self.opens_from((rollout, step?), begins?)
    }

    /// The host's token lets it have grants; `None` where it does.
    fn token_gate(&self, host: &Host) -> Option<HostGate> {
        let none = self.token_entitles(host).err()?;
        Some(HostGate::new("token", GateState::Shut, none.of_host(host)))
    }

    /// The host's kernel is covered; `None` where no coverage table was applied.
    fn coverage_gate(&self, host: &Host) -> Option<HostGate> {
        let (kernel, distro) = (&host.facts.kernel, host.facts.distro_release.as_str());
        self.coverage().table()?;
        let state = match self.kernel_standing(kernel, distro).supported.lets_patch() {
            true => GateState::Open,
            false => GateState::Shut,
        };
        Some(HostGate::new("kernel-coverage", state, self.kernel_words(kernel, distro)))
    }

    /// No slice that the host is in is halted by itself; `None` where none of the patch set's is.
    fn slice_gate(&self, rollout: &Rollout, host: &Host) -> Option<HostGate> {
        let patch_set = self.patch_sets().get(&rollout.version)?;
        let halted = patch_set.slices.len();
        let (state, detail) = match self.part(rollout, host) {
            _ if halted == 0 => return None,
            Err(none @ NoPart::SliceHalted { .. }) => (GateState::Shut, none.words(host, rollout)),
            Ok(_)
            | Err(
                NoPart::NoApply
                | NoPart::NoArtifact
                | NoPart::TierNotInPolicy
                | NoPart::HeldBack { .. }
                | NoPart::TokenRevoked { .. }
                | NoPart::OutOfScope { .. }
                | NoPart::NotCovered { .. },
            ) => (GateState::Open, format!("it is in none of the {halted} halted slices")),
        };
        Some(HostGate::new("slice", state, detail))
    }

    /// Whether a host has got rid of a withdrawn patch set, and what it waits for; `None` where it is not
    /// withdrawn.
    fn ledger_gate(&self, rollout: &Rollout, host: &Host) -> Option<HostGate> {
        let patch_set = self.patch_sets().get(&rollout.version)?;
        patch_set.withdrawn.as_ref()?;
        let owed = self.ledger().get(patch_set, host.id);
        let (state, detail) = match owed.map(|owed| owed.leaves) {
            None => (GateState::Open, "it does not run it".to_owned()),
            Some(Leaves::ByRevert) => (
                GateState::Waiting,
                "it runs it, and is told to revert with every beat: it leaves the ledger when it says that it \
                 has, or boots anew"
                    .to_owned(),
            ),
            Some(Leaves::ByReboot { why }) => (
                GateState::Waiting,
                format!("it runs it and cannot revert ({why}): it is owed a reboot"),
            ),
        };
        Some(HostGate::new(LEDGER, state, detail))
    }

    /// The rollout and its patch set let hosts begin.
    fn rollout_gate(&self, rollout: &Rollout) -> HostGate {
        let patch_set = self.patch_sets().get(&rollout.version);
        if let Some(of) = patch_set.and_then(|set| set.withdrawn.as_ref()) {
            let detail =
                format!("{} withdrew it at log index {}: {}", of.actor, of.index, of.reason);
            return HostGate::new(ROLLOUT, GateState::Shut, detail);
        }
        let halt = patch_set.and_then(|set| set.halt.as_ref());
        let (state, detail) = match (halt, rollout.state) {
            (Some(halt), _) => (
                GateState::Shut,
                format!("{} halted it at log index {}: {}", halt.actor, halt.index, halt.reason),
            ),
            (None, State::Running) => (GateState::Open, "it runs".to_owned()),
            (None, State::Completed) => {
                (GateState::Open, "it is completed, and serves hosts that come late".to_owned())
            }
            (None, State::Draft) => (GateState::Waiting, "it is a draft: start it".to_owned()),
            (None, State::Paused) => (GateState::Shut, "an operator paused it".to_owned()),
            (None, State::Halted) => (GateState::Shut, "it is halted".to_owned()),
            (None, State::Superseded) => {
                let by = rollout.superseded_by.as_ref().map_or("another one", |by| by.as_str());
                (GateState::Shut, format!("the rollout {by} took its place"))
            }
            (None, State::RollingBack | State::RolledBack) => {
                (GateState::Shut, "it was rolled back".to_owned())
            }
        };
        HostGate::new(ROLLOUT, state, detail)
    }

    /// The rollout has come to the host's tier and wave.
    fn turn_gate(&self, rollout: &Rollout, host: &Host, part: &Result<Part, NoPart>) -> HostGate {
        let name = TURN;
        let part = match part {
            Ok(part) => part,
            Err(none) => {
                let opens = none.until();
                let state = opens.map_or(GateState::Shut, |_| GateState::Waiting);
                return HostGate { name, state, detail: none.words(host, rollout), opens };
            }
        };
        let stage = &rollout.policy.ladder[part.stage];
        let wave = part.first_wave(rollout);
        let mine = format!(
            "it counts in {} and comes with wave {} of {} ({})",
            stage.tier,
            wave + 1,
            stage.waves.len(),
            stage.waves[wave]
        );
        let Some(place) = rollout.place else {
            return HostGate::new(name, GateState::Waiting, format!("{mine}; not started"));
        };
        let now = &rollout.policy.ladder[place.stage];
        let there = format!("the rollout is in {} wave {}", now.tier, place.wave + 1);
        if part.has_its_turn(rollout) {
            return HostGate::new(name, GateState::Open, format!("{mine}; {there}"));
        }
        let held_out = if part.held_out {
            "; it is held out: it comes when the others of its tier are verified"
        } else {
            ""
        };
        let opens = self.wave_begins(rollout, part.stage, wave);
        let detail = format!("{mine}; {there}{held_out}");
        HostGate { name, state: GateState::Waiting, detail, opens }
    }

    /// The host is free to have a grant, or has one.
    fn grant_gate(&self, rollout: &Rollout, host: &Host, part: &Result<Part, NoPart>) -> HostGate {
        let entry = self.entries().get(rollout, host.id);
        let grant = entry.and_then(|entry| self.grants().get(&entry.grant));
        let refusals = entry.map_or(0, |entry| entry.refusals);
        let (state, detail) = match grant.as_ref().map(|grant| (grant.id, &grant.phase)) {
            None => match host.live_grant.filter(|id| !self.is_of(rollout, *id)) {
                Some(other) => (
                    GateState::Waiting,
                    format!("it has grant {other} of another rollout, which is not over"),
                ),
                None if self.is_past(rollout, host) => (
                    GateState::Shut,
                    "it has begun this patch set in another rollout, or one that was published later"
                        .to_owned(),
                ),
                None if part.is_err() || self.entitled(host).is_err() => (GateState::Waiting, "it has had none".to_owned()),
                None => (GateState::Waiting, "it gets an offer when it syncs next".to_owned()),
            },
            Some((id, Phase::Refused { detail, .. })) if refusals >= MAX_REFUSALS => (
                GateState::Shut,
                format!("it refused {refusals} grants, the last one was {id}: {detail}"),
            ),
            Some((id, phase)) => {
                let state = match phase {
                    Phase::Offered { .. }
                    | Phase::Begun(_)
                    | Phase::Applied { .. }
                    | Phase::Soaked { .. } => GateState::Open,
                    Phase::Expired | Phase::Withdrawn | Phase::Refused { .. } => GateState::Waiting,
                    Phase::Failed { .. } | Phase::Reverted { .. } => GateState::Shut,
                };
                let detail = match phase.detail() {
                    "" => format!("grant {id} is {}", phase.word()),
                    detail => format!("grant {id} is {}: {detail}", phase.word()),
                };
                (state, detail)
            }
        };
        HostGate::new("grant", state, detail)
    }

    fn is_of(&self, rollout: &Rollout, grant: super::ids::GrantId) -> bool {
        self.grants().rollout_of(grant) == Some(&rollout.id)
    }

    /// The judge and the budgets leave room for one more host.
    fn room_gate(&self, rollout: &Rollout, host: &Host) -> HostGate {
        let name = "room";
        let Some(basis) = self.basis(rollout) else {
            let detail = "nothing is judged before the start".to_owned();
            return HostGate::new(name, GateState::Waiting, detail);
        };
        let inputs = basis.books();
        let numbers = || {
            let (exposed, budget) = (inputs.counts.exposed(), inputs.exposure_budget);
            let (flying, cap) = (inputs.counts.in_flight, inputs.in_flight_cap);
            format!("{exposed} of at most {budget} exposed, {flying} of at most {cap} in flight")
        };
        let (state, detail) = match self.room_to_begin(&basis, (rollout, host)) {
            Ok(()) => (GateState::Open, numbers()),
            Err(Full::Books(NoRoom::ExposureBudget { .. } | NoRoom::InFlight { .. })) => {
                (GateState::Waiting, numbers())
            }
            Err(full @ (Full::NotStarted | Full::Credit { .. } | Full::Limited(_))) => {
                (GateState::Waiting, full.words())
            }
            Err(Full::Books(NoRoom::Verdict(kind))) => {
                let verdict = basis.judge();
                let why = verdict.waiting_on().map_or("", |gate| gate.detail.as_str());
                // A hold goes back by itself.
                let state = match kind {
                    VerdictKind::Halt => GateState::Shut,
                    VerdictKind::Continue | VerdictKind::Promote | VerdictKind::Hold => {
                        GateState::Waiting
                    }
                };
                (state, format!("the judge lets nobody begin: {why}"))
            }
        };
        HostGate::new(name, state, detail)
    }
}

fn mode_gate(host: &Host) -> HostGate {
    let (state, detail) = match host.mode {
        Mode::Normal => (GateState::Open, "its agent applies what it is granted"),
        Mode::NoApply => {
            (GateState::Shut, "its agent runs in no-apply mode: it reports, and applies nothing")
        }
    };
    HostGate::new("agent-mode", state, detail.to_owned())
}

/// Looked at by itself: a host that is out for another reason is told this one, too.
fn artifact_gate(machine: &Machine, rollout: &Rollout, host: &Host) -> HostGate {
    let patch_set = machine.patch_sets().get(&rollout.version);
    let (state, detail) = match patch_set.and_then(|patch_set| artifact_for(patch_set, host)) {
        Some(_) => (GateState::Open, format!("there is one for its kernel {}", host.facts.kernel)),
        None => (GateState::Shut, NoPart::NoArtifact.words(host, rollout)),
    };
    HostGate::new("artifact", state, detail)
}
