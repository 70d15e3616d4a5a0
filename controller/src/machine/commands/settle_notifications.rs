//! `SettleNotifications`: a leader says what became of notifications. What waits no more was settled before, and who
//! was gone under another declaration is asked again.

use crate::machine::command::SettleNotifications;
use crate::machine::event::Event;
use crate::machine::webhook_event::{Ending, WebhookEvent};
use crate::machine::{Machine, Reply};

impl Machine {
    pub(super) fn settle_notifications(&self, settle: &SettleNotifications) -> (Reply, Vec<Event>) {
        let same = settle.declared == self.webhooks().version;
        let holds = |(_, ending): &(&u64, &Ending)| same || **ending != Ending::Gone;
        let waiting = settle.settled.iter().filter(holds).filter_map(|(&number, ending)| {
            let webhook = self.outbox().get(number)?.webhook;
            Some(WebhookEvent::Settled { number, webhook, ending: ending.clone() }.into())
        });
        (Reply::Done, waiting.collect())
    }
}
