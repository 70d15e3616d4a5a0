//! How does a resource look as JSON? The proto3 JSON mapping: lower-camel keys, RFC 3339 times,
//! absent messages left out, empty lists and zeros written. Three things differ, for the ease of
//! those who filter it: 64-bit integers are numbers, enums lose the prefix of their type, and
//! bytes are lower-case hex. Keys are only ever added.

use prost_types::Timestamp;
use serde_json::{Map, Value, json};
use tidegate_proto::v1;

use super::time;
use crate::client::ids::to_hex;

/// An enum's word without the prefix of its type; an unknown number stays a number.
pub(crate) trait Word: TryFrom<i32> {
    /// Prefix of all its values, e.g. `ROLLOUT_STATE_`.
    const PREFIX: &'static str;

    /// The value as the `.proto` file spells it.
    fn spelled(&self) -> &'static str;
}

macro_rules! words {
    ($($kind:ty: $prefix:literal),* $(,)?) => {$(
        impl Word for $kind {
            const PREFIX: &'static str = $prefix;

            fn spelled(&self) -> &'static str {
                self.as_str_name()
            }
        }
    )*};
}

words! {
    v1::AgentMode: "AGENT_MODE_",
    v1::CheckVerdict: "CHECK_VERDICT_",
    v1::DiskState: "DISK_STATE_",
    v1::GateState: "GATE_STATE_",
    v1::GrantPhase: "GRANT_PHASE_",
    v1::PatchSetState: "PATCH_SET_STATE_",
    v1::RolloutState: "ROLLOUT_STATE_",
    v1::Severity: "SEVERITY_",
    v1::StageState: "STAGE_STATE_",
    v1::VerdictKind: "VERDICT_KIND_",
}

/// The word for people: `RUNNING`, or the bare number where this version does not know it.
pub(crate) fn word<E: Word>(value: i32) -> String {
    E::try_from(value).map_or_else(
        |_| value.to_string(),
        |known| known.spelled().trim_start_matches(E::PREFIX).to_owned(),
    )
}

/// The word for programs: `"RUNNING"`, or the bare number where this version does not know it.
pub(crate) fn enumeration<E: Word>(value: i32) -> Value {
    if E::try_from(value).is_ok() { word::<E>(value).into() } else { value.into() }
}

/// Leaves absent fields out.
pub(crate) fn with(
    mut object: Value,
    optional: impl IntoIterator<Item = (&'static str, Option<Value>)>,
) -> Value {
    if let Value::Object(map) = &mut object {
        let present =
            optional.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        map.extend(present.collect::<Map<_, _>>());
    }
    object
}

fn time(value: Option<&Timestamp>) -> Option<Value> {
    value.and_then(time::rfc3339).map(Value::from)
}

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
    });
    with(
        object,
        [
            ("verdict", rollout.verdict.as_ref().map(verdict)),
            ("halt", rollout.halt.as_ref().map(halt)),
            ("createTime", time(rollout.create_time.as_ref())),
            ("startTime", time(rollout.start_time.as_ref())),
            ("endTime", time(rollout.end_time.as_ref())),
            ("acknowledged", rollout.acknowledged.as_ref().map(counts)),
            ("counts", rollout.counts.as_ref().map(counts)),
        ],
    )
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
    })
}

fn verdict(verdict: &v1::Verdict) -> Value {
    json!({
        "kind": enumeration::<v1::VerdictKind>(verdict.kind),
        "gates": verdict.gates.iter().map(gate).collect::<Value>(),
        "waitingOn": verdict.waiting_on,
        "summary": verdict.summary,
        "logIndex": verdict.log_index,
    })
}

fn gate(gate: &v1::Gate) -> Value {
    json!({
        "name": gate.name,
        "state": enumeration::<v1::GateState>(gate.state),
        "observed": gate.observed,
        "required": gate.required,
        "unit": gate.unit,
        "detail": gate.detail,
    })
}

fn halt(halt: &v1::Halt) -> Value {
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
    });
    with(object, [("time", time(record.time.as_ref()))])
}

/// One change of a watched rollout.
pub(crate) fn change(change: &v1::WatchRolloutResponse) -> Value {
    let object = json!({ "records": change.records.iter().map(record).collect::<Value>() });
    with(object, [("rollout", change.rollout.as_ref().map(rollout))])
}

/// An explanation.
pub(crate) fn explanation(explanation: &v1::ExplainRolloutResponse) -> Value {
    let object = json!({
        "headline": explanation.headline,
        "gates": explanation.gates.iter().map(gate).collect::<Value>(),
        "waitingOn": explanation.waiting_on,
        "records": explanation.records.iter().map(record).collect::<Value>(),
        "revision": explanation.revision,
    });
    with(
        object,
        [
            ("rollout", explanation.rollout.as_ref().map(rollout)),
            ("grant", explanation.grant.as_ref().map(grant)),
        ],
    )
}

/// A grant.
pub(crate) fn grant(grant: &v1::Grant) -> Value {
    json!({
        "grantId": grant.grant_id,
        "host": grant.host,
        "rollout": grant.rollout,
        "tier": grant.tier,
        "phase": enumeration::<v1::GrantPhase>(grant.phase),
        "epoch": grant.epoch,
        "begunIndex": grant.begun_index,
        "detail": grant.detail,
        "hostname": grant.hostname,
    })
}

/// A host.
pub(crate) fn host(host: &v1::Host) -> Value {
    let object = json!({
        "name": host.name,
        "tier": host.tier,
        "token": host.token,
        "bootId": host.boot_id,
        "mode": enumeration::<v1::AgentMode>(host.mode),
        "grants": host.grants.iter().map(grant).collect::<Value>(),
        "runningPatchSet": host.running_patch_set,
    });
    with(
        object,
        [
            ("facts", host.facts.as_ref().map(facts)),
            ("enrollTime", time(host.enroll_time.as_ref())),
            ("heardAgoMs", host.heard_ago_ms.map(Value::from)),
        ],
    )
}

fn facts(facts: &v1::HostFacts) -> Value {
    json!({
        "hostname": facts.hostname,
        "kernelRelease": facts.kernel_release,
        "flavour": facts.flavour,
        "arch": facts.arch,
        "cpuVendor": facts.cpu_vendor,
        "cpuFamily": facts.cpu_family,
        "cpuModel": facts.cpu_model,
        "distroRelease": facts.distro_release,
        "zone": facts.zone,
        "region": facts.region,
        "cloud": facts.cloud,
        "rack": facts.rack,
        "labels": facts.labels,
        "agentVersion": facts.agent_version,
    })
}

/// A tier.
pub(crate) fn tier(tier: &v1::Tier) -> Value {
    json!({
        "name": tier.name,
        "position": tier.position,
        "drawnFrom": tier.drawn_from,
        "hosts": tier.hosts,
    })
}

/// A token.
pub(crate) fn token(token: &v1::Token) -> Value {
    let object = json!({
        "name": token.name,
        "tier": token.tier,
        "maxHosts": token.max_hosts,
        "enrolledHosts": token.enrolled_hosts,
        "etag": token.etag,
    });
    with(object, [("createTime", time(token.create_time.as_ref()))])
}

/// A patch set.
pub(crate) fn patch_set(patch_set: &v1::PatchSet) -> Value {
    let artifacts = patch_set.artifacts.iter().map(|artifact| {
        json!({
            "kernelRelease": artifact.kernel_release,
            "flavour": artifact.flavour,
            "arch": artifact.arch,
            "sha256": to_hex(&artifact.sha256),
            "sizeBytes": artifact.size_bytes,
            "module": artifact.module,
        })
    });
    let fixes = patch_set.fixes.iter().map(|fix| {
        json!({
            "name": fix.name,
            "severity": enumeration::<v1::Severity>(fix.severity),
            "description": fix.description,
        })
    });
    let object = json!({
        "name": patch_set.name,
        "notice": patch_set.notice,
        "artifacts": artifacts.collect::<Value>(),
        "fixes": fixes.collect::<Value>(),
        "epoch": patch_set.epoch,
        "state": enumeration::<v1::PatchSetState>(patch_set.state),
        "storedOnNodes": patch_set.stored_on_nodes,
        "nodesNeeded": patch_set.nodes_needed,
        "etag": patch_set.etag,
    });
    with(object, [("publishedAt", time(patch_set.published_at.as_ref()))])
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
