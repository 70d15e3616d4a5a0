//! How does a webhook look to a person? Whom it tells of what, how it went, and what waits.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tidegate_proto::v1;

use super::Show::{self, Always, Wide};
use super::json::{self, word};
use super::rollout::pair;
use super::rows::{Resource, Row};
use super::time::ago;
use crate::client::names::id_of;

/// Most notifications, and most dead letters, that are shown one by one.
const MOST: usize = 20;

/// One webhook, line by line.
pub(crate) fn whole(webhook: &v1::Webhook, now: DateTime<Utc>) -> String {
    let ended = format!(
        "{} delivered, {} given up, {} dropped",
        webhook.delivered, webhook.gave_up, webhook.dropped
    );
    let mut lines = vec![
        pair("webhook", &webhook.name),
        pair("state", &word::<v1::WebhookState>(webhook.state)),
        pair("calls", &webhook.url),
        pair("tells of", &webhook.events.join(", ")),
        pair("signed with", &format!("the secret `{}`", webhook.secret)),
        pair("so far", &ended),
        pair("waiting", &webhook.pending.to_string()),
        pair("dead letters", &webhook.dead_letter_count.to_string()),
    ];
    if webhook.state() == v1::WebhookState::Gone {
        let way_out = "its receiver answered 410 Gone; declare the webhooks again once it listens";
        lines.push(pair("because", way_out));
    }
    let waits = webhook.notifications.iter().map(|of| pair("waits", &shown(of, now)));
    lines.extend(some(waits.collect()));
    let dead = webhook.dead_letters.iter().filter_map(|letter| {
        let of = letter.notification.as_ref()?;
        Some(pair("dead", &format!("{}: {}", shown(of, now), letter.reason)))
    });
    lines.extend(some(dead.collect()));
    lines.join("\n")
}

/// The number comes first: it is what `resend` takes.
fn shown(of: &v1::Notification, now: DateTime<Utc>) -> String {
    let since = ago(of.time.as_ref(), now);
    format!("{}, {} of {}, {since} ({})", of.number, of.r#type, of.subject, of.event_id)
}

/// The first lines, and how many there are besides.
fn some(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    if more > 0 {
        lines.push(pair("", &format!("and {more} more")));
    }
    lines
}

impl Resource for v1::Webhooks {
    fn name(&self) -> String {
        "webhooks".to_owned()
    }

    fn json(&self) -> Value {
        json::webhooks(self)
    }
}

impl Resource for v1::Webhook {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn json(&self) -> Value {
        json::webhook(self)
    }
}

impl Row for v1::Webhook {
    const COLUMNS: &'static [(&'static str, Show)] = &[
        ("NAME", Always),
        ("STATE", Always),
        ("URL", Always),
        ("EVENTS", Wide),
        ("SECRET", Wide),
        ("WAITING", Always),
        ("OLDEST", Always),
        ("DELIVERED", Always),
        ("GAVE UP", Always),
        ("DROPPED", Always),
        ("DEAD", Always),
    ];

    fn cells(&self, now: DateTime<Utc>) -> Vec<String> {
        vec![
            id_of(&self.name).to_owned(),
            word::<v1::WebhookState>(self.state),
            self.url.clone(),
            self.events.join(","),
            self.secret.clone(),
            self.pending.to_string(),
            ago(self.oldest_time.as_ref(), now),
            self.delivered.to_string(),
            self.gave_up.to_string(),
            self.dropped.to_string(),
            self.dead_letter_count.to_string(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::client::clock;

    #[test]
    fn a_webhook_says_whom_it_tells_how_it_went_and_what_waits() {
        let waits = |number: u64| v1::Notification {
            number,
            event_id: format!("00ff-{number}"),
            r#type: "io.tidegate.incident.opened.v1".to_owned(),
            subject: "incidents/3".to_owned(),
            time: None,
            resent: 0,
        };
        let webhook = v1::Webhook {
            name: "webhooks/pager".to_owned(),
            url: "http://127.0.0.1:9099/tidegate".to_owned(),
            secret: "pager".to_owned(),
            events: vec!["opened".to_owned(), "resolved".to_owned()],
            state: v1::WebhookState::Gone.into(),
            pending: 22,
            delivered: 7,
            gave_up: 1,
            notifications: (1..=22).map(waits).collect(),
            dead_letter_count: 1,
            dead_letters: vec![v1::DeadLetter {
                notification: Some(waits(40)),
                reason: "too many waited behind it".to_owned(),
                time: None,
            }],
            ..Default::default()
        };
        let shown = whole(&webhook, clock::now());
        let all: Vec<&str> = shown.lines().collect();
        assert_eq!(all.len(), 9 + 20 + 2, "{shown}");
        let shown = [&all[..10], &all[29..]].concat();
        expect![[r#"
            webhook      webhooks/pager
            state        GONE
            calls        http://127.0.0.1:9099/tidegate
            tells of     opened, resolved
            signed with  the secret `pager`
            so far       7 delivered, 1 given up, 0 dropped
            waiting      22
            dead letters 1
            because      its receiver answered 410 Gone; declare the webhooks again once it listens
            waits        1, io.tidegate.incident.opened.v1 of incidents/3, - (00ff-1)
                         and 2 more
            dead         40, io.tidegate.incident.opened.v1 of incidents/3, - (00ff-40): too many waited behind it"#]]
        .assert_eq(&shown.join("\n"));
    }
}
