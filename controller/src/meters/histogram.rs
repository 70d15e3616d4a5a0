//! How are sizes counted? Each in the first bucket whose upper bound it does not exceed.

/// Upper bounds for what takes long, in seconds: from a minute to a month.
pub const LONG_TIMES: &[f64] =
    &[60.0, 600.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0, 259_200.0, 604_800.0, 2_592_000.0];

/// Upper bounds for what disks and networks do, in seconds: from half a millisecond to ten seconds.
pub const SHORT_TIMES: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds for calls, in seconds: those of OpenTelemetry's conventions for RPC.
pub const CALL_TIMES: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Upper bounds for how late hosts come, in seconds: from a tenth of a second to an hour.
pub const LAG_TIMES: &[f64] =
    &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0];

/// Counts by size.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// Nothing is counted yet. `bounds` rise.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// Counts one more.
    pub fn note(&mut self, size: f64) {
        let bucket = self.bounds.iter().position(|bound| size <= *bound);
        if let Some(count) = self.counts.get_mut(bucket.unwrap_or(self.bounds.len())) {
            *count += 1;
        }
        self.sum += size;
    }

    /// The upper bounds of the buckets; the last bucket has none.
    pub const fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    /// How many are in each bucket: one more than there are bounds.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// All sizes together.
    pub const fn sum(&self) -> f64 {
        self.sum
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_on_a_bound_is_below_it_and_one_above_all_bounds_is_counted() {
        let mut times = Histogram::new(CALL_TIMES);
        [0.0, 0.005, 0.0051, 10.0, 10.5].into_iter().for_each(|size| times.note(size));
        let filled = times.counts().iter().enumerate().filter(|(_, count)| **count > 0);
        assert_eq!(
            filled.map(|(at, &n)| (at, n)).collect::<Vec<_>>(),
            [(0, 2), (1, 1), (13, 1), (14, 1)]
        );
        assert_eq!(times.count(), 5);
    }

    #[test]
    fn bounds_rise() {
        for bounds in [LONG_TIMES, SHORT_TIMES, CALL_TIMES, LAG_TIMES] {
            assert!(bounds.is_sorted(), "{bounds:?}");
        }
    }
}
