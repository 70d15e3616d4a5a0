//! What time is it, says who? The leader collects the others' clocks, puts them into its tick, and
//! makes room for another where its own is wrong. As the runtime does it.

use std::collections::BTreeMap;

use tidegate_controller::machine::cluster::Cluster;
use tidegate_controller::machine::ids::NodeId;
use tidegate_policies::time::WallTime;

use super::clocks::TOLERANCE;

/// For how long a clock that was read counts as fresh, in milliseconds.
const FRESH_FOR: u64 = 3_000;
/// After how many ticks with a wrong clock a leader makes room.
const PATIENCE: u64 = 10;

/// The clocks that one controller heard of.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// What each showed, and when it was heard, in milliseconds of the run.
    heard: BTreeMap<u64, (u64, u64)>,
    /// For how many ticks on end this controller's own clock was wrong.
    wrong_for: u64,
}

impl Readings {
    /// The clock of `node` shows `wall` at `now`.
    pub fn note(&mut self, now: u64, node: u64, wall: u64) {
        self.heard.insert(node, (wall, now));
    }

    /// What the fresh ones show at `now`, and this controller's `own`.
    #[must_use]
    pub fn fresh(&self, now: u64, (id, own): (u64, u64)) -> BTreeMap<NodeId, WallTime> {
        let fresh = self.heard.iter().filter(|(_, (_, at))| now <= at + FRESH_FOR);
        let theirs = fresh.map(|(&node, &(wall, at))| (NodeId(node), WallTime(wall + (now - at))));
        theirs.chain([(NodeId(id), WallTime(own))]).collect()
    }

    /// Whether a leader whose clock shows `own` among `readings` should make room for another.
    pub fn should_yield(
        &mut self,
        own: u64,
        readings: &BTreeMap<NodeId, WallTime>,
        cluster: &Cluster,
    ) -> bool {
        let voters = readings.iter().filter(|(node, _)| cluster.is_voter(**node));
        let mut walls: Vec<u64> = voters.map(|(_, wall)| wall.0).collect();
        walls.sort_unstable();
        let median = walls.get(walls.len().saturating_sub(1) / 2).copied();
        let is_wrong = median.is_some_and(|median| median.abs_diff(own) > TOLERANCE);
        self.wrong_for =
            if is_wrong && walls.len() >= cluster.majority() { self.wrong_for + 1 } else { 0 };
        self.wrong_for >= PATIENCE
    }
}
