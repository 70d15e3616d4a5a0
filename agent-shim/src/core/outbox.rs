//! Which reports has no controller acknowledged yet? The spool's image in memory.

use std::collections::VecDeque;

use prost::Message as _;
use tidegate_proto::MAX_REPORTS_PER_REQUEST;
use tidegate_proto::v1::HostReport;
use tidegate_proto::v1::host_report::Body;

use crate::core::BootTime;
use crate::core::backoff::Backoff;
use crate::core::bare::bare;
use crate::core::calls::Outstanding;
use crate::core::limits::REQUEST_BYTES;

/// Most bytes that a request adds to each of its reports.
const FRAME_BYTES: usize = 8;

/// Reports on their way, oldest first. At most one request is outstanding.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) spool_id: u64,
    pub(crate) next_sequence: u64,
    queue: VecDeque<HostReport>,
    sent_through: u64,
    /// How many reports the last request had.
    sent: usize,
    /// Reports up to here are sent one by one: a request that had several of them was refused.
    alone_through: u64,
    pub(crate) outstanding: Option<Outstanding>,
    pub(crate) not_before: BootTime,
    pub(crate) backoff: Backoff,
}

/// What is done about a request that a controller refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lessened {
    /// Its reports are sent one by one.
    Split,
    /// Its one report is sent without its words.
    Bared { sequence: u64 },
    /// Its one report is let go of: it had no words left.
    Dropped { sequence: u64 },
}

impl Outbox {
    pub(crate) fn new(
        spool_id: u64,
        next_sequence: u64,
        unacknowledged: Vec<HostReport>,
        now: BootTime,
    ) -> Self {
        Self {
            spool_id,
            next_sequence,
            queue: unacknowledged.into(),
            sent_through: 0,
            sent: 0,
            alone_through: 0,
            outstanding: None,
            not_before: now,
            backoff: Backoff::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn push(&mut self, report: HostReport) {
        self.queue.push_back(report);
    }

    /// Whether a report is settled: acknowledged, or dropped.
    pub(crate) fn is_settled(&self, sequence: u64) -> bool {
        self.queue.binary_search_by_key(&sequence, |report| report.sequence).is_err()
    }

    /// The next request's reports.
    pub(crate) fn take_head(&mut self) -> Vec<HostReport> {
        let alone = self.queue.front().is_some_and(|first| first.sequence <= self.alone_through);
        let most = if alone { 1 } else { MAX_REPORTS_PER_REQUEST };
        let mut bytes = 0;
        let fits = |report: &&HostReport| {
            let first = bytes == 0;
            bytes += report.encoded_len() + FRAME_BYTES;
            first || bytes <= REQUEST_BYTES
        };
        let head: Vec<_> = self.queue.iter().take(most).take_while(fits).cloned().collect();
        self.sent_through = head.last().map_or(0, |report| report.sequence);
        self.sent = head.len();
        head
    }

    /// Makes the request that was refused smaller; `None` where its report was dropped meanwhile.
    ///
    /// A bare report takes the place of the refused one here and not in the spool: it is made
    /// again from the refused one after a restart.
    pub(crate) fn lessen(&mut self) -> Option<Lessened> {
        if self.sent > 1 {
            self.alone_through = self.sent_through;
            return Some(Lessened::Split);
        }
        let sequence = self.sent_through;
        let index = self.queue.binary_search_by_key(&sequence, |report| report.sequence).ok()?;
        let report = self.queue.get_mut(index)?;
        let bare = bare(report);
        if *report == bare {
            self.queue.remove(index);
            return Some(Lessened::Dropped { sequence });
        }
        *report = bare;
        Some(Lessened::Bared { sequence })
    }

    /// Lets go of every report up to `through`, but of none that was not sent; returns the last one
    /// that it let go of.
    pub(crate) fn settle(&mut self, through: u64) -> Option<u64> {
        let through = through.min(self.sent_through);
        let settled = self.queue.partition_point(|report| report.sequence <= through);
        self.queue.drain(..settled).next_back().map(|report| report.sequence)
    }

    /// Makes room by letting go of the least telling report: the oldest health report, else the
    /// oldest bare start report but the present one. Outcomes and goodbyes stay.
    pub(crate) fn drop_one(&mut self, present_start: u64) -> Option<u64> {
        let health = |report: &HostReport| matches!(report.body, Some(Body::Health(_)));
        let bare_start = |report: &HostReport| match &report.body {
            Some(Body::Started(started)) => {
                report.sequence != present_start
                    && started.interrupted.is_none()
                    && started.evidence.is_none()
            }
            Some(Body::Outcome(_) | Body::Health(_) | Body::Goodbye(_)) | None => false,
        };
        let index = self
            .queue
            .iter()
            .position(health)
            .or_else(|| self.queue.iter().position(bare_start))?;
        self.queue.remove(index).map(|report| report.sequence)
    }

    pub(crate) fn next_wake(&self) -> Option<BootTime> {
        match (&self.outstanding, self.queue.is_empty()) {
            (Some(outstanding), _) => Some(outstanding.deadline),
            (None, false) => Some(self.not_before),
            (None, true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use tidegate_proto::v1::host_report::Body;
    use tidegate_proto::v1::{HostReport, Outcome, Refused, ReportRequest, outcome};

    use super::Outbox;
    use crate::core::BootTime;

    #[test]
    fn a_request_holds_at_most_48_kib_and_never_nothing() {
        let report = |(sequence, bytes): (u64, usize)| {
            let refused = Refused { message: "x".repeat(bytes), ..Refused::default() };
            let result = Some(outcome::Result::Refused(refused));
            let body = Some(Body::Outcome(Outcome { result, ..Outcome::default() }));
            HostReport { sequence, body, ..HostReport::default() }
        };
        let sizes = [20_000, 20_000, 20_000, 60_000, 10];
        let queue = (1..).zip(sizes).map(report).collect();
        let mut outbox = Outbox::new(7, 6, queue, BootTime::from_millis(0));
        let mut requests = Vec::new();
        while outbox.len() > 0 {
            let request = ReportRequest { spool_id: 7, reports: outbox.take_head() };
            let numbers: Vec<u64> = request.reports.iter().map(|report| report.sequence).collect();
            assert!(numbers == [4] || request.encoded_len() <= 48 * 1024 + 16, "{numbers:?}");
            outbox.settle(u64::MAX);
            requests.push(numbers);
        }
        assert_eq!(requests, [vec![1, 2], vec![3], vec![4], vec![5]]);
    }
}
