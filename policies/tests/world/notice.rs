//! What is noticed of what happens? Failures, silence, the ends of windows and soaks, domains that are deaf.

#![expect(clippy::cast_possible_truncation, reason = "a fleet has fewer hosts than 2³²")]

use tidegate_policies::credit::FlightEnd;
use tidegate_policies::detector::place::DomainId;
use tidegate_policies::detector::ruling::Standing;
use tidegate_policies::detector::slices::SliceId;
use tidegate_policies::detector::stream::{Cohort, Symptom, Window};
use tidegate_policies::time::Elapsed;

use super::fleet::RACK;
use super::hearing::{Crossing, Domain};
use super::run::{Event, Phase, Run, Watchers};
use super::{Fleet, MINUTE, SOAK};

impl Run<'_> {
    pub(super) fn missed(&mut self, n: usize, watchers: &mut Watchers<'_>) {
        let excused = self.setup.care.listening && self.hearing.excuses(n);
        if !self.hearing.is_heard(n) && !excused {
            self.fail(n, Symptom::Silence, watchers);
        }
    }

    pub(super) fn outlive(&mut self, n: usize, window: Window) {
        if let Phase::Treated(windows) = self.phase[n]
            && windows.contains(window)
        {
            let (host, left) = (self.subject(n), windows.without(window));
            self.detector.outlive(&host, window);
            self.phase[n] = Phase::Treated(left);
            // To the end of the tail only those are watched that would have been sentinels.
            if window == Window::Soak && !self.sentinel[n] && !self.in_flight[n] {
                self.detector.leave(&host, Cohort::Treated(left));
                self.phase[n] = Phase::Gone;
            }
        }
    }

    /// A host that nobody's patch took away is there again, and a sentinel no more.
    pub(super) fn repaired(&mut self, n: usize) {
        self.phase[n] = Phase::Idle;
        self.sentinel[n] = false;
        self.dead[n] = false;
    }

    /// The soak is over: the host says that it lives, or cannot.
    pub(super) fn word_is_due(&mut self, n: usize, watchers: &mut Watchers<'_>) {
        let Phase::Treated(windows) = self.phase[n] else { return };
        match (self.dead[n], self.hearing.is_heard(n)) {
            // It is noticed soon.
            (true, true) => (),
            (false, true) => {
                self.land(n, FlightEnd::Verified, watchers);
                self.refer(n, self.sentinel[n]);
            }
            (false, false) => self.at(self.now + MINUTE, Event::Verified(n as u32)),
            // It died with a rack that is not listened to: a failure, and no evidence.
            (true, false) => {
                self.detector.leave(&self.subject(n), Cohort::Treated(windows));
                self.phase[n] = Phase::Gone;
                self.failed += 1;
                self.land(n, FlightEnd::Failed, watchers);
            }
        }
    }

    fn land(&mut self, n: usize, end: FlightEnd, watchers: &mut Watchers<'_>) {
        self.in_flight[n] = false;
        self.flying -= 1;
        if watchers.book.of(SliceId(0)).in_flight > 0 {
            watchers.book.end(&self.fleet.hosts[n].slices, end);
        }
    }

    pub(super) fn fail(&mut self, n: usize, symptom: Symptom, watchers: &mut Watchers<'_>) {
        let host = self.subject(n);
        match self.phase[n] {
            Phase::Treated(windows) => {
                self.ruling = None;
                self.detector.fail(&host, Cohort::Treated(windows), symptom, Elapsed(self.now));
                if self.in_flight[n] {
                    self.failed += 1;
                    self.land(n, FlightEnd::Failed, watchers);
                    watchers.rules.patched_failed();
                }
            }
            Phase::Idle if self.sentinel[n] => {
                // A control host that fails takes evidence away: what goes on may go on.
                self.ruling.take_if(|ruling| ruling.standing != Standing::Go);
                self.detector.fail(&host, Cohort::Control, symptom, Elapsed(self.now));
                self.controls -= 1;
                watchers.rules.control_failed();
            }
            Phase::Idle | Phase::Gone => (),
        }
        if self.phase[n] == Phase::Idle && !self.doomed_racks[n / RACK] {
            self.at(self.now + SOAK, Event::Repaired(n as u32));
        }
        self.refer(n, false);
        self.phase[n] = Phase::Gone;
        self.dead[n] = true;
    }

    pub(super) fn refer(&mut self, n: usize, refers: bool) {
        let (rack, zone) = (Fleet::rack(n), Fleet::zone_domain(Fleet::zone(n)));
        match self.hearing.refer(n, refers).filter(|_| self.setup.care.domains) {
            Some(Crossing::Watched) => self.detector.watch(rack, zone),
            Some(Crossing::Unwatched) => self.detector.unwatch(rack),
            None => (),
        }
    }

    pub(super) fn listen(&mut self) {
        let (deaf, again) = self.hearing.look();
        if !self.setup.care.domains || !self.setup.care.listening {
            return;
        }
        let id = |domain: Domain| DomainId(domain as u64);
        for rack in deaf.into_iter().filter(|domain| *domain < self.hearing.racks()) {
            self.detector.disrupt(id(rack), Elapsed(self.now));
            self.ruling = None;
        }
        for rack in again.into_iter().filter(|domain| *domain < self.hearing.racks()) {
            self.detector.recover(id(rack), Elapsed(self.now));
        }
    }
}
