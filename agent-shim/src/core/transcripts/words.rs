//! The words of a script, and the words of a transcript.

use std::collections::BTreeMap;

use tidegate_proto::v1::begin_response::Decision;
use tidegate_proto::v1::host_report::Body;
use tidegate_proto::v1::outcome::Result as Ended;
use tidegate_proto::v1::{
    self, ApplyPlan, Artifact, BeginResponse, Go, HostReport, LivepatchState, NoGo, NoGoReason,
    Offer, ReportDisposition, ReportResponse, ReportResult, SyncResponse,
};

use super::bench::{DIGEST, Event, SIZE};
use crate::core::{
    CallFailed, CallFailure, Decline, Digest, FetchFailed, Fetched, Marker, MarkerStage, Millis,
    Output, RevertEnd,
};

/// One line of a script, split.
pub(super) struct Words<'a> {
    pub(super) at: u64,
    pub(super) verb: &'a str,
    rest: BTreeMap<&'a str, &'a str>,
}

impl<'a> Words<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        let mut words = line.split_whitespace();
        let at = words.next().unwrap().parse().unwrap();
        let verb = words.next().unwrap();
        let words: Vec<&str> = words.collect();
        let rest =
            words.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or(""))).collect();
        Self { at, verb, rest }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.rest.get(key).copied()
    }

    pub(super) fn text(&self, key: &str, default: &'a str) -> &'a str {
        self.get(key).unwrap_or(default)
    }

    pub(super) fn number(&self, key: &str, default: u64) -> u64 {
        self.get(key).map_or(default, |word| word.parse().unwrap())
    }
}

fn failed(kind: CallFailure, words: &Words<'_>) -> CallFailed {
    let retry_after = words.get("retry").map(|_| Millis(words.number("retry", 0)));
    CallFailed { kind, retry_after, message: "lost".to_owned() }
}

/// `sync offer 7 epoch 3 on-stall revert …`, `sync offer none`, `sync revert 7 at-epoch 4 of MODULE`, `sync lost`,
/// `sync unknown-host`.
pub(super) fn sync_response(words: &Words<'_>) -> Result<SyncResponse, CallFailed> {
    if words.get("lost").is_some() {
        return Err(failed(CallFailure::Unavailable, words));
    }
    if words.get("unknown-host").is_some() {
        return Err(failed(CallFailure::UnknownHost, words));
    }
    let offer = (words.text("offer", "none") != "none").then(|| Offer {
        grant_id: words.number("offer", 0),
        patch_set: words.text("set", "patchSets/113.1").to_owned(),
        epoch: words.number("epoch", 3),
        artifact: Some(Artifact {
            kernel_release: words.text("kernel", "5.15.0-107.117").to_owned(),
            flavour: "generic".to_owned(),
            arch: "amd64".to_owned(),
            sha256: DIGEST.to_vec(),
            size_bytes: SIZE,
            module: words.text("module", "livepatch_113_1").to_owned(),
        }),
        expires_in_ms: words.number("expires", 600_000),
        plan: Some(Box::new(ApplyPlan {
            soak_ms: 5_000,
            beat_interval_ms: 2_000,
            transition_timeout_ms: 3_000,
            health_check_offsets_ms: vec![0, 2_000],
            on_stall: match words.text("on-stall", "keep") {
                "revert" => v1::OnStall::Revert.into(),
                _ => v1::OnStall::Keep.into(),
            },
        })),
    });
    let revert = words.get("revert").map(|_| v1::Revert {
        grant_id: words.number("revert", 0),
        patch_set: "patchSets/113.1".to_owned(),
        epoch: words.number("at-epoch", 4),
        module: words.text("of", "livepatch_113_1").to_owned(),
    });
    let coverage = words.get("supported").map(|supported| v1::KernelCoverage {
        supported: supported.to_owned(),
        upgrade_required_date: words.text("until", "").to_owned(),
    });
    Ok(SyncResponse {
        offer,
        next_sync_ms: words.number("next", 60_000),
        revision: words.number("rev", 0),
        explanation: "as the script says".to_owned(),
        generation: words.number("gen", 0),
        revert: revert.map(Box::new),
        kernel_coverage: coverage.map(Box::new),
    })
}

/// `fetched`, `fetched digest wrong`, `fetched size 4095`, `fetched no-space`, `fetched lost`.
pub(super) fn fetched(words: &Words<'_>) -> Result<Fetched, FetchFailed> {
    if words.get("no-space").is_some() {
        return Err(FetchFailed::NoSpace);
    }
    if words.get("lost").is_some() {
        return Err(failed(CallFailure::Unavailable, words).into());
    }
    let digest = if words.get("digest").is_some() { [0xcd; 32] } else { DIGEST };
    Ok(Fetched { digest: Digest(digest), size_bytes: words.number("size", SIZE) })
}

/// `go epoch 3 lease 10000 echo other`, `no-go reason BUDGET retry 5000`, `no-go number 99`, `begin-lost`;
/// `maybe`: a decision that this release has no word for.
pub(super) fn begin_response(
    words: &Words<'_>,
    request_id: &str,
) -> Result<BeginResponse, CallFailed> {
    let request_id = words.text("echo", request_id).to_owned();
    let decision = match words.verb {
        "go" => Some(Decision::Go(Go {
            request_id,
            epoch: words.number("epoch", 3),
            lease_ms: words.number("lease", 10_000),
        })),
        "no-go" => {
            let reason = format!("NO_GO_REASON_{}", words.text("reason", "HALTED"));
            let known = NoGoReason::from_str_name(&reason).unwrap().into();
            let number = words.get("number").map(|number| number.parse().unwrap());
            Some(Decision::NoGo(NoGo {
                request_id,
                reason: number.unwrap_or(known),
                message: "says the script".to_owned(),
                retry_after_ms: words.number("retry", 0),
            }))
        }
        "maybe" => None,
        _ => return Err(failed(CallFailure::Unavailable, words)),
    };
    Ok(BeginResponse {
        decision,
        revision: words.number("rev", 0),
        generation: words.number("gen", 0),
    })
}

/// `reports counted`, `reports not-yet 2000`, `reports lost`, `reports refused`, `reports number 99`; the
/// last report gets the word, the others are counted.
pub(super) fn report_response(
    words: &Words<'_>,
    reported: &[u64],
) -> Result<ReportResponse, CallFailed> {
    if words.get("lost").is_some() {
        return Err(failed(CallFailure::Unavailable, words));
    }
    if words.get("refused").is_some() {
        return Err(failed(CallFailure::Refused, words));
    }
    let last = reported.last().copied().unwrap_or(0);
    let disposition = if words.get("not-yet").is_some() {
        ReportDisposition::NotYet
    } else if words.get("stale").is_some() {
        ReportDisposition::Stale
    } else {
        ReportDisposition::Counted
    };
    let number = words.get("number").map(|number| number.parse().unwrap());
    let counted = ReportDisposition::Counted.into();
    let word = number.unwrap_or_else(|| disposition.into());
    let result = |sequence: &u64| ReportResult {
        sequence: *sequence,
        disposition: if *sequence == last { word } else { counted },
        reason: String::new(),
        message: String::new(),
        retry_after_ms: words.number("not-yet", 0),
    };
    Ok(ReportResponse {
        acknowledged_sequence: words.number("through", last),
        results: reported.iter().map(result).collect(),
    })
}

/// `driver says inserted`, `driver says done after 400`, …
pub(super) fn driver_event(words: &Words<'_>) -> Event {
    let after = Millis(words.number("after", 400));
    match words.text("says", "") {
        "declined" => Event::Declined(Decline::LeaseExpired),
        "insert-failed" => Event::InsertFailed { message: "EINVAL".to_owned() },
        "inserted" => Event::Inserted,
        "not-enabled" => Event::NotEnabled,
        "done" => Event::TransitionDone { transition: after },
        "stalled" => Event::TransitionStalled { waited: after },
        "reverted" => Event::Reverted(RevertEnd::Done),
        "still-in-transition" => Event::Reverted(RevertEnd::StillInTransition),
        "revert-refused" => Event::Reverted(RevertEnd::Refused),
        other => panic!("no such driver's word: {other}"),
    }
}

/// `enabled`, `transition`, `disabled`, `gone`; `newer`: another in its place.
pub(super) fn livepatches(word: &str) -> Vec<LivepatchState> {
    let module = "livepatch_113_1".to_owned();
    match word {
        "enabled" => vec![LivepatchState { module, enabled: true, transition: false }],
        "transition" => vec![LivepatchState { module, enabled: true, transition: true }],
        "disabled" => vec![LivepatchState { module, enabled: false, transition: false }],
        "gone" => Vec::new(),
        "newer" => {
            let module = "livepatch_114_1".to_owned();
            vec![LivepatchState { module, enabled: true, transition: false }]
        }
        other => panic!("no such state: {other}"),
    }
}

/// One output, in one line.
pub(super) fn output(output: &Output) -> String {
    match output {
        Output::Sync { call, request } => {
            format!("sync {call} beat {} of {}", request.beat, request.boot_id)
        }
        Output::Begin { call, request } => {
            format!("begin {call} grant {} epoch {}", request.grant_id, request.epoch)
        }
        Output::Report { call, request } => {
            let numbers: Vec<u64> = request.reports.iter().map(|report| report.sequence).collect();
            format!("report {call} {numbers:?}")
        }
        Output::Fetch { call, artifact } => format!("fetch {call} {}", artifact.module),
        Output::NextController => "next controller".to_owned(),
        Output::Spool(spooled) => format!("spool {}", report(spooled)),
        Output::SpoolDrop { sequence } => format!("spool-drop {sequence}"),
        Output::SpoolTrim { through } => format!("spool-trim through {through}"),
        Output::WriteMarker(marker) => format!("marker {}", self::marker(marker)),
        Output::ClearMarker => "marker cleared".to_owned(),
        Output::Remember { patch_set, memory } => {
            let order = memory.revert.as_ref().map_or_else(String::new, |order| {
                format!(" revert grant {} epoch {} {:?}", order.grant_id, order.epoch, order.stage)
            });
            let last = memory.last_insert.as_ref().map_or_else(
                || "none".to_owned(),
                |last| format!("grant {} {:?}", last.grant_id, last.end),
            );
            let (epoch, asking) = (memory.highest_epoch, memory.asking.unwrap_or(0));
            format!("remember {patch_set} epoch {epoch} asking {asking} last {last}{order}")
        }
        Output::KeepHeard(heard) => {
            format!("keep generation {} revision {}", heard.generation, heard.revision)
        }
        Output::Insert(insertion) => format!(
            "INSERT grant {} until {}",
            insertion.grant_id,
            insertion.lease.not_after().as_millis()
        ),
        Output::Follow { grant_id, since, .. } => {
            format!("follow grant {grant_id} since {}", since.as_millis())
        }
        Output::Revert { grant_id, module } => format!("revert grant {grant_id} {module}"),
        Output::Observe => "observe".to_owned(),
        Output::WakeAt(at) => format!("wake at {}", at.as_millis()),
        Output::Log(fact) => format!("log {fact}"),
    }
}

fn marker(marker: &Marker) -> String {
    let stage = match marker.stage {
        MarkerStage::Applying { .. } => "applying",
        MarkerStage::Soaking { .. } => "soaking",
        MarkerStage::Stuck { .. } => "stuck",
        MarkerStage::Stalled { .. } => "stalled",
    };
    format!("grant {} {stage} in {}", marker.grant_id, marker.boot_id)
}

fn report(report: &HostReport) -> String {
    let body = match report.body.as_ref().unwrap() {
        Body::Started(started) => format!(
            "started interrupted {} evidence {}",
            started.interrupted.as_ref().map_or(0, |interrupted| interrupted.grant_id),
            started.evidence.as_ref().map_or("none", |evidence| &evidence.signature),
        ),
        Body::Outcome(outcome) => {
            format!("grant {} {}", outcome.grant_id, ended(outcome.result.as_ref().unwrap()))
        }
        Body::Health(health) => {
            format!("grant {} health at {}", health.grant_id, health.offset_ms)
        }
        Body::Goodbye(goodbye) => format!("goodbye {}", goodbye.kind().as_str_name()),
    };
    format!("{} {body}", report.sequence)
}

fn ended(ended: &Ended) -> String {
    match ended {
        Ended::Applied(applied) => format!("applied in {} ms", applied.transition_ms),
        Ended::ApplyFailed(failed) => {
            format!("{}: {}", failed.reason().as_str_name(), failed.message)
        }
        Ended::TransitionStalled(stalled) => {
            format!("stalled after {} ms, reverted {}", stalled.waited_ms, stalled.reverted)
        }
        Ended::Crashed(crashed) => {
            format!("crashed: {}", crashed.evidence.as_ref().unwrap().signature)
        }
        Ended::Degraded(degraded) => format!("degraded {}: {}", degraded.probe, degraded.message),
        Ended::Reverted(_) => "reverted".to_owned(),
        Ended::Refused(refused) => {
            format!("{}: {}", refused.reason().as_str_name(), refused.message)
        }
        Ended::Soaked(soaked) => format!("SOAKED for {} ms", soaked.soaked_ms),
        Ended::NotReverted(stays) => {
            format!("{}: {}", stays.reason().as_str_name(), stays.message)
        }
    }
}
