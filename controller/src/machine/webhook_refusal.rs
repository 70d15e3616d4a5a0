//! Why is what somebody wants of webhooks refused?

use serde::{Deserialize, Serialize};

use super::ids::WebhookId;

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
            Self::NoEvents { .. } => "WEBHOOK_WITHOUT_EVENTS",
        }
    }
}
