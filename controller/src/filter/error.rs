//! What is wrong with a filter, and where?

use std::fmt;

/// A filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFilter {
    /// The byte that it is about, from 0; the filter's length where something is missing at its end.
    pub at: usize,
    /// What is wrong, and what to write.
    pub what: String,
}

impl BadFilter {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

impl fmt::Display for BadFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the filter cannot be read at byte {}: {}", self.at + 1, self.what)
    }
}

impl std::error::Error for BadFilter {}
