//! Why is what somebody says of an incident refused?

use serde::{Deserialize, Serialize};

/// Why it was refused. The text says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum IncidentRefusal {
    /// No such incident.
    #[error("there is no incident {number}: see `tidegate incident list`")]
    Unknown {
        /// What was asked for.
        number: u64,
    },
    /// Somebody looks after the incident already.
    #[error(
        "{actor} has acknowledged the incident {number} already: talk to them, or write down what you know with \
         `tidegate incident note {number} --remark …`"
    )]
    Acknowledged {
        /// Its number.
        number: u64,
        /// Who.
        actor: String,
    },
    /// Nobody looks after the incident yet.
    #[error(
        "nobody has acknowledged the incident {number}, and an incident is not resolved unseen: type `tidegate \
         incident ack {number}` first"
    )]
    NotAcknowledged {
        /// Its number.
        number: u64,
    },
    /// The incident is over.
    #[error(
        "{actor} has resolved the incident {number}: it takes notes alone, with `tidegate incident note {number} \
         --remark …`"
    )]
    Resolved {
        /// Its number.
        number: u64,
        /// Who resolved it.
        actor: String,
    },
    /// The incident went on as another one.
    #[error(
        "the halt of the incident {number} was widened into that of the incident {into}: name that one"
    )]
    Widened {
        /// Its number.
        number: u64,
        /// The number of the other one.
        into: u64,
    },
    /// The incident has all the notes that it takes.
    #[error(
        "the incident {number} has {limit} notes, and takes no more: go on where your own papers are"
    )]
    Full {
        /// Its number.
        number: u64,
        /// How many it takes.
        limit: u64,
    },
    /// A note that says nothing.
    #[error("a note needs its text: say it with `--remark`")]
    RemarkMissing,
}

impl IncidentRefusal {
    /// The reason code of the error catalogue.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "UNKNOWN_INCIDENT",
            Self::Acknowledged { .. } => "INCIDENT_ACKNOWLEDGED",
            Self::NotAcknowledged { .. } => "INCIDENT_NOT_ACKNOWLEDGED",
            Self::Resolved { .. } => "INCIDENT_RESOLVED",
            Self::Widened { .. } => "INCIDENT_WIDENED",
            Self::Full { .. } => "INCIDENT_FULL",
            Self::RemarkMissing => "REMARK_MISSING",
        }
    }
}
