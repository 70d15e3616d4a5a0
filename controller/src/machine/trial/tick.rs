//! What does a tick mean for the trials? Sentinels are heard or missed, windows end, domains fall silent.

use tidegate_policies::detector::stream::{Cohort, Symptom, Window, Windows};
use tidegate_policies::time::Listened;

use super::hearing::Change;
use super::sentinels::is_watched;
use super::subjects::{Span, Timers, Watch};
use super::{Role, TrialMove, heard_for};
use crate::machine::clock::{Clock, TICK};
use crate::machine::event::Event;
use crate::machine::grants::Grant;
use crate::machine::ids::HostId;
use crate::machine::rollouts::Rollout;
use crate::machine::{Machine, Missed, Position, Tick};

/// Hosts that leave a trial which is watched no more, with one tick.
const LEAVE_AT_ONCE: usize = 4_096;

/// What happened in a trial, as one kind of look at it says.
type Look<'a> = &'a dyn Fn(&Machine) -> Vec<TrialMove>;

impl Machine {
    /// Whether the controllers are deaf: of some trial too few reference hosts are heard, although the
    /// present leader has listened for as long as a host counts as heard.
    pub(in crate::machine) fn is_deaf(&self) -> bool {
        let listened_since = |rollout: &Rollout| {
            let beat = rollout.policy.timing.beat;
            self.clock.term_since.after(heard_for(beat)).after(TICK)
        };
        let mut old = self
            .watched_trials()
            .filter(|(rollout, _)| listened_since(rollout) <= self.clock.elapsed);
        old.any(|(_, trial)| !trial.hearing.hears_fleet())
    }

    /// What the hosts that were heard mean for the trials, and the time that went on.
    pub(in crate::machine) fn tick_trials(
        &mut self,
        at: Position,
        tick: &Tick,
        events: &mut Vec<Event>,
    ) {
        let numbers: Vec<u64> = self.trials.keys().copied().collect();
        for trial in numbers {
            let looks: [Look<'_>; 5] = [
                &|machine| machine.heard_in(trial, &tick.heard),
                &|machine| machine.unheard_in(trial, &tick.missed),
                &|machine| machine.domains_in(trial),
                &|machine| machine.missed_in(trial),
                &|machine| machine.outlived_in(trial),
            ];
            for look in looks {
                let moved = look(self);
                let decided = moved.into_iter().map(|moved| Event::Trial { trial, moved });
                self.take(at, decided.collect(), events);
            }
        }
    }

    fn watched_trial(&self, trial: u64) -> Option<&Rollout> {
        self.rollout_of_trial(trial).filter(|rollout| is_watched(rollout))
    }

    fn heard_in(&self, trial: u64, heard: &[HostId]) -> Vec<TrialMove> {
        let Some(rollout) = self.watched_trial(trial) else { return Vec::new() };
        let counts = |host: &HostId| match self.subjects.role(trial, *host) {
            Some(role) => role.watch().is_some(),
            None => self.is_sentinel(rollout, *host),
        };
        heard.iter().copied().filter(counts).map(TrialMove::Heard).collect()
    }

    fn unheard_in(&self, trial: u64, missed: &[Missed]) -> Vec<TrialMove> {
        if self.watched_trial(trial).is_none() {
            return Vec::new();
        }
        let is_heard = |missed: &&Missed| {
            let role = self.subjects.role(trial, missed.host);
            missed.trial == trial && role.as_ref().and_then(Role::watch) == Some(&Watch::Heard)
        };
        let unheard = |&Missed { host, heard_at, .. }: &Missed| {
            let silent_at = self.silent_since(trial, heard_at);
            TrialMove::Unheard { host, silent_at }
        };
        missed.iter().filter(is_heard).map(unheard).collect()
    }

    /// Domains are looked at only while the fleet is heard, so that deaf controllers see no dead racks.
    fn domains_in(&self, trial: u64) -> Vec<TrialMove> {
        let Some(of) = self.trials.get(&trial).filter(|_| self.watched_trial(trial).is_some())
        else {
            return Vec::new();
        };
        if self.clock.heard_since.is_none() || !of.hearing.hears_fleet() {
            return Vec::new();
        }
        let deaf = of.hearing.newly_deaf().map(TrialMove::Disrupted);
        deaf.chain(of.hearing.heard_again().map(TrialMove::Recovered)).collect()
    }

    /// Hosts that are silent now. In a trial that is watched no more nobody is: they leave, some at a time.
    fn missed_in(&self, trial: u64) -> Vec<TrialMove> {
        let Some(timers) = self.subjects.timers(trial) else { return Vec::new() };
        if self.watched_trial(trial).is_none() {
            let missed = timers.silent.iter().map(|&(_, host)| host);
            let all = timers.heard.iter().copied().chain(missed).take(LEAVE_AT_ONCE);
            return all.map(TrialMove::Left).collect();
        }
        let now = self.clock.listened;
        let missed = timers.silent.iter().take_while(|(at, _)| *at <= now);
        let judged = |&(_, host): &(_, HostId)| match self.excused(trial, host) {
            Some(silent_at) => TrialMove::Excused { host, silent_at },
            None => TrialMove::Failed { host, symptom: Symptom::Silence, trace: None },
        };
        missed.map(judged).collect()
    }

    /// Until when the silence of a host says nothing; `None`: it counts.
    fn excused(&self, trial: u64, host: HostId) -> Option<Listened> {
        let timing = &self.rollout_of_trial(trial)?.policy.timing;
        let domain = self.subjects.get(trial, host)?.domain;
        let beats = (timing.beat, timing.silent_after());
        self.trials.get(&trial)?.hearing.excuses(domain, self.clock.listened, beats)
    }

    /// Until when the silence of a host in flight says nothing; never beyond the time at which its word is
    /// due in any case, so that nobody stays in flight for ever.
    pub(in crate::machine) fn excused_in_flight(&self, grant: &Grant) -> Option<Listened> {
        let begun = grant.phase.in_flight()?;
        if begun.due <= self.clock.listened {
            return None;
        }
        let rollout = self.rollouts.get(&grant.rollout)?;
        self.excused(rollout.created_index, grant.host)
    }

    fn outlived_in(&self, trial: u64) -> Vec<TrialMove> {
        let now = self.clock.elapsed;
        let due = |timers: &Timers| -> Vec<HostId> {
            let windows = timers.windows.iter().take_while(|(at, _)| *at <= now);
            windows.map(|&(_, host)| host).collect()
        };
        let hosts = self.subjects.timers(trial).map(due).unwrap_or_default();
        let mut moved = Vec::new();
        for host in hosts {
            let role = self.subjects.role(trial, host);
            let Some(mut span) = role.as_ref().and_then(Role::span).copied() else { continue };
            while let Some((_, window)) = span.next_end().filter(|(end, _)| *end <= now) {
                moved.push(TrialMove::Outlived(host, window));
                span.windows = span.windows.without(window);
            }
        }
        moved
    }

    /// Makes a move part of the state.
    pub(in crate::machine) fn change_trial(&mut self, trial: u64, moved: &TrialMove) {
        let (elapsed, listened) = (self.clock.elapsed, self.clock.listened);
        match *moved {
            TrialMove::Heard(host) => self.hears(trial, host),
            TrialMove::Unheard { host, silent_at } => self.misses(trial, host, silent_at),
            TrialMove::Failed { host, symptom, trace } => {
                let role = self.subjects.role(trial, host);
                let cohort = role.as_ref().and_then(Role::cohort).unwrap_or(Cohort::Control);
                self.fails_watched(trial, host, symptom);
                if let Some(trace) = trace {
                    self.saw(trial, host, cohort, trace);
                }
            }
            TrialMove::Left(host) => self.leaves_trial(trial, host),
            TrialMove::Excused { host, silent_at } => {
                let role = self.subjects.role(trial, host);
                if let Some(role) = role {
                    self.subjects.turn(trial, host, role.watched(Watch::Missed { silent_at }));
                }
            }
            TrialMove::Outlived(host, window) => {
                let role = self.subjects.role(trial, host);
                if let Some(span) = role.as_ref().and_then(Role::span) {
                    let windows = span.windows.without(window);
                    self.outlives(trial, host, (window, Span { windows, ..*span }));
                }
            }
            TrialMove::Disrupted(domain) => {
                if let Some(of) = self.trials.get_mut(&trial) {
                    of.hearing.disrupt(domain);
                    of.detector.disrupt(domain, elapsed);
                }
            }
            TrialMove::Recovered(domain) => {
                if let Some(of) = self.trials.get_mut(&trial) {
                    of.hearing.recover(domain, listened);
                    of.detector.recover(domain, elapsed);
                }
            }
        }
    }

    fn hears(&mut self, trial: u64, host: HostId) {
        let Some(row) = self.subjects.get(trial, host) else {
            return self.enters_control(trial, host);
        };
        if let Some(Watch::Missed { .. }) = row.role.watch() {
            if let Some(of) = self.trials.get_mut(&trial) {
                of.listen(row.domain, Change::Heard);
            }
            self.subjects.turn(trial, host, row.role.watched(Watch::Heard));
        }
    }

    fn misses(&mut self, trial: u64, host: HostId, silent_at: Listened) {
        let Some(row) = self.subjects.get(trial, host) else { return };
        if let Some(of) = self.trials.get_mut(&trial) {
            of.listen(row.domain, Change::Unheard);
        }
        self.subjects.turn(trial, host, row.role.watched(Watch::Missed { silent_at }));
    }

    /// A patched host has outlived `window`. After its soak's it goes on only if it was drawn as a sentinel
    /// is: so both cohorts of the tail are drawn alike, and few are watched for long.
    fn outlives(&mut self, trial: u64, host: HostId, (window, span): (Window, Span)) {
        let Some(row) = self.subjects.get(trial, host) else { return };
        if let Some(of) = self.trials.get_mut(&trial) {
            of.detector.outlive(&row.subject(host), window);
        }
        let to = match row.role {
            Role::InFlight(_) => Role::InFlight(span),
            Role::Verified(_, watch) => Role::Verified(span, watch),
            other @ (Role::Control(_) | Role::Spent) => other,
        };
        self.subjects.turn(trial, host, to);
        let watched = matches!(to, Role::Verified(..));
        let soaked = !span.windows.contains(Window::Soak);
        let over = span.windows == Windows::NONE;
        if watched && (over || (soaked && !self.is_drawn(trial, host))) {
            self.leaves_trial(trial, host);
        }
    }

    /// Time went on from one clock to another.
    pub(in crate::machine) fn time_goes_on(&mut self, before: &Clock) {
        let now = self.clock.elapsed;
        let step = now.since(before.elapsed);
        for trial in self.trials.values_mut() {
            trial.watch_control(step);
            trial.silences.pass(now);
        }
    }
}
