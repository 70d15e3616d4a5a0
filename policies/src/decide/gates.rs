//! What does each gate say? One function a gate: its state, its numbers, its sentence.

use super::{Inputs, Next, VerdictKind};
use crate::evidence::Failure;
use crate::gate::{Gate, GateName, GateState, Unit};
use crate::policy::WhenFewer;
use crate::share::Share;

pub(super) fn guard_rail(inputs: &Inputs, failure: Failure) -> Gate {
    let (seen, limit) = (inputs.counts.failures(failure), inputs.guard_rails.limit(failure));
    let state = if seen < limit { GateState::Open } else { GateState::Shut };
    let word = failure.word();
    Gate {
        name: GateName::GuardRail(failure),
        state,
        observed: seen,
        required: limit,
        unit: Unit::Hosts,
        detail: format!("{seen} {word} {}; {limit} halt", plural(seen, "host")),
    }
}

/// The gate and what it demands; `None` where the policy has no such rail.
pub(super) fn failure_share(inputs: &Inputs) -> Option<(Gate, VerdictKind)> {
    let rail = inputs.guard_rails.failure_share?;
    let failures = inputs.counts.all_failures();
    let resolved = failures + inputs.counts.verified;
    let above = |share: Share| {
        failures >= rail.at_least
            && u128::from(failures) * 1_000_000 > u128::from(share.ppm()) * u128::from(resolved)
    };
    let (state, kind) = match (above(rail.hold), above(rail.halt)) {
        (_, true) => (GateState::Shut, VerdictKind::Halt),
        (true, false) => (GateState::Shut, VerdictKind::Hold),
        (false, false) => (GateState::Open, VerdictKind::Continue),
    };
    let observed = (failures * 1_000_000).checked_div(resolved).unwrap_or(0);
    let detail = format!(
        "{failures} of {resolved} resolved hosts went wrong; more than {} hold, more than {} halt, \
         from {} hosts on",
        rail.hold, rail.halt, rail.at_least
    );
    let required = u64::from(rail.hold.ppm());
    let gate =
        Gate { name: GateName::FailureShare, state, observed, required, unit: Unit::Ppm, detail };
    Some((gate, kind))
}

pub(super) fn fleet_heard(inputs: &Inputs) -> Gate {
    let (state, observed, detail) = match inputs.heard_since {
        Some(since) => {
            let span = inputs.now.since(since);
            (GateState::Open, span.0, format!("the controllers have heard the fleet for {span}"))
        }
        None => (
            GateState::Waiting,
            0,
            "a new leader waits for a full beat interval of reports before silence counts".into(),
        ),
    };
    Gate { name: GateName::FleetHeard, state, observed, required: 0, unit: Unit::Millis, detail }
}

pub(super) fn coverage(inputs: &Inputs) -> Gate {
    // A host that began and refused has shown nothing.
    let (begun, hosts) = (inputs.tier.begun.saturating_sub(inputs.tier.refused), inputs.wave_hosts);
    let required = inputs.gates.coverage.of_rounded_up(hosts);
    // A wave without a host has nothing to show; the tier's minimum decides whether that may pass.
    Gate {
        name: GateName::Coverage,
        state: waiting_unless(begun >= required),
        observed: begun,
        required,
        unit: Unit::Hosts,
        detail: format!(
            "{begun} of the wave's {hosts} hosts have begun and not refused; it needs {required} ({})",
            inputs.gates.coverage
        ),
    }
}

pub(super) fn soak(inputs: &Inputs) -> Gate {
    let tier = inputs.tier;
    // What was acknowledged, and what the hosts themselves refused, does not have to be verified;
    // but where there are hosts, nobody verified is no data.
    let judged = tier.begun.saturating_sub(inputs.tier_acknowledged + tier.refused);
    let least = u64::from(inputs.wave_hosts > 0);
    let required = inputs.gates.verified.of_rounded_up(judged).max(least);
    let open = tier.verified >= required;
    // Everybody has begun, and even if all that soak are verified it is not enough.
    let cannot = tier.begun >= inputs.wave_hosts && tier.verified + tier.in_flight < required;
    let state = if cannot { GateState::Shut } else { waiting_unless(open) };
    let rest = match inputs.soaks_end {
        _ if cannot => "; too many went wrong for it to open: halt and resume with a reason \
                        acknowledges them, `promote --force` goes on without"
            .to_owned(),
        Some(end) if end > inputs.now => {
            format!("; the last soak ends in {} at the earliest", end.since(inputs.now))
        }
        Some(_) => "; the hosts' own reports at the end of their soak are due".to_owned(),
        None => String::new(),
    };
    Gate {
        name: GateName::Soak,
        state,
        observed: tier.verified,
        required,
        unit: Unit::Hosts,
        detail: format!(
            "{} of {judged} begun hosts are verified after {} of soak; it needs {required} ({}){rest}",
            tier.verified, inputs.gates.soak, inputs.gates.verified
        ),
    }
}

pub(super) fn min_verified(inputs: &Inputs) -> Gate {
    let (seen, wanted) = (inputs.tier.verified, inputs.gates.min_verified);
    let hosts = inputs.tier_hosts.saturating_sub(inputs.tier_acknowledged_eligible);
    let (required, state, rest) = match (hosts, inputs.next, inputs.gates.when_fewer) {
        // Nothing follows, so that an empty last tier exposes nobody.
        (0, Next::End, _) => (0, GateState::Open, "; the last tier has no host".to_owned()),
        (0, Next::Tier | Next::Wave, _) => (
            wanted.max(1),
            GateState::Shut,
            "; the tier has no host that the patch set is for, and no data never promotes: enrol \
             some, or promote by name with `--force`"
                .to_owned(),
        ),
        (_, _, WhenFewer::EveryHost) if hosts < wanted => {
            let rest = format!("; the tier has only {hosts}, short of {wanted}: all of them");
            (hosts, waiting_unless(seen >= hosts), rest)
        }
        (_, _, WhenFewer::Hold) if hosts < wanted => {
            let rest = format!("; the tier has only {hosts}, and the policy says to hold then");
            (wanted, GateState::Shut, rest)
        }
        (_, _, WhenFewer::EveryHost | WhenFewer::Hold) => {
            let required = wanted.max(1);
            (required, waiting_unless(seen >= required), String::new())
        }
    };
    Gate {
        name: GateName::MinVerified,
        state,
        observed: seen,
        required,
        unit: Unit::Hosts,
        detail: format!("{seen} verified hosts in the tier; it needs {required}{rest}"),
    }
}

fn waiting_unless(open: bool) -> GateState {
    if open { GateState::Open } else { GateState::Waiting }
}

pub(super) fn approval(inputs: &Inputs) -> Gate {
    let detail = if inputs.approved {
        "a person has promoted this wave"
    } else {
        "the policy wants a person to promote this wave: `tidegate rollout promote`"
    };
    Gate {
        name: GateName::Approval,
        state: waiting_unless(inputs.approved),
        observed: u64::from(inputs.approved),
        required: 1,
        unit: Unit::Approvals,
        detail: detail.to_owned(),
    }
}

pub(super) fn exposure_budget(inputs: &Inputs) -> Gate {
    let (exposed, budget) = (inputs.counts.exposed(), inputs.exposure_budget);
    let failures = inputs.counts.all_failures();
    let state = match (exposed < budget, failures < budget) {
        (true, _) => GateState::Open,
        (false, true) => GateState::Waiting,
        (false, false) => GateState::Shut,
    };
    Gate {
        name: GateName::ExposureBudget,
        state,
        observed: exposed,
        required: budget,
        unit: Unit::Hosts,
        detail: format!(
            "{exposed} of at most {budget} hosts exposed: {} in flight, {failures} gone wrong",
            inputs.counts.in_flight
        ),
    }
}

pub(super) fn in_flight(inputs: &Inputs) -> Gate {
    let (seen, cap) = (inputs.counts.in_flight, inputs.in_flight_cap);
    Gate {
        name: GateName::InFlight,
        state: waiting_unless(seen < cap),
        observed: seen,
        required: cap,
        unit: Unit::Hosts,
        detail: format!("{seen} of at most {cap} hosts in flight"),
    }
}

fn plural(n: u64, word: &str) -> String {
    if n == 1 { word.to_owned() } else { format!("{word}s") }
}
