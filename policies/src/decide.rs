//! What should a rollout do now, and why? The verdict, gate by gate.
//!
//! Order: guard rails, evidence, fleet heard, gates, budgets. What is unknown is a hold; no data
//! never promotes. The statistical detector will take its place between guard rails and fleet.

use serde::{Deserialize, Serialize};

use crate::evidence::{Counts, Failure};
use crate::gate::{Gate, GateName, GateState, Unit};
use crate::policy::{GuardRails, Promotion, StageGates, WhenFewer};
use crate::share::Share;
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
    let mut gates: Vec<Gate> =
        Failure::ALL.into_iter().map(|failure| guard_rail(inputs, failure)).collect();
    let mut halt = gates.iter().any(|gate| gate.state == GateState::Shut);
    let mut hold = false;
    if let Some((gate, kind)) = failure_share(inputs) {
        halt |= kind == VerdictKind::Halt;
        hold |= kind == VerdictKind::Hold;
        gates.push(gate);
    }
    let heard = fleet_heard(inputs);
    hold |= heard.state != GateState::Open;
    gates.push(heard);
    gates.push(coverage(inputs));
    gates.push(soak(inputs));
    if inputs.next != Next::Wave {
        gates.push(min_verified(inputs));
    }
    if inputs.next != Next::Wave && inputs.gates.promotion == Promotion::Manual {
        gates.push(approval(inputs));
    }
    gates.push(exposure_budget(inputs));
    gates.push(in_flight(inputs));

    let all_open = gates.iter().all(|gate| gate.state == GateState::Open);
    let kind = match (halt, hold, all_open) {
        (true, _, _) => VerdictKind::Halt,
        (false, true, _) => VerdictKind::Hold,
        (false, false, true) => VerdictKind::Promote,
        (false, false, false) => VerdictKind::Continue,
    };
    Verdict { kind, gates }
}

fn guard_rail(inputs: &Inputs, failure: Failure) -> Gate {
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
fn failure_share(inputs: &Inputs) -> Option<(Gate, VerdictKind)> {
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

fn fleet_heard(inputs: &Inputs) -> Gate {
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

fn coverage(inputs: &Inputs) -> Gate {
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

fn soak(inputs: &Inputs) -> Gate {
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

fn min_verified(inputs: &Inputs) -> Gate {
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

fn approval(inputs: &Inputs) -> Gate {
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

fn exposure_budget(inputs: &Inputs) -> Gate {
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

fn in_flight(inputs: &Inputs) -> Gate {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::FailureShare;
    use crate::time::Millis;

    fn inputs() -> Inputs {
        let share = |ppm| Share::from_ppm(ppm).unwrap();
        Inputs {
            now: Elapsed(100_000),
            guard_rails: GuardRails {
                crashed: 2,
                failed: 3,
                stalled: 3,
                silent: 3,
                failure_share: Some(FailureShare {
                    at_least: 2,
                    hold: share(100_000),
                    halt: share(200_000),
                }),
            },
            gates: StageGates {
                soak: Millis(60_000),
                coverage: share(800_000),
                verified: share(950_000),
                min_verified: 20,
                when_fewer: WhenFewer::Hold,
                promotion: Promotion::Automatic,
            },
            exposure_budget: 50,
            in_flight_cap: 30,
            counts: Counts::default(),
            tier: Counts::default(),
            tier_acknowledged: 0,
            tier_acknowledged_eligible: 0,
            tier_hosts: 100,
            wave_hosts: 20,
            next: Next::Wave,
            soaks_end: None,
            approved: false,
            heard_since: Some(Elapsed(1)),
        }
    }

    /// Changes the inputs, and compares the verdict and what it waits for.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Inputs), expected: &str) {
        let mut inputs = inputs();
        change(&mut inputs);
        let verdict = decide(&inputs);
        let waiting = verdict.waiting_on().map_or("nothing", |gate| gate.name.as_str());
        assert_eq!(format!("{:?} on {waiting}", verdict.kind), expected, "{verdict:#?}");
        assert_eq!(decide(&inputs), verdict, "the same inputs give the same bits");
    }

    fn set(inputs: &mut Inputs, counts: Counts) {
        inputs.counts = counts;
        inputs.tier = counts;
    }

    const GOOD: Counts = Counts {
        offered: 0,
        begun: 20,
        in_flight: 0,
        verified: 20,
        crashed: 0,
        failed: 0,
        stalled: 0,
        silent: 0,
        refused: 0,
    };

    #[test]
    fn no_data_never_promotes() {
        check(|_| (), "Continue on coverage");
        check(|i| i.gates.coverage = Share::default(), "Continue on soak");
    }

    #[test]
    fn a_wave_that_showed_everything_is_promoted() {
        check(|i| set(i, GOOD), "Promote on nothing");
    }

    #[test]
    fn coverage_is_counted_to_the_host() {
        check(|i| set(i, Counts { begun: 16, verified: 16, ..GOOD }), "Promote on nothing");
        check(|i| set(i, Counts { begun: 15, verified: 15, ..GOOD }), "Continue on coverage");
    }

    #[test]
    fn hosts_that_still_soak_hold_the_wave_open() {
        check(|i| set(i, Counts { verified: 19, in_flight: 1, ..GOOD }), "Promote on nothing");
        check(|i| set(i, Counts { verified: 18, in_flight: 2, ..GOOD }), "Continue on soak");
    }

    #[test]
    fn hosts_that_all_refused_are_no_data() {
        check(|i| set(i, Counts { verified: 0, refused: 20, ..GOOD }), "Continue on coverage");
        let no_coverage = |counts: Counts| {
            move |i: &mut Inputs| {
                set(i, counts);
                i.gates.coverage = Share::default();
            }
        };
        check(no_coverage(Counts { verified: 0, refused: 20, ..GOOD }), "Continue on soak");
        check(no_coverage(Counts { verified: 1, refused: 19, ..GOOD }), "Promote on nothing");
    }

    #[test]
    fn an_acknowledged_failure_does_not_have_to_be_verified() {
        let acknowledged = |n| {
            move |i: &mut Inputs| {
                i.tier = Counts { verified: 17, crashed: 3, ..GOOD };
                i.counts = Counts { verified: 17, ..GOOD };
                i.tier_acknowledged = n;
            }
        };
        check(acknowledged(2), "Continue on soak");
        check(acknowledged(3), "Promote on nothing");
    }

    #[test]
    fn each_guard_rail_halts_at_its_number_and_not_before() {
        check(|i| set(i, Counts { crashed: 1, ..GOOD }), "Promote on nothing");
        check(|i| set(i, Counts { crashed: 2, ..GOOD }), "Halt on guard-rail/crashed");
        let no_share = |i: &mut Inputs| i.guard_rails.failure_share = None;
        let with = |counts: Counts| {
            move |i: &mut Inputs| {
                set(i, counts);
                no_share(i);
            }
        };
        check(with(Counts { failed: 2, ..GOOD }), "Promote on nothing");
        check(with(Counts { failed: 3, ..GOOD }), "Halt on guard-rail/failed");
        check(with(Counts { stalled: 2, ..GOOD }), "Promote on nothing");
        check(with(Counts { stalled: 3, ..GOOD }), "Halt on guard-rail/stalled");
        check(with(Counts { silent: 2, ..GOOD }), "Promote on nothing");
        check(with(Counts { silent: 3, ..GOOD }), "Halt on guard-rail/silent");
    }

    #[test]
    fn the_failure_share_holds_then_halts() {
        // 2 of 20 is 10 %: not above. 2 of 19 is. 2 of 10 is 20 %: not above. 2 of 9 is.
        let wrong = |verified| Counts { verified, failed: 2, ..GOOD };
        check(|i| set(i, wrong(18)), "Continue on soak");
        check(|i| set(i, wrong(17)), "Hold on guard-rail/failure-share");
        check(|i| set(i, wrong(8)), "Hold on guard-rail/failure-share");
        check(|i| set(i, wrong(7)), "Halt on guard-rail/failure-share");
        check(|i| set(i, Counts { verified: 0, failed: 1, ..GOOD }), "Continue on soak");
    }

    #[test]
    fn a_deaf_controller_holds_even_what_looks_complete() {
        check(
            |i| {
                set(i, GOOD);
                i.heard_since = None;
            },
            "Hold on fleet-heard",
        );
    }

    #[test]
    fn the_last_wave_needs_the_tiers_minimum() {
        check(
            |i| {
                set(i, GOOD);
                i.next = Next::Tier;
            },
            "Promote on nothing",
        );
        check(
            |i| {
                set(i, Counts { begun: 19, verified: 19, ..GOOD });
                i.next = Next::Tier;
            },
            "Continue on min-verified",
        );
    }

    #[test]
    fn a_tier_too_small_for_its_minimum_waits_unless_the_policy_says_every_host() {
        let small = |i: &mut Inputs| {
            set(i, Counts { begun: 10, verified: 10, ..GOOD });
            i.next = Next::Tier;
            i.tier_hosts = 10;
            i.wave_hosts = 10;
        };
        check(small, "Continue on min-verified");
        check(
            |i| {
                small(i);
                i.gates.when_fewer = WhenFewer::EveryHost;
            },
            "Promote on nothing",
        );
    }

    #[test]
    fn an_empty_tier_stops_the_rollout_unless_nothing_follows() {
        let empty = |i: &mut Inputs| {
            i.tier_hosts = 0;
            i.wave_hosts = 0;
            i.gates.when_fewer = WhenFewer::EveryHost;
        };
        check(
            |i| {
                empty(i);
                i.next = Next::Tier;
            },
            "Continue on min-verified",
        );
        check(
            |i| {
                empty(i);
                i.next = Next::End;
            },
            "Promote on nothing",
        );
    }

    #[test]
    fn manual_promotion_waits_for_a_person() {
        let manual = |i: &mut Inputs| {
            set(i, GOOD);
            i.next = Next::Tier;
            i.gates.promotion = Promotion::Manual;
        };
        check(manual, "Continue on approval");
        check(
            |i| {
                manual(i);
                i.approved = true;
            },
            "Promote on nothing",
        );
    }

    #[test]
    fn a_full_budget_is_named() {
        let full =
            |in_flight, crashed| Counts { begun: 50, in_flight, crashed, ..Counts::default() };
        let wide = |i: &mut Inputs| i.guard_rails.crashed = 1_000;
        let state = |counts| {
            let mut i = inputs();
            wide(&mut i);
            i.guard_rails.failure_share = None;
            set(&mut i, counts);
            let gates = decide(&i).gates;
            gates.iter().find(|gate| gate.name == GateName::ExposureBudget).unwrap().state
        };
        assert_eq!(state(full(49, 0)), GateState::Open);
        assert_eq!(state(full(50, 0)), GateState::Waiting);
        assert_eq!(state(full(0, 50)), GateState::Shut);
    }
}
