//! Is the test of applies fair to a patch that applies, and quick with one that does not?

use super::*;
use crate::detector::applies::{ApplyEnd, ApplyFault};

/// How many failures in a row, each after so many good applies, it takes to halt.
fn failures_to_halt(good_between: u32) -> usize {
    let mut world = World::new(OnSlice::Everything);
    for failures in 1..1_000 {
        let hosts = world.patched("5.15", good_between + 1);
        let (bad, good) = hosts.split_last().unwrap();
        for host in good {
            world.detector.end_apply(host, ApplyEnd::Ended);
        }
        world.detector.end_apply(bad, ApplyEnd::Fault(ApplyFault::Failed));
        if world.standing() == Standing::Halt {
            return failures;
        }
    }
    1_000
}

#[test]
fn the_more_applies_fail_the_fewer_it_takes() {
    let needed: Vec<_> = [0, 2, 9, 32, 49].map(failures_to_halt).to_vec();
    assert!(needed.is_sorted(), "{needed:?}");
    assert_eq!(needed[0], 2, "two of two");
    assert!(needed[1] <= 4 && needed[2] <= 6 && needed[3] <= 20 && needed[4] <= 40, "{needed:?}");
}

#[test]
fn one_failed_apply_in_a_hundred_is_not_called_harm() {
    assert_eq!(failures_to_halt(99), 1_000);
}

#[test]
fn a_success_is_charged_at_its_begin_and_not_at_its_end() {
    let mut world = World::new(OnSlice::Everything);
    world.patched("5.15", 300);
    let begun = world.detector.applies().of(WHOLE);
    assert!(begun.evidence(ApplyFault::Failed, 0) < Bits::whole(-4));
    let failed = world.patched("5.15", 3);
    for host in &failed {
        world.detector.end_apply(host, ApplyEnd::Fault(ApplyFault::Failed));
    }
    assert_eq!(world.standing(), Standing::Go, "3 of 303, though none of the 300 has ended");
}

#[test]
fn stalls_are_a_class_of_their_own() {
    let mut world = World::new(OnSlice::Everything);
    let hosts = world.patched("5.15", 2);
    world.detector.end_apply(&hosts[0], ApplyEnd::Fault(ApplyFault::Failed));
    world.detector.end_apply(&hosts[1], ApplyEnd::Fault(ApplyFault::Stalled));
    assert_eq!(world.detector.ruling().finding, None, "one of each is not two of one");
    let more = world.patched("5.15", 2);
    for host in &more {
        world.detector.end_apply(host, ApplyEnd::Fault(ApplyFault::Stalled));
    }
    let rule = world.detector.ruling().finding.unwrap().rule;
    assert!(matches!(rule, Rule::Applies { fault: ApplyFault::Stalled, .. }), "{rule:?}");
}

#[test]
fn a_refusal_counts_neither_way() {
    let mut world = World::new(OnSlice::Everything);
    let before = world.detector.applies().of(WHOLE);
    let hosts = world.patched("5.15", 50);
    for host in &hosts {
        world.detector.end_apply(host, ApplyEnd::Refused);
    }
    assert_eq!(world.detector.applies().of(WHOLE), before);
}

#[test]
fn a_new_generation_charges_what_has_not_ended() {
    let mut world = World::new(OnSlice::Everything);
    let hosts = world.patched("5.15", 10);
    for host in &hosts[..4] {
        world.detector.end_apply(host, ApplyEnd::Fault(ApplyFault::Failed));
    }
    assert_eq!(world.standing(), Standing::Halt);
    world.detector.renew();
    let applies = world.detector.applies().of(WHOLE);
    assert_eq!((applies.begun, applies.pending, applies.failed), (6, 6, 0));
}

#[test]
#[should_panic(expected = "an apply ends only once, and after it began")]
fn an_apply_that_ends_twice_is_a_broken_book() {
    let mut world = World::new(OnSlice::Everything);
    let hosts = world.patched("5.15", 1);
    world.detector.end_apply(&hosts[0], ApplyEnd::Ended);
    world.detector.end_apply(&hosts[0], ApplyEnd::Ended);
}
