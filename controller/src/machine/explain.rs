//! Why is a host offered the patch set, or not? The gates on its way, in their order.

use tidegate_policies::begin::NoRoom;
use tidegate_policies::gate::{Gate, GateState};

use super::Machine;
use super::fleet::{Host, Mode};
use super::grants::Phase;
use super::ledger::Leaves;
use super::membership::{NoPart, Part, artifact_for};
use super::rollouts::{MAX_REFUSALS, Rollout, State};
use super::room::Full;

/// One condition on a host's way to a patch set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostGate {
    /// E.g. `artifact`, `tier-turn`.
    pub name: &'static str,
    /// Whether it lets the host go on.
    pub state: GateState,
    /// One sentence with the numbers.
    pub detail: String,
}

impl From<Gate> for HostGate {
    fn from(gate: Gate) -> Self {
        Self { name: gate.name.as_str(), state: gate.state, detail: gate.detail }
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
        gates.extend(self.slice_gate(rollout, host));
        if let Ok(part) = &part {
            gates.extend(self.when(rollout, part.stage).gates().into_iter().map(HostGate::from));
        }
        gates.extend([
            turn_gate(rollout, host, &part),
            self.grant_gate(rollout, host, &part),
            self.room_gate(rollout, host),
        ]);
        gates
    }

    /// The host's token lets it have grants; `None` where it does.
    fn token_gate(&self, host: &Host) -> Option<HostGate> {
        let none = self.entitled(host).err()?;
        Some(HostGate { name: "token", state: GateState::Shut, detail: none.of_token(host) })
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
                | NoPart::OutOfScope { .. },
            ) => (GateState::Open, format!("it is in none of the {halted} halted slices")),
        };
        Some(HostGate { name: "slice", state, detail })
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
        Some(HostGate { name: "ledger", state, detail })
    }

    /// The rollout and its patch set let hosts begin.
    fn rollout_gate(&self, rollout: &Rollout) -> HostGate {
        let patch_set = self.patch_sets().get(&rollout.version);
        if let Some(of) = patch_set.and_then(|set| set.withdrawn.as_ref()) {
            let (state, name) = (GateState::Shut, "rollout");
            let detail =
                format!("{} withdrew it at log index {}: {}", of.actor, of.index, of.reason);
            return HostGate { name, state, detail };
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
        HostGate { name: "rollout", state, detail }
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
        HostGate { name: "grant", state, detail }
    }

    fn is_of(&self, rollout: &Rollout, grant: super::ids::GrantId) -> bool {
        self.grants().rollout_of(grant) == Some(&rollout.id)
    }

    /// The judge and the budgets leave room for one more host.
    fn room_gate(&self, rollout: &Rollout, host: &Host) -> HostGate {
        let name = "room";
        let Some(basis) = self.basis(rollout) else {
            let detail = "nothing is judged before the start".to_owned();
            return HostGate { name, state: GateState::Waiting, detail };
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
            Err(Full::Books(NoRoom::Verdict(_))) => {
                let verdict = basis.judge();
                let why = verdict.waiting_on().map_or("", |gate| gate.detail.as_str());
                (GateState::Shut, format!("the judge lets nobody begin: {why}"))
            }
        };
        HostGate { name, state, detail }
    }
}

fn mode_gate(host: &Host) -> HostGate {
    let (state, detail) = match host.mode {
        Mode::Normal => (GateState::Open, "its agent applies what it is granted"),
        Mode::NoApply => {
            (GateState::Shut, "its agent runs in no-apply mode: it reports, and applies nothing")
        }
    };
    HostGate { name: "agent-mode", state, detail: detail.to_owned() }
}

/// Looked at by itself: a host that is out for another reason is told this one, too.
fn artifact_gate(machine: &Machine, rollout: &Rollout, host: &Host) -> HostGate {
    let patch_set = machine.patch_sets().get(&rollout.version);
    let (state, detail) = match patch_set.and_then(|patch_set| artifact_for(patch_set, host)) {
        Some(_) => (GateState::Open, format!("there is one for its kernel {}", host.facts.kernel)),
        None => (GateState::Shut, NoPart::NoArtifact.words(host, rollout)),
    };
    HostGate { name: "artifact", state, detail }
}

fn turn_gate(rollout: &Rollout, host: &Host, part: &Result<Part, NoPart>) -> HostGate {
    let name = "tier-turn";
    let part = match part {
        Ok(part) => part,
        Err(none) => {
            return HostGate { name, state: GateState::Shut, detail: none.words(host, rollout) };
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
        return HostGate {
            name,
            state: GateState::Waiting,
            detail: format!("{mine}; not started"),
        };
    };
    let state = if part.has_its_turn(rollout) { GateState::Open } else { GateState::Waiting };
    let now = &rollout.policy.ladder[place.stage];
    let held_out = if part.held_out && state == GateState::Waiting {
        "; it is held out: it comes when the others of its tier are verified"
    } else {
        ""
    };
    let detail =
        format!("{mine}; the rollout is in {} wave {}{held_out}", now.tier, place.wave + 1);
    HostGate { name, state, detail }
}
