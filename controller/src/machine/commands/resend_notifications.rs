//! `ResendNotifications`: dead letters of a webhook are sent again, as long as nothing is dropped for them.

use super::Decided;
use crate::machine::command::{Letters, ResendNotifications};
use crate::machine::outbox::MAX_PENDING;
use crate::machine::webhook_event::WebhookEvent;
use crate::machine::webhook_refusal::WebhookRefusal;
use crate::machine::{Machine, Reply};

impl Machine {
    pub(super) fn resend_notifications(
        &self,
        resend: &ResendNotifications,
        actor: &str,
    ) -> Decided {
        let ResendNotifications { webhook, which } = resend;
        let of = self.webhook(webhook)?;
        if of.gone {
            return Err(WebhookRefusal::Gone { webhook: webhook.clone() }.into());
        }
        let mut numbers: Vec<u64> = self.outbox().dead_of(webhook).map(|of| of.number()).collect();
        if let Letters::Of(wanted) = which {
            if let Some(&number) = wanted.iter().find(|number| !numbers.contains(number)) {
                let webhook = webhook.clone();
                return Err(WebhookRefusal::NoSuchLetter { webhook, number }.into());
            }
            numbers.retain(|number| wanted.contains(number));
        }
        if numbers.is_empty() {
            return Err(WebhookRefusal::NoLetters { webhook: webhook.clone() }.into());
        }
        if of.waiting.saturating_add(count(&numbers)) > MAX_PENDING {
            let (webhook, waiting) = (webhook.clone(), of.waiting);
            return Err(WebhookRefusal::NoRoom { webhook, waiting }.into());
        }
        let (webhook, actor) = (webhook.clone(), actor.to_owned());
        Ok((Reply::Done, vec![WebhookEvent::SentAgain { webhook, numbers, actor }.into()]))
    }
}

fn count(numbers: &[u64]) -> u64 {
    u64::try_from(numbers.len()).unwrap_or(u64::MAX)
}
