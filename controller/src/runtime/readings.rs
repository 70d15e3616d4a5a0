//! What do the other nodes' wall clocks say? Noted with what they relay, taken by the leader's `Tick`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_policies::time::WallTime;

use super::Clock;
use super::clock::millis;
use crate::node::NodeId;

/// For how long a reading counts. Each node tells its clock four times a second.
const FRESH_FOR: Duration = Duration::from_secs(3);
/// Most nodes whose clocks are noted: more than a cluster has.
const MAX_NODES: usize = 64;

/// The latest readings of the peers' wall clocks.
#[derive(Debug)]
pub struct Readings {
    clock: Clock,
    latest: Mutex<BTreeMap<NodeId, Reading>>,
}

/// What a clock said, and when this node heard it on its own monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Reading {
    wall: WallTime,
    at: Duration,
}

impl Readings {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, latest: Mutex::default() }
    }

    /// Notes that the clock of `node` says `wall` now.
    pub fn note(&self, node: NodeId, wall: WallTime) {
        self.note_at(self.clock.monotonic(), node, wall);
    }

    fn note_at(&self, at: Duration, node: NodeId, wall: WallTime) {
        let mut latest = self.lock();
        if latest.len() < MAX_NODES || latest.contains_key(&node) {
            latest.insert(node, Reading { wall, at });
        }
    }

    /// What the clocks say now, of the nodes that were heard of late: each reading and the time since.
    pub(super) fn fresh(&self, now: Duration) -> BTreeMap<NodeId, WallTime> {
        let mut latest = self.lock();
        latest.retain(|_, reading| now.saturating_sub(reading.at) < FRESH_FOR);
        let moved = |(&node, reading): (&NodeId, &Reading)| {
            let since = millis(now.saturating_sub(reading.at));
            (node, WallTime(reading.wall.0.saturating_add(since)))
        };
        latest.iter().map(moved).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Reading>> {
        // Nothing panics while it holds the lock, and a map of readings is whole at any time.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_reading_goes_on_with_time_and_is_forgotten_when_it_is_old() {
        let readings = Readings::new(Clock::start());
        readings.note_at(ms(1_000), NodeId(2), WallTime(50_000));
        readings.note_at(ms(2_000), NodeId(3), WallTime(9_000));
        let fresh = readings.fresh(ms(2_500));
        assert_eq!(fresh, [(NodeId(2), WallTime(51_500)), (NodeId(3), WallTime(9_500))].into());
        readings.note_at(ms(3_000), NodeId(3), WallTime(60_000));
        assert_eq!(readings.fresh(ms(4_000)), [(NodeId(3), WallTime(61_000))].into());
        assert_eq!(readings.fresh(ms(6_000)), BTreeMap::new());
    }

    #[test]
    fn no_more_clocks_are_noted_than_a_cluster_could_have() {
        let readings = Readings::new(Clock::start());
        for node in 0..=MAX_NODES as u64 {
            readings.note_at(ms(0), NodeId(node), WallTime(1));
        }
        assert_eq!(readings.fresh(ms(1)).len(), MAX_NODES);
    }
}
