//! Why is what somebody wants of webhooks refused?

use serde::{Deserialize, Serialize};

use super::ids::WebhookId;
use super::outbox::MAX_PENDING;

/// Why it was refused. The text says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum WebhookRefusal {
    /// No such webhook.
    #[error("there is no webhook `{webhook}`: see `tidegate webhook list`")]
    Unknown {
        /// What was asked for.
        webhook: WebhookId,
    },
    /// Its receiver takes nothing any more.
    #[error(
        "the receiver of `{webhook}` has answered 410 Gone and is told nothing more: once it listens again, declare \
         the webhooks again with `tidegate webhook apply`"
    )]
    Gone {
        /// Which.
        webhook: WebhookId,
    },
    /// None of its dead letters has this number.
    #[error(
        "no dead letter of `{webhook}` has the number {number}: see `tidegate webhook get {webhook}`"
    )]
    NoSuchLetter {
        /// Which webhook.
        webhook: WebhookId,
        /// What was asked for.
        number: u64,
    },
    /// It has no dead letters.
    #[error("`{webhook}` has no dead letters: see `tidegate webhook get {webhook}` for what waits")]
    NoLetters {
        /// Which.
        webhook: WebhookId,
    },
    /// Something else would be dropped for them.
    #[error(
        "{waiting} notifications wait for `{webhook}`, and {MAX_PENDING} may: name fewer numbers, or try again when \
         its receiver has taken some"
    )]
    NoRoom {
        /// Which.
        webhook: WebhookId,
        /// How many wait.
        waiting: u64,
    },
    /// It would tell of nothing.
    #[error("the webhook `{webhook}` takes no events: name some, or leave the webhook out")]
    NoEvents {
        /// Which.
        webhook: WebhookId,
    },
}

impl WebhookRefusal {
    /// The reason code of the error catalogue.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "UNKNOWN_WEBHOOK",
            Self::Gone { .. } => "WEBHOOK_GONE",
            Self::NoSuchLetter { .. } => "UNKNOWN_DEAD_LETTER",
            Self::NoLetters { .. } => "NO_DEAD_LETTERS",
            Self::NoRoom { .. } => "WEBHOOK_BUSY",
            Self::NoEvents { .. } => "WEBHOOK_WITHOUT_EVENTS",
        }
    }
}
