//! What is still to be told, and what was given up? A row for each notification of each webhook.
//!
//! It waits until an entry says what became of it, whichever controller leads. What its receiver has not taken is a
//! dead letter then, where people find it, and have it sent again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::time::WallTime;

use super::frozen::ThawError;
use super::frozen::sections::{DEAD_LETTERS, OUTBOX};
use super::ids::{RolloutId, Version, WebhookId};
use super::table::Table;
use super::webhook_event::{Ending, WebhookEvent};
use super::webhooks::{Happening, Webhook};
use super::{Event, Machine, Position};

/// Notifications that wait for one webhook; of more the oldest is dropped.
pub const MAX_PENDING: u64 = 200;

/// Dead letters that are kept of one webhook; of more the oldest leaves.
pub const MAX_DEAD_LETTERS: u64 = 100;

/// What is still to be told, to one webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Counts the notifications of a cluster up from 1.
    pub number: u64,
    /// What tells it from any other, for ever: a receiver that sees it twice has seen it twice.
    pub event: String,
    /// To whom.
    pub webhook: WebhookId,
    /// What happened.
    pub what: Happening,
    /// To which incident; `None`: a test is about none.
    pub about: Option<About>,
    /// Who did it: `judge`, or a person's name.
    pub actor: String,
    /// Why, or what they say of it.
    pub text: String,
    /// Log index of the entry in which it happened.
    pub index: u64,
    /// When.
    pub at: WallTime,
    /// How often people have had it sent again.
    pub again: u32,
    /// From when on it is tried: when it happened, or was to be sent again.
    pub since: WallTime,
}

/// The incident that a notification is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its number.
    pub incident: u64,
    /// The patch set that is halted.
    pub version: Version,
    /// The rollout that the halt came from.
    pub rollout: RolloutId,
    /// Whom it stops, as a person types it.
    pub scope: String,
}

/// What was not told, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// What.
    pub notification: Notification,
    /// Why.
    pub why: String,
    /// When it was given up.
    pub at: WallTime,
}

/// What is still to be told, and what was given up. Read by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbox {
    /// By number.
    pub(super) rows: Table<u64, Notification>,
    /// By number.
    pub(super) dead: Table<u64, DeadLetter>,
}

impl Default for Outbox {
    /// Nothing.
    fn default() -> Self {
        Self { rows: Table::new(OUTBOX), dead: Table::new(DEAD_LETTERS) }
    }
}

impl Outbox {
    /// What waits, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Notification> {
        self.rows.iter().map(|(_, notification)| notification)
    }

    /// What waits under this number.
    pub fn get(&self, number: u64) -> Option<Notification> {
        self.rows.get(number)
    }

    /// What waits for this webhook, oldest first.
    pub fn of<'a>(&'a self, webhook: &'a WebhookId) -> impl Iterator<Item = Notification> + 'a {
        self.iter().filter(move |of| of.webhook == *webhook)
    }

    /// The dead letters of this webhook, oldest first.
    pub fn dead_of<'a>(&'a self, webhook: &'a WebhookId) -> impl Iterator<Item = DeadLetter> + 'a {
        let all = self.dead.iter().map(|(_, letter)| letter);
        all.filter(move |letter| letter.notification.webhook == *webhook)
    }

    /// Each webhook has as many rows as it says, and no row is of another.
    pub(super) fn check(&self, declared: &BTreeMap<WebhookId, Webhook>) -> Result<(), ThawError> {
        let mut counted: BTreeMap<WebhookId, (u64, u64)> = BTreeMap::new();
        for of in self.iter() {
            counted.entry(of.webhook).or_default().0 += 1;
        }
        for (_, letter) in self.dead.iter() {
            counted.entry(letter.notification.webhook).or_default().1 += 1;
        }
        for (id, of) in declared {
            if counted.remove(id).unwrap_or_default() != (of.waiting, of.dead_letters) {
                let what = format!("what waits for the webhook {id} is not counted as it is");
                return Err(ThawError::Torn { what });
            }
        }
        counted.first_key_value().map_or(Ok(()), |(id, _)| {
            let what = format!("something waits for a webhook {id} that is not there");
            Err(ThawError::Torn { what })
        })
    }

    /// Since when each webhook has something that waits. What was sent again has its old number, and waits anew.
    pub fn oldest(&self) -> BTreeMap<WebhookId, WallTime> {
        let mut oldest = BTreeMap::new();
        for of in self.iter() {
            let since = oldest.entry(of.webhook).or_insert(of.since);
            *since = of.since.min(*since);
        }
        oldest
    }
}

impl Notification {
    /// What it is about: an incident, or the webhook that is tested.
    pub fn subject(&self) -> String {
        self.about.as_ref().map_or_else(
            || format!("webhooks/{}", self.webhook),
            |about| format!("incidents/{}", about.incident),
        )
    }
}

impl DeadLetter {
    /// The number of what was not told.
    pub const fn number(&self) -> u64 {
        self.notification.number
    }
}

impl Machine {
    /// What is still to be told.
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// One more thing to tell.
    pub(super) fn put_out(
        &mut self,
        at: Position,
        (webhook, what): (WebhookId, Happening),
        (about, (actor, text)): (Option<About>, (String, String)),
    ) {
        let now = self.clock.wall;
        self.webhooks.written += 1;
        let number = self.webhooks.written;
        let cluster = self.cluster.as_ref().map(|of| hex(&of.id)).unwrap_or_default();
        let event = format!("{cluster}-{number}");
        let (index, at, again, since) = (at.index, now, 0, now);
        self.enqueue(&Notification {
            number,
            event,
            webhook,
            what,
            about,
            actor,
            text,
            index,
            at,
            again,
            since,
        });
    }

    fn enqueue(&mut self, notification: &Notification) {
        let Some(webhook) = self.webhooks.declared.get_mut(&notification.webhook) else { return };
        webhook.waiting += 1;
        self.outbox.rows.insert(notification.number, notification);
        self.webhooks.changes += 1;
    }

    /// What is dropped since more waits for a webhook than may: the oldest of it. Nothing is looked through where
    /// nothing is.
    pub(super) fn overfull(&self) -> Vec<Event> {
        let of_one = |(webhook, of): (&WebhookId, &Webhook)| {
            let excess = of.waiting.saturating_sub(MAX_PENDING);
            let oldest = self.outbox.of(webhook).take(so_many(excess));
            let dropped = |of: Notification| {
                let (number, webhook, ending) = (of.number, of.webhook, Ending::Dropped);
                WebhookEvent::Settled { number, webhook, ending }.into()
            };
            oldest.map(dropped).collect::<Vec<Event>>()
        };
        self.webhooks.declared.iter().flat_map(of_one).collect()
    }

    /// Takes a notification out of the outbox, and where its receiver is gone, all that waits for it.
    pub(super) fn settle(&mut self, number: u64, webhook: &WebhookId, ending: &Ending) {
        // Another may have ended it in the same entry.
        let Some(settled) = self.outbox.get(number) else { return };
        self.end(settled, ending);
        if *ending == Ending::Gone {
            let others: Vec<Notification> = self.outbox.of(webhook).collect();
            others.into_iter().for_each(|other| self.end(other, ending));
        }
        self.forget_old_letters(webhook);
    }

    fn end(&mut self, notification: Notification, ending: &Ending) {
        let Some(of) = self.webhooks.declared.get_mut(&notification.webhook) else { return };
        self.outbox.rows.remove(notification.number);
        self.webhooks.changes += 1;
        of.waiting -= 1;
        match ending {
            Ending::Delivered => {
                of.ended.delivered += 1;
                return;
            }
            Ending::GaveUp { .. } => of.ended.gave_up += 1,
            Ending::Gone => (of.gone, of.ended.gave_up) = (true, of.ended.gave_up + 1),
            Ending::Dropped => of.ended.dropped += 1,
        }
        of.dead_letters += 1;
        let letter = DeadLetter { notification, why: ending.words(), at: self.clock.wall };
        self.outbox.dead.insert(letter.number(), &letter);
    }

    fn forget_old_letters(&mut self, webhook: &WebhookId) {
        let Some(of) = self.webhooks.declared.get_mut(webhook) else { return };
        let excess = of.dead_letters.saturating_sub(MAX_DEAD_LETTERS);
        of.dead_letters -= excess;
        let oldest = self.outbox.dead_of(webhook).take(so_many(excess));
        let oldest: Vec<u64> = oldest.map(|letter| letter.number()).collect();
        for number in oldest {
            self.outbox.dead.remove(number);
        }
    }

    /// Puts dead letters back to where they waited, as new: under their numbers and ids.
    pub(super) fn send_again(&mut self, webhook: &WebhookId, numbers: &[u64]) {
        for &number in numbers {
            let Some(letter) = self.outbox.dead.get(number) else { continue };
            self.outbox.dead.remove(number);
            if let Some(of) = self.webhooks.declared.get_mut(webhook) {
                of.dead_letters -= 1;
            }
            let (again, since) = (letter.notification.again.saturating_add(1), self.clock.wall);
            self.enqueue(&Notification { again, since, ..letter.notification });
        }
    }

    /// Takes out all that waits for a webhook which is no more, and its dead letters.
    pub(super) fn empty_outbox_of(&mut self, webhook: &WebhookId) {
        let waiting: Vec<u64> = self.outbox.of(webhook).map(|of| of.number).collect();
        for number in waiting {
            self.outbox.rows.remove(number);
        }
        let dead = self.outbox.dead_of(webhook).map(|letter| letter.number());
        let dead: Vec<u64> = dead.collect();
        for number in dead {
            self.outbox.dead.remove(number);
        }
    }
}

fn so_many(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
