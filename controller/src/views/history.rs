//! What was seen of each rollout, minute by minute, for two days? It is drawn as trends, and nothing is
//! decided by it: so each node remembers what it has seen itself, from its own start on.

use std::collections::{BTreeMap, VecDeque};

use prost_types::Timestamp;
use tidegate_policies::time::WallTime;
use tidegate_proto::v1 as pb;

use crate::api::convert::timestamp;

/// Minutes that are kept of a rollout: 48 hours.
pub(super) const MAX_POINTS: usize = 48 * 60;
/// Rollouts that are remembered; the one that moved longest ago goes first.
const MAX_ROLLOUTS: usize = 50;
const MINUTE_MS: u64 = 60_000;

/// The minutes of every rollout that moves.
#[derive(Debug, Default)]
pub(super) struct History {
    since_ms: Option<u64>,
    rollouts: BTreeMap<String, Minutes>,
}

/// One rollout's, the oldest first.
#[derive(Debug, Default)]
struct Minutes {
    points: VecDeque<pb::HistoryPoint>,
    /// What had gone wrong, and was verified, when the last minute began.
    before: (u64, u64),
}

impl History {
    /// Takes a look, at this wall time of the cluster's.
    pub(super) fn note<'a>(
        &mut self,
        wall: Option<Timestamp>,
        rollouts: impl Iterator<Item = &'a pb::RolloutView>,
    ) {
        // Without a time that a majority agreed on there is no minute.
        let Some(wall_ms) = wall.as_ref().and_then(millis) else { return };
        self.since_ms.get_or_insert(wall_ms);
        for view in rollouts {
            let Some(rollout) = view.rollout.as_ref().filter(|rollout| moves(rollout)) else {
                continue;
            };
            if !self.rollouts.contains_key(&rollout.name) {
                self.make_room();
            }
            let minutes = self.rollouts.entry(rollout.name.clone()).or_default();
            minutes.note(wall_ms / MINUTE_MS, view, rollout);
        }
    }

    /// What is known of a rollout from `since_ms` on.
    pub(super) fn of(&self, rollout: &str, since_ms: u64) -> pb::History {
        let points = self.rollouts.get(rollout).into_iter().flat_map(|minutes| &minutes.points);
        let wanted = points.filter(|point| minute_of(point) * MINUTE_MS + MINUTE_MS > since_ms);
        pb::History {
            rollout: rollout.to_owned(),
            kept_since: self.since_ms.map(|ms| timestamp(WallTime(ms))),
            points: wanted.copied().collect(),
        }
    }

    fn make_room(&mut self) {
        if self.rollouts.len() < MAX_ROLLOUTS {
            return;
        }
        let last = |(_, minutes): &(&String, &Minutes)| minutes.points.back().map(minute_of);
        let oldest = self.rollouts.iter().min_by_key(last).map(|(name, _)| name.clone());
        if let Some(oldest) = oldest {
            self.rollouts.remove(&oldest);
        }
    }
}

impl Minutes {
    fn note(&mut self, minute: u64, view: &pb::RolloutView, rollout: &pb::Rollout) {
        let counts = rollout.counts.unwrap_or_default();
        let now = (wrong(&counts), counts.verified);
        match self.points.back() {
            Some(last) if minute_of(last) >= minute => drop(self.points.pop_back()),
            Some(last) => {
                let counts = last.counts.unwrap_or_default();
                self.before = (wrong(&counts), counts.verified);
            }
            // What was before the first look is not of this minute.
            None => self.before = now,
        }
        self.points.push_back(pb::HistoryPoint {
            minute: Some(timestamp(WallTime(minute * MINUTE_MS))),
            counts: Some(counts),
            failures: now.0.saturating_sub(self.before.0),
            verified: now.1.saturating_sub(self.before.1),
            exposed_hosts: rollout.exposed_hosts,
            reference_hosts: view.reference_hosts,
            reference_hosts_heard: view.reference_hosts_heard,
        });
        if self.points.len() > MAX_POINTS {
            self.points.pop_front();
        }
    }
}

fn moves(rollout: &pb::Rollout) -> bool {
    match rollout.state() {
        pb::RolloutState::Unspecified | pb::RolloutState::Draft | pb::RolloutState::RolledBack => {
            false
        }
        pb::RolloutState::Completed | pb::RolloutState::Superseded => rollout.in_flight_hosts > 0,
        pb::RolloutState::Running
        | pb::RolloutState::AwaitingApproval
        | pb::RolloutState::Paused
        | pb::RolloutState::Halted
        | pb::RolloutState::RollingBack => true,
    }
}

fn wrong(counts: &pb::Counts) -> u64 {
    counts.crashed + counts.failed + counts.stalled + counts.silent
}

fn minute_of(point: &pb::HistoryPoint) -> u64 {
    point.minute.as_ref().and_then(millis).unwrap_or(0) / MINUTE_MS
}

/// Milliseconds since the Unix epoch.
fn millis(time: &Timestamp) -> Option<u64> {
    let seconds = u64::try_from(time.seconds).ok()?;
    let part = u64::try_from(time.nanos).ok()? / 1_000_000;
    seconds.checked_mul(1_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, crashed: u64, verified: u64) -> pb::RolloutView {
        let counts = pb::Counts { crashed, verified, ..pb::Counts::default() };
        let rollout = pb::Rollout {
            name: name.to_owned(),
            state: pb::RolloutState::Running.into(),
            counts: Some(counts),
            ..pb::Rollout::default()
        };
        pb::RolloutView { rollout: Some(rollout), ..pb::RolloutView::default() }
    }

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    fn told(history: &History, since_ms: u64) -> Vec<(u64, u64, u64)> {
        let points = history.of("rollouts/a", since_ms).points;
        points.iter().map(|point| (minute_of(point), point.failures, point.verified)).collect()
    }

    #[test]
    fn a_minute_says_what_happened_within_it_and_ends_as_it_was_seen_last() {
        let mut history = History::default();
        for (seconds, crashed, verified) in
            [(120, 5, 100), (150, 6, 110), (179, 6, 120), (180, 7, 121), (400, 9, 121)]
        {
            history.note(at(seconds), [view("rollouts/a", crashed, verified)].iter());
        }
        assert_eq!(told(&history, 0), [(2, 1, 20), (3, 1, 1), (6, 2, 0)]);
        assert_eq!(told(&history, 200_000), [(3, 1, 1), (6, 2, 0)]);
        assert_eq!(history.of("rollouts/a", 0).kept_since, at(120));
    }

    #[test]
    fn two_days_are_kept_of_each_rollout_and_of_so_many_rollouts() {
        let mut history = History::default();
        for minute in 0..3_000 {
            history.note(at(minute * 60 + 60), [view("rollouts/a", 0, 0)].iter());
        }
        assert_eq!(told(&history, 0).len(), MAX_POINTS);
        for number in 0..MAX_ROLLOUTS {
            history.note(at(400_000), [view(&format!("rollouts/{number}"), 0, 0)].iter());
        }
        assert_eq!((history.rollouts.len(), told(&history, 0)), (MAX_ROLLOUTS, Vec::new()));
    }

    #[test]
    fn without_a_time_that_a_majority_agreed_on_there_is_no_minute() {
        let mut history = History::default();
        history.note(None, [view("rollouts/a", 0, 0)].iter());
        assert_eq!(history.of("rollouts/a", 0).kept_since, None);
        assert_eq!(told(&history, 0), []);
    }
}
