//! Is a window open at an instant? Looked up in spans that were computed before.

use serde::{Deserialize, Serialize};

use crate::time::{Millis, WallTime};

/// How far ahead openings are computed.
pub const AHEAD: Millis = Millis::from_secs(8 * 86_400);

/// They are computed anew when less than this is left.
const RENEWED_BEFORE: Millis = Millis::from_secs(6 * 86_400);

/// When a window is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Openings {
    /// From when on they are known.
    pub from: WallTime,
    /// Rising, and none touches the next.
    pub spans: Vec<Span>,
    /// Until when every opening is among them. Later ones are there for people.
    pub known_until: WallTime,
}

/// A stretch of time: `from` is inside, `until` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its beginning.
    pub from: WallTime,
    /// Its end.
    pub until: WallTime,
}

/// Whether a window is open at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum At {
    /// It is, until then.
    Open {
        /// When it closes.
        until: WallTime,
    },
    /// It is not.
    Closed {
        /// When it opens next; `None`: not in the next years.
        opens: Option<WallTime>,
    },
    /// Nobody has computed it: it counts as closed.
    Unknown,
}

impl Openings {
    /// Whether the window is open at `wall`.
    pub fn at(&self, wall: WallTime) -> At {
        if wall < self.from || wall >= self.known_until {
            return At::Unknown;
        }
        match self.spans.iter().find(|span| span.until > wall) {
            Some(span) if span.from <= wall => At::Open { until: span.until },
            Some(span) => At::Closed { opens: Some(span.from) },
            None => At::Closed { opens: None },
        }
    }

    /// Whether they should be computed anew at `wall`.
    pub const fn run_out(&self, wall: WallTime) -> bool {
        wall.0 < self.from.0 || wall.0.saturating_add(RENEWED_BEFORE.0) >= self.known_until.0
    }
}

impl At {
    /// Of several windows one that is open is enough, the one that stays open longest; else the one that opens
    /// first.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Open { until }, Self::Open { until: later }) => {
                Self::Open { until: until.max(later) }
            }
            (open @ Self::Open { .. }, _) | (_, open @ Self::Open { .. }) => open,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Closed { opens: None }, other) | (other, Self::Closed { opens: None }) => other,
            (Self::Closed { opens: Some(one) }, Self::Closed { opens: Some(two) }) => {
                Self::Closed { opens: Some(one.min(two)) }
            }
        }
    }
}
