//! Which trace does an attempt of a host at a patch belong to? One that host and grant name.
//!
//! So nobody has to carry it: an agent that comes back from a crash goes on with the same trace, and a controller
//! finds it from what stands in the log. Nothing is decided by it.

use sha2::{Digest as _, Sha256};
use tidegate_proto::v1::host_report::Body;
use tidegate_proto::v1::outcome::Result as Became;
use tidegate_proto::v1::{HostReport, ReportRequest};

/// The metadata key of the W3C's trace context.
pub const TRACE_HEADER: &str = "traceparent";

/// What is hashed before host and grant.
const DOMAIN: &[u8] = b"tidegate attempt 1\n";

/// The trace of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The trace's id.
    pub trace: [u8; 16],
    /// The id of the attempt's own span in it.
    pub span: [u8; 8],
}

/// Whether a call is worth recording by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// All is as it should be.
    Nothing,
    /// Something went wrong.
    Recording,
}

impl Attempt {
    /// The attempt of `host`, `hosts/{host}`, with this grant.
    #[must_use]
    pub fn of(host: &str, grant: u64) -> Self {
        let mut hasher = Sha256::new_with_prefix(DOMAIN);
        hasher.update(grant.to_be_bytes());
        hasher.update(host.as_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        for (to, from) in trace.iter_mut().chain(&mut span).zip(hash) {
            *to = from;
        }
        Self { trace, span }
    }

    /// The header's value.
    pub(super) fn header(&self, worth: Worth) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let flags = match worth {
            Worth::Nothing => "00",
            Worth::Recording => "01",
        };
        format!("00-{}-{}-{flags}", hex(&self.trace), hex(&self.span))
    }
}

/// The grant that a delivery speaks of: the first that went wrong, else the first of all.
pub(super) fn told(request: &ReportRequest) -> Option<(u64, Worth)> {
    let told: Vec<(u64, Worth)> = request.reports.iter().filter_map(of_report).collect();
    let bad = told.iter().find(|(_, worth)| *worth == Worth::Recording);
    bad.or_else(|| told.first()).copied()
}

fn of_report(report: &HostReport) -> Option<(u64, Worth)> {
    match report.body.as_ref()? {
        Body::Outcome(outcome) => {
            let worth = match outcome.result.as_ref()? {
                Became::Applied(_) | Became::Soaked(_) => Worth::Nothing,
                Became::ApplyFailed(_)
                | Became::TransitionStalled(_)
                | Became::Crashed(_)
                | Became::Degraded(_)
                | Became::Reverted(_)
                | Became::NotReverted(_)
                | Became::Refused(_) => Worth::Recording,
            };
            Some((outcome.grant_id, worth))
        }
        Body::Started(started) => {
            started.interrupted.as_ref().map(|of| (of.grant_id, Worth::Recording))
        }
        Body::Health(_) | Body::Goodbye(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use tidegate_proto::v1::{Applied, Crashed, Goodbye, Outcome};

    use super::*;

    fn outcome(grant_id: u64, result: Became) -> HostReport {
        let outcome = Outcome { grant_id, result: Some(result), ..Outcome::default() };
        HostReport { body: Some(Body::Outcome(outcome)), ..HostReport::default() }
    }

    #[test]
    fn an_attempt_keeps_its_trace_and_another_has_another() {
        let attempt = Attempt::of("hosts/1", 7);
        assert_eq!(attempt, Attempt::of("hosts/1", 7));
        let traces = [attempt, Attempt::of("hosts/2", 7), Attempt::of("hosts/1", 8)];
        assert!(traces[0].trace != traces[1].trace && traces[0].trace != traces[2].trace);
        let header = attempt.header(Worth::Recording);
        assert_eq!(header.len(), 55);
        assert!(header.starts_with("00-") && header.ends_with("-01"), "{header}");
        assert!(attempt.header(Worth::Nothing).ends_with("-00"));
    }

    #[test]
    fn controllers_name_the_same_trace_from_what_stands_in_the_log() {
        let header = Attempt::of("hosts/00000000000000ff", 7).header(Worth::Nothing);
        assert_eq!(header, "00-b04edf0fb4dfd5752926d2a078704dcd-035d7da3ad955535-00");
    }

    #[test]
    fn a_delivery_is_in_the_trace_of_what_went_wrong_and_only_that_is_worth_recording() {
        let applied = || outcome(1, Became::Applied(Applied::default()));
        let crashed = || outcome(2, Became::Crashed(Crashed::default()));
        let goodbye =
            HostReport { body: Some(Body::Goodbye(Goodbye::default())), ..HostReport::default() };
        let of = |reports: Vec<HostReport>| told(&ReportRequest { spool_id: 1, reports });
        assert_eq!(of(vec![goodbye]), None);
        assert_eq!(of(vec![applied()]), Some((1, Worth::Nothing)));
        assert_eq!(of(vec![applied(), crashed()]), Some((2, Worth::Recording)));
    }
}
