//! What does each gate say? One function a gate: its state, its numbers, its sentence.

use std::fmt;

use super::{Inputs, Next, Soaked, VerdictKind, Words};
use crate::evidence::Failure;
use crate::gate::{Gate, GateName, GateState, Unit};
use crate::plural::count;
use crate::policy::{GuardRails, WhenFewer};
use crate::proof::bound::Group;
use crate::share::Share;

/// `None` where nothing of this kind halts.
pub(super) fn guard_rail(inputs: &Inputs, words: Words, failure: Failure) -> Option<Gate> {
    let (seen, limit) = (inputs.judged().failures(failure), inputs.guard_rails.limit(failure));
    if limit == GuardRails::NEVER {
        return None;
    }
    let state = if seen < limit { GateState::Open } else { GateState::Shut };
    let word = failure.word();
    Some(Gate {
        name: GateName::GuardRail(failure),
        state,
        observed: seen,
        required: limit,
        unit: Unit::Hosts,
        detail: words.say(|| format!("{}; {limit} halt", count(seen, &format!("{word} host")))),
    })
}

/// The gate and what it demands; `None` where the policy has no such rail.
pub(super) fn failure_share(inputs: &Inputs, words: Words) -> Option<(Gate, VerdictKind)> {
    let rail = inputs.guard_rails.failure_share?;
    let rest = inputs.judged();
    let failures = rest.all_failures();
    let resolved = failures + rest.verified;
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
    let detail = words.say(|| {
        format!(
            "{failures} of {resolved} resolved hosts went wrong; more than {} hold, more than {} \
             halt, from {} hosts on",
            rail.hold, rail.halt, rail.at_least
        )
    });
    let required = u64::from(rail.hold.ppm());
    let gate =
        Gate { name: GateName::FailureShare, state, observed, required, unit: Unit::Ppm, detail };
    Some((gate, kind))
}

pub(super) fn fleet_heard(inputs: &Inputs, words: Words) -> Gate {
    let span = inputs.heard_since.map(|since| inputs.now.since(since));
    let (state, observed) = span.map_or((GateState::Waiting, 0), |span| (GateState::Open, span.0));
    let detail = words.say(|| match span {
        Some(span) => format!("the controllers have heard the fleet for {span}"),
        None => {
            "a new leader waits for a full beat interval of reports before silence counts".into()
        }
    });
    Gate { name: GateName::FleetHeard, state, observed, required: 0, unit: Unit::Millis, detail }
}

pub(super) fn coverage(inputs: &Inputs, words: Words) -> Gate {
    // A host that began and refused has shown nothing.
    let (begun, hosts) = (inputs.tier.begun.saturating_sub(inputs.tier.refused), inputs.wave_hosts);
    let required = inputs.gates.coverage.of_rounded_up(hosts);
    if hosts == 0 && inputs.held_back > 0 {
        let detail = words.say(|| {
            let some = count(inputs.held_back, "host");
            format!("{some} of the tier wait for what is held back from them")
        });
        let (name, state, unit) = (GateName::Coverage, GateState::Waiting, Unit::Hosts);
        return Gate { name, state, observed: 0, required: inputs.held_back, unit, detail };
    }
    // A wave without a host has nothing to show; the tier's minimum decides whether that may pass.
    Gate {
        name: GateName::Coverage,
        state: waiting_unless(begun >= required),
        observed: begun,
        required,
        unit: Unit::Hosts,
        detail: words.say(|| {
            let share = inputs.gates.coverage;
            format!(
                "{begun} of the wave's {hosts} hosts have begun and not refused; it needs \
                 {required} ({share})"
            )
        }),
    }
}

/// What of the begun hosts has soaked. Where sentinels are watched, hosts that fail without any patch are not asked
/// of those that have it, and who fails after its soak has outlived it.
pub(super) fn soak(inputs: &Inputs, soaked: Option<&Soaked>, words: Words) -> Gate {
    let tier = inputs.tier;
    // What was acknowledged, and what the hosts themselves refused, does not have to be verified;
    // but where there are hosts, nobody verified is no data.
    let judged = tier.begun.saturating_sub(inputs.tier_acknowledged + tier.refused);
    let least = u64::from(inputs.wave_hosts > 0);
    let outlived = soaked.map_or(tier.verified, |of| of.patched.survivors().min(judged));
    let sentinels = soaked.map_or_else(Group::default, |of| of.sentinels);
    let required = sentinels.share_of_survivors(inputs.gates.verified, judged).max(least);
    let open = outlived >= required;
    // Everybody has begun, and even if all that soak are verified it is not enough.
    let cannot = tier.begun >= inputs.wave_hosts && outlived + tier.in_flight < required;
    let state = if cannot { GateState::Shut } else { waiting_unless(open) };
    let rest = || match inputs.soaks_end {
        _ if cannot => {
            let lost = judged.saturating_sub(outlived + tier.in_flight);
            format!(
                "; it never will: {} went wrong or left without a word, {} refused, {} still soak; a halt \
                 and a resume with a reason acknowledge what went wrong, `tidegate rollout promote --force` \
                 goes on without",
                count(lost, "host"),
                tier.refused,
                tier.in_flight
            )
        }
        Some(end) if end > inputs.now => {
            format!(
                "; of those that have begun the last soak ends in {} at the earliest",
                end.since(inputs.now)
            )
        }
        Some(_) => "; the hosts' own reports at the end of their soak are due".to_owned(),
        None => String::new(),
    };
    Gate {
        name: GateName::Soak,
        state,
        observed: outlived,
        required,
        unit: Unit::Hosts,
        detail: words.say(|| {
            let (soak, share) = (inputs.gates.soak, inputs.gates.verified);
            let have = if soaked.is_some() { "have outlived" } else { "are verified after" };
            let less = match sentinels {
                Group { failed: 0, .. } => String::new(),
                Group { hosts, failed } => {
                    format!(", less what fails unpatched: of {hosts} sentinels {failed} in as long")
                }
            };
            format!(
                "{outlived} of {judged} begun hosts {have} {soak} of soak; it needs {required} \
                 ({share}{less}){}",
                rest()
            )
        }),
    }
}

pub(super) fn min_verified(inputs: &Inputs, words: Words) -> Gate {
    let (seen, wanted) = (inputs.tier.verified, inputs.gates.min_verified);
    let hosts = inputs.tier_hosts.saturating_sub(inputs.tier_acknowledged_eligible);
    let (required, state, rest) = match (hosts, inputs.next, inputs.gates.when_fewer) {
        // Nothing follows, so that an empty last tier exposes nobody.
        (0, Next::End, _) => (0, GateState::Open, Rest::EmptyEnd),
        (0, Next::Tier | Next::Wave, _) => (wanted.max(1), GateState::Shut, Rest::Empty),
        (_, _, WhenFewer::EveryHost) if hosts < wanted => {
            (hosts, waiting_unless(seen >= hosts), Rest::AllOfFewer { hosts, wanted })
        }
        (_, _, WhenFewer::Hold) if hosts < wanted => {
            (wanted, GateState::Shut, Rest::TooFew { hosts })
        }
        (_, _, WhenFewer::EveryHost | WhenFewer::Hold) => {
            let required = wanted.max(1);
            (required, waiting_unless(seen >= required), Rest::None)
        }
    };
    Gate {
        name: GateName::MinVerified,
        state,
        observed: seen,
        required,
        unit: Unit::Hosts,
        detail: words.say(|| {
            format!("{} in the tier; it needs {required}{rest}", count(seen, "verified host"))
        }),
    }
}

/// What else is to be said of a tier's verified hosts.
#[derive(Clone, Copy, Debug)]
enum Rest {
    None,
    EmptyEnd,
    Empty,
    AllOfFewer { hosts: u64, wanted: u64 },
    TooFew { hosts: u64 },
}

impl fmt::Display for Rest {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::EmptyEnd => to.write_str("; the last tier has no host"),
            Self::Empty => to.write_str(
                "; the tier has no host that the patch set is for, and no data never promotes: \
                 enrol some, or promote by name with `--force`",
            ),
            Self::AllOfFewer { hosts, wanted } => {
                write!(to, "; the tier has only {hosts}, short of {wanted}: all of them")
            }
            Self::TooFew { hosts } => {
                write!(to, "; the tier has only {hosts}, and the policy says to hold then")
            }
        }
    }
}

fn waiting_unless(open: bool) -> GateState {
    if open { GateState::Open } else { GateState::Waiting }
}

pub(super) fn approval(inputs: &Inputs, words: Words) -> Gate {
    let (approvals, needed) = (inputs.approvals, inputs.approvals_needed);
    let detail = || match approvals {
        0 if needed == 1 => {
            "the policy wants a person to promote this wave: `tidegate rollout promote`".to_owned()
        }
        _ if approvals < needed => format!(
            "{approvals} of {needed} people have promoted this wave: somebody else, `tidegate rollout promote`"
        ),
        _ => format!("{} promoted this wave", count(approvals, "person")),
    };
    Gate {
        name: GateName::Approval,
        state: waiting_unless(approvals >= needed),
        observed: approvals,
        required: needed,
        unit: Unit::Approvals,
        detail: words.say(detail),
    }
}

pub(super) fn exposure_budget(inputs: &Inputs, words: Words) -> Gate {
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
        detail: words.say(|| {
            let in_flight = inputs.counts.in_flight;
            format!(
                "{exposed} of at most {} exposed: {in_flight} in flight, {failures} gone wrong",
                count(budget, "host")
            )
        }),
    }
}

pub(super) fn in_flight(inputs: &Inputs, words: Words) -> Gate {
    let (seen, cap) = (inputs.counts.in_flight, inputs.in_flight_cap);
    Gate {
        name: GateName::InFlight,
        state: waiting_unless(seen < cap),
        observed: seen,
        required: cap,
        unit: Unit::Hosts,
        detail: words.say(|| format!("{seen} of at most {} in flight", count(cap, "host"))),
    }
}
