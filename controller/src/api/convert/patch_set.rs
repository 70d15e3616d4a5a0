//! Patch sets, in and out.

use std::collections::BTreeMap;

use tidegate_proto::{MAX_ARTIFACT_BYTES, v1 as pb};

use super::check::{bounded, digest, required, resource};
use super::rollout::MAX_REASON_BYTES;
use super::timestamp;
use crate::api::error::BadField;
use crate::machine::Machine;
use crate::machine::command::{PublishPatchSet, WithdrawPatchSet};
use crate::machine::ids::HostId;
use crate::machine::ledger::{Leaves, Owed};
use crate::machine::patch_sets::{Artifact, Fix, KernelKey, PatchSet, Severity};
use crate::machine::withdrawals::Withdrawal;

/// Most artifacts of a patch set.
pub const MAX_ARTIFACTS: usize = 256;
/// Longest name of a module, in bytes: what the kernel takes.
pub const MAX_MODULE_BYTES: usize = 55;
/// Most fixes of a patch set.
pub const MAX_FIXES: usize = 256;

/// A patch set to publish.
///
/// # Errors
///
/// [`BadField`].
pub fn publish(request: &pb::PublishPatchSetRequest) -> Result<PublishPatchSet, BadField> {
    let Some(set) = &request.patch_set else {
        return Err(BadField::new("patch_set", "nothing", "is missing"));
    };
    if set.artifacts.len() > MAX_ARTIFACTS || set.fixes.len() > MAX_FIXES {
        let what = format!("has more than {MAX_ARTIFACTS} artifacts or {MAX_FIXES} fixes");
        return Err(BadField::new("patch_set", "…", &what));
    }
    let mut artifacts = BTreeMap::new();
    for artifact in &set.artifacts {
        let (kernel, artifact) = artifact_in(artifact)?;
        let name = kernel.to_string();
        if artifacts.insert(kernel, artifact).is_some() {
            let what = "stands twice: a patch set has one artifact for a kernel";
            return Err(BadField::new("patch_set.artifacts", &name, what));
        }
    }
    let fixes: Result<Vec<Fix>, BadField> = set.fixes.iter().map(fix).collect();
    Ok(PublishPatchSet {
        version: resource("patch_set.name", "patchSets", &set.name)?,
        notice: bounded("patch_set.notice", &set.notice, 64)?,
        artifacts,
        fixes: fixes?,
    })
}

fn artifact_in(artifact: &pb::Artifact) -> Result<(KernelKey, Artifact), BadField> {
    let kernel = KernelKey {
        release: required("patch_set.artifacts.kernel_release", &artifact.kernel_release, 64)?,
        flavour: required("patch_set.artifacts.flavour", &artifact.flavour, 32)?,
        arch: required("patch_set.artifacts.arch", &artifact.arch, 32)?,
    };
    if !(1..=MAX_ARTIFACT_BYTES).contains(&artifact.size_bytes) {
        let what = format!("is not between 1 and {MAX_ARTIFACT_BYTES}");
        let field = "patch_set.artifacts.size_bytes";
        return Err(BadField::new(field, &artifact.size_bytes.to_string(), &what));
    }
    let module = required("patch_set.artifacts.module", &artifact.module, MAX_MODULE_BYTES)?;
    if !module.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        let what = "is not a module name: letters, digits and `_`, as under /sys/module";
        return Err(BadField::new("patch_set.artifacts.module", &module, what));
    }
    let digest = digest("patch_set.artifacts.sha256", &artifact.sha256)?;
    Ok((kernel, Artifact { digest, size: artifact.size_bytes, module }))
}

fn fix(fix: &pb::Fix) -> Result<Fix, BadField> {
    let severity = match fix.severity() {
        pb::Severity::Unspecified => Severity::Unknown,
        pb::Severity::Low => Severity::Low,
        pb::Severity::Medium => Severity::Medium,
        pb::Severity::High => Severity::High,
        pb::Severity::Critical => Severity::Critical,
    };
    Ok(Fix {
        name: required("patch_set.fixes.name", &fix.name, 64)?,
        severity,
        description: bounded("patch_set.fixes.description", &fix.description, 256)?,
    })
}

/// A patch set for the wire.
pub fn patch_set(machine: &Machine, set: &PatchSet) -> pb::PatchSet {
    let holders = machine.holders(set);
    let needed = machine.holders_needed();
    let state = if set.withdrawn.is_some() {
        pb::PatchSetState::Withdrawn
    } else if set.halt.is_some() {
        pb::PatchSetState::Halted
    } else if u64::try_from(holders.len()).unwrap_or(0) < needed {
        pb::PatchSetState::Replicating
    } else {
        pb::PatchSetState::Ready
    };
    pb::PatchSet {
        name: format!("patchSets/{}", set.version),
        notice: set.notice.clone(),
        artifacts: set.artifacts.iter().map(|(key, of)| artifact(key, of)).collect(),
        fixes: set.fixes.iter().map(fix_out).collect(),
        published_at: Some(timestamp(set.published)),
        epoch: set.epoch,
        state: state.into(),
        stored_on_nodes: holders.iter().map(|node| node.0).collect(),
        nodes_needed: u32::try_from(needed).unwrap_or(u32::MAX),
        etag: machine.etag_of(set).to_string(),
        withdrawal: set.withdrawn.as_ref().map(withdrawal),
    }
}

/// A withdrawal for the wire.
pub fn withdrawal(of: &Withdrawal) -> pb::Withdrawal {
    let rollout = of.rollout.as_ref();
    pb::Withdrawal {
        actor: of.actor.clone(),
        reason: of.reason.clone(),
        log_index: of.index,
        epoch: of.epoch,
        time: Some(timestamp(of.at)),
        rollout: rollout.map_or_else(String::new, |rollout| format!("rollouts/{rollout}")),
        reverting_hosts: of.owing.reverts,
        reboot_owed_hosts: of.owing.reboots,
    }
}

/// A patch set to withdraw.
///
/// # Errors
///
/// [`BadField`].
pub fn withdraw(request: &pb::WithdrawPatchSetRequest) -> Result<WithdrawPatchSet, BadField> {
    Ok(WithdrawPatchSet {
        version: resource("name", "patchSets", &request.name)?,
        reason: bounded("reason", &request.reason, MAX_REASON_BYTES)?,
    })
}

/// A row of a ledger for the wire.
pub fn ledger_entry(machine: &Machine, host: HostId, owed: &Owed) -> pb::LedgerEntry {
    let facts = machine.hosts().get(&host).map(|host| host.facts).unwrap_or_default();
    let begun = machine.grants().get(&owed.grant);
    let begun = begun.and_then(|grant| grant.phase.may_run().map(|begun| begun.boot.to_string()));
    let (leaves_by, detail) = match &owed.leaves {
        Leaves::ByRevert => (pb::LeavesBy::Revert, String::new()),
        Leaves::ByReboot { why } => (pb::LeavesBy::Reboot, why.clone()),
    };
    pb::LedgerEntry {
        host: format!("hosts/{host}"),
        hostname: facts.hostname,
        grant_id: owed.grant.0,
        boot_id: begun.unwrap_or_default(),
        leaves_by: leaves_by.into(),
        detail,
        kernel_release: facts.kernel.release,
        zone: facts.zone,
    }
}

/// An artifact for the wire.
pub fn artifact(kernel: &KernelKey, artifact: &Artifact) -> pb::Artifact {
    pb::Artifact {
        kernel_release: kernel.release.clone(),
        flavour: kernel.flavour.clone(),
        arch: kernel.arch.clone(),
        sha256: artifact.digest.0.to_vec(),
        size_bytes: artifact.size,
        module: artifact.module.clone(),
    }
}

fn fix_out(fix: &Fix) -> pb::Fix {
    let (name, description) = (fix.name.clone(), fix.description.clone());
    pb::Fix { name, severity: severity(fix.severity).into(), description }
}

/// How bad something is, for the wire.
pub const fn severity(of: Severity) -> pb::Severity {
    match of {
        Severity::Unknown => pb::Severity::Unspecified,
        Severity::Low => pb::Severity::Low,
        Severity::Medium => pb::Severity::Medium,
        Severity::High => pb::Severity::High,
        Severity::Critical => pb::Severity::Critical,
    }
}
