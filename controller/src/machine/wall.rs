//! What time is it on the cluster's wall? The median of its voters' clocks.

use std::collections::BTreeMap;

use tidegate_policies::time::WallTime;

use super::clock::Clock;
use super::cluster::Cluster;
use super::command::Tick;
use super::ids::NodeId;

impl Clock {
    /// The clock after the readings of `tick` were looked at.
    ///
    /// A majority of the voters makes the wall's time: the median of their readings, the earlier of the
    /// two in the middle where their number is even, and never earlier than a majority said before.
    /// Without a majority it stands still, and is not fresh.
    ///
    /// Before there is a cluster, nobody knows who votes: the median of all readings is a guess, which
    /// the first majority corrects. A tick without readings is of version 1: its leader's clock counts.
    #[must_use]
    pub fn with_wall(self, tick: &Tick, cluster: Option<&Cluster>) -> Self {
        if tick.readings.is_empty() {
            let wall = self.wall.max(tick.wall);
            return Self { wall, wall_fresh: true, wall_agreed: true, ..self };
        }
        let Some(cluster) = cluster else {
            let guess = median(&tick.readings, |_| true).unwrap_or(self.wall);
            return Self { wall: guess, wall_fresh: false, ..self };
        };
        let voted = tick.readings.keys().filter(|&&node| cluster.is_voter(node)).count();
        let median = median(&tick.readings, |node| cluster.is_voter(node));
        match median.filter(|_| voted >= cluster.majority()) {
            Some(wall) => {
                let wall = if self.wall_agreed { self.wall.max(wall) } else { wall };
                Self { wall, wall_fresh: true, wall_agreed: true, ..self }
            }
            None => Self { wall_fresh: false, ..self },
        }
    }
}

/// The median of the readings of those that `counts`; the earlier of the two in the middle of an even
/// number. `None` where nobody counts.
fn median(
    readings: &BTreeMap<NodeId, WallTime>,
    counts: impl Fn(NodeId) -> bool,
) -> Option<WallTime> {
    let mut walls: Vec<WallTime> =
        readings.iter().filter(|(node, _)| counts(**node)).map(|(_, &wall)| wall).collect();
    walls.sort_unstable();
    walls.get(walls.len().checked_sub(1)? / 2).copied()
}
