//! Webhooks, in and out. No message has a place for a secret.

use std::collections::BTreeMap;

use tidegate_policies::time::WallTime;
use tidegate_proto::v1 as pb;

use super::{check, timestamp};
use crate::api::error::BadField;
use crate::machine::Machine;
use crate::machine::command::{ApplyWebhooks, Letters, ResendNotifications};
use crate::machine::ids::WebhookId;
use crate::machine::outbox::{DeadLetter, Notification};
use crate::machine::webhooks::Webhook;
use crate::webhooks::document;

/// Since when each webhook has something that waits.
type Oldest = BTreeMap<WebhookId, WallTime>;

/// Most numbers in a request.
const MOST: usize = 100;

/// Webhooks to declare.
///
/// # Errors
///
/// [`BadField`], for a document that is none.
pub fn apply(request: &pb::ApplyWebhooksRequest) -> Result<ApplyWebhooks, BadField> {
    let source = if request.source.is_empty() { "webhooks" } else { &request.source };
    let webhooks = document::parse(source, &request.webhooks_toml)
        .map_err(|error| BadField::new("webhooks_toml", "…", &error.to_string()))?;
    Ok(ApplyWebhooks { webhooks })
}

/// Dead letters to send again.
///
/// # Errors
///
/// [`BadField`], where it is not said which.
pub fn resend(request: &pb::ResendNotificationsRequest) -> Result<ResendNotifications, BadField> {
    let webhook = check::resource("name", "webhooks", &request.name)?;
    let which = match (request.all, request.numbers.as_slice()) {
        (true, []) => Letters::All,
        (false, [_, ..]) if request.numbers.len() <= MOST => {
            Letters::Of(request.numbers.iter().copied().collect())
        }
        (true | false, numbers) => {
            let count = numbers.len().to_string();
            let wanted = "name 1 to 100 numbers of dead letters, or all of them, and not both";
            return Err(BadField::new("numbers", &count, wanted));
        }
    };
    Ok(ResendNotifications { webhook, which })
}

/// All webhooks for the wire.
pub fn all(machine: &Machine) -> pb::Webhooks {
    let (webhooks, oldest) = (machine.webhooks(), machine.outbox().oldest());
    pb::Webhooks {
        webhooks: webhooks.declared.iter().map(|(id, of)| line(&oldest, id, of)).collect(),
        version: webhooks.version,
        webhooks_toml: document::write(&webhooks.declared),
        etag: webhooks.etag().to_string(),
    }
}

/// One of them, with what waits for it.
pub fn whole(machine: &Machine, id: &WebhookId, of: &Webhook) -> pb::Webhook {
    let (outbox, oldest) = (machine.outbox(), machine.outbox().oldest());
    let notifications = outbox.of(id).map(|of| notification(&of)).collect();
    let dead_letters = outbox.dead_of(id).map(|of| dead_letter(&of)).collect();
    pb::Webhook { notifications, dead_letters, ..line(&oldest, id, of) }
}

fn line(oldest: &Oldest, id: &WebhookId, of: &Webhook) -> pb::Webhook {
    let state = if of.gone { pb::WebhookState::Gone } else { pb::WebhookState::Active };
    pb::Webhook {
        name: format!("webhooks/{id}"),
        url: of.receiver.url.to_string(),
        secret: of.receiver.secret.to_string(),
        events: of.receiver.events.iter().map(|event| event.word().to_owned()).collect(),
        state: state.into(),
        pending: of.waiting,
        delivered: of.ended.delivered,
        gave_up: of.ended.gave_up,
        dropped: of.ended.dropped,
        oldest_time: oldest.get(id).copied().map(timestamp),
        notifications: Vec::new(),
        dead_letter_count: of.dead_letters,
        dead_letters: Vec::new(),
    }
}

fn notification(of: &Notification) -> pb::Notification {
    pb::Notification {
        number: of.number,
        event_id: of.event.clone(),
        r#type: of.what.event_type().to_owned(),
        subject: of.subject(),
        time: Some(timestamp(of.at)),
        resent: of.again,
    }
}

fn dead_letter(of: &DeadLetter) -> pb::DeadLetter {
    pb::DeadLetter {
        notification: Some(notification(&of.notification)),
        reason: of.why.clone(),
        time: Some(timestamp(of.at)),
    }
}
