//! Which reports has no controller acknowledged yet? The spool's image in memory.

use std::collections::VecDeque;

use tidegate_proto::MAX_REPORTS_PER_REQUEST;
use tidegate_proto::v1::HostReport;
use tidegate_proto::v1::host_report::Body;

use crate::core::BootTime;
use crate::core::backoff::Backoff;
use crate::core::calls::Outstanding;

/// Reports on their way, oldest first. At most one request is outstanding.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) spool_id: u64,
    pub(crate) next_sequence: u64,
    queue: VecDeque<HostReport>,
    sent_through: u64,
    pub(crate) outstanding: Option<Outstanding>,
    pub(crate) not_before: BootTime,
    pub(crate) backoff: Backoff,
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
        let head: Vec<_> = self.queue.iter().take(MAX_REPORTS_PER_REQUEST).cloned().collect();
        self.sent_through = head.last().map_or(0, |report| report.sequence);
        head
    }

    /// Lets go of every report up to `through`, but of none that was not sent; returns the last one that it let go of.
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
