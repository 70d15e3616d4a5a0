//! `Report`, in and out.

use tidegate_policies::time::Millis;
use tidegate_proto::v1 as pb;
use tidegate_proto::{MAX_REPORTS_PER_REQUEST, v1::host_report, v1::outcome};

use super::check::{bounded, required};
use super::facts::{facts, mode};
use crate::api::error::BadField;
use crate::machine::command::RecordReports;
use crate::machine::ids::{GrantId, HostId};
use crate::machine::report::{Body, Disposition, Goodbye, Outcome, Report, Started};

/// Reports that a host delivers.
///
/// # Errors
///
/// [`BadField`].
pub fn reports(host: HostId, request: &pb::ReportRequest) -> Result<RecordReports, BadField> {
    let n = request.reports.len();
    if n == 0 || n > MAX_REPORTS_PER_REQUEST {
        let what = format!("has {n} reports; 1 to {MAX_REPORTS_PER_REQUEST} are allowed");
        return Err(BadField::new("reports", "…", &what));
    }
    let rising = request.reports.windows(2).all(|pair| pair[0].sequence < pair[1].sequence);
    if !rising || request.reports[0].sequence == 0 {
        let what = "does not rise from 1 on: send the oldest unacknowledged report first";
        return Err(BadField::new("reports.sequence", "…", what));
    }
    let reports: Result<Vec<Report>, BadField> = request.reports.iter().map(report).collect();
    Ok(RecordReports { host, spool: request.spool_id, reports: reports? })
}

fn report(report: &pb::HostReport) -> Result<Report, BadField> {
    let body = match &report.body {
        Some(host_report::Body::Started(body)) => Body::Started(Box::new(started(body)?)),
        Some(host_report::Body::Outcome(body)) => {
            Body::Outcome { grant: GrantId(body.grant_id), outcome: outcome(body.result.as_ref())? }
        }
        Some(host_report::Body::Health(body)) => Body::Health {
            grant: GrantId(body.grant_id),
            in_effect: in_effect(body.livepatch.as_ref()),
        },
        Some(host_report::Body::Goodbye(body)) => Body::Goodbye(goodbye(body.kind())),
        None => return Err(missing("reports.body")),
    };
    let boot = required("reports.boot_id", &report.boot_id, 64)?;
    Ok(Report { sequence: report.sequence, boot, body })
}

fn started(body: &pb::Started) -> Result<Started, BadField> {
    let evidence = body.evidence.as_ref().map(|evidence| words(&evidence.signature, 256));
    Ok(Started {
        facts: facts(body.facts.as_ref())?,
        mode: mode(body.mode),
        interrupted: body.interrupted.as_ref().map(|marker| GrantId(marker.grant_id)),
        evidence: evidence.transpose()?,
    })
}

fn outcome(result: Option<&outcome::Result>) -> Result<Outcome, BadField> {
    Ok(match result {
        Some(outcome::Result::Applied(body)) => {
            Outcome::Applied { transition: Millis(body.transition_ms) }
        }
        Some(outcome::Result::ApplyFailed(body)) => {
            Outcome::ApplyFailed { detail: words(&body.message, 512)? }
        }
        Some(outcome::Result::TransitionStalled(body)) => {
            let waited = Millis(body.waited_ms);
            if body.reverted {
                Outcome::StalledAndReverted { waited }
            } else {
                Outcome::Stalled { waited }
            }
        }
        Some(outcome::Result::Crashed(body)) => {
            let signature = body.evidence.as_ref().map_or("", |evidence| &evidence.signature);
            Outcome::Crashed { signature: words(signature, 256)? }
        }
        Some(outcome::Result::Degraded(body)) => {
            let detail = format!("{}: {}", words(&body.probe, 64)?, words(&body.message, 512)?);
            Outcome::Degraded { detail }
        }
        Some(outcome::Result::Reverted(_)) => Outcome::Reverted,
        Some(outcome::Result::Refused(body)) => {
            let reason = body.reason().as_str_name();
            let reason = reason.strip_prefix("REFUSAL_REASON_").unwrap_or(reason);
            let reason = reason.to_ascii_lowercase().replace('_', "-");
            Outcome::Refused { detail: format!("{reason}: {}", words(&body.message, 512)?) }
        }
        Some(outcome::Result::Soaked(body)) => {
            Outcome::Soaked { in_effect: in_effect(body.livepatch.as_ref()) }
        }
        Some(outcome::Result::NotReverted(body)) => {
            let reason = body.reason().as_str_name();
            let reason = reason.strip_prefix("REVERT_FAILURE_").unwrap_or(reason);
            let reason = reason.to_ascii_lowercase().replace('_', "-");
            Outcome::NotReverted { detail: format!("{reason}: {}", words(&body.message, 512)?) }
        }
        None => return Err(missing("reports.outcome.result")),
    })
}

/// Free words of a host: bounded, and cleared of what could break a terminal.
fn words(text: &str, max: usize) -> Result<String, BadField> {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    bounded("reports", &clean, max)
}

/// What is unknown is not in effect.
fn in_effect(livepatch: Option<&pb::LivepatchState>) -> bool {
    livepatch.is_some_and(|livepatch| livepatch.enabled && !livepatch.transition)
}

const fn goodbye(kind: pb::GoodbyeKind) -> Goodbye {
    match kind {
        pb::GoodbyeKind::Reboot => Goodbye::Reboot,
        pb::GoodbyeKind::Unspecified | pb::GoodbyeKind::Shutdown => Goodbye::Shutdown,
        pb::GoodbyeKind::Termination => Goodbye::Termination,
    }
}

fn missing(field: &'static str) -> BadField {
    BadField::new(field, "nothing", "is missing, or of a kind that this controller does not know")
}

/// The answer to `Report`.
pub fn reported(results: Vec<(u64, Disposition)>) -> pb::ReportResponse {
    let acknowledged_sequence = results.last().map_or(0, |(sequence, _)| *sequence);
    let results = results.into_iter().map(|(sequence, disposition)| result(sequence, disposition));
    pb::ReportResponse { acknowledged_sequence, results: results.collect() }
}

fn result(sequence: u64, disposition: Disposition) -> pb::ReportResult {
    let with = |disposition: pb::ReportDisposition| pb::ReportResult {
        sequence,
        disposition: disposition.into(),
        ..pb::ReportResult::default()
    };
    match disposition {
        Disposition::Counted => with(pb::ReportDisposition::Counted),
        Disposition::Stale => with(pb::ReportDisposition::Stale),
        Disposition::NotYet { remaining } => pb::ReportResult {
            retry_after_ms: remaining.0.max(1),
            ..with(pb::ReportDisposition::NotYet)
        },
        Disposition::Refused { reason, message } => {
            pb::ReportResult { reason, message, ..with(pb::ReportDisposition::Refused) }
        }
    }
}
