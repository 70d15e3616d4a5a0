//! How soon does a rollout go on, from where it stands, if nothing goes wrong? Its course, in numbers, for the pace.

use std::collections::BTreeMap;

use tidegate_policies::credit::CreditRule;
use tidegate_policies::pace::{Course, Pace, Standing, Step, pace};
use tidegate_policies::policy::Stage;
use tidegate_policies::schedule::{Ahead, At, Window};
use tidegate_policies::time::{Millis, WallTime};

use super::Machine;
use super::grants::Phase;
use super::rollouts::{Rollout, State};
use super::trial::source_of;

impl Machine {
    /// When the present wave of a rollout is decided on at the earliest, and when it is completed; `None`: it
    /// does not run, or a person has to act first, or nobody plans as far.
    pub fn goes_on(&self, rollout: &Rollout) -> (Option<WallTime>, Option<WallTime>) {
        let Some(place) = rollout.place.filter(|_| self.is_under_way(rollout)) else {
            return (None, None);
        };
        let pace = self.pace_of(rollout);
        let wall = |after: Millis| self.clock.wall.after(after);
        let span = pace.waves.get(place.stage).and_then(|waves| waves.get(place.wave));
        (span.and_then(|span| span.until).map(wall), pace.done.map(wall))
    }

    /// When hosts of a wave to come may begin at the earliest; `None` as in [`Machine::goes_on`].
    pub(super) fn wave_begins(
        &self,
        rollout: &Rollout,
        step: usize,
        wave: usize,
    ) -> Option<WallTime> {
        let pace = self.is_under_way(rollout).then(|| self.pace_of(rollout))?;
        let span = pace.waves.get(step)?.get(wave)?;
        let begins = self.clock.wall.after(span.from?);
        self.opens_from((rollout, step), begins)
    }

    fn is_under_way(&self, rollout: &Rollout) -> bool {
        rollout.state == State::Running && !self.is_halted(rollout)
    }

    /// When the waves of a started rollout begin and pass at the earliest, counted from now.
    pub(super) fn pace_of(&self, rollout: &Rollout) -> Pace {
        let policy = &rollout.policy;
        let all = rollout.hosts();
        let share = policy.exposure.in_flight;
        let hosts = |step: usize| rollout.stages.get(step).map_or(0, |stage| stage.hosts);
        let step = |(n, stage): (usize, &Stage)| {
            let source = source_of(rollout, n).filter(|source| *source != n).map_or(0, hosts);
            let source = if policy.judgement.is_some() { source } else { 0 };
            Step {
                stage: stage.clone(),
                soak: rollout.shortest_soak(n).unwrap_or(stage.gates.soak),
                waves: rollout.stages[n].waves.iter().map(|wave| wave.hosts).collect(),
                in_flight_cap: share.of(hosts(n) + source),
            }
        };
        let credit = policy.judgement.as_ref();
        let course = Course {
            steps: policy.ladder.iter().enumerate().map(step).collect(),
            budget: policy.exposure.budget.of(all),
            credit: credit.map(|of| of.credit.unwrap_or_else(|| CreditRule::for_fleet(all))),
            rate: policy.limits.rate.map(|rate| (rate.hosts.of(all), rate.every)),
            from: self.standing(rollout),
        };
        let mut ahead = Ahead::default();
        let calendar: Vec<(Option<WallTime>, &[Window])> = (0..course.steps.len())
            .map(|step| (self.when(rollout, step).dates(), self.windows(rollout, step)))
            .collect();
        pace(&course, &mut |step, after| {
            let wall = WallTime(self.clock.wall.0 + after.0);
            calendar.get(step).is_some_and(|(from, windows)| {
                from.is_some_and(|from| from <= wall) && ahead.is_open(windows, wall)
            })
        })
    }

    /// How far it is.
    fn standing(&self, rollout: &Rollout) -> Standing {
        let Some(place) = rollout.place else { return Standing::default() };
        let (tier, acknowledged) = rollout.stages[place.stage].rest();
        let mut flying = BTreeMap::new();
        for (_, id) in self.grants.dead_man() {
            let Some(grant) = self.grants.get(id).filter(|grant| grant.rollout == rollout.id)
            else {
                continue;
            };
            let soak = self.soak_of(&grant).unwrap_or_default();
            let left = match grant.phase {
                Phase::Applied { at, .. } => soak.0.saturating_sub(self.clock.elapsed.since(at).0),
                Phase::Begun(_)
                | Phase::Offered { .. }
                | Phase::Soaked { .. }
                | Phase::Expired
                | Phase::Withdrawn
                | Phase::Refused { .. }
                | Phase::Failed { .. }
                | Phase::Reverted { .. } => soak.0,
            };
            *flying.entry((Millis(left), grant.stage)).or_insert(0) += 1;
        }
        Standing {
            at: (place.stage, place.wave),
            flying,
            verified: rollout.counts.verified,
            begun_of_step: tier.begun.saturating_sub(tier.refused),
            verified_of_step: tier.verified + acknowledged,
        }
    }

    /// When the calendar, as it stands now, first lets hosts of a step begin from this moment on; `None`: never, or a
    /// person has to lift a freeze.
    pub(super) fn opens_from(
        &self,
        (rollout, step): (&Rollout, usize),
        wall: WallTime,
    ) -> Option<WallTime> {
        let from = self.when(rollout, step).dates()?.max(wall);
        let windows = self.windows(rollout, step);
        let mut ahead = Ahead::default();
        let opens = |window: &Window| match ahead.at(window, from) {
            At::Open { .. } => Some(from),
            At::Closed { opens } => opens,
            At::Unknown => None,
        };
        if windows.is_empty() { Some(from) } else { windows.iter().filter_map(opens).min() }
    }

    fn windows(&self, rollout: &Rollout, step: usize) -> &[Window] {
        let tier = rollout.policy.ladder.get(step).map_or("", |stage| stage.tier.as_str());
        self.calendar.rules(tier).map(|rules| rules.windows.as_slice()).unwrap_or_default()
    }
}
