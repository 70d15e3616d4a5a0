//! Which evidence gives which verdict? Both sides of each edge.

use super::*;
use crate::gate::GateName;
use crate::policy::{FailureShare, WhenFewer};
use crate::share::Share;
use crate::time::Millis;
use crate::when::When;

pub(super) fn inputs() -> Inputs {
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
        shut_out: Counts::default(),
        tier: Counts::default(),
        tier_acknowledged: 0,
        tier_acknowledged_eligible: 0,
        tier_hosts: 100,
        wave_hosts: 20,
        next: Next::Wave,
        soaks_end: None,
        approvals: 0,
        approvals_needed: 1,
        when: When::default(),
        held_back: 0,
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

pub(super) fn set(inputs: &mut Inputs, counts: Counts) {
    inputs.counts = counts;
    inputs.tier = counts;
}

pub(super) const GOOD: Counts = Counts {
    offered: 0,
    begun: 20,
    in_flight: 0,
    verified: 20,
    crashed: 0,
    failed: 0,
    stalled: 0,
    silent: 0,
    refused: 0,
    reverted: 0,
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
    check(|i| set(i, Counts { verified: 0, refused: 20, ..GOOD }), "Continue on soak");
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
            i.approvals = 1;
        },
        "Promote on nothing",
    );
}

#[test]
fn a_full_budget_is_named() {
    let full = |in_flight, crashed| Counts { begun: 50, in_flight, crashed, ..Counts::default() };
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

#[test]
fn what_went_wrong_in_a_halted_slice_crosses_no_guard_rail_and_stays_exposed() {
    let crashed = Counts { crashed: 2, begun: 2, ..Counts::default() };
    check(|inputs| inputs.counts = crashed, "Halt on guard-rail/crashed");
    let apart = |inputs: &mut Inputs| (inputs.counts, inputs.shut_out) = (crashed, crashed);
    check(apart, "Continue on coverage");
    let budget = |inputs: &mut Inputs| {
        apart(inputs);
        set_tier(inputs, GOOD);
        inputs.exposure_budget = 2;
    };
    check(budget, "Continue on exposure-budget");
}

fn set_tier(inputs: &mut Inputs, counts: Counts) {
    inputs.tier = counts;
}
