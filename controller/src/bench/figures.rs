//! How do many measurements become one figure? By the median, with the least and the greatest beside it.

use std::time::Duration;

use serde::Serialize;

use crate::runtime::Clock;

/// A span of time in whole microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Micros(pub(super) u64);

impl Micros {
    /// Rounded down.
    pub(super) fn of(span: Duration) -> Self {
        Self(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
    }

    /// In milliseconds, to the hundredth.
    pub(super) fn ms(self) -> f64 {
        rounded(Duration::from_micros(self.0).as_secs_f64() * 1_000.0, 2)
    }
}

/// The value that `percent` of 100 are not above; `sorted` rises. Zero of none.
pub(super) fn percentile<T: Copy + Default>(sorted: &[T], percent: usize) -> T {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The median of some numbers; of an even count the mean of the middle two. Zero of none.
pub(super) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.get(middle) {
        None => 0.0,
        Some(upper) if sorted.len() % 2 == 1 => *upper,
        Some(upper) => f64::midpoint(sorted[middle - 1], *upper),
    }
}

/// The least and the greatest of some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    /// The least.
    pub(super) min: f64,
    /// The greatest.
    pub(super) max: f64,
}

impl Spread {
    /// Of these numbers, rounded to `digits` after the point.
    pub(super) fn of(numbers: &[f64], digits: i32) -> Self {
        let min = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let max = numbers.iter().copied().fold(0.0, f64::max);
        Self { min: rounded(min.min(max), digits), max: rounded(max, digits) }
    }
}

/// Time since `clock` was started, per one of `count` things, in nanoseconds.
pub(super) fn ns_each(clock: Clock, count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let count = count.max(1) as f64;
    clock.monotonic().as_secs_f64() * 1e9 / count
}

/// With `digits` after the point.
pub(super) fn rounded(number: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (number * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_numbers() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (50, 99));
        assert_eq!((percentile(&[7_u64], 50), percentile(&[7_u64], 99)), (7, 7));
        assert_eq!(percentile::<u64>(&[], 99), 0);
    }

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        let medians = [&[][..], &[3.0], &[4.0, 1.0], &[9.0, 1.0, 2.0]].map(median);
        assert!(medians.iter().zip([0.0, 3.0, 2.5, 2.0]).all(|(a, b)| (a - b).abs() < 1e-9));
    }

    #[test]
    fn a_spread_names_the_least_and_the_greatest() {
        assert_eq!(Spread::of(&[2.26, 1.0, 1.5], 1), Spread { min: 1.0, max: 2.3 });
        assert_eq!(Spread::of(&[], 1), Spread { min: 0.0, max: 0.0 });
    }

    #[test]
    fn microseconds_are_shown_as_milliseconds() {
        assert!((Micros::of(Duration::from_micros(1_234_567)).ms() - 1_234.57).abs() < 1e-9);
    }
}
