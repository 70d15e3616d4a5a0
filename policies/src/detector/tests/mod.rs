//! Does the detector do what its table says? A few hosts, failure by failure.

mod applies;
mod domains;
mod golden;
mod quarantine;
mod replay;
mod slices;

use std::collections::BTreeMap;

use super::bits::Bits;
use super::place::{DomainId, Place};
use super::risk::Stratum;
use super::ruling::{OnSlice, Rule, Scope, Standing};
use super::slices::{Dimension, SliceId, Slices};
use super::stream::{Cohort, Stream, Symptom, Window, Windows};
use super::{Detector, EvidenceRule, Subject};
use crate::time::Elapsed;

pub(super) const PATCHED: Cohort = Cohort::Treated(Windows::EVERY);
const WHOLE: SliceId = SliceId(0);

/// A detector of two kernels, with hosts that stand in a rack each.
pub(super) struct World {
    pub(super) detector: Detector,
    next: u64,
    now: u64,
}

impl World {
    pub(super) fn new(on_slice: OnSlice) -> Self {
        let hosts = [
            ((Dimension::Kernel, "5.15".to_owned()), 9_000),
            ((Dimension::Kernel, "6.8".to_owned()), 1_000),
        ];
        let rule = EvidenceRule { on_slice, ..EvidenceRule::STANDARD };
        let detector = Detector::new(rule, Slices::freeze(&BTreeMap::from(hosts)));
        Self { detector, next: 0, now: 0 }
    }

    /// A host of this kernel in a rack of its own.
    pub(super) fn host(&mut self, kernel: &str) -> Subject {
        self.next += 1;
        let (host, domain) = (self.next, DomainId(self.next));
        let slices = self.detector.admit(&[(Dimension::Kernel, kernel)]);
        Subject { host, stratum: Stratum(0), slices, place: Place { domain, unit: None } }
    }

    pub(super) fn controls(&mut self, kernel: &str, n: u32) -> Vec<Subject> {
        let hosts: Vec<_> = (0..n).map(|_| self.host(kernel)).collect();
        for host in &hosts {
            self.detector.enter_control(host);
        }
        hosts
    }

    pub(super) fn patched(&mut self, kernel: &str, n: u32) -> Vec<Subject> {
        let hosts: Vec<_> = (0..n).map(|_| self.host(kernel)).collect();
        for host in &hosts {
            self.detector.begin(host);
        }
        hosts
    }

    /// The host fails, ten minutes after the one before.
    pub(super) fn fail(&mut self, host: &Subject, cohort: Cohort) {
        self.now += 600_000;
        self.detector.fail(host, cohort, Symptom::Hard, Elapsed(self.now));
    }

    pub(super) fn standing(&self) -> Standing {
        self.detector.ruling().standing
    }
}

#[test]
fn one_failed_host_says_nothing_yet_and_two_of_two_domains_do() {
    let mut world = World::new(OnSlice::Everything);
    world.controls("5.15", 5_000);
    let patched = world.patched("5.15", 2);
    world.fail(&patched[0], PATCHED);
    assert_eq!(world.detector.ruling().finding, None);
    world.fail(&patched[1], PATCHED);
    assert_eq!(world.standing(), Standing::Halt);
}

#[test]
fn two_failed_hosts_of_one_domain_say_nothing() {
    let mut world = World::new(OnSlice::Everything);
    world.controls("5.15", 5_000);
    let mut patched = world.patched("5.15", 3);
    patched[1].place = patched[0].place;
    world.fail(&patched[0], PATCHED);
    world.fail(&patched[1], PATCHED);
    assert_eq!(world.detector.ruling().finding, None);
    world.fail(&patched[2], PATCHED);
    assert_eq!(world.standing(), Standing::Halt);
}

#[test]
fn failures_of_control_hosts_alone_never_speak_against_the_patch() {
    let mut world = World::new(OnSlice::Everything);
    let controls = world.controls("5.15", 50);
    world.patched("5.15", 20);
    for host in &controls {
        world.fail(host, Cohort::Control);
        for stream in Stream::ALL {
            let shown = world.detector.ledger().shown(WHOLE, stream);
            assert!(shown.sums.iter().flatten().all(|sum| *sum <= Bits::ZERO), "{shown:?}");
        }
    }
}

#[test]
fn without_somebody_to_compare_with_there_is_no_evidence() {
    let mut world = World::new(OnSlice::Everything);
    let patched = world.patched("5.15", 10);
    for host in &patched {
        world.fail(host, PATCHED);
    }
    let shown = world.detector.ledger().shown(WHOLE, Stream::Hard);
    assert_eq!((shown.treated, shown.sums[0][0]), (10, Bits::ZERO));
    assert_eq!(world.standing(), Standing::Go);
}

#[test]
fn a_failed_host_leaves_its_risk_set_whichever_cohort_it_is_in() {
    let mut world = World::new(OnSlice::Everything);
    let controls = world.controls("5.15", 3);
    let patched = world.patched("5.15", 2);
    world.fail(&controls[0], Cohort::Control);
    world.fail(&patched[0], PATCHED);
    let at = world.detector.risk().at(Stratum(0), WHOLE);
    assert_eq!((at.treated, at.control), ([1; 3], 2));
}

#[test]
#[should_panic(expected = "a host leaves only the risk set that it entered")]
fn a_host_that_is_not_at_risk_cannot_fail() {
    let mut world = World::new(OnSlice::Everything);
    let host = world.host("5.15");
    world.fail(&host, Cohort::Control);
}

#[test]
fn a_burst_is_one_event_and_still_empties_the_risk_set() {
    let mut world = World::new(OnSlice::Everything);
    let mut controls = world.controls("5.15", 40);
    for host in &mut controls {
        host.place.domain = DomainId(7);
        world.detector.fail(host, Cohort::Control, Symptom::Silence, Elapsed(1_000));
    }
    assert_eq!(world.detector.ledger().shown(WHOLE, Stream::Union).control, 1);
    assert_eq!(world.detector.risk().at(Stratum(0), WHOLE).control, 0);
}

#[test]
fn a_host_counts_only_in_the_windows_that_it_has_not_outlived() {
    let mut world = World::new(OnSlice::Everything);
    world.controls("5.15", 5_000);
    let patched = world.patched("5.15", 10);
    for host in &patched {
        world.detector.outlive(host, Window::Early);
    }
    let late = Windows::EVERY.without(Window::Early);
    world.fail(&patched[0], Cohort::Treated(late));
    let shown = world.detector.ledger().shown(WHOLE, Stream::Hard);
    assert_eq!(shown.sums[Window::Early.index()], [Bits::ZERO; 8]);
    assert!(shown.sums[Window::Soak.index()].iter().any(|sum| *sum > Bits::whole(4)));
    assert_eq!(world.detector.risk().at(Stratum(0), WHOLE).treated, [0, 9, 9]);
}

#[test]
fn hosts_are_compared_within_their_stratum_alone() {
    let mut world = World::new(OnSlice::Everything);
    world.controls("5.15", 5_000);
    let mut patched = world.patched("5.15", 2);
    for host in &mut patched {
        world.detector.leave(host, PATCHED);
        host.stratum = Stratum(1);
        world.detector.begin(host);
        world.fail(host, PATCHED);
    }
    assert_eq!(world.detector.ledger().shown(WHOLE, Stream::Hard).sums[0][0], Bits::ZERO);
}

#[test]
fn a_halt_stands_whatever_comes_after_until_a_person_resumes() {
    let mut world = World::new(OnSlice::Everything);
    let controls = world.controls("5.15", 1_000);
    let patched = world.patched("5.15", 30);
    for host in &patched[..3] {
        world.fail(host, PATCHED);
    }
    let halted = world.detector.record();
    assert_eq!(halted.ruling.standing, Standing::Halt);
    for host in &controls[..200] {
        world.fail(host, Cohort::Control);
    }
    assert_eq!(world.detector.record(), halted);
    world.detector.renew();
    assert_eq!((world.standing(), world.detector.ruling().finding), (Standing::Go, None));
    assert_eq!(world.detector.risk().at(Stratum(0), WHOLE).treated, [27; 3], "still at risk");
}

#[test]
fn each_resume_takes_a_bit_more_and_each_probe_to_hold() {
    let mut world = World::new(OnSlice::Everything);
    let bits = |world: &World| {
        let (halt, hold) = world.detector.thresholds();
        format!("{halt} {hold}")
    };
    assert_eq!(bits(&world), "6.644 3.322");
    world.detector.probe();
    assert_eq!(bits(&world), "6.644 4.322");
    world.detector.renew();
    assert_eq!(bits(&world), "7.644 4.322");
    for _ in 0..9 {
        world.detector.probe();
    }
    assert_eq!(bits(&world), "7.644 7.644", "a hold never takes more than a halt");
}

#[test]
fn a_bad_kernel_is_quarantined_only_while_nothing_fails_outside_of_it() {
    let halt = |on_slice, outside: usize| {
        let mut world = World::new(on_slice);
        world.controls("5.15", 4_900);
        world.controls("6.8", 100);
        let good = world.patched("5.15", 400);
        let bad = world.patched("6.8", 4);
        for host in &good[..outside] {
            world.fail(host, PATCHED);
        }
        for host in &bad {
            world.fail(host, PATCHED);
        }
        let ruling = world.detector.ruling();
        let kernel =
            world.detector.slices().iter().find(|(_, slice)| slice.value == "6.8").unwrap();
        let rule = ruling.finding.unwrap().rule;
        assert!(matches!(rule, Rule::Hosts { .. }));
        (ruling.standing, ruling.scope == Scope::Slice(kernel.0))
    };
    assert_eq!(halt(OnSlice::Everything, 0), (Standing::Halt, false));
    assert_eq!(halt(OnSlice::Quarantine, 0).0, Standing::Halt);
    assert_eq!(halt(OnSlice::Quarantine, 2), (Standing::Halt, false));
}

#[test]
fn in_a_small_fleet_the_evidence_can_hold_but_not_halt_at_once() {
    let mut world = World::new(OnSlice::Everything);
    world.controls("5.15", 10);
    let patched = world.patched("5.15", 10);
    for host in &patched[..2] {
        world.fail(host, PATCHED);
    }
    assert_eq!(world.standing(), Standing::Go, "the guard rails decide");
}
