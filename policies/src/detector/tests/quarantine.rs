//! Is a slice halted alone where it alone is bad, and is the rest left to its own evidence?

use std::collections::BTreeSet;

use super::*;
use crate::detector::Apart;
use crate::detector::applies::{ApplyEnd, ApplyFault};
use crate::detector::cut::Cut;

const OLD: &str = "5.15";
const NEW: &str = "6.8";

/// 5,000 sentinels and 410 patched hosts, few of them of the new kernel; the patched ones, by kernel.
fn fleet(on_slice: OnSlice) -> (World, Vec<Subject>, Vec<Subject>) {
    let mut world = World::new(on_slice);
    world.controls(OLD, 4_900);
    world.controls(NEW, 100);
    let (good, bad) = (world.patched(OLD, 400), world.patched(NEW, 10));
    (world, good, bad)
}

fn new_kernel(world: &World) -> (SliceId, Cut) {
    let cut = Cut::parse(&format!("kernel={NEW}")).unwrap();
    (world.detector.slices().named(&cut).unwrap(), cut)
}

/// Halts the new kernel alone: its hosts leave their risk sets.
fn quarantine(world: &mut World, in_flight: &[Subject]) {
    for host in in_flight {
        world.detector.leave(host, PATCHED);
    }
    let (_, cut) = new_kernel(world);
    world.detector.set_apart(&Apart { cut: &cut, hosts: &BTreeSet::new() });
}

fn fail_until_it_halts(world: &mut World, hosts: &[Subject]) -> usize {
    for (n, host) in hosts.iter().enumerate() {
        if world.standing() == Standing::Halt {
            return n;
        }
        world.fail(host, PATCHED);
    }
    hosts.len()
}

#[test]
fn the_slice_in_which_all_failures_stand_is_halted_alone_and_only_if_the_policy_says_so() {
    for (on_slice, alone) in [(OnSlice::Everything, false), (OnSlice::Quarantine, true)] {
        let (mut world, _, bad) = fleet(on_slice);
        let needed = fail_until_it_halts(&mut world, &bad);
        let ruling = world.detector.ruling();
        assert_eq!((ruling.standing, needed), (Standing::Halt, 4));
        assert_eq!(ruling.scope == Scope::Slice(new_kernel(&world).0), alone, "{on_slice:?}");
    }
}

#[test]
fn a_slice_that_most_hosts_are_in_is_never_told_from_everything() {
    let (mut world, good, _) = fleet(OnSlice::Quarantine);
    fail_until_it_halts(&mut world, &good);
    let record = world.detector.record();
    assert_eq!((record.ruling.standing, record.ruling.scope), (Standing::Halt, Scope::Everything));
    assert!(
        record.arithmetic(&|_| None).contains("stands in no slice alone"),
        "{}",
        record.arithmetic(&|_| None)
    );
}

#[test]
fn what_fails_outside_as_well_halts_everything() {
    let (mut world, good, bad) = fleet(OnSlice::Quarantine);
    for (inside, outside) in bad.iter().zip(&good) {
        world.fail(inside, PATCHED);
        world.fail(outside, PATCHED);
    }
    assert_eq!(world.standing(), Standing::Halt);
    assert_eq!(world.detector.ruling().scope, Scope::Everything);
}

#[test]
fn the_arithmetic_says_which_slice_stands_alone_and_why() {
    let (mut world, _, bad) = fleet(OnSlice::Quarantine);
    fail_until_it_halts(&mut world, &bad);
    let text = world.detector.record().arithmetic(&|_| None);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("verdict") || line.starts_with("suspect"))
        .collect();
    expect_test::expect!["suspect    kernel 6.8: 4 failed, score 5.301; outside of it 0 failed, too few to count; that these are all in it is 2^18.331 times as likely if it is what is bad, 2^3.322 is needed: it stands alone"].assert_eq(&lines.join("\n"));
}

#[test]
fn what_a_halted_slice_has_shown_is_not_held_against_the_rest() {
    let (mut world, good, bad) = fleet(OnSlice::Quarantine);
    world.fail(&good[0], PATCHED);
    let before = world.detector.ledger().shown(WHOLE, Stream::Hard);
    let failed = fail_until_it_halts(&mut world, &bad);
    quarantine(&mut world, &bad[failed..]);
    assert_eq!(world.standing(), Standing::Go);
    let after = world.detector.ledger().shown(WHOLE, Stream::Hard);
    assert_eq!((after.sums, after.treated), (before.sums, before.treated));
    let (slice, _) = new_kernel(&world);
    assert_eq!(world.detector.ledger().shown(slice, Stream::Hard), Default::default());
    assert_eq!(world.detector.risk().of_slice(WHOLE).treated, [399; 3]);
}

#[test]
fn the_rest_halts_by_what_it_shows_itself() {
    let (mut world, good, bad) = fleet(OnSlice::Quarantine);
    let failed = fail_until_it_halts(&mut world, &bad);
    quarantine(&mut world, &bad[failed..]);
    fail_until_it_halts(&mut world, &good);
    assert_eq!(world.standing(), Standing::Halt);
    assert_eq!(world.detector.ruling().scope, Scope::Everything);
}

#[test]
fn a_slice_that_goes_on_again_begins_anew_with_half_its_weight() {
    let (mut world, _, bad) = fleet(OnSlice::Quarantine);
    let failed = fail_until_it_halts(&mut world, &bad);
    quarantine(&mut world, &bad[failed..]);
    let (slice, cut) = new_kernel(&world);
    let before = world.detector.penalty(slice);
    world.detector.rejoin(&cut);
    assert_eq!(world.detector.penalty(slice), before.plus(Bits::whole(1)));
    let again = world.patched(NEW, 10);
    assert_eq!(world.standing(), Standing::Go);
    fail_until_it_halts(&mut world, &again);
    assert_eq!(world.detector.ruling().scope, Scope::Slice(slice));
}

#[test]
fn a_kernel_on_which_applies_fail_is_halted_alone_and_its_last_applies_are_taken_back() {
    let (mut world, good, bad) = fleet(OnSlice::Quarantine);
    for host in &good[..300] {
        world.detector.end_apply(host, ApplyEnd::Ended);
    }
    for host in &bad[..6] {
        world.detector.end_apply(host, ApplyEnd::Fault(ApplyFault::Failed));
    }
    let ruling = world.detector.ruling();
    assert_eq!(ruling.standing, Standing::Halt);
    assert_eq!(ruling.scope, Scope::Slice(new_kernel(&world).0));
    quarantine(&mut world, &bad);
    for host in &bad[6..] {
        world.detector.end_apply(host, ApplyEnd::Fault(ApplyFault::Failed));
    }
    let applies = world.detector.applies().of(WHOLE);
    assert_eq!((applies.begun, applies.pending, applies.failed), (400, 100, 0));
    assert_eq!(world.standing(), Standing::Go);
}
