//! Gates, verdicts and counts, out.

use tidegate_policies::decide::{Verdict, VerdictKind};
use tidegate_policies::evidence::Counts;
use tidegate_policies::gate::{Gate, GateState};
use tidegate_proto::v1 as pb;

use super::timestamp;
use crate::machine::explain::HostGate;

/// Hosts by outcome for the wire.
pub const fn counts(counts: &Counts) -> pb::Counts {
    pb::Counts {
        offered: counts.offered,
        begun: counts.begun,
        in_flight: counts.in_flight,
        verified: counts.verified,
        crashed: counts.crashed,
        failed: counts.failed,
        stalled: counts.stalled,
        silent: counts.silent,
        refused: counts.refused,
        reverted: counts.reverted,
    }
}

/// A gate for the wire.
pub fn gate(gate: &Gate) -> pb::Gate {
    pb::Gate {
        name: gate.name.as_str().to_owned(),
        state: gate_state(gate.state).into(),
        observed: i64::try_from(gate.observed).unwrap_or(i64::MAX),
        required: i64::try_from(gate.required).unwrap_or(i64::MAX),
        unit: gate.unit.as_str().to_owned(),
        detail: gate.detail.clone(),
        open_time: gate.opens().map(timestamp),
    }
}

/// A gate on a host's way for the wire.
pub fn host_gate(gate: &HostGate) -> pb::Gate {
    pb::Gate {
        name: gate.name.to_owned(),
        state: gate_state(gate.state).into(),
        detail: gate.detail.clone(),
        open_time: gate.opens.map(timestamp),
        ..pb::Gate::default()
    }
}

const fn gate_state(state: GateState) -> pb::GateState {
    match state {
        GateState::Open => pb::GateState::Open,
        GateState::Waiting => pb::GateState::Waiting,
        GateState::Shut => pb::GateState::Shut,
    }
}

/// A verdict for the wire; `log_index` is where one like it was first reached.
pub fn verdict(verdict: &Verdict, log_index: u64) -> pb::Verdict {
    let waiting = verdict.cause();
    let summary = match (verdict.kind, waiting) {
        (VerdictKind::Continue, Some(gate)) => {
            format!("going on; waits on {}: {}", gate.name.as_str(), gate.detail)
        }
        (VerdictKind::Continue | VerdictKind::Promote, _) => "every gate is open".to_owned(),
        (VerdictKind::Hold, gate) => format!("held: {}", gate.map_or("", |gate| &gate.detail)),
        (VerdictKind::Halt, gate) => format!("halted: {}", gate.map_or("", |gate| &gate.detail)),
    };
    let kind = match verdict.kind {
        VerdictKind::Continue => pb::VerdictKind::Continue,
        VerdictKind::Promote => pb::VerdictKind::Promote,
        VerdictKind::Hold => pb::VerdictKind::Hold,
        VerdictKind::Halt => pb::VerdictKind::Halt,
    };
    pb::Verdict {
        kind: kind.into(),
        gates: verdict.gates.iter().map(gate).collect(),
        waiting_on: waiting.map_or_else(String::new, |gate| gate.name.as_str().to_owned()),
        summary,
        log_index,
    }
}
