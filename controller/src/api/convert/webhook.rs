//! Webhooks, in and out. No message has a place for a secret.

use tidegate_proto::v1 as pb;

use super::timestamp;
use crate::api::error::BadField;
use crate::machine::Machine;
use crate::machine::command::ApplyWebhooks;
use crate::machine::ids::WebhookId;
use crate::machine::webhooks::{Notification, Webhook};
use crate::webhooks::document;

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

/// All webhooks for the wire.
pub fn all(machine: &Machine) -> pb::Webhooks {
    let webhooks = machine.webhooks();
    pb::Webhooks {
        webhooks: webhooks.declared.iter().map(|(id, of)| line(machine, id, of)).collect(),
        version: webhooks.version,
        webhooks_toml: document::write(&webhooks.declared),
        etag: webhooks.etag().to_string(),
    }
}

/// One of them, with what waits for it.
pub fn whole(machine: &Machine, id: &WebhookId, of: &Webhook) -> pb::Webhook {
    let notifications = machine.outbox().of(id).map(|of| notification(&of)).collect();
    pb::Webhook { notifications, ..line(machine, id, of) }
}

fn line(machine: &Machine, id: &WebhookId, of: &Webhook) -> pb::Webhook {
    let (mut pending, mut oldest) = (0, None);
    for waiting in machine.outbox().of(id) {
        pending += 1;
        oldest.get_or_insert(waiting.at);
    }
    let state = if of.gone { pb::WebhookState::Gone } else { pb::WebhookState::Active };
    pb::Webhook {
        name: format!("webhooks/{id}"),
        url: of.receiver.url.to_string(),
        secret: of.receiver.secret.to_string(),
        events: of.receiver.events.iter().map(|event| event.word().to_owned()).collect(),
        state: state.into(),
        pending,
        delivered: of.ended.delivered,
        gave_up: of.ended.gave_up,
        dropped: of.ended.dropped,
        oldest_time: oldest.map(timestamp),
        notifications: Vec::new(),
    }
}

fn notification(of: &Notification) -> pb::Notification {
    pb::Notification {
        number: of.number,
        event_id: of.event.clone(),
        r#type: of.what.event_type().to_owned(),
        subject: of.subject(),
        time: Some(timestamp(of.at)),
    }
}
