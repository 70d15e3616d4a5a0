//! A host's facts and mode, in and out.

use std::collections::BTreeMap;

use tidegate_proto::v1 as pb;

use super::check::{bounded, required};
use crate::api::error::BadField;
use crate::machine::fleet::{Facts, Mode};
use crate::machine::patch_sets::KernelKey;

/// Most labels of a host.
pub const MAX_LABELS: usize = 16;

/// Facts from the wire.
///
/// # Errors
///
/// [`BadField`] for a fact that is missing or too long.
pub fn facts(facts: Option<&pb::HostFacts>) -> Result<Facts, BadField> {
    let Some(facts) = facts else {
        return Err(BadField::new("facts", "nothing", "is missing: send the machine's facts"));
    };
    if facts.labels.len() > MAX_LABELS {
        let what = format!("has {} labels; at most {MAX_LABELS} are allowed", facts.labels.len());
        return Err(BadField::new("facts.labels", "…", &what));
    }
    let label = |(key, value): (&String, &String)| {
        let key = required("facts.labels", key, 64)?;
        Ok((key, bounded("facts.labels", value, 64)?))
    };
    let labels: Result<BTreeMap<_, _>, BadField> = facts.labels.iter().map(label).collect();
    Ok(Facts {
        hostname: bounded("facts.hostname", &facts.hostname, 253)?,
        kernel: KernelKey {
            release: required("facts.kernel_release", &facts.kernel_release, 64)?,
            flavour: required("facts.flavour", &facts.flavour, 32)?,
            arch: required("facts.arch", &facts.arch, 32)?,
        },
        cpu_vendor: bounded("facts.cpu_vendor", &facts.cpu_vendor, 64)?,
        cpu_family: bounded("facts.cpu_family", &facts.cpu_family, 16)?,
        cpu_model: bounded("facts.cpu_model", &facts.cpu_model, 128)?,
        distro_release: bounded("facts.distro_release", &facts.distro_release, 32)?,
        zone: bounded("facts.zone", &facts.zone, 64)?,
        region: bounded("facts.region", &facts.region, 64)?,
        cloud: bounded("facts.cloud", &facts.cloud, 64)?,
        rack: bounded("facts.rack", &facts.rack, 64)?,
        labels: labels?,
        agent_version: bounded("facts.agent_version", &facts.agent_version, 32)?,
    })
}

/// Facts for the wire.
pub fn facts_out(facts: &Facts) -> pb::HostFacts {
    pb::HostFacts {
        hostname: facts.hostname.clone(),
        kernel_release: facts.kernel.release.clone(),
        flavour: facts.kernel.flavour.clone(),
        arch: facts.kernel.arch.clone(),
        cpu_vendor: facts.cpu_vendor.clone(),
        cpu_family: facts.cpu_family.clone(),
        cpu_model: facts.cpu_model.clone(),
        distro_release: facts.distro_release.clone(),
        zone: facts.zone.clone(),
        region: facts.region.clone(),
        cloud: facts.cloud.clone(),
        rack: facts.rack.clone(),
        labels: facts.labels.clone(),
        agent_version: facts.agent_version.clone(),
    }
}

/// A mode from the wire. What is unknown never lets a host go ahead.
pub const fn mode(mode: i32) -> Mode {
    if mode == pb::AgentMode::Normal as i32 { Mode::Normal } else { Mode::NoApply }
}

/// A mode for the wire.
pub const fn mode_out(mode: Mode) -> pb::AgentMode {
    match mode {
        Mode::Normal => pb::AgentMode::Normal,
        Mode::NoApply => pb::AgentMode::NoApply,
    }
}
