//! Does each known trap halt good rollouts when one falls into it, and none when one does not?
//!
//! In every test the patch is harmless. Domains that are cut off are in `rollouts.rs`, with whole rollouts.
//! `TIDEGATE_SEEDS` says how many rollouts each is tried on; with `--nocapture` each says how many halted.

#[path = "world/rng.rs"]
#[expect(unreachable_pub, dead_code, reason = "shared with the whole simulation")]
mod rng;

use std::collections::BTreeMap;

use tidegate_policies::detector::applies::{ApplyEnd, ApplyFault};
use tidegate_policies::detector::place::{Bursts, DomainId, Place};
use tidegate_policies::detector::risk::Stratum;
use tidegate_policies::detector::ruling::Standing;
use tidegate_policies::detector::slices::{Membership, Slices};
use tidegate_policies::detector::stream::{Cohort, Stream, Symptom, Windows};
use tidegate_policies::detector::{Detector, EvidenceRule, Subject};
use tidegate_policies::time::Elapsed;

use rng::Rng;

const PATCHED: Cohort = Cohort::Treated(Windows::EVERY);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Right,
    Trapped,
}

/// A few hosts that fail at rates of their own, whether they are patched or not.
struct Lab {
    detector: Detector,
    rng: Rng,
    now: u64,
    alive: Vec<(Subject, Cohort, f64)>,
    next: u64,
}

impl Lab {
    fn new(seed: u64) -> Self {
        let detector = Detector::new(EvidenceRule::STANDARD, Slices::freeze(&BTreeMap::new()));
        Self { detector, rng: Rng::new(seed), now: 0, alive: Vec::new(), next: 0 }
    }

    fn subject(&mut self) -> Subject {
        self.next += 1;
        let place = Place { domain: DomainId(self.next), unit: None };
        Subject { host: self.next, stratum: Stratum(0), slices: Membership::WHOLE, place }
    }

    fn enter(&mut self, host: Subject, cohort: Cohort, hazard: f64) {
        match cohort {
            Cohort::Treated(_) => self.detector.begin(&host),
            Cohort::Control => self.detector.enter_control(&host),
        }
        self.alive.push((host, cohort, hazard));
    }

    fn add(&mut self, n: usize, stratum: u16, cohort: Cohort, hazard: f64) {
        for _ in 0..n {
            let host = Subject { stratum: Stratum(stratum), ..self.subject() };
            self.enter(host, cohort, hazard);
        }
    }

    /// The next host that fails, by the hazards of all that live.
    fn draw(&mut self) -> (Subject, Cohort) {
        let all: f64 = self.alive.iter().map(|(_, _, hazard)| hazard).sum();
        let mut at = self.rng.unit() * all;
        let mut n = 0;
        while n + 1 < self.alive.len() && at >= self.alive[n].2 {
            at -= self.alive[n].2;
            n += 1;
        }
        let (host, cohort, _) = self.alive.swap_remove(n);
        (host, cohort)
    }

    fn fail(&mut self, host: &Subject, cohort: Cohort, symptom: Symptom) {
        self.now += 200_000;
        self.detector.fail(host, cohort, symptom, Elapsed(self.now));
    }

    fn halted(&self) -> bool {
        self.detector.ruling().standing == Standing::Halt
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a test runs is asked of the environment")]
fn seeds() -> u64 {
    std::env::var("TIDEGATE_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(40)
}

/// Most rollouts halt in the trap, and hardly any without it.
#[track_caller]
#[expect(clippy::print_stdout, reason = "a test tells how far it is from its bounds")]
fn check(run: impl Fn(Way, u64) -> bool) {
    let halts = |way| (0..seeds()).filter(|&seed| run(way, seed)).count() as u64;
    let (right, trapped) = (halts(Way::Right), halts(Way::Trapped));
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    println!("{test}: {trapped} of {} halted in the trap, {right} without it", seeds());
    assert!(trapped * 10 >= seeds() * 6, "only {trapped} of {} in the trap", seeds());
    assert!(right * 40 <= seeds(), "{right} of {} without it", seeds());
}

#[test]
fn tiers_of_different_base_rates_in_one_pool_look_like_harm() {
    check(|way, seed| {
        let mut lab = Lab::new(seed);
        let paid = if way == Way::Right { 1 } else { 0 };
        lab.add(200, 0, PATCHED, 10.0);
        lab.add(200, 0, Cohort::Control, 10.0);
        lab.add(2_000, paid, Cohort::Control, 1.0);
        for _ in 0..60 {
            let (host, cohort) = lab.draw();
            lab.fail(&host, cohort, Symptom::Hard);
        }
        lab.halted()
    });
}

#[test]
fn applies_that_are_charged_at_their_end_look_like_failing_ones() {
    check(|way, seed| {
        let mut lab = Lab::new(seed);
        let mut ending: Vec<Subject> = Vec::new();
        for n in 0..3_000 {
            let host = lab.subject();
            let fails = lab.rng.chance(0.008);
            let early = way == Way::Right || fails;
            if early {
                lab.detector.begin(&host);
            }
            if fails {
                lab.detector.end_apply(&host, ApplyEnd::Fault(ApplyFault::Failed));
            } else {
                ending.push(host);
            }
            // A success takes as long as a thousand further begins.
            if n >= 1_000 && !ending.is_empty() {
                let host = ending.remove(0);
                if way == Way::Trapped {
                    lab.detector.begin(&host);
                }
                lab.detector.end_apply(&host, ApplyEnd::Ended);
            }
        }
        lab.halted()
    });
}

#[test]
fn failed_controls_that_stay_at_risk_look_like_survivors() {
    check(|way, seed| {
        let mut lab = Lab::new(seed);
        lab.add(300, 0, PATCHED, 1.0);
        lab.add(300, 0, Cohort::Control, 1.0);
        // Nearly everybody goes down, for a reason of its own.
        for _ in 0..520 {
            let (host, cohort) = lab.draw();
            lab.fail(&host, cohort, Symptom::Silence);
            if (way, cohort) == (Way::Trapped, Cohort::Control) {
                lab.detector.enter_control(&host);
            }
        }
        lab.halted()
    });
}

#[test]
fn controls_heard_less_often_fail_too_late_to_be_compared_with() {
    check(|way, seed| {
        let mut lab = Lab::new(seed);
        lab.add(300, 0, PATCHED, 1.0);
        lab.add(3_000, 0, Cohort::Control, 1.0);
        // A spike of half an hour; a silence is declared five beats later.
        let mut reports: Vec<(u64, Subject, Cohort)> = Vec::new();
        for _ in 0..200 {
            let (host, cohort) = lab.draw();
            let late = if (way, cohort) == (Way::Trapped, Cohort::Control) { 75 } else { 5 };
            let time = lab.rng.wait(30.0) + late;
            reports.push((time, host, cohort));
        }
        reports.sort_by_key(|(time, _, _)| *time);
        for (_, host, cohort) in reports {
            lab.fail(&host, cohort, Symptom::Silence);
            if lab.halted() {
                return true;
            }
        }
        false
    });
}

#[test]
fn hosts_that_died_before_their_begin_are_no_patched_ones() {
    check(|way, seed| {
        let mut lab = Lab::new(seed);
        lab.add(1_000, 0, Cohort::Control, 1.0);
        // One host in eighty is dead without anybody knowing when its turn comes; while patched hosts soak
        // about as many die as of the others.
        for _ in 0..40 {
            lab.add(50, 0, PATCHED, 1.0);
            if lab.rng.chance(0.6) {
                let dead = lab.subject();
                let cohort = if way == Way::Trapped { PATCHED } else { Cohort::Control };
                match cohort {
                    Cohort::Treated(_) => lab.detector.begin(&dead),
                    Cohort::Control => lab.detector.enter_control(&dead),
                }
                lab.fail(&dead, cohort, Symptom::Silence);
            }
            if lab.rng.chance(0.3) {
                let (host, cohort) = lab.draw();
                lab.fail(&host, cohort, Symptom::Silence);
            }
            // Those of the wave before are verified.
            let soaked: Vec<_> =
                lab.alive.extract_if(.., |(_, cohort, _)| *cohort == PATCHED).collect();
            for (host, cohort, _) in soaked {
                lab.detector.leave(&host, cohort);
            }
        }
        lab.halted()
    });
}

#[test]
fn a_rack_that_loses_power_is_one_failure_and_not_forty() {
    check(|way, seed| {
        let mut lab = Lab::new(seed);
        let mut racks: Vec<Vec<(Subject, Cohort)>> = Vec::new();
        for rack in 0..60 {
            // Patched rack by rack: three quarters of them.
            let cohort = if rack < 45 { PATCHED } else { Cohort::Control };
            let mut hosts = Vec::new();
            for _ in 0..40 {
                let mut host = lab.subject();
                if way == Way::Right {
                    host.place.domain = DomainId(1_000_000 + rack);
                }
                lab.enter(host, cohort, 1.0);
                hosts.push((host, cohort));
            }
            racks.push(hosts);
        }
        lab.rng.shuffle(&mut racks);
        for hosts in racks.iter().take(8) {
            lab.now += 3_600_000;
            for (host, cohort) in hosts {
                lab.detector.fail(host, *cohort, Symptom::Hard, Elapsed(lab.now));
            }
            if lab.halted() {
                return true;
            }
        }
        false
    });
}

#[test]
fn failures_that_are_no_evidence_and_stay_at_risk_look_like_survivors() {
    check(|way, seed| {
        let mut lab = Lab::new(seed);
        let mut bursts = Bursts::default();
        // Seventy racks that are not patched lose their power, one after another.
        for rack in 0..70 {
            lab.now += 3_600_000;
            for _ in 0..40 {
                let mut host = lab.subject();
                host.place.domain = DomainId(1_000_000 + rack);
                lab.detector.enter_control(&host);
                let first = bursts.is_first(host.place.domain, Stream::Silence, Elapsed(lab.now));
                // The first of a rack is evidence. Of the others nothing is told to anybody in the trap.
                if first || way == Way::Right {
                    let now = Elapsed(lab.now);
                    lab.detector.fail(&host, Cohort::Control, Symptom::Silence, now);
                }
            }
        }
        lab.add(100, 0, PATCHED, 1.0);
        lab.add(200, 0, Cohort::Control, 1.0);
        for _ in 0..60 {
            let (host, cohort) = lab.draw();
            lab.fail(&host, cohort, Symptom::Hard);
        }
        lab.halted()
    });
}

#[test]
fn a_burst_that_is_no_evidence_leaves_nobody_at_risk_for_ever() {
    let mut lab = Lab::new(1);
    lab.add(5_000, 0, Cohort::Control, 1.0);
    let rack: Vec<Subject> = (0..40)
        .map(|_| {
            let mut host = lab.subject();
            host.place.domain = DomainId(1_000_000);
            lab.detector.begin(&host);
            host
        })
        .collect();
    for host in &rack {
        lab.detector.fail(host, PATCHED, Symptom::Silence, Elapsed(1_000));
    }
    assert_eq!(
        lab.detector.risk().at(Stratum(0), rack[0].slices.iter().next().unwrap()).treated,
        [0; 3]
    );
    assert!(!lab.halted(), "one failure of one domain");
}
