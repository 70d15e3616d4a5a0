//! How does the leader learn which hosts the other nodes heard? Four times a second each node tells
//! it, every host once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tidegate_proto::v1::{Beat, RelayRequest};
use tokio::time::MissedTickBehavior;

use super::Peers;
use crate::node::NodeId;
use crate::runtime::Clock;

/// How often beats are handed to the leader.
const RELAY_INTERVAL: Duration = Duration::from_millis(250);
/// How long the leader may take to answer before the beats are told again.
const RELAY_TIMEOUT: Duration = Duration::from_secs(2);
/// Most hosts that wait to be told. What is beyond counts as not heard, which can hold a rollout
/// and never speeds one up.
const MAX_WAITING: usize = 1 << 18;
/// Most hosts in one call; well below the limit of a message.
const MAX_BEATS_PER_CALL: usize = 8_192;

/// The beats that wait to be told, the latest of each host.
#[derive(Debug)]
pub(super) struct RelayedBeats {
    waiting: Mutex<BTreeMap<String, Beat>>,
    clock: Clock,
    /// When the leader last took something, or this node led, on `clock`.
    reached: Mutex<Option<Duration>>,
}

impl Default for RelayedBeats {
    fn default() -> Self {
        Self { waiting: Mutex::default(), clock: Clock::start(), reached: Mutex::default() }
    }
}

impl RelayedBeats {
    pub(super) fn note(&self, beat: Beat) {
        self.with(|waiting| {
            if waiting.len() < MAX_WAITING || waiting.contains_key(&beat.host) {
                waiting.insert(beat.host.clone(), beat);
            }
        });
    }

    /// Takes the beats of at most [`MAX_BEATS_PER_CALL`] hosts.
    fn take(&self) -> Vec<Beat> {
        self.with(|waiting| {
            let rest = match waiting.keys().nth(MAX_BEATS_PER_CALL).cloned() {
                Some(first_left) => waiting.split_off(&first_left),
                None => BTreeMap::new(),
            };
            std::mem::replace(waiting, rest).into_values().collect()
        })
    }

    /// Gives back what could not be told; a later beat of the same host stays.
    fn put_back(&self, beats: Vec<Beat>) {
        self.with(|waiting| {
            for beat in beats {
                waiting.entry(beat.host.clone()).or_insert(beat);
            }
        });
    }

    fn note_reached(&self) {
        let now = self.clock.monotonic();
        // A moment is whole, whatever panicked.
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    pub(super) fn reached_within(&self, span: Duration) -> bool {
        let reached = *self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.is_some_and(|at| self.clock.monotonic().saturating_sub(at) < span)
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Beat>) -> T) -> T {
        // Nothing panics while it holds the lock.
        work(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells the leader until the node stops.
pub(super) async fn run(peers: Peers) {
    let mut interval = tokio::time::interval(RELAY_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = peers.shared.handle.stopped() => return,
            _ = interval.tick() => peers.tell_leader().await,
        }
    }
}

impl Peers {
    /// Whether this node leads, or the leader took something from it within `span`: whether a beat here
    /// counts. Never while no leader is known.
    pub fn reached_leader_within(&self, span: Duration) -> bool {
        let leader = self.shared.handle.leadership().borrow().leader;
        leader.is_some_and(|leader| {
            leader == self.shared.handle.id() || self.shared.relayed.reached_within(span)
        })
    }

    /// Tells also when there is nothing to tell: that the leader answers is what lets this node answer
    /// beats.
    async fn tell_leader(&self) {
        let leader = self.shared.handle.leadership().borrow().leader;
        let Some(leader) = leader else { return };
        let relayed = &self.shared.relayed;
        loop {
            let beats = relayed.take();
            let told_all = beats.len() < MAX_BEATS_PER_CALL;
            if leader == self.shared.handle.id() {
                (self.shared.hooks.on_relay)(beats);
            } else if !self.relay(leader, beats.clone()).await {
                return relayed.put_back(beats);
            }
            relayed.note_reached();
            if told_all {
                return;
            }
        }
    }

    /// Whether the leader took them.
    async fn relay(&self, leader: NodeId, beats: Vec<Beat>) -> bool {
        let Some(link) = self.shared.links.get(leader) else { return false };
        let Ok(mut client) = link.client().await else { return false };
        let header = self.header_for(leader);
        let wall_ms = self.shared.relayed.clock.wall().0;
        let call = client.relay(RelayRequest { header, beats, wall_ms });
        let why = match tokio::time::timeout(RELAY_TIMEOUT, call).await {
            Ok(Ok(_)) => return true,
            Ok(Err(status)) => {
                self.learn_from(leader, &status);
                status.to_string()
            }
            Err(late) => late.to_string(),
        };
        tracing::debug!(leader = leader.0, why, "the leader took no beats");
        link.forget().await;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(host: &str, boot_id: &str) -> Beat {
        Beat { host: host.to_owned(), boot_id: boot_id.to_owned(), asks: false }
    }

    #[test]
    fn the_latest_beat_of_a_host_is_told_even_after_a_failure() {
        let beats = RelayedBeats::default();
        beats.note(beat("a", "old"));
        beats.note(beat("b", "old"));
        let taken = beats.take();
        beats.note(beat("a", "new"));
        beats.put_back(taken);
        assert_eq!(beats.take(), [beat("a", "new"), beat("b", "old")]);
        assert_eq!(beats.take(), []);
    }

    #[test]
    fn a_call_carries_a_bounded_number_of_hosts() {
        let beats = RelayedBeats::default();
        for host in 0..=MAX_BEATS_PER_CALL {
            beats.note(beat(&host.to_string(), ""));
        }
        assert_eq!(beats.take().len(), MAX_BEATS_PER_CALL);
        assert_eq!(beats.take().len(), 1);
    }

    #[test]
    fn hosts_beyond_the_limit_count_as_not_heard() {
        let beats = RelayedBeats::default();
        for host in 0..MAX_WAITING {
            beats.note(beat(&host.to_string(), "old"));
        }
        beats.note(beat("one more", "old"));
        beats.note(beat("0", "new"));
        beats.with(|waiting| {
            assert_eq!(waiting.len(), MAX_WAITING);
            assert_eq!(waiting["0"].boot_id, "new");
        });
    }
}
