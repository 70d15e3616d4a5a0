//! Which times does a decision know? Two: running time, and the wall. Both are replicated.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A length of time, in milliseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Millis(pub u64);

/// An instant of replicated running time: milliseconds since the cluster began.
///
/// It advances by a bounded step with each tick of the log, and stands still while nobody leads: no
/// jump of a clock can shorten a soak.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Elapsed(pub u64);

/// An instant on the cluster's wall clock: milliseconds since the Unix epoch. Never runs backwards.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct WallTime(pub u64);

/// An instant of listening time: running time less the stretches in which the controllers could not
/// have heard a host. Dead-man timers run on it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Listened(pub u64);

impl Millis {
    /// `n` seconds.
    pub const fn from_secs(n: u64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// This span `n` times over.
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }
}

impl WallTime {
    /// The instant `span` later.
    #[must_use]
    pub const fn after(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// How long it is from `earlier` to this instant; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for WallTime {
    /// In UTC, to the second: `2026-05-02T12:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = i64::try_from(self.0).ok().and_then(DateTime::<Utc>::from_timestamp_millis);
        match at {
            Some(at) => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%SZ")),
            None => write!(f, "{}ms after 1970", self.0),
        }
    }
}

impl Elapsed {
    /// The instant `span` later.
    #[must_use]
    pub const fn after(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// How long it is from `earlier` to this instant; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl Listened {
    /// The instant `span` later.
    #[must_use]
    pub const fn after(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Millis {
    /// As a point in a long time: days, hours and minutes, `2d04h07m`; below a day as it is shown otherwise.
    pub fn to_the_minute(self) -> String {
        let (days, minutes) = (self.0 / 86_400_000, self.0 / 60_000);
        match days {
            0 => self.to_string(),
            1.. => format!("{days}d{:02}h{:02}m", minutes / 60 % 24, minutes % 60),
        }
    }
}

impl fmt::Display for Millis {
    /// The largest two units that are not zero: `1h30m`, `2m5s`, `3.5s`, `250ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ms) = *self;
        let (days, hours) = (ms / 86_400_000, ms / 3_600_000 % 24);
        let (minutes, seconds) = (ms / 60_000 % 60, ms / 1_000 % 60);
        match (days, hours, minutes, seconds) {
            (0, 0, 0, 0) => write!(f, "{ms}ms"),
            (0, 0, 0, s) if !ms.is_multiple_of(1_000) => write!(f, "{s}.{}s", ms % 1_000 / 100),
            (0, 0, 0, s) => write!(f, "{s}s"),
            (0, 0, m, 0) => write!(f, "{m}m"),
            (0, 0, m, s) => write!(f, "{m}m{s}s"),
            (0, h, 0, _) => write!(f, "{h}h"),
            (0, h, m, _) => write!(f, "{h}h{m}m"),
            (d, 0, _, _) => write!(f, "{d}d"),
            (d, h, _, _) => write!(f, "{d}d{h}h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_a_long_time_is_told_to_the_minute() {
        let told = |secs| Millis::from_secs(secs).to_the_minute();
        assert_eq!([told(86_400 * 2 + 420), told(86_399)], ["2d00h07m", "23h59m"]);
    }

    #[test]
    fn a_span_is_shown_in_its_two_largest_units() {
        let check = |ms, expected: &str| assert_eq!(Millis(ms).to_string(), expected);
        check(0, "0ms");
        check(250, "250ms");
        check(3_500, "3.5s");
        check(5_000, "5s");
        check(125_000, "2m5s");
        check(120_000, "2m");
        check(5_400_000, "1h30m");
        check(86_400_000, "1d");
        check(90_000_000, "1d1h");
    }
}
