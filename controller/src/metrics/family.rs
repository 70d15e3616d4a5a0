//! What is a metric with its values?

use super::catalogue::Described;
use crate::meters::Histogram;

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
        Self::histograms(described, [(Vec::new(), histogram)])
    }

    /// A histogram for each of these labels.
    pub(super) fn histograms(
        described: Described,
        series: impl IntoIterator<Item = (Vec<String>, Histogram)>,
    ) -> Self {
        let series = series
            .into_iter()
            .map(|(labels, times)| Series { labels, value: Value::Histogram(times) });
        Self { described, series: series.collect() }
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
