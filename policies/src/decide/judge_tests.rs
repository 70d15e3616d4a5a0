//! Does the evidence reach the verdict, in its place in the order? Both sides of each edge.

use std::collections::BTreeMap;

use super::tests::{GOOD, inputs, set};
use super::*;
use crate::credit::{Credit, CreditRule};
use crate::detector::bits::Bits;
use crate::detector::grid::RATIOS;
use crate::detector::ruling::{OnSlice, Scope, Standing};
use crate::detector::signatures::{Seen, SignatureRuling};
use crate::detector::slices::{Dimension, SliceId, Slices};
use crate::detector::suspects::Suspect;
use crate::detector::{Detector, EvidenceRule};
use crate::proof::bound::{Group, Rate};
use crate::proof::{self, ProofRule};

fn case() -> Case {
    let detector = Detector::new(EvidenceRule::STANDARD, Slices::freeze(&BTreeMap::new()));
    let mut books = inputs();
    set(&mut books, GOOD);
    Case {
        books,
        evidence: detector.inputs(),
        signatures: SignatureRuling {
            standing: Standing::Go,
            seen: Seen::default(),
            signature: None,
            needed: 3,
        },
        silent_in_window: 0,
        hold: None,
        soaked: Soaked { patched: Group { hosts: 20, failed: 0 }, sentinels: Group::default() },
        proof: None,
        credit: flying(3),
    }
}

/// Of four that may be, so many are in flight.
fn flying(hosts: u64) -> CreditSeen {
    let mut credit = Credit::default();
    credit.in_flight = hosts;
    let rule = CreditRule { start: 4, floor: 4, ..CreditRule::STANDARD };
    let name = "the whole cohort".to_owned();
    CreditSeen { slice: SliceId(0), name, credit, rule, most: 1_000 }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Case), expected: &str) {
    let mut case = case();
    change(&mut case);
    let verdict = judge(&case);
    let waiting = verdict.waiting_on().map_or("nothing", |gate| gate.name.as_str());
    assert_eq!(format!("{:?} on {waiting}", verdict.kind), expected, "{verdict:#?}");
    assert_eq!(judge(&case), verdict, "the same case gives the same bits");
    let silent = judge_silently(&case);
    assert_eq!(silent.kind, verdict.kind);
    assert!(silent.gates.iter().all(|gate| gate.detail.is_empty()));
}

/// Evidence of so many bits by domains, of which two failed.
fn evidence(case: &mut Case, bits: i32) {
    let inputs = &mut case.evidence;
    inputs.domains.treated = 2;
    inputs.domains.sums = [Bits::whole(bits).plus(Bits::whole(3)); RATIOS];
}

#[test]
fn without_evidence_the_verdict_is_that_of_the_counts() {
    check(|_| (), "Promote on nothing");
    check(|case| case.books.heard_since = None, "Hold on fleet-heard");
    check(|case| case.books.counts.crashed = 2, "Halt on guard-rail/crashed");
}

#[test]
fn evidence_holds_then_halts() {
    check(|case| evidence(case, 3), "Promote on nothing");
    check(|case| evidence(case, 4), "Hold on evidence");
    check(|case| evidence(case, 6), "Hold on evidence");
    check(|case| evidence(case, 7), "Halt on evidence");
}

#[test]
fn a_hold_that_goes_on_holds() {
    let hold = crate::credit::hold::Hold { since: Elapsed(1), failed: 2 };
    check(|case| case.hold = Some(hold), "Hold on evidence");
}

#[test]
fn kernels_that_name_the_patch_halt_before_the_evidence() {
    check(
        |case| {
            evidence(case, 9);
            case.signatures.standing = Standing::Halt;
        },
        "Halt on guard-rail/signature",
    );
    check(|case| case.signatures.standing = Standing::Hold, "Hold on guard-rail/signature");
}

#[test]
fn a_tenth_of_the_flight_silent_holds_from_six_hosts_on() {
    check(|case| case.silent_in_window = 5, "Promote on nothing");
    check(|case| case.silent_in_window = 6, "Hold on guard-rail/silent-share");
    let flight = |silent| {
        move |case: &mut Case| {
            case.books.exposure_budget = 1_000;
            case.books.in_flight_cap = 1_000;
            case.books.counts.in_flight = 900;
            case.silent_in_window = silent;
        }
    };
    check(flight(100), "Promote on nothing");
    check(flight(101), "Hold on guard-rail/silent-share");
}

#[test]
fn a_tier_is_left_with_its_proof_and_not_before() {
    let proof = |hosts, failed| {
        move |case: &mut Case| {
            case.books.next = Next::Tier;
            let (treated, control) = (Group { hosts, failed }, Group { hosts: 5_000, failed: 0 });
            let bound = Rate::of_share(crate::share::Share::percent(1));
            let seen = proof::Seen { treated, control, rule: ProofRule::STANDARD, bound };
            case.proof = Some(ProofSeen { seen: Some(seen), strata: 9, strata_short: 1 });
        }
    };
    check(proof(299, 0), "Promote on nothing");
    check(proof(298, 0), "Continue on proof");
    check(proof(298, 40), "Hold on proof");
    check(
        |case| {
            proof(1, 0)(case);
            case.books.next = Next::Wave;
        },
        "Promote on nothing",
    );
}

#[test]
fn hosts_that_fail_without_the_patch_too_are_not_asked_of_those_that_have_it() {
    let of_sentinels = |hosts, failed| {
        move |case: &mut Case| {
            case.books.tier = Counts { verified: 16, silent: 4, ..GOOD };
            case.soaked.patched.failed = 4;
            case.soaked.sentinels = Group { hosts, failed };
        }
    };
    check(of_sentinels(0, 0), "Continue on soak");
    check(of_sentinels(100, 0), "Continue on soak");
    check(of_sentinels(100, 15), "Continue on soak");
    check(of_sentinels(100, 16), "Promote on nothing");
    let mut noisy = case();
    of_sentinels(100, 16)(&mut noisy);
    let verdict = judge(&noisy);
    let soak = verdict.gates.iter().find(|gate| gate.name == GateName::Soak).unwrap();
    let says = "16 of 20 begun hosts have outlived 1m of soak; it needs 16 (95%, less what fails unpatched: of \
                100 sentinels 16 in as long)";
    assert!(soak.detail.starts_with(says), "{}", soak.detail);
}

#[test]
fn nobody_who_outlived_its_soak_is_no_data_whatever_became_of_sentinels() {
    let lost = |case: &mut Case| {
        case.books.tier = Counts { verified: 0, silent: 20, ..GOOD };
        case.soaked.patched.failed = 20;
        case.soaked.sentinels = Group { hosts: 100, failed: 100 };
    };
    check(lost, "Continue on soak");
}

#[test]
fn who_fails_after_its_soak_has_outlived_it() {
    let late = |failed| {
        move |case: &mut Case| {
            case.books.tier = Counts { verified: 16, silent: 4, ..GOOD };
            case.soaked.patched.failed = failed;
        }
    };
    check(late(1), "Promote on nothing");
    check(late(2), "Continue on soak");
}

#[test]
fn credit_that_is_used_up_is_waited_for() {
    check(|case| case.credit = flying(4), "Continue on credit");
}

/// A slice of which two hosts failed, and to which all of it points.
fn suspect() -> Suspect {
    Suspect {
        slice: SliceId(3),
        dimension: Dimension::Kernel,
        name: "kernel 6.8".to_owned(),
        weighed: Bits::whole(9),
        outside: None,
        failed: 2,
        failed_outside: 0,
        pointed: Bits::whole(9),
    }
}

#[test]
fn a_halt_by_evidence_is_of_the_slice_that_stands_alone_and_by_a_guard_rail_of_everything() {
    let scope = |change: &dyn Fn(&mut Case)| {
        let mut case = case();
        evidence(&mut case, 7);
        case.evidence.on_slice = OnSlice::Quarantine;
        case.evidence.suspects = vec![suspect()];
        change(&mut case);
        let verdict = judge(&case);
        assert_eq!(verdict.kind, VerdictKind::Halt);
        verdict.scope
    };
    assert_eq!(scope(&|_| ()), Scope::Slice(SliceId(3)));
    assert_eq!(scope(&|case| case.books.counts.crashed = 2), Scope::Everything);
    assert_eq!(scope(&|case| case.evidence.on_slice = OnSlice::Everything), Scope::Everything);
    let outside = |bits| move |case: &mut Case| case.evidence.suspects[0].outside = Some(bits);
    let hold_at = case().evidence.hold_at;
    assert_eq!(scope(&outside(hold_at)), Scope::Everything);
    assert_eq!(scope(&outside(hold_at.less(Bits(1)))), Scope::Slice(SliceId(3)));
    let pointed = |bits| move |case: &mut Case| case.evidence.suspects[0].pointed = bits;
    assert_eq!(scope(&pointed(hold_at)), Scope::Slice(SliceId(3)));
    assert_eq!(scope(&pointed(hold_at.less(Bits(1)))), Scope::Everything);
}

#[test]
fn of_two_suspects_the_one_that_failures_point_at_more_is_halted_and_a_pair_must_be_told_from_both()
{
    let with = |other: Suspect| {
        let mut case = case();
        evidence(&mut case, 7);
        case.evidence.on_slice = OnSlice::Quarantine;
        case.evidence.suspects = vec![suspect(), other];
        judge(&case).scope
    };
    let more = Suspect { slice: SliceId(4), pointed: Bits::whole(10), ..suspect() };
    assert_eq!(with(more.clone()), Scope::Slice(SliceId(4)));
    let pair = Suspect { dimension: Dimension::KernelAndCpu, ..more };
    assert_eq!(with(pair.clone()), Scope::Slice(SliceId(3)));
    assert_eq!(with(Suspect { pointed: Bits::whole(13), ..pair }), Scope::Slice(SliceId(4)));
}
