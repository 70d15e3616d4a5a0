//! Who is told of incidents, and of what? The webhooks that people declared.
//!
//! What happens to an incident puts a notification into the [outbox](super::outbox) for each webhook that takes it,
//! in the very entry in which it happens.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ids::{SecretName, WebhookId};
use super::incidents::{HaltNow, Incident, IncidentState};
use super::outbox::About;
use super::records::halt_words;
use super::webhook_url::WebhookUrl;
use super::{Machine, Position};

/// Webhooks of a cluster.
pub const MAX_WEBHOOKS: usize = 10;

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
    /// Its notifications in the outbox.
    pub waiting: u64,
    /// Its dead letters.
    pub dead_letters: u64,
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

/// The webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhooks {
    /// By name.
    pub declared: BTreeMap<WebhookId, Webhook>,
    /// How often they were declared.
    pub version: u64,
    /// How often they or the outbox have changed.
    pub changes: u64,
    /// How many notifications there have ever been.
    pub(super) written: u64,
}

impl Webhook {
    /// A webhook that was declared just now.
    pub fn new(receiver: Receiver) -> Self {
        Self { receiver, gone: false, waiting: 0, dead_letters: 0, ended: Ended::default() }
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
}
