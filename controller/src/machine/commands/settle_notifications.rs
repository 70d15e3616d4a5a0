//! `SettleNotifications`: a leader says what became of notifications. What waits no more was settled before.

use crate::machine::command::SettleNotifications;
use crate::machine::event::Event;
use crate::machine::webhook_event::WebhookEvent;
use crate::machine::{Machine, Reply};

impl Machine {
    pub(super) fn settle_notifications(&self, settle: &SettleNotifications) -> (Reply, Vec<Event>) {
        let waiting = settle.settled.iter().filter_map(|(&number, ending)| {
            let webhook = self.outbox().get(number)?.webhook;
            Some(WebhookEvent::Settled { number, webhook, ending: ending.clone() }.into())
        });
        (Reply::Done, waiting.collect())
    }
}
