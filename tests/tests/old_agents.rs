//! What does a controller make of the bytes of an older agent? What they meant when that agent was built:
//! these are the requests of the first release, and they never change.

use std::fmt::Debug;

use prost::Message;
use tidegate_proto::v1 as pb;
use tidegate_proto::v1::outcome::Result;

/// Reads and writes a message as the first release does, whose bytes are given as hex.
#[track_caller]
fn stays<M: Message + Default + PartialEq + Debug>(message: &M, hex: &[&str]) {
    let written: String = message.encode_to_vec().iter().map(|b| format!("{b:02x}")).collect();
    let hex = hex.concat();
    assert_eq!(written, hex, "today's bytes differ: agents that are out there cannot be told");
    let digits = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
    let bytes: Option<Vec<u8>> = digits.map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    let read = bytes.and_then(|bytes| M::decode(bytes.as_slice()).ok());
    assert_eq!(read.as_ref(), Some(message));
}

fn facts() -> pb::HostFacts {
    pb::HostFacts {
        hostname: "h".to_owned(),
        kernel_release: "5.15".to_owned(),
        flavour: "generic".to_owned(),
        arch: "amd64".to_owned(),
        zone: "z".to_owned(),
        labels: [("a".to_owned(), "b".to_owned())].into(),
        agent_version: "0.1.0".to_owned(),
        ..pb::HostFacts::default()
    }
}

fn report(sequence: u64, body: pb::host_report::Body) -> pb::HostReport {
    pb::HostReport { sequence, boot_id: "b1".to_owned(), boot_time_ms: 9, body: Some(body) }
}

fn outcome(result: Result) -> pb::host_report::Body {
    pb::host_report::Body::Outcome(pb::Outcome {
        grant_id: 7,
        patch_set: "p".to_owned(),
        result: Some(result),
    })
}

fn livepatch() -> pb::LivepatchState {
    pb::LivepatchState { module: "lp".to_owned(), enabled: true, transition: false }
}

fn evidence() -> pb::KernelEvidence {
    pb::KernelEvidence { signature: "oops".to_owned(), names_module: true }
}

fn started() -> pb::Started {
    let interrupted =
        pb::Interrupted { grant_id: 7, patch_set: "p".to_owned(), boot_id: "b0".to_owned() };
    pb::Started {
        facts: Some(facts()),
        mode: pb::AgentMode::Normal.into(),
        interrupted: Some(interrupted),
        evidence: Some(evidence()),
    }
}

fn health() -> pb::Health {
    pb::Health { grant_id: 7, offset_ms: 2_000, livepatch: Some(livepatch()), taint: 4_096 }
}

fn goodbye() -> pb::Goodbye {
    pb::Goodbye { kind: pb::GoodbyeKind::Termination.into() }
}

fn apply_failed() -> pb::ApplyFailed {
    let reason = pb::ApplyFailure::Interrupted.into();
    pb::ApplyFailed { reason, message: "w".to_owned() }
}

fn stalled() -> pb::TransitionStalled {
    pb::TransitionStalled { waited_ms: 5_000, reverted: true }
}

fn degraded() -> pb::Degraded {
    pb::Degraded { probe: "livepatch".to_owned(), message: "w".to_owned() }
}

fn refused() -> pb::Refused {
    let reason = pb::RefusalReason::CrashedLastTime.into();
    pb::Refused { reason, message: "w".to_owned() }
}

fn soaked() -> pb::Soaked {
    pb::Soaked { soaked_ms: 5_000, livepatch: Some(livepatch()) }
}

#[test]
fn an_enrolment_of_the_first_release_is_read_as_it_was_meant() {
    let request = pb::EnrollRequest {
        request_id: "r".to_owned(),
        token_secret: "s".to_owned(),
        machine_id: "m".to_owned(),
        facts: Some(facts()),
        boot_id: "b1".to_owned(),
        mode: pb::AgentMode::Normal.into(),
    };
    stays(
        &request,
        &[
            "0a01721201731a016d222b0a01681204352e31351a0767656e657269632205616d643634",
            "4a017a6a060a01611201627205302e312e302a0262313001",
        ],
    );
}

#[test]
fn a_beat_a_begin_and_a_download_of_the_first_release_are_read_as_they_were_meant() {
    let beat = pb::SyncRequest {
        boot_id: "b1".to_owned(),
        beat: 300,
        mode: pb::AgentMode::NoApply.into(),
        livepatches: vec![livepatch()],
    };
    stays(&beat, &["0a02623110ac02180222060a026c701001"]);
    let begin = pb::BeginRequest {
        request_id: "r".to_owned(),
        grant_id: 7,
        patch_set: "p".to_owned(),
        epoch: 3,
        boot_id: "b1".to_owned(),
        artifact_sha256: vec![0xab; 4],
    };
    stays(&begin, &["0a017210071a017020032a0262313204abababab"]);
    let fetch = pb::FetchArtifactRequest { sha256: vec![0xab; 4], offset_bytes: 65_536 };
    stays(&fetch, &["0a04abababab10808004"]);
}

#[test]
fn what_befell_a_host_of_the_first_release_is_read_as_it_was_meant() {
    let reports = vec![
        report(1, pb::host_report::Body::Started(started())),
        report(10, pb::host_report::Body::Health(health())),
        report(11, pb::host_report::Body::Goodbye(goodbye())),
    ];
    stays(
        &pb::ReportRequest { spool_id: 5, reports },
        &[
            "0805124e080112026231180922440a2b0a01681204352e31351a0767656e657269632205",
            "616d6436344a017a6a060a01611201627205302e312e3010011a0908071201701a026230",
            "22080a046f6f70731001121a080a1202623118093210080710d00f1a060a026c70100120",
            "8020120c080b1202623118093a020803",
        ],
    );
}

#[test]
fn every_outcome_of_the_first_release_is_read_as_it_was_meant() {
    let reports = vec![
        report(2, outcome(Result::Applied(pb::Applied { transition_ms: 400 }))),
        report(3, outcome(Result::ApplyFailed(apply_failed()))),
        report(4, outcome(Result::TransitionStalled(stalled()))),
        report(5, outcome(Result::Crashed(pb::Crashed { evidence: Some(evidence()) }))),
        report(6, outcome(Result::Degraded(degraded()))),
        report(7, outcome(Result::Reverted(pb::Reverted {}))),
        report(8, outcome(Result::Refused(refused()))),
        report(9, outcome(Result::Soaked(soaked()))),
    ];
    stays(
        &pb::ReportRequest { spool_id: 5, reports },
        &[
            "0805121408021202623118092a0a08071201701a03089003121608031202623118092a0c",
            "080712017022050803120177121608041202623118092a0c08071201702a050888271001",
            "121b08051202623118092a110807120170320a0a080a046f6f70731001121f0806120262",
            "3118092a1508071201703a0e0a096c697665706174636812017712110807120262311809",
            "2a0708071201704200121608081202623118092a0c08071201704a050807120177121c08",
            "091202623118092a120807120170520b08882712060a026c701001",
        ],
    );
}

/// The answer to a beat, as far as an agent of the first release knew it.
#[derive(Clone, PartialEq, Message)]
struct FirstSyncResponse {
    #[prost(message, optional, tag = "1")]
    offer: Option<FirstOffer>,
    #[prost(uint64, tag = "2")]
    next_sync_ms: u64,
}

/// An offer, likewise.
#[derive(Clone, PartialEq, Message)]
struct FirstOffer {
    #[prost(uint64, tag = "1")]
    grant_id: u64,
    #[prost(message, optional, tag = "6")]
    plan: Option<FirstPlan>,
}

/// A plan, likewise.
#[derive(Clone, PartialEq, Message)]
struct FirstPlan {
    #[prost(uint64, tag = "1")]
    soak_ms: u64,
}

#[test]
fn an_order_to_revert_and_what_to_do_with_a_stall_are_passed_over_by_an_agent_of_the_first_release()
{
    let plan = pb::ApplyPlan {
        soak_ms: 5_000,
        on_stall: pb::OnStall::Revert.into(),
        ..pb::ApplyPlan::default()
    };
    let answer = pb::SyncResponse {
        offer: Some(pb::Offer { grant_id: 7, plan: Some(Box::new(plan)), ..pb::Offer::default() }),
        next_sync_ms: 900,
        revert: Some(Box::new(pb::Revert { grant_id: 6, epoch: 4, ..pb::Revert::default() })),
        ..pb::SyncResponse::default()
    };
    let read = FirstSyncResponse::decode(answer.encode_to_vec().as_slice());
    let offer = FirstOffer { grant_id: 7, plan: Some(FirstPlan { soak_ms: 5_000 }) };
    assert_eq!(read, Ok(FirstSyncResponse { offer: Some(offer), next_sync_ms: 900 }));
}
