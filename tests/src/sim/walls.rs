//! What time is it, says who? The leader collects the others' clocks, and puts them into its tick. As the
//! runtime does it.

use std::collections::BTreeMap;

use tidegate_controller::machine::ids::NodeId;
use tidegate_policies::time::WallTime;

/// For how long a clock that was read counts as fresh, in milliseconds.
const FRESH_FOR: u64 = 3_000;

/// The clocks that one controller heard of.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// What each showed, and when it was heard, in milliseconds of the run.
    heard: BTreeMap<u64, (u64, u64)>,
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
}
