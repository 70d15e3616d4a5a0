//! Which hosts has this node heard, and does the leader know?
//!
//! A node that cannot reach the leader answers no beat: an answered beat is one that counts, so that
//! no host that was heard is taken for silent.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_proto::v1 as pb;

use super::answers::SyncAnswer;
use super::turns::{Turn, Turns};
use crate::machine::ids::{HostId, TierName};
use crate::meters::Meters;
use crate::peers::Peers;
use crate::runtime::{Clock, Handle};

/// For how long a node answers beats after it last reached the leader.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// Keeps which hosts this node heard, and passes it on.
#[derive(Debug)]
pub struct Relay {
    peers: Peers,
    clock: Clock,
    meters: Meters,
    heard: Mutex<Heard>,
}

/// What is known of those who were heard.
#[derive(Debug, Default)]
struct Heard {
    last: BTreeMap<HostId, Last>,
    turns: Turns,
}

/// The last beat of a host.
#[derive(Debug)]
struct Last {
    boot: String,
    beat: u64,
    at: Duration,
    turn: Turn,
}

/// Whether a beat counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relayed {
    /// The leader will know.
    Counts,
    /// It is not newer than one before, and changes nothing.
    Stray,
}

impl Relay {
    /// A relay that has heard nobody.
    pub fn new(peers: Peers, clock: Clock, meters: Meters) -> Self {
        Self { peers, clock, meters, heard: Mutex::default() }
    }

    /// Whether beats may be answered: this node leads, or has reached the leader of late.
    pub fn is_fresh(&self) -> bool {
        self.peers.reached_leader_within(FRESH_FOR)
    }

    /// Notes a beat, and what it was answered.
    pub fn note(&self, host: HostId, beat: &pb::SyncRequest, answer: &SyncAnswer) -> Relayed {
        let at = self.clock.monotonic();
        let mut heard = self.lock();
        let Heard { last, turns } = &mut *heard;
        let before = last.get(&host).filter(|last| last.boot == beat.boot_id);
        if before.is_some_and(|last| beat.beat <= last.beat) {
            return Relayed::Stray;
        }
        let late = before.map(|last| (last.turn.tier(turns), last.turn.lateness(last.at, at)));
        if let Some((tier, late)) = late {
            self.meters.checked_in(tier, late);
        }
        let turn = turns.next(&answer.tier, answer.response.next_sync_ms);
        last.insert(host, Last { boot: beat.boot_id.clone(), beat: beat.beat, at, turn });
        drop(heard);
        self.peers.note_beat(pb::Beat {
            host: host.to_string(),
            boot_id: beat.boot_id.clone(),
            asks: answer.asks,
        });
        Relayed::Counts
    }

    /// How long ago this node heard the host, in milliseconds; `None`: not since it started.
    pub fn heard_ago_ms(&self, host: HostId) -> Option<u64> {
        let at = self.lock().last.get(&host)?.at;
        u64::try_from(self.clock.monotonic().saturating_sub(at).as_millis()).ok()
    }

    /// How many hosts of each tier speak to this node: they were heard within a beat and a half. Reads
    /// every host that this node ever heard.
    pub fn connected(&self) -> BTreeMap<TierName, u64> {
        let now = self.clock.monotonic();
        let heard = self.lock();
        let here = heard.last.values().filter(|last| last.turn.is_on(last.at, now));
        heard.turns.count(here.map(|last| last.turn))
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        // Nothing panics while it holds the lock, and the maps are whole at any time.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes, where the leader is, what a node heard: only beats of the boot that is known count, and only
/// those that the next tick has a use for.
pub async fn take_over(handle: &Handle, beats: Vec<pb::Beat>) {
    let useful = handle.query(move |machine| {
        let parsed = beats.iter().filter_map(|beat| Some((beat.host.parse().ok()?, beat)));
        let useful = parsed.filter_map(|(id, beat): (HostId, _)| {
            let is_known = machine.hosts().standing(id)?.boot == beat.boot_id;
            let listened = machine.listens_to(id);
            (is_known && (listened || beat.asks)).then_some((id, listened, beat.asks))
        });
        useful.collect::<Vec<_>>()
    });
    // A node that has stopped leads nothing.
    let Ok(useful) = useful.await else { return };
    let noted = handle.beats();
    for (host, listened, asks) in useful {
        if listened {
            noted.note_heard(host);
        }
        if asks {
            noted.note_asking(host);
        }
    }
}
