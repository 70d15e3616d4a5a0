//! What should a rollout do now, and why? The verdict, gate by gate.
//!
//! Order: guard rails, evidence, fleet heard, gates, budgets, credit. What is unknown is a hold; no data
//! never promotes. [`decide`] knows the counts alone; [`judge`] knows the evidence, too.

mod gates;
mod judge;
#[cfg(test)]
mod judge_tests;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::judge::{Case, CreditSeen, ProofSeen, Soaked, judge, judge_silently};
use crate::detector::ruling::Scope;
use crate::evidence::{Counts, Failure};
use crate::gate::{Gate, GateName, GateState};
use crate::policy::{GuardRails, Promotion, StageGates};
use crate::time::Elapsed;
use crate::when::When;

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
    /// Of these, the hosts of halted slices. They are exposed like any other, and a halt has answered what
    /// went wrong with them: no guard rail counts them.
    pub shut_out: Counts,
    /// Hosts of the present tier by outcome; those of halted slices are left out here and below.
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
    /// Different people who have promoted the present wave.
    pub approvals: u64,
    /// How many it takes where promotion is manual.
    pub approvals_needed: u64,
    /// Since when the controllers hear the fleet; `None`: they do not.
    pub heard_since: Option<Elapsed>,
    /// Whether it is the time for hosts of the present tier.
    pub when: When,
    /// Where the tier has no eligible host: those that will be once what is held back from them is old enough.
    pub held_back: u64,
}

impl Inputs {
    /// Hosts of the whole rollout by outcome that are outside of halted slices.
    pub fn judged(&self) -> Counts {
        self.counts.without(&self.shut_out)
    }
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
    /// Whom a halt stops; [`Scope::Everything`] where it is none.
    pub scope: Scope,
    /// Every gate, in the order they are looked at.
    pub gates: Vec<Gate>,
}

/// Gates that keep hosts from beginning.
const ROOM: [GateName; 8] = [
    GateName::Freeze,
    GateName::StartAt,
    GateName::CutOff,
    GateName::Delay,
    GateName::Window,
    GateName::ExposureBudget,
    GateName::InFlight,
    GateName::Credit,
];

impl Verdict {
    /// The first gate that is shut, else the first that waits.
    pub fn waiting_on(&self) -> Option<&Gate> {
        let waits = || self.gates.iter().find(|gate| gate.state == GateState::Waiting);
        self.shut().next().or_else(waits)
    }

    /// Why it does not go on: [`Verdict::waiting_on`], and where that is hosts which have yet to begin, the gate
    /// that keeps them from it.
    pub fn cause(&self) -> Option<&Gate> {
        let first = self.waiting_on()?;
        let keeps = |gate: &&Gate| ROOM.contains(&gate.name) && gate.state != GateState::Open;
        let cause = self.gates.iter().find(keeps);
        cause.filter(|_| first.name == GateName::Coverage).or(Some(first))
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
    let mut weighed = rails(inputs, words);
    weighed.extend(rest(inputs, None, words));
    weighed.verdict()
}

/// Gates, and what the strictest of them demands.
struct Weighed {
    gates: Vec<Gate>,
    demand: VerdictKind,
}

impl Weighed {
    /// A gate, and what it demands: [`VerdictKind::Continue`] where it leaves that to the others.
    fn push(&mut self, gate: Gate, demand: VerdictKind) {
        self.gates.push(gate);
        self.demand = self.demand.max(demand);
    }

    /// Whether all of these gates are open.
    fn is_open(&self, names: &[GateName]) -> bool {
        let mut these = self.gates.iter().filter(|gate| names.contains(&gate.name));
        these.all(|gate| gate.state == GateState::Open)
    }

    fn extend(&mut self, other: Self) {
        self.gates.extend(other.gates);
        self.demand = self.demand.max(other.demand);
    }

    fn verdict(self) -> Verdict {
        let all_open = self.gates.iter().all(|gate| gate.state == GateState::Open);
        let kind = match (self.demand, all_open) {
            (VerdictKind::Halt, _) => VerdictKind::Halt,
            (VerdictKind::Hold, _) => VerdictKind::Hold,
            (VerdictKind::Continue | VerdictKind::Promote, true) => VerdictKind::Promote,
            (VerdictKind::Continue | VerdictKind::Promote, false) => VerdictKind::Continue,
        };
        Verdict { kind, scope: Scope::Everything, gates: self.gates }
    }
}

/// The absolute guard rails.
fn rails(inputs: &Inputs, words: Words) -> Weighed {
    let mut weighed = Weighed { gates: Vec::new(), demand: VerdictKind::Continue };
    for failure in Failure::ALL {
        let Some(gate) = gates::guard_rail(inputs, words, failure) else { continue };
        let demand = match gate.state {
            GateState::Shut => VerdictKind::Halt,
            GateState::Open | GateState::Waiting => VerdictKind::Continue,
        };
        weighed.push(gate, demand);
    }
    if let Some((gate, demand)) = gates::failure_share(inputs, words) {
        weighed.push(gate, demand);
    }
    weighed
}

/// What comes after the rails, and after the evidence where it is known; `soaked` where hosts are compared.
fn rest(inputs: &Inputs, soaked: Option<&Soaked>, words: Words) -> Weighed {
    let mut weighed = Weighed { gates: Vec::new(), demand: VerdictKind::Continue };
    let heard = gates::fleet_heard(inputs, words);
    let demand = match heard.state {
        GateState::Open => VerdictKind::Continue,
        GateState::Waiting | GateState::Shut => VerdictKind::Hold,
    };
    weighed.push(heard, demand);
    let mut also = |gate| weighed.push(gate, VerdictKind::Continue);
    let coverage = gates::coverage(inputs, words);
    // Dates keep hosts from beginning: where nobody has to begin any more, only a freeze matters.
    let dates = match coverage.state {
        GateState::Open => inputs.when.freeze().into_iter().collect(),
        GateState::Waiting | GateState::Shut => inputs.when.gates(),
    };
    also(coverage);
    dates.into_iter().for_each(&mut also);
    also(gates::soak(inputs, soaked, words));
    if inputs.next != Next::Wave {
        also(gates::min_verified(inputs, words));
    }
    if inputs.next != Next::Wave && inputs.gates.promotion == Promotion::Manual {
        also(gates::approval(inputs, words));
    }
    also(gates::exposure_budget(inputs, words));
    also(gates::in_flight(inputs, words));
    weighed
}
