//! How does a webhook look as JSON?

use serde_json::{Value, json};
use tidegate_proto::v1;

use super::{enumeration, time, with};

/// All webhooks.
pub(crate) fn webhooks(webhooks: &v1::Webhooks) -> Value {
    json!({
        "webhooks": webhooks.webhooks.iter().map(webhook).collect::<Value>(),
        "version": webhooks.version,
        "webhooksToml": webhooks.webhooks_toml,
        "etag": webhooks.etag,
    })
}

/// A webhook.
pub(crate) fn webhook(webhook: &v1::Webhook) -> Value {
    let object = json!({
        "name": webhook.name,
        "url": webhook.url,
        "secret": webhook.secret,
        "events": webhook.events,
        "state": enumeration::<v1::WebhookState>(webhook.state),
        "pending": webhook.pending,
        "delivered": webhook.delivered,
        "gaveUp": webhook.gave_up,
        "dropped": webhook.dropped,
        "notifications": webhook.notifications.iter().map(notification).collect::<Value>(),
        "deadLetterCount": webhook.dead_letter_count,
        "deadLetters": webhook.dead_letters.iter().map(dead_letter).collect::<Value>(),
    });
    with(object, [("oldestTime", time(webhook.oldest_time.as_ref()))])
}

fn notification(of: &v1::Notification) -> Value {
    let object = json!({
        "number": of.number,
        "eventId": of.event_id,
        "type": of.r#type,
        "subject": of.subject,
        "resent": of.resent,
    });
    with(object, [("time", time(of.time.as_ref()))])
}

fn dead_letter(of: &v1::DeadLetter) -> Value {
    let object = json!({
        "notification": of.notification.as_ref().map(notification),
        "reason": of.reason,
    });
    with(object, [("time", time(of.time.as_ref()))])
}
