//! Is this leader's wall clock so wrong that another should lead? From the readings of all.

use std::collections::BTreeMap;

use tidegate_policies::time::{Millis, WallTime};

use crate::node::NodeId;

/// Farther than this from the median is wrong.
const TOLERANCE: Millis = Millis::from_secs(60);
/// So often in a row before the leader yields.
const READINGS_IN_A_ROW: u32 = 10;
/// With fewer clocks nobody can say whose is wrong.
const MIN_CLOCKS: usize = 3;

/// How a leader's clock compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockOff {
    /// What this node's clock says.
    pub own: WallTime,
    /// The median of all.
    pub median: WallTime,
    /// The nodes whose clocks agree with the median: they may lead.
    pub agreeing: Vec<NodeId>,
}

/// Counts how often in a row the own clock was off.
#[derive(Debug, Default)]
pub struct ClockYield {
    off: u32,
}

impl ClockYield {
    /// Compares the clock of `own` with the fresh `readings` of all, its own included; answers once it
    /// was off ten times in a row, and each time after that.
    pub fn compare(
        &mut self,
        own: NodeId,
        readings: &BTreeMap<NodeId, WallTime>,
    ) -> Option<ClockOff> {
        let compared = compare(own, readings);
        self.off = if compared.is_some() { self.off.saturating_add(1) } else { 0 };
        compared.filter(|_| self.off >= READINGS_IN_A_ROW)
    }

    /// Starts over, in a new term.
    pub fn clear(&mut self) {
        self.off = 0;
    }
}

fn compare(own: NodeId, readings: &BTreeMap<NodeId, WallTime>) -> Option<ClockOff> {
    let own = *readings.get(&own)?;
    if readings.len() < MIN_CLOCKS {
        return None;
    }
    let mut walls: Vec<u64> = readings.values().map(|wall| wall.0).collect();
    walls.sort_unstable();
    // Of an even number the lower of the two in the middle, as the machine has it.
    let median = walls[(walls.len() - 1) / 2];
    let agrees = |wall: WallTime| wall.0.abs_diff(median) <= TOLERANCE.0;
    if agrees(own) {
        return None;
    }
    let agreeing = readings.iter().filter(|&(_, &wall)| agrees(wall)).map(|(&node, _)| node);
    Some(ClockOff { own, median: WallTime(median), agreeing: agreeing.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn readings(walls: &[u64]) -> BTreeMap<NodeId, WallTime> {
        (1..).map(NodeId).zip(walls.iter().map(|&wall| WallTime(wall))).collect()
    }

    /// Whether node 1 yields after the tenth reading of these clocks.
    fn check(walls: &[u64], yields: bool) {
        let mut clock = ClockYield::default();
        for turn in 1..READINGS_IN_A_ROW {
            assert_eq!(clock.compare(NodeId(1), &readings(walls)), None, "{turn}");
        }
        let last = clock.compare(NodeId(1), &readings(walls));
        assert_eq!(last.is_some(), yields, "{walls:?}: {last:?}");
    }

    #[test]
    fn a_leader_yields_whose_clock_is_a_minute_off_the_median() {
        check(&[HOUR + 60_001, HOUR, HOUR], true);
        check(&[HOUR + 60_000, HOUR, HOUR], false);
        check(&[HOUR - 60_001, HOUR, HOUR + 5], true);
        check(&[0, HOUR, 2 * HOUR, HOUR + 1, HOUR + 2], true);
    }

    #[test]
    fn a_leader_whose_clock_is_right_stays_though_others_are_wrong() {
        check(&[HOUR, HOUR, 20 * HOUR], false);
        check(&[HOUR, 0, 20 * HOUR], false);
    }

    #[test]
    fn two_clocks_cannot_tell_whose_is_wrong() {
        check(&[0, HOUR], false);
        check(&[0], false);
    }

    #[test]
    fn one_good_reading_starts_the_count_anew() {
        let mut clock = ClockYield::default();
        let (off, good) = (readings(&[0, HOUR, HOUR]), readings(&[HOUR, HOUR, HOUR]));
        let compared = |clock: &mut ClockYield, times: u32, readings| {
            (0..times).filter_map(|_| clock.compare(NodeId(1), readings)).last()
        };
        assert_eq!(compared(&mut clock, 9, &off), None);
        assert_eq!(compared(&mut clock, 1, &good), None);
        assert_eq!(compared(&mut clock, 9, &off), None);
        let yields = compared(&mut clock, 1, &off).unwrap();
        assert_eq!(yields.agreeing, [NodeId(2), NodeId(3)]);
        assert_eq!((yields.own, yields.median), (WallTime(0), WallTime(HOUR)));
        clock.clear();
        assert_eq!(compared(&mut clock, 9, &off), None);
    }
}
