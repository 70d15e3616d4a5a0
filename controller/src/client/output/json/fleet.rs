//! How do hosts, their grants, tiers, tokens and patch sets look as JSON?

use serde_json::{Value, json};
use tidegate_proto::v1;

use super::withdrawal::withdrawal;
use super::{enumeration, time, with};
use crate::client::ids::to_hex;

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
        "state": enumeration::<v1::HostState>(host.state),
        "barred": host.barred,
        "supported": host.supported,
        "upgradeRequiredDate": host.upgrade_required_date,
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
    let windows = tier.windows.iter().map(
        |window| json!({ "opens": window.opens, "lastsMs": window.lasts_ms, "zone": window.zone }),
    );
    let objectives = tier.objectives.iter().map(super::exposure::objective);
    let object = json!({
        "name": tier.name,
        "position": tier.position,
        "drawnFrom": tier.drawn_from,
        "hosts": tier.hosts,
        "windows": windows.collect::<Value>(),
        "objectives": objectives.collect::<Value>(),
        "delayMs": tier.delay_ms,
        "frozenBy": tier.frozen_by,
        "windowOpen": tier.window_open,
    });
    let changes = time(tier.window_changes.as_ref());
    with(object, [("cutOff", time(tier.cut_off.as_ref())), ("windowChanges", changes)])
}

/// A token.
pub(crate) fn token(token: &v1::Token) -> Value {
    let object = json!({
        "name": token.name,
        "tier": token.tier,
        "maxHosts": token.max_hosts,
        "enrolledHosts": token.enrolled_hosts,
        "etag": token.etag,
        "state": enumeration::<v1::TokenState>(token.state),
    });
    with(
        object,
        [
            ("createTime", time(token.create_time.as_ref())),
            ("expireTime", time(token.expire_time.as_ref())),
            ("scope", token.scope.as_ref().map(scope)),
            ("revocation", token.revocation.as_ref().map(revocation)),
        ],
    )
}

fn scope(scope: &v1::TokenScope) -> Value {
    json!({
        "architectures": scope.architectures,
        "kernelSeries": scope.kernel_series,
        "distroReleases": scope.distro_releases,
    })
}

fn revocation(of: &v1::TokenRevocation) -> Value {
    let object = json!({ "actor": of.actor, "reason": of.reason });
    with(object, [("time", time(of.time.as_ref()))])
}

/// That a host was evicted.
pub(crate) fn evicted(evicted: &v1::EvictHostResponse) -> Value {
    let object = json!({ "name": evicted.name, "countedSilent": evicted.counted_silent });
    with(object, [("token", evicted.token.as_ref().map(token))])
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
    with(
        object,
        [
            ("publishedAt", time(patch_set.published_at.as_ref())),
            ("withdrawal", patch_set.withdrawal.as_ref().map(withdrawal)),
        ],
    )
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
