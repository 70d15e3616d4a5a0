//! Is a ruling the same wherever and whenever it is computed, and can a person check it?

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::detector::Record;
use crate::detector::ruling::recompute;

/// A few failures, some of control hosts, that halt.
fn halted() -> World {
    let mut world = World::new(OnSlice::Everything);
    let controls = world.controls("5.15", 5_000);
    let patched = world.patched("5.15", 100);
    world.fail(&patched[0], PATCHED);
    world.fail(&controls[0], Cohort::Control);
    world.fail(&patched[1], PATCHED);
    world.fail(&patched[2], PATCHED);
    world.fail(&patched[3], PATCHED);
    world
}

#[test]
fn the_arithmetic_of_a_halt_can_be_checked_by_hand() {
    let text = halted().detector.record().arithmetic(&|_| None);
    expect![[r#"
        seen       the whole cohort: 4 patched hosts failed in any way, and 1 unpatched since the start; judged by those within ten minutes; score 11.394, where 3.322 holds and 6.644 halts
        says       halt everything
        chance     in this test at most 1 in 2690 harmless rollouts comes this far (2^11.394); each of the tests of hosts, domains and applies ever holds at most 1 in 10 of them, and halts 1 in 100
        by chance  0.10 of the 5 failures listed here would be of patched hosts if the patch did nothing; 4 are
        in common  nothing that is notably more common among them than among the unpatched
        score      11.394 = 17.546 (evidence) - 6.152 (for looking in many places)
        places     6.152 = 1.000 (the whole cohort) + 1.000 (failing in any way) + 1.152 (within ten minutes) + 3.000 (8 strengths of harm)
        evidence   log2((5/4 P + U) / (500 P + U)) for each failure, and 8.644 = log2(500 / (5/4)) more if the host was patched
                   P patched hosts within ten minutes of their begin, and U unpatched ones of the stratum, were watched just before
                   500 times the failures is the size of harm that fits best, of 8; up to 5/4 is not called harm; times are the cluster's running time
                                 0.000  from failures before these
                      5.220 ->   5.220  10m: patched 0000000000001389 [domain 1389], P = 100, U = 5000
                     -3.411 ->   1.809  20m: unpatched 0000000000000001 [domain 1], P = 99, U = 5000
                      5.233 ->   7.042  30m: patched 000000000000138a [domain 138a], P = 99, U = 4999
                      5.246 ->  12.287  40m: patched 000000000000138b [domain 138b], P = 98, U = 4999
                      5.259 ->  17.546  50m: patched 000000000000138c [domain 138c], P = 97, U = 4999
        now        P = 96, U = 4999, all strata together
    "#]].assert_eq(&text);
}

#[test]
fn no_evidence_is_said_in_words_too() {
    let record = World::new(OnSlice::Everything).detector.record();
    expect![[r#"
        seen       fewer than two patched hosts of two failure domains failed: nothing counts yet
    "#]]
    .assert_eq(&record.arithmetic(&|_| None));
}

#[test]
fn a_ruling_is_computed_again_from_its_inputs_to_the_same_bits() {
    let Record { inputs, ruling, .. } = halted().detector.record();
    let stored = postcard::to_stdvec(&inputs).unwrap();
    let read = postcard::from_bytes(&stored).unwrap();
    assert_eq!((recompute(&read), &read), (ruling, &inputs));
}

#[test]
fn the_state_is_read_back_as_it_was_written() {
    let world = halted();
    let bytes = postcard::to_stdvec(&world.detector).unwrap();
    let read: Detector = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(read, world.detector);
    assert_eq!(postcard::to_stdvec(&read).unwrap(), bytes);
    assert_eq!(read.record(), world.detector.record(), "a halt stands after it, too");
}

/// One random life: who enters, fails and leaves, decided by `seed`.
fn random(seed: u64, names: impl Fn(u64) -> u64) -> Detector {
    let mut world = World::new(OnSlice::Quarantine);
    let mut state = seed;
    let mut draw = |n: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % n
    };
    let (mut controls, mut patched) = (Vec::new(), Vec::new());
    for n in 0..400 {
        let mut host = world.host(["5.15", "6.8"][draw(2)]);
        host.host = names(host.host);
        host.place.domain = DomainId(names(host.place.domain.0 / 3));
        if n % 3 == 0 {
            world.detector.begin(&host);
            patched.push(host);
        } else {
            world.detector.enter_control(&host);
            controls.push(host);
        }
        if n % 5 == 4 {
            let (hosts, cohort) = if draw(3) == 0 {
                (&mut controls, Cohort::Control)
            } else {
                (&mut patched, PATCHED)
            };
            if !hosts.is_empty() {
                let host = hosts.swap_remove(draw(hosts.len()));
                world.fail(&host, cohort);
            }
        }
    }
    world.detector
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_same_calls_give_the_same_bytes_and_other_names_the_same_evidence(seed: u64) {
        let (one, other) = (random(seed, |name| name), random(seed, |name| name));
        prop_assert_eq!(postcard::to_stdvec(&one).unwrap(), postcard::to_stdvec(&other).unwrap());
        let renamed = random(seed, |name| name.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        prop_assert_eq!(one.ruling(), renamed.ruling());
        for (slice, _) in one.slices().iter() {
            for stream in Stream::ALL {
                let sums = |detector: &Detector| detector.ledger().shown(slice, stream).sums;
                prop_assert_eq!(sums(&one), sums(&renamed));
            }
        }
    }
}

#[test]
fn the_state_of_sixty_slices_stays_below_sixty_kibibytes() {
    let value = |n: u64| format!("5.15.0-{n}");
    let kernels = (0..59).map(|n| ((Dimension::Kernel, value(n)), 1_000));
    let mut detector = Detector::new(EvidenceRule::STANDARD, Slices::freeze(&kernels.collect()));
    let mut hosts = Vec::new();
    for host in 0..6_000_u64 {
        let slices = detector.admit(&[(Dimension::Kernel, &value(host % 59))]);
        let stratum = Stratum(u16::try_from(host % 9).unwrap());
        let place = Place { domain: DomainId(host << 40), unit: Some(DomainId(host / 40)) };
        hosts.push(Subject { host: host << 40, stratum, slices, place });
    }
    for host in &hosts {
        if host.host >> 40 < 3_000 { detector.begin(host) } else { detector.enter_control(host) }
    }
    for (n, at) in (0..1_200_usize).zip(0..) {
        // Two of control to one patched, so that nothing halts and every sum is long.
        let host = &hosts[if n % 3 == 0 { n } else { 3_000 + n }];
        let cohort = if n % 3 == 0 { PATCHED } else { Cohort::Control };
        detector.fail(host, cohort, Symptom::Hard, Elapsed(at * 200_000));
    }
    let bytes = postcard::to_stdvec(&detector).unwrap().len();
    assert!((20_000..60 * 1_024).contains(&bytes), "{bytes}");
    let record = postcard::to_stdvec(&detector.record()).unwrap().len();
    assert!(record < 2_048, "{record}, while nothing holds");
}
