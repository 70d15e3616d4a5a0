//! What does a grant's move mean for the trial? Who begins leaves the sentinels; who ends leaves its cohort.

use tidegate_policies::credit::FlightEnd;
use tidegate_policies::detector::applies::{ApplyEnd, ApplyFault};
use tidegate_policies::detector::place::DomainId;
use tidegate_policies::detector::signatures::KernelEvidence;
use tidegate_policies::detector::slices::Membership;
use tidegate_policies::detector::stream::{Cohort, Symptom, Window, WindowLengths, Windows};
use tidegate_policies::detector::{Subject, risk::Stratum};
use tidegate_policies::evidence::Failure;
use tidegate_policies::time::{Elapsed, Listened, Millis};

use super::facts::{borrowed, facts_of, place, stands};
use super::hearing::{Change, Crossing};
use super::subjects::{Row, Span, Watch};
use super::{Role, Trial};
use crate::machine::Machine;
use crate::machine::fleet::Host;
use crate::machine::grants::{Begun, Phase};
use crate::machine::ids::{HostId, RolloutId};
use crate::machine::rollouts::Rollout;

/// What became of a host in flight, as the trial sees it.
struct Ending {
    apply: ApplyEnd,
    symptom: Option<Symptom>,
    flight: FlightEnd,
}

impl Machine {
    /// A grant of `host` in `rollout` went from one phase to another.
    pub(in crate::machine) fn follow(
        &mut self,
        rollout: &RolloutId,
        host: HostId,
        from: &Phase,
        to: &Phase,
    ) {
        let Some(rollout) = self.rollouts.get(rollout) else { return };
        let number = rollout.created_index;
        let Some(of) = self.trials.get_mut(&number) else { return };
        of.silences.forget(host);
        match to {
            Phase::Begun(begun) if from.in_flight().is_none() => {
                self.begins(number, host, begun.at);
            }
            Phase::Soaked { .. } if from.in_flight().is_some() => self.is_verified(number, host),
            Phase::Refused { .. } if from.in_flight().is_some() => {
                let apply =
                    if from.applied_at().is_some() { ApplyEnd::Ended } else { ApplyEnd::Refused };
                self.lands(number, host, &Ending { apply, symptom: None, flight: FlightEnd::Left });
            }
            Phase::Reverted { .. } if from.in_flight().is_some() => {
                let apply = ApplyEnd::Ended;
                self.lands(number, host, &Ending { apply, symptom: None, flight: FlightEnd::Left });
            }
            Phase::Reverted { .. } => self.leaves_trial(number, host),
            Phase::Failed { begun, failure, trace, .. } => {
                let before = (from, number);
                self.goes_wrong(before, host, (begun, *failure), *trace);
            }
            Phase::Offered { .. }
            | Phase::Begun(_)
            | Phase::Applied { .. }
            | Phase::Soaked { .. }
            | Phase::Expired
            | Phase::Withdrawn
            | Phase::Refused { .. } => (),
        }
    }

    /// The host enters the patched cohort with the facts that it has now.
    fn begins(&mut self, trial: u64, host: HostId, now: Elapsed) {
        self.leaves_trial(trial, host);
        let Some(lengths) = self.window_lengths(trial, host) else { return };
        let span = Span { windows: Windows::EVERY, begun: now, lengths };
        let Some(row) = self.row(trial, host, Role::InFlight(span)) else { return };
        let Some(of) = self.trials.get_mut(&trial) else { return };
        of.detector.begin(&row.subject(host));
        of.book.begin(&row.slices, now);
        self.subjects.add(trial, host, &row);
    }

    /// The host survived its soak: its windows go on, and it is watched as a reference host.
    fn is_verified(&mut self, trial: u64, host: HostId) {
        let Some(row) = self.subjects.get(trial, host) else { return };
        let Role::InFlight(span) = row.role else { return };
        let goes_on = span.windows.contains(Window::Soak) || self.is_drawn(trial, host);
        let Some(of) = self.trials.get_mut(&trial) else { return };
        of.detector.end_apply(&row.subject(host), ApplyEnd::Ended);
        of.book.end(&row.slices, FlightEnd::Verified);
        if goes_on {
            of.listen(row.domain, Change::Enters);
            self.subjects.turn(trial, host, Role::Verified(span, Watch::Heard));
        } else {
            of.detector.leave(&row.subject(host), Cohort::Treated(span.windows));
            self.subjects.take(trial, host);
        }
    }

    fn goes_wrong(
        &mut self,
        (from, trial): (&Phase, u64),
        host: HostId,
        (begun, failure): (&Begun, Failure),
        trace: Option<KernelEvidence>,
    ) {
        let crashed = if trace.is_some() { Symptom::Hard } else { Symptom::Silence };
        if from.in_flight().is_some() {
            if failure == Failure::Silent {
                self.falls_silent(trial, host);
            }
            // A host that is heard and says nothing of its grant is not silent; no sentinel can do that.
            let unheard = begun.silent_at <= self.clock.listened;
            let (apply, symptom) = match failure {
                Failure::Failed => (ApplyEnd::Fault(ApplyFault::Failed), None),
                Failure::Stalled => (ApplyEnd::Fault(ApplyFault::Stalled), None),
                Failure::Crashed => (ApplyEnd::Ended, Some(crashed)),
                Failure::Silent => (ApplyEnd::Ended, unheard.then_some(Symptom::Silence)),
            };
            self.lands(trial, host, &Ending { apply, symptom, flight: FlightEnd::Failed });
        } else if let Phase::Soaked { .. } = from {
            self.fails_watched(trial, host, crashed);
        }
        let known = matches!(from, Phase::Failed { trace: Some(_), .. });
        if let Some(trace) = trace.filter(|_| !known) {
            self.saw(trial, host, Cohort::Treated(Windows::NONE), trace);
        }
    }

    /// A host in flight leaves the patched cohort for good.
    fn lands(&mut self, trial: u64, host: HostId, ending: &Ending) {
        let now = self.clock.elapsed;
        let in_flight = matches!(self.subjects.role(trial, host), Some(Role::InFlight(_)));
        let Some(row) = in_flight.then(|| self.subjects.take(trial, host)).flatten() else {
            return;
        };
        let Some(of) = self.trials.get_mut(&trial) else { return };
        let (subject, windows) = (row.subject(host), row.role.span().map(|span| span.windows));
        let cohort = Cohort::Treated(windows.unwrap_or_default());
        of.detector.end_apply(&subject, ending.apply);
        match ending.symptom {
            Some(symptom) if windows != Some(Windows::NONE) => {
                of.detector.fail(&subject, cohort, symptom, now);
            }
            Some(_) | None => of.detector.leave(&subject, cohort),
        }
        of.book.end(&row.slices, ending.flight);
        of.since.lost = of.since.lost.saturating_add(u64::from(ending.flight == FlightEnd::Failed));
    }

    /// A sentinel or a verified host fails. A sentinel is none again.
    pub(super) fn fails_watched(&mut self, trial: u64, host: HostId, symptom: Symptom) {
        let now = self.clock.elapsed;
        let Some(row) = self.subjects.get(trial, host) else { return };
        let (Some(cohort), Some(watch)) = (row.role.cohort(), row.role.watch()) else { return };
        let Some(of) = self.trials.get_mut(&trial) else { return };
        of.listen(row.domain, leaves(watch));
        of.detector.fail(&row.subject(host), cohort, symptom, now);
        match cohort {
            Cohort::Control => {
                of.since.failed = of.since.failed.saturating_add(1);
                self.subjects.turn(trial, host, Role::Spent);
            }
            Cohort::Treated(_) => drop(self.subjects.take(trial, host)),
        }
    }

    /// A kernel left a trace of a failure.
    pub(super) fn saw(&mut self, trial: u64, host: HostId, cohort: Cohort, trace: KernelEvidence) {
        let stands = self.hosts.get(&host).and_then(|host| stands(&host.facts));
        let place = place(host, stands.map(|stands| stands.domain));
        let (stratum, slices) = (Stratum(0), Membership::WHOLE);
        let subject = Subject { host: host.0, stratum, slices, place };
        if let Some(of) = self.trials.get_mut(&trial) {
            of.detector.saw(&subject, cohort, trace);
        }
    }

    /// A host that is nothing in the trial, or no sentinel any more, leaves without having failed.
    pub(in crate::machine) fn leaves_trial(&mut self, trial: u64, host: HostId) {
        let Some(row) = self.subjects.take(trial, host) else { return };
        let Some(of) = self.trials.get_mut(&trial) else { return };
        if let Some(watch) = row.role.watch() {
            of.listen(row.domain, leaves(watch));
        }
        if let Some(cohort) = row.role.cohort() {
            of.detector.leave(&row.subject(host), cohort);
        }
    }

    /// A host goes down on purpose, or is not what it was: as a sentinel, or verified, it leaves every trial.
    pub(in crate::machine) fn leaves_trials(&mut self, host: HostId) {
        let numbers: Vec<u64> = self.trials.keys().copied().collect();
        for trial in numbers {
            if self.subjects.role(trial, host).is_some_and(|role| role.watch().is_some()) {
                self.leaves_trial(trial, host);
            }
        }
    }

    /// A sentinel that was heard for the first time is at risk.
    pub(super) fn enters_control(&mut self, trial: u64, host: HostId) {
        let Some(row) = self.row(trial, host, Role::Control(Watch::Heard)) else { return };
        let Some(of) = self.trials.get_mut(&trial) else { return };
        of.detector.enter_control(&row.subject(host));
        of.listen(row.domain, Change::Enters);
        self.subjects.add(trial, host, &row);
    }

    /// The row of a host with the facts that it has now.
    fn row(&mut self, trial: u64, host: HostId, role: Role) -> Option<Row> {
        let host = self.hosts.get(&host)?;
        let of = self.trials.get_mut(&trial)?;
        let stands = stands(&host.facts);
        if let Some(stands) = stands {
            of.hearing.know(stands);
        }
        let (stratum, slices) = of.admit(host);
        Some(Row { role, stratum, slices, domain: stands.map(|stands| stands.domain) })
    }

    pub(super) fn is_drawn(&self, trial: u64, host: HostId) -> bool {
        let drawn = || {
            let rollout = self.rollout_of_trial(trial)?;
            Some(self.trials.get(&trial)?.draws(rollout, &self.hosts.get(&host)?))
        };
        drawn().unwrap_or(false)
    }

    /// The rollout of a trial.
    pub(in crate::machine) fn rollout_of_trial(&self, trial: u64) -> Option<&Rollout> {
        self.rollouts.get(self.grants.rollout_created_at(trial)?)
    }

    /// When a reference host that was last heard at a time, in running time, counts as silent.
    pub(super) fn silent_since(&self, trial: u64, heard_at: Elapsed) -> Listened {
        let timing = self.rollout_of_trial(trial).map(|rollout| &rollout.policy.timing);
        let silent_after = timing.map(|timing| timing.silent_after()).unwrap_or_default();
        let ago = self.clock.elapsed.since(heard_at);
        self.clock.listened.after(Millis(silent_after.0.saturating_sub(ago.0)))
    }

    /// How long the windows of a host are that begins now.
    fn window_lengths(&self, trial: u64, host: HostId) -> Option<WindowLengths> {
        let rollout = self.rollout_of_trial(trial)?;
        let stage = self.entries.get(rollout, host)?.stage;
        let timing = &rollout.policy.timing;
        let soak = self.soak_in(rollout, stage, host)?;
        let grace = Millis(timing.silent_after().0 + timing.beat.0);
        Some(WindowLengths { soak, grace })
    }
}

impl Trial {
    /// Stratum and slices of a host.
    fn admit(&mut self, host: Host) -> (Stratum, Membership) {
        let facts = facts_of(&host.facts);
        let slices = self.detector.admit(&borrowed(&facts));
        let stratum = self.strata.of((host.tier, host.facts.kernel, host.facts.zone));
        (stratum, slices)
    }

    /// A reference host changes; the test of domains learns which ones can be listened to.
    pub(super) fn listen(&mut self, domain: Option<DomainId>, change: Change) {
        match self.hearing.change(domain, change) {
            Some(Crossing::Watched { domain, around }) => self.detector.watch(domain, around),
            Some(Crossing::Unwatched(domain)) => self.detector.unwatch(domain),
            None => (),
        }
    }
}

/// How a watched host leaves the hearing.
const fn leaves(watch: &Watch) -> Change {
    match watch {
        Watch::Heard => Change::LeavesHeard,
        Watch::Missed { .. } => Change::LeavesUnheard,
    }
}
