//! What can have happened to webhooks? They were declared, or tested, and what they had to tell was told or was not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::ids::WebhookId;
use super::records::{JUDGE, Note};
use super::webhooks::{Ended, Happening, Receiver, Webhook};
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
            Self::Settled { number, webhook, ending } => {
                let (event, why) = match ending {
                    Ending::Delivered => return None,
                    Ending::GaveUp { why } => ("webhook.gave-up", why.clone()),
                    Ending::Gone => ("webhook.gone", "410 Gone: it is told nothing more".into()),
                    Ending::Dropped => ("webhook.dropped", "too many waited behind it".into()),
                };
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
            let ended = before.remove(id).map_or_else(Ended::default, |of| of.ended);
            let webhook = Webhook { receiver: receiver.clone(), gone: false, ended };
            self.webhooks.declared.insert(id.clone(), webhook);
        }
        self.webhooks.version += 1;
        before.keys().for_each(|left| self.empty_outbox_of(left));
    }

    fn settle(&mut self, number: u64, webhook: &WebhookId, ending: &Ending) {
        self.outbox.rows.remove(number);
        let waiting = u64::try_from(self.outbox.of(webhook).count()).unwrap_or(u64::MAX);
        let Some(of) = self.webhooks.declared.get_mut(webhook) else { return };
        match ending {
            Ending::Delivered => of.ended.delivered += 1,
            Ending::GaveUp { .. } => of.ended.gave_up += 1,
            Ending::Dropped => of.ended.dropped += 1,
            Ending::Gone => {
                of.gone = true;
                of.ended.gave_up += waiting.saturating_add(1);
                self.empty_outbox_of(webhook);
            }
        }
    }

    fn empty_outbox_of(&mut self, webhook: &WebhookId) {
        let waiting: Vec<u64> = self.outbox.of(webhook).map(|of| of.number).collect();
        for number in waiting {
            self.outbox.rows.remove(number);
        }
    }
}
