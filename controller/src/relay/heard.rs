//! Which hosts has this node heard, and does the leader know?
//!
//! A node that cannot reach the leader answers no beat: an answered beat is one that counts, so that
//! no host that was heard is taken for silent.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_proto::v1 as pb;

use crate::machine::ids::HostId;
use crate::peers::Peers;
use crate::runtime::{Clock, Handle};

/// For how long a node answers beats after it last reached the leader.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// Keeps which hosts this node heard, and passes it on.
#[derive(Debug)]
pub struct Relay {
    peers: Peers,
    clock: Clock,
    last: Mutex<BTreeMap<HostId, Last>>,
}

/// The last beat of a host.
#[derive(Debug)]
struct Last {
    boot: String,
    beat: u64,
    at: Duration,
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
    pub fn new(peers: Peers, clock: Clock) -> Self {
        Self { peers, clock, last: Mutex::default() }
    }

    /// Whether beats may be answered: this node leads, or has reached the leader of late.
    pub fn is_fresh(&self) -> bool {
        self.peers.reached_leader_within(FRESH_FOR)
    }

    /// Notes a beat. `asks`: the host would take an offer.
    pub fn note(&self, host: HostId, beat: &pb::SyncRequest, asks: Asks) -> Relayed {
        let at = self.clock.monotonic();
        let mut last = self.lock();
        let stray =
            last.get(&host).is_some_and(|last| last.boot == beat.boot_id && beat.beat <= last.beat);
        if stray {
            return Relayed::Stray;
        }
        last.insert(host, Last { boot: beat.boot_id.clone(), beat: beat.beat, at });
        drop(last);
        self.peers.note_beat(pb::Beat {
            host: host.to_string(),
            boot_id: beat.boot_id.clone(),
            asks: asks == Asks::ForAnOffer,
        });
        Relayed::Counts
    }

    /// How long ago this node heard the host, in milliseconds; `None`: not since it started.
    pub fn heard_ago_ms(&self, host: HostId) -> Option<u64> {
        let at = self.lock().get(&host)?.at;
        u64::try_from(self.clock.monotonic().saturating_sub(at).as_millis()).ok()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<HostId, Last>> {
        // Nothing panics while it holds the lock, and the map is whole at any time.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a host would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// An offer.
    ForAnOffer,
    /// Nothing now.
    ForNothing,
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
