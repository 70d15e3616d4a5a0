//! How many of the patched hosts fail, at least and at most? By slice, of the live rollouts.

use tidegate_policies::proof::bound::{Group, Rate, lower, upper};
use tidegate_policies::share::Share;

use super::catalogue::{RATIO_LOWER, RATIO_UPPER};
use super::family::Family;
use super::tally::value_of;
use crate::machine::Machine;
use crate::machine::rollouts::Rollout;

/// Most slices of a rollout: the whole, then those with the most failures.
const MAX_SLICES: usize = 20;
/// Most slices of all rollouts.
const MAX_ROWS: usize = 200;
/// The chance that the true rate is above the upper bound, and that it is below the lower one.
const ERROR: Share = Share::percent(5);

/// What one slice of a rollout has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Rollout, kind of slice, and its value.
    labels: [String; 3],
    /// Patched hosts whose outcome is known or watched.
    patched: Group,
}

/// Takes what is needed from the state; what takes longer is left to [`families`].
pub(super) fn shown(machine: &Machine, rollouts: &[&Rollout]) -> Vec<Shown> {
    let live = rollouts.iter().filter(|of| of.is_live());
    live.flat_map(|of| of_rollout(machine, of)).take(MAX_ROWS).collect()
}

fn of_rollout(machine: &Machine, rollout: &Rollout) -> Vec<Shown> {
    let Some(trial) = machine.trial(rollout).filter(|_| rollout.place.is_some()) else {
        return Vec::new();
    };
    let slices = trial.detector().slices();
    let effects = trial.effects(MAX_SLICES).into_iter().filter(|of| of.patched.hosts > 0);
    let named = effects.filter_map(|of| {
        let slice = slices.get(of.slice)?;
        let labels = [rollout.id.as_str(), slice.dimension.word(), &slice.value];
        Some(Shown { labels: labels.map(|text| value_of(text).to_owned()), patched: of.patched })
    });
    named.collect()
}

/// Exact bounds (Clopper and Pearson 1934), each wrong with a chance of 5 %.
pub(super) fn families(shown: &[Shown]) -> Vec<Family> {
    let bound = |of: fn(Group, Share) -> Rate| {
        shown.iter().map(move |row| (row.labels.to_vec(), of(row.patched, ERROR).0 as f64 / 1e9))
    };
    vec![Family::new(RATIO_LOWER, bound(lower)), Family::new(RATIO_UPPER, bound(upper))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::family::Value;

    fn bounds(hosts: u64, failed: u64) -> [f64; 2] {
        let labels = ["113.1", "kernel", "6.8.0-41"].map(str::to_owned);
        let families = families(&[Shown { labels, patched: Group { hosts, failed } }]);
        let values: Vec<f64> = families
            .iter()
            .flat_map(|family| &family.series)
            .map(|series| match series.value {
                Value::Number(value) => value,
                Value::Histogram(_) => f64::NAN,
            })
            .collect();
        values.try_into().unwrap()
    }

    #[test]
    fn bounds_are_wide_where_little_was_seen_and_hold_the_rate_that_was() {
        assert!(bounds(10, 0)[0] < 1e-9 && bounds(10, 0)[1] > 0.25, "{:?}", bounds(10, 0));
        let [least, most] = bounds(10_000, 100);
        assert!(0.008 < least && least < 0.01 && 0.01 < most && most < 0.012, "{least} {most}");
        // The rule of three: no failure among n hosts is about 3 / n.
        assert!((bounds(3_000, 0)[1] - 0.001).abs() < 0.000_05, "{:?}", bounds(3_000, 0));
        assert!(bounds(5, 5)[0] > 0.5 && bounds(5, 5)[1] > 0.999_999);
    }
}
