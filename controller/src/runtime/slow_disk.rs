//! Is the disk too slow for a leader? From how long the rounds took that wrote to it.

use std::collections::VecDeque;
use std::time::Duration;

/// How far back is looked.
const WINDOW: Duration = Duration::from_secs(10);
/// A write that takes longer is slow.
const SLOW: Duration = Duration::from_secs(1);
/// Fewer slow writes than this are a hiccup.
const MIN_SLOW: usize = 3;
/// Of a hundred writes, more than this many slow ones are too many: the 99th percentile is slow.
const MAX_SLOW_PERCENT: usize = 1;
/// Most writes that are remembered; more of them in ten seconds are no sign of a slow disk.
const MAX_WRITES: usize = 8_192;

/// What was slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// Writes of the last ten seconds.
    pub writes: usize,
    /// Those that took longer than a second.
    pub slow: usize,
    /// The longest.
    pub longest: Duration,
}

/// The writes of the last ten seconds.
#[derive(Debug, Default)]
pub struct SlowDisk {
    /// When each ended, and how long it took; oldest first.
    writes: VecDeque<(Duration, Duration)>,
}

impl SlowDisk {
    /// Notes a write that ended `now` and took `took`.
    pub fn note(&mut self, now: Duration, took: Duration) {
        if self.writes.len() == MAX_WRITES {
            self.writes.pop_front();
        }
        self.writes.push_back((now, took));
    }

    /// Whether more than one write of a hundred was slow, and it was no hiccup.
    pub fn judge(&mut self, now: Duration) -> Option<Slow> {
        let since = now.saturating_sub(WINDOW);
        while self.writes.front().is_some_and(|&(ended, _)| ended < since) {
            self.writes.pop_front();
        }
        let slow = self.writes.iter().filter(|(_, took)| *took > SLOW).count();
        if slow < MIN_SLOW || slow * 100 <= self.writes.len() * MAX_SLOW_PERCENT {
            return None;
        }
        let longest = self.writes.iter().map(|&(_, took)| took).max().unwrap_or_default();
        Some(Slow { writes: self.writes.len(), slow, longest })
    }

    /// Forgets everything: what was slow before this node led says nothing of now.
    pub fn clear(&mut self) {
        self.writes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Writes that end at these times and take this long each, in milliseconds; judged at the last.
    fn check(writes: impl IntoIterator<Item = (u64, u64)>, expected: Option<(usize, usize)>) {
        let (mut disk, mut now) = (SlowDisk::default(), ms(0));
        for (ended, took) in writes {
            now = ms(ended);
            disk.note(now, ms(took));
        }
        assert_eq!(disk.judge(now).map(|slow| (slow.slow, slow.writes)), expected);
    }

    #[test]
    fn three_slow_writes_in_a_row_are_too_many() {
        check([(1_200, 1_200), (2_400, 1_200), (3_600, 1_200)], Some((3, 3)));
        check([(1_200, 1_200), (2_400, 1_200)], None);
        check([(1_000, 1_000), (2_000, 1_000), (3_000, 1_000)], None);
    }

    #[test]
    fn slow_writes_among_a_hundred_times_as_many_are_a_hiccup() {
        let slow = || [(100, 1_500), (200, 1_500), (300, 1_500)];
        let quick = |count: u64| (0..count).map(|n| (301 + n, 2));
        check(slow().into_iter().chain(quick(296)), Some((3, 299)));
        check(slow().into_iter().chain(quick(297)), None);
    }

    #[test]
    fn what_is_older_than_ten_seconds_is_forgotten() {
        let mut disk = SlowDisk::default();
        for second in [2, 4, 6] {
            disk.note(ms(second * 1_000), ms(1_500));
        }
        assert!(disk.judge(ms(12_000)).is_some());
        assert!(disk.judge(ms(12_001)).is_none());
        disk.note(ms(12_002), ms(1_500));
        assert!(disk.judge(ms(12_002)).is_some());
        disk.clear();
        assert!(disk.judge(ms(12_002)).is_none());
    }
}
