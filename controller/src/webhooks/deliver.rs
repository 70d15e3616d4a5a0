//! Who delivers the outbox, and who says what became of it? The node that leads, for as long as it does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate_policies::time::Millis;
use tokio::task::JoinSet;

use super::call::{Letter, call};
use super::egress::Egress;
use super::schedule::{Heard, Schedule, Waits};
use crate::machine::command::SettleNotifications;
use crate::machine::webhook_event::Ending;
use crate::machine::{Command, Machine};
use crate::runtime::{Clock, Handle};

/// How often a leader looks for what is new or due.
const EVERY: Duration = Duration::from_millis(100);

/// How long a leader waits for its own word to be committed. What was not is said again.
const SAID_WITHIN: Duration = Duration::from_secs(5);

/// Most endings in one entry.
const MAX_SETTLED: usize = 100;

/// The outbox as a leader reads it.
struct Outbox {
    /// How often they and the webhooks have changed.
    changes: u64,
    /// How often the webhooks have been declared.
    declared: u64,
    waits: Vec<Waits>,
    letters: BTreeMap<u64, Letter>,
}

/// Delivers while this node leads, until it is aborted or the node has stopped.
pub async fn run(handle: Handle, egress: Arc<Egress>, seed: u64) {
    let mut leadership = handle.leadership();
    let mut reigns: u64 = 0;
    loop {
        if handle.leads() {
            reigns += 1;
            if lead(&handle, &egress, seed.wrapping_add(reigns)).await.is_none() {
                return;
            }
        } else if leadership.changed().await.is_err() {
            return;
        }
    }
}

/// What a leader is at: dropped as a whole with its calls when it leads no more.
struct Leader {
    clock: Clock,
    egress: Arc<Egress>,
    schedule: Schedule,
    letters: BTreeMap<u64, Letter>,
    calls: JoinSet<(u64, Heard)>,
}

/// Delivers until this node leads no more; `None`: it has stopped.
async fn lead(handle: &Handle, egress: &Arc<Egress>, seed: u64) -> Option<()> {
    let mut leader = Leader {
        clock: Clock::start(),
        egress: Arc::clone(egress),
        schedule: Schedule::new(seed),
        letters: BTreeMap::new(),
        calls: JoinSet::new(),
    };
    let mut known = None;
    while handle.leads() {
        if let Some(outbox) = handle.query(move |machine| read(machine, known)).await.ok()? {
            known = Some(outbox.changes);
            leader.know(outbox);
        }
        leader.send();
        if leader.say(handle).await {
            continue;
        }
        tokio::select! {
            Some(called) = leader.calls.join_next() => leader.hear(called.ok()),
            () = tokio::time::sleep(EVERY) => (),
        }
    }
    Some(())
}

impl Leader {
    fn now(&self) -> Millis {
        Millis(u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX))
    }

    fn know(&mut self, outbox: Outbox) {
        self.schedule.know(self.now(), outbox.declared, outbox.waits);
        self.letters = outbox.letters;
    }

    /// Sends what is due.
    fn send(&mut self) {
        let timestamp = self.clock.wall().0 / 1_000;
        for number in self.schedule.due(self.now()) {
            let Some(letter) = self.letters.get(&number).cloned() else { continue };
            let egress = Arc::clone(&self.egress);
            self.calls.spawn(async move {
                let heard = call(&egress, &letter, timestamp).await;
                let webhook = letter.notification.webhook.as_str();
                match &heard {
                    Heard::Taken => tracing::info!(webhook, number, "webhook.delivered"),
                    Heard::Gone => tracing::warn!(webhook, number, "webhook.gone"),
                    Heard::Refused { why, .. } => {
                        tracing::warn!(webhook, number, why, "webhook.not_delivered");
                    }
                }
                (number, heard)
            });
        }
    }

    /// A call has ended, and perhaps others meanwhile: what they heard goes into one entry. `None`: one that ended
    /// by a fault of this program, which ends the process where it matters.
    fn hear(&mut self, called: Option<(u64, Heard)>) {
        let mut next = called;
        loop {
            if let Some((number, heard)) = next {
                self.schedule.heard(self.now(), number, heard);
            }
            let Some(called) = self.calls.try_join_next() else { return };
            next = called.ok();
        }
    }

    /// Says in the log what has ended; whether it was taken in.
    async fn say(&self, handle: &Handle) -> bool {
        let settled: BTreeMap<u64, Ending> =
            self.schedule.ended().into_iter().take(MAX_SETTLED).collect();
        if settled.is_empty() {
            return false;
        }
        let settle = SettleNotifications { settled, declared: self.schedule.declared() };
        let say = handle.propose(Command::SettleNotifications(settle));
        match tokio::time::timeout(SAID_WITHIN, say).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::debug!(%error, "webhook.not_said");
                false
            }
            Err(_) => false,
        }
    }
}

/// The outbox, where it is another than was `known`.
fn read(machine: &Machine, known: Option<u64>) -> Option<Outbox> {
    let (changes, declared) = (machine.webhooks().changes, machine.webhooks().version);
    if known == Some(changes) {
        return None;
    }
    let wall = machine.clock().wall;
    let cluster = machine.cluster().map(|of| of.name.clone()).unwrap_or_default();
    let (mut waits, mut letters) = (Vec::new(), BTreeMap::new());
    for notification in machine.outbox().iter() {
        let Some(webhook) = machine.webhooks().declared.get(&notification.webhook) else {
            continue;
        };
        waits.push(Waits {
            number: notification.number,
            webhook: notification.webhook.clone(),
            incident: notification.about.as_ref().map(|about| about.incident),
            age: wall.since(notification.since),
            again: notification.again,
        });
        let (cluster, receiver) = (cluster.clone(), webhook.receiver.clone());
        letters.insert(notification.number, Letter { cluster, receiver, notification });
    }
    Some(Outbox { changes, declared, waits, letters })
}
