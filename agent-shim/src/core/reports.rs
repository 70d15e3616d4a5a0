//! How do reports get to a controller? Durable first, one request at a time, oldest first.

use tidegate_proto::v1::host_report::Body;
use tidegate_proto::v1::{HostReport, ReportDisposition, ReportRequest, ReportResponse};

use crate::core::BootTime;
use crate::core::agent::Agent;
use crate::core::fact::Fact;
use crate::core::input::CallFailed;
use crate::core::life::{AskStep, FetchStep, Life};
use crate::core::output::{CallId, Output};

/// Longest message in a report, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 512;

impl Agent {
    /// Numbers a report and hands it to the spool; returns its number.
    pub(crate) fn spool(&mut self, now: BootTime, body: Body, out: &mut Vec<Output>) -> u64 {
        if self.outbox.len() >= self.config.spool_limit
            && let Some(sequence) = self.outbox.drop_one(self.started)
        {
            out.push(Output::SpoolDrop { sequence });
            out.push(Output::Log(Fact::ReportDropped { sequence }));
        }
        let sequence = self.outbox.next_sequence;
        self.outbox.next_sequence += 1;
        let report = HostReport {
            sequence,
            boot_id: self.boot.boot_id.clone(),
            boot_time_ms: now.as_millis(),
            body: Some(body),
        };
        self.outbox.push(report.clone());
        out.push(Output::Spool(Box::new(report)));
        sequence
    }

    pub(crate) fn drive_reports(&mut self, now: BootTime, out: &mut Vec<Output>) {
        let idle = self.outbox.outstanding.is_none() && self.outbox.len() > 0;
        if !idle || now < self.outbox.not_before {
            return;
        }
        let outstanding = self.calls.open(now, self.config.call_timeout);
        self.outbox.outstanding = Some(outstanding);
        out.push(Output::Report {
            call: outstanding.call,
            request: ReportRequest {
                spool_id: self.outbox.spool_id,
                reports: self.outbox.take_head(),
            },
        });
    }

    pub(crate) fn report_answered(
        &mut self,
        now: BootTime,
        call: CallId,
        result: Result<ReportResponse, CallFailed>,
        out: &mut Vec<Output>,
    ) {
        let Some(outstanding) = self.outbox.outstanding.take_if(|report| report.call == call)
        else {
            return;
        };
        let settled =
            result.and_then(|response| match self.outbox.settle(response.acknowledged_sequence) {
                Some(through) => Ok((through, response)),
                None => Err(CallFailed::unusable("the answer acknowledges nothing new")),
            });
        match settled {
            Ok((through, response)) => {
                self.outbox.backoff.reset();
                self.outbox.not_before = now;
                out.push(Output::SpoolTrim { through });
                self.take_results(now, through, &response, out);
            }
            Err(failed) => {
                let again_in = self.outbox.backoff.after(&failed, &self.config, &mut self.chance);
                self.outbox.not_before = now + again_in;
                self.calls.failed(outstanding, out);
                let why = failed.message;
                out.push(Output::Log(Fact::CallFailed { what: "report", why, again_in }));
            }
        }
    }

    fn take_results(
        &mut self,
        now: BootTime,
        through: u64,
        response: &ReportResponse,
        out: &mut Vec<Output>,
    ) {
        for result in &response.results {
            match result.disposition() {
                ReportDisposition::Refused => out.push(Output::Log(Fact::ReportRefused {
                    sequence: result.sequence,
                    why: format!("{}: {}", result.reason, result.message),
                })),
                ReportDisposition::Counted
                | ReportDisposition::Stale
                | ReportDisposition::NotYet
                | ReportDisposition::Unspecified => {}
            }
            self.word_answered(now, result, out);
        }
        self.word_unanswered(now, through);
    }

    /// Counts every call as failed that has waited too long for its end.
    pub(crate) fn expire_calls(&mut self, now: BootTime, out: &mut Vec<Output>) {
        let late = CallFailed::timed_out(self.config.call_timeout);
        if let Some(call) = self.beats.expired(now) {
            self.sync_answered(now, call, Err(late.clone()), out);
        }
        let report = self.outbox.outstanding.filter(|report| now >= report.deadline);
        if let Some(report) = report {
            self.report_answered(now, report.call, Err(late.clone()), out);
        }
        match &self.life {
            Life::Fetching(fetching) => match fetching.step {
                FetchStep::InFlight(fetch) if now >= fetch.deadline => {
                    let late = CallFailed::timed_out(self.config.fetch_timeout);
                    self.fetched(now, fetch.call, Err(late.into()), out);
                }
                FetchStep::InFlight(_) | FetchStep::Waiting { .. } => {}
            },
            Life::Asking(asking) => match &asking.step {
                AskStep::InFlight { outstanding, .. } if now >= outstanding.deadline => {
                    let call = outstanding.call;
                    self.begin_answered(now, call, Err(late), out);
                }
                AskStep::InFlight { .. } | AskStep::Waiting { .. } => {}
            },
            Life::Idle | Life::Applying(_) | Life::Soaking(_) => {}
        }
    }
}

/// The longest prefix of `text` that fits into `bytes`.
pub(crate) fn clip(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
