//! How does a rollout go? Host by host, in waves that nothing stops or paced by credit.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a simulation of chance needs floating point"
)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tidegate_policies::cohort::CohortRule;
use tidegate_policies::credit::hold::{self, Hold, Seen, Step};
use tidegate_policies::credit::{CreditBook, CreditRule, FlightEnd};
use tidegate_policies::detector::Detector;
use tidegate_policies::detector::ruling::Standing;
use tidegate_policies::detector::stream::{Cohort, Symptom, Window, WindowLengths, Windows};
use tidegate_policies::time::{Elapsed, Millis};

use super::rules::Rules;
use super::{Fleet, Rng};

const MINUTE: u64 = 60_000;
const SOAK: u64 = 60 * MINUTE;

/// What a run is about.
#[derive(Clone, Copy)]
pub struct Setup {
    /// Chance that a host fails by itself within an hour.
    pub base: f64,
    /// Chance that the patch makes a host fail.
    pub fault: f64,
    /// The patch is bad on the rare CPU model alone.
    pub rare_only: bool,
    pub seed: u64,
}

/// What became of a run, or of one rule in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub halted: bool,
    pub held: bool,
    /// Hosts that had begun by the halt and that the patch makes fail.
    pub harmed: u32,
    /// Hosts that had begun by the halt.
    pub exposed: u32,
    pub minutes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Fail(u32, Symptom),
    Outlive(u32, Window),
    Verified(u32),
    Base,
    Tick,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    /// Dead, and nobody knows yet.
    Dying,
    Treated(Windows),
    Gone,
}

pub(super) struct Run<'a> {
    fleet: &'a Fleet,
    setup: Setup,
    rng: Rng,
    pub(super) now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    order: Vec<u32>,
    turn: usize,
    phase: Vec<Phase>,
    dead: Vec<bool>,
    sentinel: Vec<bool>,
    in_flight: Vec<bool>,
    pub(super) detector: Detector,
    pub(super) flying: u32,
    pub(super) controls: u32,
    pub(super) harmed: u32,
    pub(super) exposed: u32,
    failed: u64,
}

/// Waves of 50, 250, 1,250 … hosts in all, each begun when the one before is verified. Nothing stops them:
/// each rule says when it would have.
pub fn waves(fleet: &Fleet, setup: Setup) -> Vec<(&'static str, Outcome)> {
    let mut run = Run::new(fleet, setup);
    let mut rules = Rules::new(setup.base, setup.fault);
    let all = fleet.hosts.len();
    let plan = [50, 250, 1_250, 5_000, 20_000, 50_000, 100_000];
    let last = all - CohortRule::STANDARD.holdout(all as u64) as usize;
    for (n, wave) in plan.into_iter().chain([all]).enumerate() {
        let end = wave.min(last);
        if n > 0 && run.turn >= last {
            break;
        }
        let size = end - run.turn;
        rules.wave(size);
        // A wave begins evenly over half an hour.
        let start = run.now;
        while run.turn < end || run.flying > 0 {
            let minutes = (run.now - start) / MINUTE + 1;
            let due = end - size + size * minutes.min(30) as usize / 30;
            while run.turn < due {
                if run.begin() {
                    rules.begun();
                }
            }
            run.minute(&mut rules, &mut CreditBook::default());
            rules.tick(&run);
            if rules.all_halted() {
                return rules.outcomes();
            }
        }
    }
    rules.outcomes()
}

/// A rollout that credit paces, and that holds and halts by evidence.
pub fn credit_rollout(fleet: &Fleet, setup: Setup, rule: CreditRule) -> Outcome {
    let mut run = Run::new(fleet, setup);
    let mut rules = Rules::none();
    let (mut book, mut hold, mut held) = (CreditBook::default(), None::<Hold>, false);
    let all = fleet.hosts.len();
    let last = all - CohortRule::STANDARD.holdout(all as u64) as usize;
    let most = (all as u64 / 10).max(1);
    while run.turn < last || run.flying > 0 {
        let ruling = run.detector.ruling();
        let (failed, survivors) = (run.failed, u64::from(run.flying));
        let seen = Seen { ruling: &ruling, failed, survivors, now: Elapsed(run.now) };
        hold = match hold::step(hold, seen) {
            Step::Free => None,
            Step::Held(hold) | Step::CallPerson(hold) => Some(hold),
            Step::Released => {
                run.detector.probe();
                book.quarter();
                None
            }
        };
        held |= hold.is_some();
        if ruling.standing == Standing::Halt {
            return run.outcome(true, held);
        }
        // Four hours of hold: a person looks, and finds what the run is about.
        let person = hold.is_some_and(|hold| run.now - hold.since.0 > hold::LONGEST.0);
        if person {
            return run.outcome(setup.fault > 0.0, true);
        }
        while hold.is_none() && run.turn < last {
            let host = &fleet.hosts[run.order[run.turn] as usize];
            let slices = (fleet.detector.slices(), &host.slices);
            if book.room(&rule, slices, (0, most), Elapsed(run.now)).is_err() {
                break;
            }
            if run.begin() {
                book.begin(&host.slices, Elapsed(run.now));
            }
        }
        run.minute(&mut rules, &mut book);
    }
    run.outcome(false, held)
}

impl<'a> Run<'a> {
    fn new(fleet: &'a Fleet, setup: Setup) -> Self {
        let n = fleet.hosts.len();
        let mut rng = Rng::new(setup.seed);
        let mut order: Vec<u32> = (0..n as u32).collect();
        rng.shuffle(&mut order);
        let sentinels = CohortRule::STANDARD.sentinels(n as u64);
        let share = sentinels.map_or(1.0, |rule| f64::from(rule.share.ppm()) / 1e6);
        let mut run = Self {
            fleet,
            setup,
            now: 0,
            events: BinaryHeap::new(),
            order,
            turn: 0,
            phase: vec![Phase::Idle; n],
            dead: vec![false; n],
            sentinel: (0..n).map(|_| rng.chance(share)).collect(),
            in_flight: vec![false; n],
            detector: fleet.detector.clone(),
            flying: 0,
            controls: 0,
            harmed: 0,
            exposed: 0,
            failed: 0,
            rng,
        };
        for n in (0..n).filter(|n| run.sentinel[*n]) {
            run.detector.enter_control(&fleet.hosts[n]);
            run.controls += 1;
        }
        run.at(MINUTE, Event::Tick);
        run.next_base();
        run
    }

    fn at(&mut self, time: u64, event: Event) {
        let order = self.rng.draw();
        self.events.push(Reverse((time, order, event)));
    }

    /// Hosts fail by themselves at one rate, whoever they are.
    fn next_base(&mut self) {
        let mean = SOAK as f64 / (self.setup.base * self.fleet.hosts.len() as f64);
        let wait = self.rng.wait(mean);
        self.at(self.now + wait, Event::Base);
    }

    /// The next host in the order begins; a dead one does not, and its turn is over.
    pub(super) fn begin(&mut self) -> bool {
        let n = self.order[self.turn] as usize;
        self.turn += 1;
        if self.phase[n] != Phase::Idle {
            return false;
        }
        let host = &self.fleet.hosts[n];
        if self.sentinel[n] {
            self.detector.leave(host, Cohort::Control);
            self.controls -= 1;
        }
        self.detector.begin(host);
        self.phase[n] = Phase::Treated(Windows::EVERY);
        self.in_flight[n] = true;
        self.flying += 1;
        self.exposed += 1;
        let lengths = WindowLengths { soak: Millis(SOAK), grace: Millis(6 * MINUTE) };
        let [early, soak, _] = lengths.ends(Elapsed(self.now));
        self.at(early.0, Event::Outlive(n as u32, Window::Early));
        self.at(soak.0, Event::Outlive(n as u32, Window::Soak));
        self.at(self.now + SOAK, Event::Verified(n as u32));
        let reached = !self.setup.rare_only || self.fleet.rare[n];
        if reached && self.rng.chance(self.setup.fault) {
            self.harmed += 1;
            let mean = if self.rng.chance(0.5) { 2 } else { 20 };
            let wait = self.rng.wait((mean * MINUTE) as f64);
            self.die(n, self.now + wait);
        }
        true
    }

    /// The host dies at `time`; it is noticed then, or after five beats.
    fn die(&mut self, n: usize, time: u64) {
        let silent = self.rng.chance(0.7);
        let (symptom, late) = if silent {
            (Symptom::Silence, (5.0 + self.rng.unit()) * MINUTE as f64)
        } else {
            (Symptom::Hard, 0.0)
        };
        self.at(time + late as u64, Event::Fail(n as u32, symptom));
    }

    /// All that happens within a minute.
    pub(super) fn minute(&mut self, rules: &mut Rules, book: &mut CreditBook) {
        while let Some(Reverse((time, _, event))) = self.events.pop() {
            self.now = time;
            match event {
                Event::Tick => {
                    self.at(time + MINUTE, Event::Tick);
                    return;
                }
                Event::Base => {
                    let n = self.rng.below(self.fleet.hosts.len());
                    if !self.dead[n] {
                        self.dead[n] = true;
                        if self.phase[n] == Phase::Idle {
                            self.phase[n] = Phase::Dying;
                        }
                        self.die(n, time);
                    }
                    self.next_base();
                }
                Event::Fail(n, symptom) => self.fail(n as usize, symptom, rules, book),
                Event::Outlive(n, window) => self.outlive(n as usize, window),
                Event::Verified(n) => {
                    let n = n as usize;
                    if self.in_flight[n] && !self.dead[n] {
                        self.land(n, FlightEnd::Verified, book);
                    }
                }
            }
        }
    }

    fn outlive(&mut self, n: usize, window: Window) {
        if let Phase::Treated(windows) = self.phase[n]
            && windows.contains(window)
        {
            self.detector.outlive(&self.fleet.hosts[n], window);
            self.phase[n] = Phase::Treated(windows.without(window));
        }
    }

    fn land(&mut self, n: usize, end: FlightEnd, book: &mut CreditBook) {
        self.in_flight[n] = false;
        self.flying -= 1;
        if book.of(tidegate_policies::detector::slices::SliceId(0)).in_flight > 0 {
            book.end(&self.fleet.hosts[n].slices, end);
        }
    }

    fn fail(&mut self, n: usize, symptom: Symptom, rules: &mut Rules, book: &mut CreditBook) {
        let host = &self.fleet.hosts[n];
        match self.phase[n] {
            Phase::Treated(windows) => {
                self.detector.fail(host, Cohort::Treated(windows), symptom, Elapsed(self.now));
                if self.in_flight[n] {
                    self.failed += 1;
                    self.land(n, FlightEnd::Failed, book);
                    rules.patched_failed();
                }
            }
            Phase::Dying | Phase::Idle if self.sentinel[n] => {
                self.detector.fail(host, Cohort::Control, symptom, Elapsed(self.now));
                self.controls -= 1;
                rules.control_failed();
            }
            Phase::Dying | Phase::Idle | Phase::Gone => (),
        }
        self.phase[n] = Phase::Gone;
        self.dead[n] = true;
    }

    pub(super) fn outcome(&self, halted: bool, held: bool) -> Outcome {
        let Self { harmed, exposed, .. } = *self;
        Outcome { halted, held, harmed, exposed, minutes: self.now / MINUTE }
    }
}
