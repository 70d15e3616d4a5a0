//! Who is told of incidents, and what is still to be told? The webhooks that people declared, and the outbox.
//!
//! What happens to an incident puts a notification into the outbox for each webhook that takes it, in the very
//! entry in which it happens. It stays there until an entry says what became of it, whichever controller leads.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tidegate_policies::time::WallTime;

use super::frozen::sections::OUTBOX;
use super::ids::{RolloutId, SecretName, Version, WebhookId};
use super::incidents::{HaltNow, Incident, IncidentState};
use super::records::halt_words;
use super::table::Table;
use super::webhook_event::{Ending, WebhookEvent};
use super::webhook_url::WebhookUrl;
use super::{Event, Machine, Position};

/// Webhooks of a cluster.
pub const MAX_WEBHOOKS: usize = 10;

/// Notifications that wait for one webhook; of more the oldest is dropped.
pub const MAX_PENDING: usize = 200;

/// Where a webhook calls, and of what it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    /// Whom it calls.
    pub url: WebhookUrl,
    /// The secret that signs what it sends. Each controller has it in a file; no entry and no state ever does.
    pub secret: SecretName,
    /// Of what it tells; never empty, never a test.
    pub events: BTreeSet<Happening>,
}

/// A webhook, and how it went so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// What was declared.
    pub receiver: Receiver,
    /// Whether its receiver has said that it takes nothing any more.
    pub gone: bool,
    /// How its notifications ended.
    pub ended: Ended,
}

/// How many notifications of a webhook ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Answered by the receiver with success.
    pub delivered: u64,
    /// Not within the time for which it is tried, or not wanted.
    pub gave_up: u64,
    /// Too many waited.
    pub dropped: u64,
}

/// What can happen to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Happening {
    /// A halt stands.
    Opened,
    /// Somebody looks after it.
    Acknowledged,
    /// Somebody found something out.
    Noted,
    /// A halt of more hosts took its place.
    Widened,
    /// It is over.
    Resolved,
    /// Nothing: somebody tests whether the webhook works.
    Tested,
}

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

/// The webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhooks {
    /// By name.
    pub declared: BTreeMap<WebhookId, Webhook>,
    /// How often they were declared.
    pub version: u64,
    /// How many notifications there have ever been.
    pub(super) written: u64,
}

/// What is still to be told. Read by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbox {
    /// By number.
    pub(super) rows: Table<u64, Notification>,
}

impl Default for Outbox {
    /// Nothing.
    fn default() -> Self {
        Self { rows: Table::new(OUTBOX) }
    }
}

impl Outbox {
    /// Oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Notification> {
        self.rows.iter().map(|(_, notification)| notification)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether everything was told.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 0
    }

    /// The notification of this number.
    pub fn get(&self, number: u64) -> Option<Notification> {
        self.rows.get(number)
    }

    /// Those that wait for this webhook, oldest first.
    pub fn of<'a>(&'a self, webhook: &'a WebhookId) -> impl Iterator<Item = Notification> + 'a {
        self.iter().filter(move |of| of.webhook == *webhook)
    }
}

impl Happening {
    /// All that a webhook may ask for.
    pub const ALL: [Self; 5] =
        [Self::Opened, Self::Acknowledged, Self::Noted, Self::Widened, Self::Resolved];

    /// The word in documents and messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Acknowledged => "acknowledged",
            Self::Noted => "noted",
            Self::Widened => "widened",
            Self::Resolved => "resolved",
            Self::Tested => "tested",
        }
    }

    /// The `type` of the event that a receiver gets.
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Opened => "io.tidegate.incident.opened.v1",
            Self::Acknowledged => "io.tidegate.incident.acknowledged.v1",
            Self::Noted => "io.tidegate.incident.noted.v1",
            Self::Widened => "io.tidegate.incident.widened.v1",
            Self::Resolved => "io.tidegate.incident.resolved.v1",
            Self::Tested => "io.tidegate.webhook.tested.v1",
        }
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

impl IncidentState {
    /// What it is to come into this state.
    pub(super) const fn happening(&self) -> Happening {
        match self {
            Self::Open => Happening::Opened,
            Self::Widened { .. } => Happening::Widened,
            Self::Resolved { .. } => Happening::Resolved,
        }
    }
}

impl Incident {
    /// Who did it, and what is to be said of it.
    fn told(&self, what: Happening) -> (String, String) {
        let said = match what {
            Happening::Acknowledged => self.acknowledgement.as_ref(),
            Happening::Noted => self.notes.last(),
            Happening::Opened | Happening::Widened | Happening::Resolved | Happening::Tested => {
                None
            }
        };
        if let Some(said) = said {
            return (said.actor.clone(), said.remark.clone());
        }
        match &self.state {
            IncidentState::Open => (self.halt.actor.clone(), halt_words(&self.halt)),
            IncidentState::Widened { into, .. } => {
                (self.halt.actor.clone(), format!("it is one with incidents/{into} now"))
            }
            IncidentState::Resolved { actor, reason, halt, .. } => {
                let halt = match halt {
                    HaltNow::Lifted => "its halt is lifted",
                    HaltNow::Stands => "its halt stands",
                };
                (actor.clone(), format!("{reason}; {halt}"))
            }
        }
    }

    fn about(&self) -> About {
        About {
            incident: self.number,
            version: self.version.clone(),
            rollout: self.halt.rollout.clone(),
            scope: self.scope.words(),
        }
    }
}

impl Machine {
    /// The webhooks.
    pub const fn webhooks(&self) -> &Webhooks {
        &self.webhooks
    }

    /// What is still to be told.
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Changes whenever there is another webhook or another thing to tell: when it has not, nothing has.
    pub fn outbox_mark(&self) -> (u64, u64, usize) {
        (self.webhooks.version, self.webhooks.written, self.outbox.len())
    }

    /// Puts what an event did to incidents into the outbox.
    pub(super) fn notify(&mut self, at: Position) {
        for (number, what) in std::mem::take(&mut self.incidents.news) {
            let Some(incident) = self.incidents.get(number) else { continue };
            let takes = |of: &Webhook| !of.gone && of.receiver.events.contains(&what);
            let declared = self.webhooks.declared.iter().filter(|(_, of)| takes(of));
            let to: Vec<WebhookId> = declared.map(|(id, _)| id.clone()).collect();
            for webhook in to {
                let told = incident.told(what);
                self.put_out(at, (webhook, what), (Some(incident.about()), told));
            }
        }
    }

    /// One more thing to tell.
    pub(super) fn put_out(
        &mut self,
        at: Position,
        (webhook, what): (WebhookId, Happening),
        (about, (actor, text)): (Option<About>, (String, String)),
    ) {
        self.webhooks.written += 1;
        let number = self.webhooks.written;
        let cluster = self.cluster.as_ref().map(|of| hex(&of.id)).unwrap_or_default();
        let event = format!("{cluster}-{number}");
        let (index, at) = (at.index, self.clock.wall);
        let notification =
            Notification { number, event, webhook, what, about, actor, text, index, at };
        self.outbox.rows.insert(number, &notification);
    }

    /// What is dropped since more waits for a webhook than may: the oldest of it.
    pub(super) fn overfull(&self) -> Vec<Event> {
        if self.outbox.len() <= MAX_PENDING {
            return Vec::new();
        }
        let of_one = |webhook: &WebhookId| {
            let numbers: Vec<u64> = self.outbox.of(webhook).map(|of| of.number).collect();
            let excess = numbers.len().saturating_sub(MAX_PENDING);
            let dropped = |number| {
                let (webhook, ending) = (webhook.clone(), Ending::Dropped);
                WebhookEvent::Settled { number, webhook, ending }.into()
            };
            numbers.into_iter().take(excess).map(dropped).collect::<Vec<Event>>()
        };
        self.webhooks.declared.keys().flat_map(of_one).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
