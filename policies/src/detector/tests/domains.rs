//! Is a patch seen that takes racks down, and is a rack that goes down by itself left alone?

use super::*;
use crate::detector::domains::AFTERMATH;

const RACKS: u64 = 500;

/// Racks that are listened to, each in a zone of its own; the first `treated` have a patched host.
fn racks(treated: u64) -> (World, Vec<Subject>) {
    let mut world = World::new(OnSlice::Everything);
    for rack in 0..RACKS {
        world.detector.watch(DomainId(rack), DomainId(10_000 + rack));
    }
    let mut hosts = Vec::new();
    for rack in 0..treated {
        let mut host = world.host("5.15");
        host.place = Place { domain: DomainId(rack), unit: Some(DomainId(rack)) };
        world.detector.begin(&host);
        hosts.push(host);
    }
    (world, hosts)
}

#[test]
fn two_racks_with_patched_hosts_that_go_down_halt() {
    let (mut world, _) = racks(5);
    world.detector.disrupt(DomainId(0), Elapsed(0));
    assert_eq!(world.standing(), Standing::Go, "one is chance");
    world.detector.disrupt(DomainId(1), Elapsed(600_000));
    assert_eq!(world.standing(), Standing::Halt);
    let rule = world.detector.ruling().finding.unwrap().rule;
    assert!(matches!(rule, Rule::Domains { .. }), "{rule:?}");
}

#[test]
fn racks_that_go_down_without_regard_to_the_patch_do_not_halt() {
    let (mut world, _) = racks(50);
    for n in 0..40 {
        // One in ten has patched hosts, as in the fleet.
        let rack = if n % 10 == 0 { n / 10 } else { 100 + n };
        world.detector.disrupt(DomainId(rack), Elapsed(n * 600_000));
        assert_ne!(world.standing(), Standing::Halt, "after {n}");
    }
}

#[test]
fn racks_of_one_zone_that_go_down_together_count_once() {
    let (mut world, _) = racks(5);
    for rack in 0..5 {
        world.detector.watch(DomainId(rack), DomainId(99_999));
        world.detector.disrupt(DomainId(rack), Elapsed(rack * 1_000));
    }
    assert_eq!(world.detector.domains().shown().treated, 1);
}

#[test]
fn silence_in_a_disrupted_rack_is_no_evidence_until_it_has_settled() {
    let (mut world, _) = racks(0);
    world.controls("5.15", 5_000);
    let count = |world: &mut World, now: u64, symptom| {
        let mut host = world.host("5.15");
        host.place = Place { domain: DomainId(1), unit: Some(DomainId(1)) };
        world.detector.begin(&host);
        let before = world.detector.ledger().shown(WHOLE, Stream::Union).treated;
        world.detector.fail(&host, PATCHED, symptom, Elapsed(now));
        world.detector.ledger().shown(WHOLE, Stream::Union).treated - before
    };
    world.detector.disrupt(DomainId(1), Elapsed(1_000_000));
    assert_eq!(count(&mut world, 2_000_000, Symptom::Silence), 0);
    assert_eq!(count(&mut world, 2_000_000, Symptom::Hard), 1, "a panic is evidence anywhere");
    world.detector.recover(DomainId(1), Elapsed(3_000_000));
    let settled = 3_000_000 + AFTERMATH.0;
    assert_eq!(count(&mut world, settled - 1, Symptom::Silence), 0);
    assert_eq!(count(&mut world, settled, Symptom::Silence), 1);
}

#[test]
fn a_rack_is_treated_while_a_patched_host_soaks_in_it() {
    let (mut world, hosts) = racks(2);
    assert_eq!(world.detector.domains().at_risk().treated, 2);
    world.detector.outlive(&hosts[0], Window::Early);
    assert_eq!(world.detector.domains().at_risk().treated, 2);
    world.detector.outlive(&hosts[0], Window::Soak);
    world.detector.leave(&hosts[1], PATCHED);
    let at = world.detector.domains().at_risk();
    assert_eq!((at.treated, u64::from(at.control)), (0, RACKS));
    world.detector.unwatch(DomainId(0));
    assert_eq!(u64::from(world.detector.domains().at_risk().control), RACKS - 1);
}
