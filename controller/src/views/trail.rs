//! Which records can a watcher still be told? The newest, for long enough that a lid may be closed over lunch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use tidegate_proto::v1 as pb;

/// Records that are kept, however old they are.
const MANY: usize = 100_000;
/// For how long they are kept, however many there are.
const LONG: Duration = Duration::from_secs(600);
/// Bytes that they may take in all. Beyond that the oldest go, whatever was promised.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) many: usize,
    pub(super) long: Duration,
    pub(super) max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { many: MANY, long: LONG, max_bytes: MAX_BYTES }
    }
}

/// The newest records, by log index.
#[derive(Debug, Default)]
pub(super) struct Trail {
    pub(super) limits: Limits,
    kept: VecDeque<Kept>,
    bytes: usize,
    /// The sequence number of the newest record.
    last: u64,
    /// Records of this log index and lower ones may be missing.
    floor: u64,
}

#[derive(Debug)]
struct Kept {
    record: Arc<pb::DecisionRecord>,
    bytes: usize,
    at: Duration,
}

impl Trail {
    /// The sequence number of the newest record.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// The lowest log index behind which nothing is missing.
    pub(super) const fn floor(&self) -> u64 {
        self.floor
    }

    /// Adds what came after [`Trail::last`]. Where records are missing in between, those before go.
    pub(super) fn add(&mut self, records: Vec<pb::DecisionRecord>, now: Duration) {
        for record in records {
            if record.sequence != self.last + 1 {
                self.kept.clear();
                self.bytes = 0;
                self.floor = record.log_index;
            }
            self.last = record.sequence;
            let bytes = record.encoded_len();
            self.bytes += bytes;
            self.kept.push_back(Kept { record: Arc::new(record), bytes, at: now });
        }
        self.forget(now);
    }

    fn forget(&mut self, now: Duration) {
        let Limits { many, long, max_bytes } = self.limits;
        while let Some(oldest) = self.kept.front() {
            let old = self.kept.len() > many && now.saturating_sub(oldest.at) > long;
            if !old && self.bytes <= max_bytes {
                return;
            }
            self.bytes -= oldest.bytes;
            self.floor = self.floor.max(oldest.record.log_index);
            self.kept.pop_front();
        }
    }

    /// The records behind a log index, the oldest first.
    pub(super) fn after(
        &self,
        index: u64,
    ) -> impl DoubleEndedIterator<Item = &Arc<pb::DecisionRecord>> {
        let first = self.kept.partition_point(|kept| kept.record.log_index <= index);
        self.kept.range(first..).map(|kept| &kept.record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(sequences: std::ops::RangeInclusive<u64>) -> Vec<pb::DecisionRecord> {
        let record = |sequence: u64| pb::DecisionRecord {
            sequence,
            log_index: sequence * 10,
            ..pb::DecisionRecord::default()
        };
        sequences.map(record).collect()
    }

    fn told(trail: &Trail, index: u64) -> Vec<u64> {
        trail.after(index).map(|record| record.sequence).collect()
    }

    fn trail(many: usize, seconds: u64) -> Trail {
        let limits = Limits { many, long: Duration::from_secs(seconds), max_bytes: MAX_BYTES };
        Trail { limits, ..Trail::default() }
    }

    #[test]
    fn old_records_stay_while_they_are_few_and_many_stay_while_they_are_new() {
        let mut trail = trail(3, 600);
        trail.add(records(1..=5), Duration::ZERO);
        assert_eq!((told(&trail, 0), trail.floor()), (vec![1, 2, 3, 4, 5], 0));
        trail.add(Vec::new(), Duration::from_secs(600));
        assert_eq!(told(&trail, 0).len(), 5);
        trail.add(Vec::new(), Duration::from_secs(601));
        assert_eq!((told(&trail, 0), trail.floor()), (vec![3, 4, 5], 20));
        assert_eq!(told(&trail, 30), [4, 5]);
    }

    #[test]
    fn bytes_have_an_end_whatever_was_promised() {
        let mut trail = trail(100, 600);
        let each = records(1..=1)[0].encoded_len();
        trail.limits.max_bytes = each * 3;
        trail.add(records(1..=5), Duration::ZERO);
        assert_eq!((told(&trail, 0), trail.floor()), (vec![3, 4, 5], 20));
    }

    #[test]
    fn behind_a_gap_nothing_older_is_told() {
        let mut trail = trail(100, 600);
        trail.add(records(1..=3), Duration::ZERO);
        trail.add(records(7..=8), Duration::ZERO);
        assert_eq!((told(&trail, 0), trail.floor()), (vec![7, 8], 70));
    }
}
