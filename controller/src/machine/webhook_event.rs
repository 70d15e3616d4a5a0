//! What can have happened to webhooks? They were declared, or tested, and what they had to tell was told or was not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::ids::WebhookId;
use super::records::{JUDGE, Note};
use super::webhooks::{Happening, Receiver, Webhook};
use super::{Machine, Position};

/// A fact about webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookEvent {
    /// They were declared anew.
    Applied {
        /// All of them.
        webhooks: BTreeMap<WebhookId, Receiver>,
        /// What is other than it was, in words.
        changes: String,
        /// Who.
        actor: String,
    },
    /// Somebody tests one.
    Tested {
        /// Which.
        webhook: WebhookId,
        /// Who.
        actor: String,
    },
    /// Somebody has dead letters sent again.
    SentAgain {
        /// Whose.
        webhook: WebhookId,
        /// Their numbers.
        numbers: Vec<u64>,
        /// Who.
        actor: String,
    },
    /// A notification waits no more.
    Settled {
        /// Its number.
        number: u64,
        /// Whom it was for.
        webhook: WebhookId,
        /// How it ended.
        ending: Ending,
    },
}

/// How a notification ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The receiver answered with success.
    Delivered,
    /// It was tried for as long as anything is.
    GaveUp {
        /// What became of the last attempt.
        why: String,
    },
    /// The receiver said that it takes nothing any more, neither this nor another.
    Gone,
    /// Too many waited.
    Dropped,
}

impl From<WebhookEvent> for Event {
    fn from(event: WebhookEvent) -> Self {
        Self::Webhook(Box::new(event))
    }
}

impl Ending {
    /// Why it was not told; of what was, that it was.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Delivered => "delivered".to_owned(),
            Self::GaveUp { why } => why.clone(),
            Self::Gone => "410 Gone: it is told nothing more".to_owned(),
            Self::Dropped => "too many waited behind it".to_owned(),
        }
    }
}

impl WebhookEvent {
    /// The record that it leaves: what was delivered is counted, not recorded.
    pub(super) fn note(&self) -> Option<Note> {
        let (actor, event, subject, detail) = match self {
            Self::Applied { changes, actor, .. } => {
                (actor.as_str(), "webhooks.applied", "webhooks".to_owned(), changes.clone())
            }
            Self::Tested { webhook, actor } => {
                (actor.as_str(), "webhook.tested", subject(webhook), "a test was asked for".into())
            }
            Self::SentAgain { webhook, numbers, actor } => {
                let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
                let again = format!("notifications {} are sent again", numbers.join(", "));
                (actor.as_str(), "webhook.sent-again", subject(webhook), again)
            }
            Self::Settled { number, webhook, ending } => {
                let event = match ending {
                    Ending::Delivered => return None,
                    Ending::GaveUp { .. } => "webhook.gave-up",
                    Ending::Gone => "webhook.gone",
                    Ending::Dropped => "webhook.dropped",
                };
                let why = ending.words();
                (JUDGE, event, subject(webhook), format!("notification {number}: {why}"))
            }
        };
        let (actor, event) = (actor.to_owned(), event.to_owned());
        Some(Note { actor, event, subject, detail })
    }
}

fn subject(webhook: &WebhookId) -> String {
    format!("webhooks/{webhook}")
}

impl Machine {
    /// Makes an event of webhooks part of the state.
    pub(super) fn change_webhooks(&mut self, at: Position, event: &WebhookEvent) {
        match event {
            WebhookEvent::Applied { webhooks, .. } => self.declare_webhooks(webhooks),
            WebhookEvent::Tested { webhook, actor } => {
                let text = "a test: nothing has happened".to_owned();
                let what = (webhook.clone(), Happening::Tested);
                self.put_out(at, what, (None, (actor.clone(), text)));
            }
            WebhookEvent::SentAgain { webhook, numbers, .. } => self.send_again(webhook, numbers),
            WebhookEvent::Settled { number, webhook, ending } => {
                self.settle(*number, webhook, ending);
            }
        }
    }

    /// Webhooks that stay go on where they were; a receiver that was gone is tried again. What waits for one
    /// that leaves has nowhere to go.
    fn declare_webhooks(&mut self, webhooks: &BTreeMap<WebhookId, Receiver>) {
        let mut before = std::mem::take(&mut self.webhooks.declared);
        for (id, receiver) in webhooks {
            let (receiver, gone) = (receiver.clone(), false);
            let webhook = match before.remove(id) {
                Some(before) => Webhook { receiver, gone, ..before },
                None => Webhook::new(receiver),
            };
            self.webhooks.declared.insert(id.clone(), webhook);
        }
        self.webhooks.version += 1;
        self.webhooks.changes += 1;
        before.keys().for_each(|left| self.empty_outbox_of(left));
    }
}
