//! How do a rollout, what was decided about it and why look as JSON?

use serde_json::{Value, json};
use tidegate_proto::v1;

use super::withdrawal::withdrawal;
use super::{enumeration, grant, time, with};
use crate::client::ids::to_hex;

/// A rollout.
pub(crate) fn rollout(rollout: &v1::Rollout) -> Value {
    let object = json!({
        "name": rollout.name,
        "patchSet": rollout.patch_set,
        "state": enumeration::<v1::RolloutState>(rollout.state),
        "policyName": rollout.policy_name,
        "policyToml": rollout.policy_toml,
        "tier": rollout.tier,
        "wave": rollout.wave,
        "tiers": rollout.tiers.iter().map(tier_progress).collect::<Value>(),
        "epoch": rollout.epoch,
        "inFlightHosts": rollout.in_flight_hosts,
        "inFlightCapHosts": rollout.in_flight_cap_hosts,
        "exposedHosts": rollout.exposed_hosts,
        "exposureBudgetHosts": rollout.exposure_budget_hosts,
        "revision": rollout.revision,
        "etag": rollout.etag,
        "haltedSlices": rollout.halted_slices.iter().map(halted_slice).collect::<Value>(),
        "shutOutHosts": rollout.shut_out_hosts,
        "author": rollout.author,
        "approvals": rollout.approvals.iter().map(approval).collect::<Value>(),
        "approvalsNeeded": rollout.approvals_needed,
        "supersededBy": rollout.superseded_by,
        "proposals": rollout.proposals.iter().map(proposal).collect::<Value>(),
        "proven": rollout.proven.iter().map(proven).collect::<Value>(),
    });
    with(
        object,
        [
            ("verdict", rollout.verdict.as_ref().map(verdict)),
            ("halt", rollout.halt.as_ref().map(halt)),
            ("expedited", rollout.expedited.as_ref().map(expedited)),
            ("createTime", time(rollout.create_time.as_ref())),
            ("startTime", time(rollout.start_time.as_ref())),
            ("startAt", time(rollout.start_at.as_ref())),
            ("endTime", time(rollout.end_time.as_ref())),
            ("acknowledged", rollout.acknowledged.as_ref().map(counts)),
            ("counts", rollout.counts.as_ref().map(counts)),
            ("withdrawal", rollout.withdrawal.as_ref().map(withdrawal)),
        ],
    )
}

fn approval(of: &v1::Approval) -> Value {
    let object = json!({ "actor": of.actor, "remark": of.remark });
    with(object, [("time", time(of.time.as_ref()))])
}

fn proven(of: &v1::Proven) -> Value {
    json!({ "kernel": of.kernel, "rollout": of.rollout, "soakMs": of.soak_ms })
}

fn expedited(of: &v1::Expedited) -> Value {
    let object = json!({ "actor": of.actor, "reason": of.reason, "logIndex": of.log_index });
    with(object, [("time", time(of.time.as_ref()))])
}

/// What waits for a second person.
pub(crate) fn proposal(of: &v1::Proposal) -> Value {
    let object = json!({
        "name": of.name,
        "rollout": of.rollout,
        "action": of.action,
        "actor": of.actor,
        "lapsesInMs": of.lapses_in_ms,
    });
    with(object, [("time", time(of.time.as_ref()))])
}

fn halted_slice(of: &v1::HaltedSlice) -> Value {
    let object = json!({ "slice": of.slice, "hosts": of.hosts, "incident": of.incident });
    with(object, [("halt", of.halt.as_ref().map(halt))])
}

fn tier_progress(tier: &v1::TierProgress) -> Value {
    let waves = tier.waves.iter().map(|wave| {
        json!({
            "sharePpm": wave.share_ppm,
            "state": enumeration::<v1::StageState>(wave.state),
            "hosts": wave.hosts,
            "startedElapsedMs": wave.started_elapsed_ms,
            "passedElapsedMs": wave.passed_elapsed_ms,
        })
    });
    let object = json!({
        "tier": tier.tier,
        "state": enumeration::<v1::StageState>(tier.state),
        "eligibleHosts": tier.eligible_hosts,
        "waves": waves.collect::<Value>(),
        "shutOutHosts": tier.shut_out_hosts,
    });
    with(object, [("counts", tier.counts.as_ref().map(counts))])
}

fn counts(counts: &v1::Counts) -> Value {
    json!({
        "offered": counts.offered,
        "begun": counts.begun,
        "inFlight": counts.in_flight,
        "verified": counts.verified,
        "crashed": counts.crashed,
        "failed": counts.failed,
        "stalled": counts.stalled,
        "silent": counts.silent,
        "refused": counts.refused,
        "reverted": counts.reverted,
    })
}

pub(super) fn verdict(verdict: &v1::Verdict) -> Value {
    json!({
        "kind": enumeration::<v1::VerdictKind>(verdict.kind),
        "gates": verdict.gates.iter().map(gate).collect::<Value>(),
        "waitingOn": verdict.waiting_on,
        "summary": verdict.summary,
        "logIndex": verdict.log_index,
    })
}

fn gate(gate: &v1::Gate) -> Value {
    let object = json!({
        "name": gate.name,
        "state": enumeration::<v1::GateState>(gate.state),
        "observed": gate.observed,
        "required": gate.required,
        "unit": gate.unit,
        "detail": gate.detail,
    });
    with(object, [("openTime", time(gate.open_time.as_ref()))])
}

pub(super) fn halt(halt: &v1::Halt) -> Value {
    let witnesses = halt.witnesses.iter().map(|witness| {
        json!({
            "host": witness.host,
            "phase": enumeration::<v1::GrantPhase>(witness.phase),
            "detail": witness.detail,
            "kernelRelease": witness.kernel_release,
            "cpuModel": witness.cpu_model,
            "zone": witness.zone,
        })
    });
    let object = json!({
        "actor": halt.actor,
        "reason": halt.reason,
        "logIndex": halt.log_index,
        "epoch": halt.epoch,
        "scope": halt.scope,
        "gates": halt.gates.iter().map(gate).collect::<Value>(),
        "witnesses": witnesses.collect::<Value>(),
    });
    with(object, [("time", time(halt.time.as_ref())), ("counts", halt.counts.as_ref().map(counts))])
}

/// A decision record.
pub(crate) fn record(record: &v1::DecisionRecord) -> Value {
    let object = json!({
        "sequence": record.sequence,
        "logIndex": record.log_index,
        "actor": record.actor,
        "event": record.event,
        "subject": record.subject,
        "detail": record.detail,
        "hash": to_hex(&record.hash),
        "requestId": record.request_id,
        "elapsedMs": record.elapsed_ms,
        "basisHash": to_hex(&record.basis_hash),
        "verdictHash": to_hex(&record.verdict_hash),
    });
    with(object, [("time", time(record.time.as_ref()))])
}

/// One change of a watched rollout.
pub(crate) fn change(change: &v1::WatchRolloutResponse) -> Value {
    let object = json!({ "records": change.records.iter().map(record).collect::<Value>() });
    with(object, [("rollout", change.rollout.as_ref().map(rollout))])
}

/// A verdict that was computed again.
pub(crate) fn replay(replay: &v1::ReplayRolloutResponse) -> Value {
    let object = json!({
        "name": replay.name,
        "logIndex": replay.log_index,
        "recorded": replay.recorded,
        "recordedHash": to_hex(&replay.recorded_hash),
        "computedHash": to_hex(&replay.computed_hash),
        "same": replay.same,
        "evidence": replay.evidence,
    });
    with(object, [("verdict", replay.verdict.as_ref().map(verdict))])
}

/// An explanation.
pub(crate) fn explanation(explanation: &v1::ExplainRolloutResponse) -> Value {
    let object = json!({
        "headline": explanation.headline,
        "gates": explanation.gates.iter().map(gate).collect::<Value>(),
        "waitingOn": explanation.waiting_on,
        "records": explanation.records.iter().map(record).collect::<Value>(),
        "revision": explanation.revision,
        "evidence": explanation.evidence,
    });
    with(
        object,
        [
            ("rollout", explanation.rollout.as_ref().map(rollout)),
            ("grant", explanation.grant.as_ref().map(grant)),
            ("nextTime", time(explanation.next_time.as_ref())),
            ("earliestDoneTime", time(explanation.earliest_done_time.as_ref())),
        ],
    )
}

#[cfg(test)]
#[path = "rollout_tests.rs"]
mod tests;
