//! What is a metric with its values?

use super::catalogue::Described;

/// All series of one name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Family {
    /// Its name and meaning.
    pub(super) described: Described,
    /// Its series.
    pub(super) series: Vec<Series>,
}

/// One value, and what it is the value of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    /// The values of the family's labels, in their order.
    pub(super) labels: Vec<String>,
    /// The value.
    pub(super) value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Of a gauge or counter.
    Number(f64),
    /// Of a histogram.
    Histogram(Histogram),
}

/// Upper bounds of buckets, in seconds: from a minute to a month.
pub(super) const LONG_TIMES: [f64; 9] =
    [60.0, 600.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0, 259_200.0, 604_800.0, 2_592_000.0];

/// Counts by size.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    /// How many were in each bucket of [`LONG_TIMES`], and above the last one.
    pub(super) counts: [u64; LONG_TIMES.len() + 1],
    /// All of them together.
    pub(super) sum: f64,
}

impl Histogram {
    /// Counts one more.
    pub(super) fn note(&mut self, seconds: f64) {
        let bucket = LONG_TIMES.iter().position(|bound| seconds <= *bound);
        if let Some(count) = self.counts.get_mut(bucket.unwrap_or(LONG_TIMES.len())) {
            *count += 1;
        }
        self.sum += seconds;
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Family {
    /// A family with these series.
    pub(super) fn new(
        described: Described,
        series: impl IntoIterator<Item = (Vec<String>, f64)>,
    ) -> Self {
        let series = series
            .into_iter()
            .map(|(labels, value)| Series { labels, value: Value::Number(value) });
        Self { described, series: series.collect() }
    }

    /// A family of one series without labels.
    pub(super) fn one(described: Described, value: f64) -> Self {
        Self::new(described, [(Vec::new(), value)])
    }

    /// A histogram without labels.
    pub(super) fn histogram(described: Described, histogram: Histogram) -> Self {
        let value = Value::Histogram(histogram);
        Self { described, series: vec![Series { labels: Vec::new(), value }] }
    }
}

/// A count as a value. Exact up to 2^53.
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

/// Milliseconds as seconds.
pub(super) fn seconds(ms: u64) -> f64 {
    number(ms) / 1_000.0
}
