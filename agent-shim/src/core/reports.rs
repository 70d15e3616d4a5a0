//! How do reports get to a controller? Durable first, one request at a time, oldest first.

use tidegate_proto::v1::host_report::Body;
use tidegate_proto::v1::{HostReport, ReportDisposition, ReportRequest, ReportResponse};

use crate::core::BootTime;
use crate::core::agent::Agent;
use crate::core::calls::Outstanding;
use crate::core::fact::Fact;
use crate::core::input::{CallFailed, CallFailure};
use crate::core::life::{ApplyStep, AskStep, FetchStep, Life};
use crate::core::outbox::Lessened;
use crate::core::output::{CallId, Output};

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
            Err(failed) => self.report_failed(now, outstanding, &failed, out),
        }
    }

    fn report_failed(
        &mut self,
        now: BootTime,
        outstanding: Outstanding,
        failed: &CallFailed,
        out: &mut Vec<Output>,
    ) {
        let again_in = self.outbox.backoff.after(failed, &self.config, &mut self.chance);
        self.outbox.not_before = now + again_in;
        self.calls.failed(outstanding, out);
        let why = failed.message.clone();
        out.push(Output::Log(Fact::CallFailed { what: "report", why, again_in }));
        if failed.kind == CallFailure::Refused {
            self.lessen(now, &failed.message, out);
        }
    }

    /// The same request would be refused for ever: a smaller one takes its place.
    fn lessen(&mut self, now: BootTime, why: &str, out: &mut Vec<Output>) {
        match self.outbox.lessen() {
            None | Some(Lessened::Split) => {}
            Some(Lessened::Bared { sequence }) => {
                let why = format!("{why}; it is sent again without its words");
                out.push(Output::Log(Fact::ReportRefused { sequence, why }));
            }
            Some(Lessened::Dropped { sequence }) => {
                out.push(Output::SpoolDrop { sequence });
                let why = why.to_owned();
                out.push(Output::Log(Fact::ReportLost { sequence, why }));
                self.word_unanswered(now, sequence);
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

    /// Counts every call as failed that has waited too long for its end, and gives an insert up
    /// that does not return.
    pub(crate) fn expire_calls(&mut self, now: BootTime, out: &mut Vec<Output>) {
        if let Some(sync) = self.beats.expired(now) {
            let late = CallFailed::timed_out(sync.timeout);
            self.sync_answered(now, sync.call, Err(late), out);
        }
        let late = CallFailed::timed_out(self.config.call_timeout);
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
            Life::Applying(applying) => match applying.step {
                ApplyStep::Inserting { until } if now >= until => self.insert_is_stuck(now, out),
                ApplyStep::Inserting { .. }
                | ApplyStep::Stuck
                | ApplyStep::InTransition
                | ApplyStep::Kept => {}
            },
            Life::Idle | Life::Soaking(_) | Life::Reverting(_) => {}
        }
    }
}
