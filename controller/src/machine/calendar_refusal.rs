//! Why is what somebody wants of the calendar refused?

use serde::{Deserialize, Serialize};

use super::ids::FreezeId;

/// Why it was refused. The text says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum CalendarRefusal {
    /// There is such a freeze already.
    #[error("the freeze `{freeze}` stands already: choose another name, or lift it first")]
    FreezeExists {
        /// The freeze.
        freeze: FreezeId,
    },
    /// A freeze until a moment that is past.
    #[error("a freeze until {until} is over already: it is {now}")]
    FreezeOver {
        /// Until when.
        until: String,
        /// The cluster's wall clock.
        now: String,
    },
    /// No such freeze.
    #[error("there is no freeze `{freeze}`: see `tidegate freeze list`")]
    UnknownFreeze {
        /// What was asked for.
        freeze: FreezeId,
    },
    /// A delay beyond what makes sense.
    #[error("a delay has at most {days} days: to hold everything back, give a cut-off date")]
    DelayTooLong {
        /// Days.
        days: u64,
    },
    /// Openings that no build computes.
    #[error("the openings of {window} are not in the order of time")]
    BadOpenings {
        /// The window.
        window: String,
    },
}

impl CalendarRefusal {
    /// The reason code of the error catalogue.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::FreezeExists { .. } => "FREEZE_EXISTS",
            Self::FreezeOver { .. } => "FREEZE_OVER",
            Self::UnknownFreeze { .. } => "UNKNOWN_FREEZE",
            Self::DelayTooLong { .. } => "DELAY_TOO_LONG",
            Self::BadOpenings { .. } => "BAD_OPENINGS",
        }
    }
}
