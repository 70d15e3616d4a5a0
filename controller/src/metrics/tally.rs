//! How is counted by label, without end and without growing? Up to a limit; what comes later is `other`.

use std::collections::BTreeMap;

use super::catalogue::Described;
use super::family::{Family, number};

/// The label's value of all that has no row of its own.
pub(super) const OTHER: &str = "other";

/// Longest value of a label, in bytes.
const MAX_VALUE_BYTES: usize = 128;

/// Counts by the values of labels.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    described: Described,
    most: usize,
    rows: BTreeMap<Vec<String>, u64>,
}

impl Tally {
    /// No counts yet; at most `most` rows and the one for the rest.
    pub(super) const fn new(described: Described, most: usize) -> Self {
        Self { described, most, rows: BTreeMap::new() }
    }

    /// Counts one more of these values.
    pub(super) fn note<const N: usize>(&mut self, labels: [&str; N]) {
        let values = labels.map(|value| value_of(value).to_owned()).to_vec();
        let is_full = self.rows.len() >= self.most && !self.rows.contains_key(&values);
        let row = if is_full { vec![OTHER.to_owned(); N] } else { values };
        *self.rows.entry(row).or_default() += 1;
    }

    /// The counts.
    pub(super) fn family(&self) -> Family {
        let rows = self.rows.iter().map(|(labels, count)| (labels.clone(), number(*count)));
        Family::new(self.described, rows)
    }
}

/// A label's value as it is told: cut where it is too long.
pub(super) fn value_of(value: &str) -> &str {
    let end = (0..=MAX_VALUE_BYTES.min(value.len())).rev().find(|&at| value.is_char_boundary(at));
    value.get(..end.unwrap_or(0)).unwrap_or_default()
}
