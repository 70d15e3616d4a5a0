//! What do many runs come to? Rates, means and medians over them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::outcome::{End, Outcome};
use crate::machine::incidents::HaltScope;

/// What a simulation prints as JSON; keys are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Figures {
    /// How many runs.
    pub seeds: u64,
    /// Share of them in which something was halted, everything or a slice, 0 to 1.
    pub halted_rate: f64,
    /// Share that a person halted, called after hours of a hold; they count as halted, too.
    pub halted_by_person_rate: f64,
    /// Share that halted though the patch had harmed nobody, 0 to 1.
    pub false_halt_rate: f64,
    /// Hosts harmed, in the mean.
    pub harmed_mean: f64,
    /// Hosts harmed in 19 of 20 runs, at most.
    pub harmed_p95: u64,
    /// Hosts in flight and gone wrong at the first halt, in the mean over runs that halted.
    pub exposed_at_halt_mean: Option<f64>,
    /// Minutes from the first harm that showed to the halt, half of the runs that halted take less.
    pub minutes_to_halt_median: Option<f64>,
    /// Hours from the start to the last wave's end, half of the runs that completed take less.
    pub hours_to_full_median: Option<f64>,
    /// Hours that its plan says it takes at the least, of the first run that has one.
    pub planned_hours: Option<f64>,
    /// How often a run held, in the mean.
    pub holds_mean: f64,
    /// How many runs halted which scope: `everything`, or a slice by its facts. A run may halt several.
    pub halt_scopes: BTreeMap<String, u64>,
    /// Begins that were held against the plan, the draw, the host's turn, windows and delays.
    pub begins: u64,
    /// Runs that broke a promise of these; none should.
    pub promises_broken: u64,
}

impl Figures {
    /// The figures of these runs.
    pub(super) fn of(outcomes: &[Outcome]) -> Self {
        let runs = outcomes.len();
        let share = |of: &dyn Fn(&Outcome) -> bool| {
            rounded(ratio(outcomes.iter().filter(|outcome| of(outcome)).count(), runs), 6)
        };
        let harmed: Vec<u64> = outcomes.iter().map(|outcome| outcome.harmed).collect();
        let holds: Vec<u64> = outcomes.iter().map(|outcome| outcome.holds).collect();
        let exposed: Vec<u64> = outcomes.iter().filter_map(|of| of.exposed_at_halt).collect();
        let to_halt = median(outcomes.iter().filter_map(|of| of.to_halt).collect());
        let to_full = median(outcomes.iter().filter_map(|of| of.to_full).collect());
        let mut halt_scopes = BTreeMap::new();
        let everything = outcomes.iter().filter(|outcome| outcome.end == End::Halted);
        let scopes = everything.map(|_| HaltScope::EVERYTHING);
        let slices = outcomes.iter().flat_map(|outcome| &outcome.slices).map(String::as_str);
        for scope in scopes.chain(slices) {
            *halt_scopes.entry(scope.to_owned()).or_insert(0) += 1;
        }
        Self {
            seeds: u64::try_from(runs).unwrap_or(u64::MAX),
            halted_rate: share(&Outcome::has_halted),
            halted_by_person_rate: share(&|outcome| outcome.by_person),
            false_halt_rate: share(&Outcome::is_false_halt),
            harmed_mean: rounded(mean(&harmed).unwrap_or(0.0), 3),
            harmed_p95: within(harmed, 95).unwrap_or(0),
            exposed_at_halt_mean: mean(&exposed).map(|mean| rounded(mean, 3)),
            minutes_to_halt_median: to_halt.map(|ms| rounded(ms / 60_000.0, 3)),
            hours_to_full_median: to_full.map(|ms| rounded(ms / 3_600_000.0, 3)),
            planned_hours: outcomes.iter().find_map(|of| of.planned).map(hours),
            holds_mean: rounded(mean(&holds).unwrap_or(0.0), 3),
            halt_scopes,
            begins: outcomes.iter().map(|outcome| outcome.begins).sum(),
            promises_broken: count(outcomes, |outcome| !outcome.broken.is_empty()),
        }
    }
}

fn count(outcomes: &[Outcome], of: impl Fn(&Outcome) -> bool) -> u64 {
    u64::try_from(outcomes.iter().filter(|outcome| of(outcome)).count()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "spans here have fewer than 53 bits")]
fn hours(ms: u64) -> f64 {
    rounded(ms as f64 / 3_600_000.0, 3)
}

/// The number that so many percent of `numbers` do not exceed; `None` where there are none.
fn within(mut numbers: Vec<u64>, percent: usize) -> Option<u64> {
    numbers.sort_unstable();
    let rank = (numbers.len() * percent).div_ceil(100).max(1);
    numbers.get(rank - 1).copied()
}

#[expect(clippy::cast_precision_loss, reason = "spans and counts here have fewer than 53 bits")]
fn median(mut numbers: Vec<u64>) -> Option<f64> {
    numbers.sort_unstable();
    let (low, high) = (numbers.len().checked_sub(1)? / 2, numbers.len() / 2);
    Some((numbers[low] as f64 + numbers[high] as f64) / 2.0)
}

#[expect(clippy::cast_precision_loss, reason = "counts here have fewer than 53 bits")]
fn mean(numbers: &[u64]) -> Option<f64> {
    let total: u64 = numbers.iter().sum();
    (!numbers.is_empty()).then(|| total as f64 / numbers.len() as f64)
}

/// A part of a whole; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "numbers of runs have fewer than 53 bits")]
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A number with so many decimals.
fn rounded(number: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (number * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halted(seed: u64, harmed: u64, minutes: u64) -> Outcome {
        Outcome {
            end: End::Halted,
            harmed,
            exposed_at_halt: Some(harmed + 10),
            to_halt: Some(minutes * 60_000),
            ..Outcome::of_seed(seed)
        }
    }

    #[test]
    fn figures_are_over_the_runs_that_they_speak_of() {
        let completed = Outcome {
            end: End::Completed,
            to_full: Some(36_000_000),
            planned: Some(28_800_000),
            holds: 3,
            ..Outcome::of_seed(4)
        };
        let figures = Figures::of(&[halted(1, 0, 4), halted(2, 6, 10), halted(3, 3, 6), completed]);
        let shown = serde_json::to_string(&figures).unwrap();
        assert_eq!(
            shown,
            r#"{"seeds":4,"halted_rate":0.75,"halted_by_person_rate":0.0,"false_halt_rate":0.25,"harmed_mean":2.25,"#
                .to_owned()
                + r#""harmed_p95":6,"exposed_at_halt_mean":13.0,"minutes_to_halt_median":6.0,"#
                + r#""hours_to_full_median":10.0,"planned_hours":8.0,"holds_mean":0.75,"halt_scopes":{"everything":3},"begins":0,"promises_broken":0}"#
        );
    }

    #[test]
    fn a_run_that_halts_a_slice_and_goes_on_counts_by_its_slice() {
        let slices = vec!["cpu=6-143".to_owned()];
        let on = Outcome { end: End::Completed, slices, harmed: 4, ..Outcome::of_seed(2) };
        let figures = Figures::of(&[halted(1, 3, 4), on]);
        assert!((figures.halted_rate - 1.0).abs() < f64::EPSILON);
        let scopes: Vec<(&str, u64)> =
            figures.halt_scopes.iter().map(|(scope, runs)| (scope.as_str(), *runs)).collect();
        assert_eq!(scopes, [("cpu=6-143", 1), ("everything", 1)]);
    }

    #[test]
    fn where_nothing_halted_there_is_no_time_to_a_halt() {
        let figures = Figures::of(&[Outcome::of_seed(1)]);
        assert_eq!((figures.exposed_at_halt_mean, figures.minutes_to_halt_median), (None, None));
        assert_eq!(figures.halt_scopes.len(), 0);
    }

    #[test]
    fn nineteen_of_twenty_do_not_exceed_the_95th() {
        assert_eq!(within((1..=20).collect(), 95), Some(19));
        assert_eq!(within((1..=100).rev().collect(), 95), Some(95));
        assert_eq!(within(vec![7], 95), Some(7));
        assert_eq!(within(Vec::new(), 95), None);
    }
}
