//! What happens in the fleet, minute by minute? Hosts begin and die, racks go down, time goes on.

#![expect(clippy::cast_possible_truncation, reason = "a fleet has fewer hosts than 2³²")]

use tidegate_policies::credit::CreditBook;
use tidegate_policies::detector::place::DomainId;
use tidegate_policies::detector::risk::Stratum;
use tidegate_policies::detector::ruling::Ruling;
use tidegate_policies::detector::stream::{Cohort, Symptom, Window, WindowLengths, Windows};
use tidegate_policies::detector::{Detector, Subject};
use tidegate_policies::time::{Elapsed, Millis};

use super::fates::{self, Death};
use super::fleet::RACK;
use super::hearing::{Domain, Hearing};
use super::queue::Queue;
use super::rules::Rules;
use super::setup::{Fault, Outcome, Setup};
use super::{Fleet, MINUTE, Rng, SOAK, order};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Die(u32, Symptom, u64),
    Fail(u32, Symptom),
    /// Five beats without a word.
    Missed(u32),
    Outlive(u32, Window),
    Verified(u32),
    RackDown(Domain),
    Repaired(u32),
    /// The next death by itself.
    Base,
    /// One more, while a spike lasts.
    Spike,
    Trouble,
    Back(Domain),
    Tick,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It may have its turn.
    Idle,
    Treated(Windows),
    /// Nobody looks at it any more.
    Gone,
}

/// Who watches the fleet besides the detector.
pub(super) struct Watchers<'a> {
    pub(super) rules: &'a mut Rules,
    pub(super) book: &'a mut CreditBook,
}

pub(super) struct Run<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) setup: Setup,
    pub(super) now: u64,
    pub(super) turn: usize,
    /// Hosts that may have a turn, in their order; the holdout has none.
    pub(super) order: Vec<u32>,
    pub(super) detector: Detector,
    /// The ruling, until something moves the evidence.
    pub(super) ruling: Option<Ruling>,
    pub(super) hearing: Hearing,
    pub(super) flying: u32,
    pub(super) controls: u32,
    pub(super) exposed: u32,
    pub(super) failed: u64,
    pub(super) base: Rng,
    pub(super) trouble: Rng,
    pub(super) spikes: Rng,
    pub(super) spike_until: u64,
    strata: Vec<Stratum>,
    harmed: u32,
    pub(super) doomed_racks: Vec<bool>,
    events: Queue<Event>,
    pub(super) phase: Vec<Phase>,
    pub(super) dead: Vec<bool>,
    pub(super) sentinel: Vec<bool>,
    pub(super) in_flight: Vec<bool>,
}

impl<'a> Run<'a> {
    pub(super) fn new(fleet: &'a Fleet, setup: Setup) -> Self {
        let n = fleet.hosts.len();
        let sentinels = setup.care.cohorts().sentinels(n as u64);
        let share = sentinels.map_or(1.0, |rule| f64::from(rule.share.ppm()) / 1e6);
        let mut run = Self {
            fleet,
            setup,
            now: 0,
            turn: 0,
            order: order::draw(fleet, &setup),
            detector: fleet.detector.clone(),
            ruling: None,
            hearing: Hearing::new(n, setup.care.reference),
            flying: 0,
            controls: 0,
            exposed: 0,
            failed: 0,
            base: Rng::of(setup.seed, fates::BASE),
            trouble: Rng::of(setup.seed, fates::TROUBLE),
            spikes: Rng::of(setup.seed, fates::SPIKES),
            spike_until: 0,
            strata: fleet.strata(&setup.care),
            harmed: 0,
            doomed_racks: vec![false; n],
            events: Queue::new(Rng::of(setup.seed, fates::TIES)),
            phase: vec![Phase::Idle; n],
            dead: vec![false; n],
            sentinel: (0..n).map(|n| fates::is_sentinel(&setup, n, share)).collect(),
            in_flight: vec![false; n],
        };
        for n in (0..n).filter(|n| run.sentinel[*n]).collect::<Vec<_>>() {
            run.detector.enter_control(&run.subject(n));
            run.refer(n, true);
            run.controls += 1;
        }
        run.at(MINUTE, Event::Tick);
        run.next_base();
        run.next_trouble();
        run
    }

    pub(super) fn at(&mut self, time: u64, event: Event) {
        self.events.push(time, event);
    }

    /// The next host in the order begins. One that is dead or cut off does not, and its turn is over.
    pub(super) fn begin(&mut self) -> bool {
        let n = self.order[self.turn] as usize;
        self.turn += 1;
        if self.phase[n] != Phase::Idle || self.dead[n] || !self.hearing.is_heard(n) {
            return false;
        }
        let host = self.subject(n);
        if self.sentinel[n] {
            self.detector.leave(&host, Cohort::Control);
            self.refer(n, false);
            self.controls -= 1;
        }
        self.detector.begin(&host);
        self.phase[n] = Phase::Treated(Windows::EVERY);
        self.in_flight[n] = true;
        self.flying += 1;
        self.exposed += 1;
        let lengths = WindowLengths { soak: Millis(SOAK), grace: Millis(6 * MINUTE) };
        let [early, soak, _] = lengths.ends(Elapsed(self.now));
        self.at(early.0, Event::Outlive(n as u32, Window::Early));
        self.at(soak.0, Event::Outlive(n as u32, Window::Soak));
        self.at(self.now + SOAK, Event::Verified(n as u32));
        if let Some(death) = Death::by_patch(&self.setup, self.fleet, n) {
            self.harm(n, death);
        }
        true
    }

    /// All that happens within a minute.
    pub(super) fn minute(&mut self, watchers: &mut Watchers<'_>) {
        while let Some((time, event)) = self.events.pop() {
            self.now = time;
            match event {
                Event::Tick => {
                    self.at(time + MINUTE, Event::Tick);
                    self.listen();
                    return;
                }
                Event::Die(n, symptom, late) => {
                    self.dead[n as usize] = true;
                    self.at(time + late, Event::Fail(n, symptom));
                }
                Event::Fail(n, symptom) => self.fail(n as usize, symptom, watchers),
                Event::Missed(n) => self.missed(n as usize, watchers),
                Event::Outlive(n, window) => self.outlive(n as usize, window),
                Event::Verified(n) => self.word_is_due(n as usize, watchers),
                Event::RackDown(rack) => self.rack_down(rack),
                Event::Repaired(n) => self.repaired(n as usize),
                Event::Base => self.base(),
                Event::Spike => self.spike(),
                Event::Trouble => self.trouble(),
                Event::Back(domain) => self.back(domain),
            }
        }
    }

    /// What the evidence says now.
    pub(super) fn ruling(&mut self) -> &Ruling {
        self.ruling.get_or_insert_with(|| self.detector.ruling())
    }

    /// A hold is released although the evidence stands.
    pub(super) fn probe(&mut self) {
        self.detector.probe();
        self.ruling = None;
    }

    pub(super) fn outcome(&self, halted: bool, held: bool) -> Outcome {
        let Self { harmed, exposed, .. } = *self;
        Outcome { halted, by_person: false, held, harmed, exposed, minutes: self.now / MINUTE }
    }

    /// A host dies by itself.
    pub(super) fn die(&mut self, n: usize, death: Death) {
        if !self.dead[n] {
            let Death { after, symptom, late } = death;
            self.at(self.now + after, Event::Die(n as u32, symptom, late));
        }
    }

    /// Nobody hears these hosts from now on.
    pub(super) fn cut(&mut self, hosts: &[usize], for_good: bool) {
        for &n in hosts {
            self.dead[n] |= for_good;
            self.hearing.hear(n, false);
            let beats = (5.0 + self.trouble.unit()) * MINUTE as f64;
            self.at(self.now + millis(beats), Event::Missed(n as u32));
        }
    }

    fn harm(&mut self, n: usize, death: Death) {
        match self.setup.fault {
            Fault::None | Fault::Hosts(_) | Fault::Model(_) => {
                self.harmed += 1;
                self.die(n, death);
            }
            Fault::Racks(_) => {
                let rack = n / RACK;
                self.harmed += u32::from(!self.doomed_racks[rack]);
                self.doomed_racks[rack] = true;
                self.at(self.now + death.after, Event::RackDown(rack));
            }
        }
    }

    fn rack_down(&mut self, rack: Domain) {
        let mut hosts = self.hearing.members(rack);
        hosts.retain(|n| !self.dead[*n]);
        self.cut(&hosts, true);
    }

    /// The host as the detector is told of it.
    pub(super) fn subject(&self, n: usize) -> Subject {
        let (mut host, care) = (self.fleet.hosts[n], self.setup.care);
        host.stratum = self.strata[n];
        if !care.thinning {
            host.place.domain = DomainId((1 << 50) + host.host);
        }
        host
    }
}

#[expect(clippy::cast_sign_loss, reason = "times are not negative")]
fn millis(time: f64) -> u64 {
    time as u64
}
