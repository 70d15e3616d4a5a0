//! `TestWebhook`: one notification that is about nothing, to see whether the way to a receiver works.

use super::Decided;
use crate::machine::ids::WebhookId;
use crate::machine::webhook_event::WebhookEvent;
use crate::machine::webhook_refusal::WebhookRefusal;
use crate::machine::webhooks::Webhook;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn test_webhook(&self, webhook: &WebhookId, actor: &str) -> Decided {
        if self.webhook(webhook)?.gone {
            return Err(WebhookRefusal::Gone { webhook: webhook.clone() }.into());
        }
        let (webhook, actor) = (webhook.clone(), actor.to_owned());
        Ok((Reply::Done, vec![WebhookEvent::Tested { webhook, actor }.into()]))
    }

    /// The webhook of this name.
    ///
    /// # Errors
    ///
    /// [`WebhookRefusal::Unknown`].
    pub fn webhook(&self, id: &WebhookId) -> Result<&Webhook, Rejection> {
        let unknown = || WebhookRefusal::Unknown { webhook: id.clone() }.into();
        self.webhooks().declared.get(id).ok_or_else(unknown)
    }
}
