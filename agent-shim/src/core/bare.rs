//! What remains of a report that a controller does not take as it is? What happened, without words.

use tidegate_proto::v1::host_report::Body;
use tidegate_proto::v1::outcome::Result as Ended;
use tidegate_proto::v1::{
    ApplyFailed, Crashed, Degraded, Health, HostFacts, HostReport, KernelEvidence, LivepatchState,
    NotReverted, Outcome, Refused, Soaked, Started,
};

use crate::core::limits;

/// The same report without its words. A report that is bare already stays as it is.
pub(crate) fn bare(report: &HostReport) -> HostReport {
    let body = report.body.as_ref().map(|body| match body {
        Body::Started(started) => Body::Started(bare_start(started)),
        Body::Outcome(outcome) => Body::Outcome(Outcome {
            result: outcome.result.as_ref().map(bare_result),
            ..outcome.clone()
        }),
        Body::Health(health) => {
            let livepatch = health.livepatch.as_ref().map(nameless);
            Body::Health(Health { livepatch, ..health.clone() })
        }
        Body::Goodbye(goodbye) => Body::Goodbye(*goodbye),
    });
    HostReport { body, ..report.clone() }
}

fn bare_start(started: &Started) -> Started {
    let facts = started.facts.as_ref().map(|facts| {
        limits::facts(&HostFacts {
            kernel_release: facts.kernel_release.clone(),
            flavour: facts.flavour.clone(),
            arch: facts.arch.clone(),
            ..HostFacts::default()
        })
    });
    Started { facts, evidence: None, ..started.clone() }
}

fn bare_result(result: &Ended) -> Ended {
    match result {
        Ended::ApplyFailed(failed) => {
            Ended::ApplyFailed(ApplyFailed { message: String::new(), ..failed.clone() })
        }
        Ended::Crashed(crashed) => Ended::Crashed(Crashed {
            evidence: crashed.evidence.as_ref().map(|evidence| KernelEvidence {
                signature: String::new(),
                names_module: evidence.names_module,
            }),
        }),
        Ended::Degraded(_) => Ended::Degraded(Degraded::default()),
        Ended::Refused(refused) => {
            Ended::Refused(Refused { message: String::new(), ..refused.clone() })
        }
        Ended::NotReverted(stays) => {
            Ended::NotReverted(NotReverted { message: String::new(), ..stays.clone() })
        }
        Ended::Soaked(soaked) => {
            let livepatch = soaked.livepatch.as_ref().map(nameless);
            Ended::Soaked(Soaked { livepatch, ..soaked.clone() })
        }
        wordless @ (Ended::Applied(_) | Ended::TransitionStalled(_) | Ended::Reverted(_)) => {
            wordless.clone()
        }
    }
}

fn nameless(livepatch: &LivepatchState) -> LivepatchState {
    LivepatchState { module: String::new(), ..livepatch.clone() }
}

#[cfg(test)]
mod tests {
    use tidegate_proto::v1::host_report::Body;
    use tidegate_proto::v1::outcome::Result as Ended;
    use tidegate_proto::v1::{
        AgentMode, Crashed, HostFacts, HostReport, Interrupted, KernelEvidence, Outcome, Started,
    };

    use super::bare;

    fn report(body: Body) -> HostReport {
        HostReport { sequence: 4, boot_id: "boot".to_owned(), boot_time_ms: 5, body: Some(body) }
    }

    #[test]
    fn a_bare_start_keeps_the_kernel_the_mode_and_what_was_interrupted() {
        let interrupted = Some(Interrupted { grant_id: 7, ..Interrupted::default() });
        let facts = |hostname: &str| HostFacts {
            hostname: hostname.to_owned(),
            kernel_release: "5.15.0-107.117".to_owned(),
            flavour: "generic".to_owned(),
            arch: "amd64".to_owned(),
            ..HostFacts::default()
        };
        let start = |hostname: &str, evidence| {
            report(Body::Started(Started {
                facts: Some(facts(hostname)),
                mode: AgentMode::Normal.into(),
                interrupted: interrupted.clone(),
                evidence,
            }))
        };
        let words = KernelEvidence { signature: "panic".to_owned(), names_module: true };
        assert_eq!(bare(&start("web-1", Some(words))), start("", None));
        assert_eq!(bare(&start("", None)), start("", None));
    }

    #[test]
    fn a_bare_outcome_is_of_the_same_class_and_sequence() {
        let crashed = |signature: &str| {
            let evidence = KernelEvidence { signature: signature.to_owned(), names_module: true };
            report(Body::Outcome(Outcome {
                grant_id: 7,
                patch_set: "patchSets/113.1".to_owned(),
                result: Some(Ended::Crashed(Crashed { evidence: Some(evidence) })),
            }))
        };
        assert_eq!(bare(&crashed("BUG: x")), crashed(""));
    }
}
