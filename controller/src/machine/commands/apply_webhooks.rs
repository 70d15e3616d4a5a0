//! `ApplyWebhooks`: declares anew who is told of incidents. What was waiting for a webhook that leaves goes with it.

use super::Decided;
use crate::machine::command::ApplyWebhooks;
use crate::machine::ids::WebhookId;
use crate::machine::webhook_event::WebhookEvent;
use crate::machine::webhook_refusal::WebhookRefusal;
use crate::machine::webhooks::{Happening, MAX_WEBHOOKS, Receiver};
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn apply_webhooks(&self, apply: &ApplyWebhooks, actor: &str) -> Decided {
        if self.cluster().is_none() {
            return Err(Rejection::NotBootstrapped);
        }
        if apply.webhooks.len() > MAX_WEBHOOKS {
            return Err(Rejection::TooMany { what: "webhooks".to_owned(), most: MAX_WEBHOOKS });
        }
        let tells_nothing =
            |of: &Receiver| !Happening::ALL.iter().any(|one| of.events.contains(one));
        if let Some((webhook, _)) = apply.webhooks.iter().find(|(_, of)| tells_nothing(of)) {
            return Err(WebhookRefusal::NoEvents { webhook: webhook.clone() }.into());
        }
        let (webhooks, changes) = (apply.webhooks.clone(), self.other_webhooks(apply));
        let applied = WebhookEvent::Applied { webhooks, changes, actor: actor.to_owned() };
        Ok((Reply::Done, vec![applied.into()]))
    }

    /// What is other than it was, for the record.
    fn other_webhooks(&self, apply: &ApplyWebhooks) -> String {
        let declared = &self.webhooks().declared;
        let left = declared.keys().filter(|id| !apply.webhooks.contains_key(*id));
        let mut changes: Vec<String> = left.map(|id| self.leaves(id)).collect();
        for (id, receiver) in &apply.webhooks {
            if declared.get(id).is_none_or(|before| before.receiver != *receiver) {
                let events: Vec<&str> = receiver.events.iter().map(|of| of.word()).collect();
                let (url, secret) = (&receiver.url, &receiver.secret);
                changes.push(format!(
                    "{id}: {url}, signed with the secret `{secret}`, told of {}",
                    events.join(", ")
                ));
            } else if declared.get(id).is_some_and(|before| before.gone) {
                changes.push(format!("{id}: tried again"));
            }
        }
        if changes.is_empty() { "nothing changed".to_owned() } else { changes.join("; ") }
    }

    /// What waits goes with it, and so do its dead letters.
    fn leaves(&self, webhook: &WebhookId) -> String {
        let of = self.webhooks().declared.get(webhook);
        let untold = of.map_or(0, |of| of.waiting + of.dead_letters);
        format!("{webhook}: no more, {untold} untold")
    }
}
