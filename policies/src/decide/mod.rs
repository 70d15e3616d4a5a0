//! What should a rollout do now, and why? The verdict, gate by gate.
//!
//! Order: guard rails, evidence, fleet heard, gates, budgets. What is unknown is a hold; no data
//! never promotes. The statistical detector will take its place between guard rails and fleet.

mod gates;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::evidence::{Counts, Failure};
use crate::gate::{Gate, GateState};
use crate::policy::{GuardRails, Promotion, StageGates};
use crate::time::Elapsed;

/// All that a decision may look at. Stored with every verdict, so that it can be computed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Running time.
    pub now: Elapsed,
    /// The policy's guard rails.
    pub guard_rails: GuardRails,
    /// What the present tier must show.
    pub gates: StageGates,
    /// Most hosts that may be exposed.
    pub exposure_budget: u64,
    /// Most hosts that may be in flight.
    pub in_flight_cap: u64,
    /// Hosts of the whole rollout by outcome, less the acknowledged failures.
    pub counts: Counts,
    /// Hosts of the present tier by outcome.
    pub tier: Counts,
    /// Hosts of the present tier whose failure a person has acknowledged.
    pub tier_acknowledged: u64,
    /// Those of them that are still eligible hosts of the tier.
    pub tier_acknowledged_eligible: u64,
    /// Eligible hosts of the present tier.
    pub tier_hosts: u64,
    /// Eligible hosts of the present wave and those before it.
    pub wave_hosts: u64,
    /// What comes after the present wave.
    pub next: Next,
    /// When the last applied host's soak can end at the earliest; `None`: nobody soaks.
    pub soaks_end: Option<Elapsed>,
    /// A person has promoted the present wave.
    pub approved: bool,
    /// Since when the controllers hear the fleet; `None`: they do not.
    pub heard_since: Option<Elapsed>,
}

/// What comes after a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Next {
    /// Another wave of the same tier.
    Wave,
    /// Another tier.
    Tier,
    /// Nothing: the rollout is complete.
    End,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VerdictKind {
    /// Go on inside the wave.
    Continue,
    /// Go on to the next wave or tier.
    Promote,
    /// No further begins for now: not enough evidence, or suspicious.
    Hold,
    /// Stop until a person lifts it.
    Halt,
}

/// What to do, and every gate that it was computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What to do.
    pub kind: VerdictKind,
    /// Every gate, in the order they are looked at.
    pub gates: Vec<Gate>,
}

impl Verdict {
    /// The first gate that is not open.
    pub fn waiting_on(&self) -> Option<&Gate> {
        self.gates.iter().find(|gate| gate.state != GateState::Open)
    }

    /// Gates that are shut: what a person or new evidence must change.
    pub fn shut(&self) -> impl Iterator<Item = &Gate> {
        self.gates.iter().filter(|gate| gate.state == GateState::Shut)
    }
}

/// Decides. Equal inputs give equal verdicts, on every replica and every build.
pub fn decide(inputs: &Inputs) -> Verdict {
    decide_in(inputs, Words::Spoken)
}

/// What [`decide`] says, without the sentences: each gate's `detail` is empty. For the many times that
/// nothing has changed.
pub fn decide_silently(inputs: &Inputs) -> Verdict {
    decide_in(inputs, Words::Unspoken)
}

/// Whether the gates say their sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    Spoken,
    Unspoken,
}

impl Words {
    fn say(self, sentence: impl FnOnce() -> String) -> String {
        match self {
            Self::Spoken => sentence(),
            Self::Unspoken => String::new(),
        }
    }
}

fn decide_in(inputs: &Inputs, words: Words) -> Verdict {
    let mut seen: Vec<Gate> =
        Failure::ALL.into_iter().map(|failure| gates::guard_rail(inputs, words, failure)).collect();
    let mut halt = seen.iter().any(|gate| gate.state == GateState::Shut);
    let mut hold = false;
    if let Some((gate, kind)) = gates::failure_share(inputs, words) {
        halt |= kind == VerdictKind::Halt;
        hold |= kind == VerdictKind::Hold;
        seen.push(gate);
    }
    let heard = gates::fleet_heard(inputs, words);
    hold |= heard.state != GateState::Open;
    seen.push(heard);
    seen.push(gates::coverage(inputs, words));
    seen.push(gates::soak(inputs, words));
    if inputs.next != Next::Wave {
        seen.push(gates::min_verified(inputs, words));
    }
    if inputs.next != Next::Wave && inputs.gates.promotion == Promotion::Manual {
        seen.push(gates::approval(inputs, words));
    }
    seen.push(gates::exposure_budget(inputs, words));
    seen.push(gates::in_flight(inputs, words));

    let all_open = seen.iter().all(|gate| gate.state == GateState::Open);
    let kind = match (halt, hold, all_open) {
        (true, _, _) => VerdictKind::Halt,
        (false, true, _) => VerdictKind::Hold,
        (false, false, true) => VerdictKind::Promote,
        (false, false, false) => VerdictKind::Continue,
    };
    Verdict { kind, gates: seen }
}
