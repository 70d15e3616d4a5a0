//! What was the host offered? The wire's offer, checked once, in types that only the check makes.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidegate_proto::MAX_ARTIFACT_BYTES;
use tidegate_proto::v1;

use crate::core::{BootTime, Millis};

/// A kernel module's name: 1 to 55 of letters, digits, `_` and `-`. Safe as a file's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModuleName(String);

impl ModuleName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ModuleName> for String {
    fn from(name: ModuleName) -> Self {
        name.0
    }
}

impl TryFrom<String> for ModuleName {
    type Error = MalformedOffer;

    fn try_from(name: String) -> Result<Self, MalformedOffer> {
        let fits = (1..=55).contains(&name.len());
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if fits && plain { Ok(Self(name)) } else { Err(MalformedOffer::ModuleName(name)) }
    }
}

/// SHA-256 of an artifact's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The artifact of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedArtifact {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Its size, 1 to 67,108,864 bytes.
    pub size_bytes: u64,
    /// The module it holds.
    pub module: ModuleName,
    /// Kernel release that it was built for.
    pub kernel_release: String,
    /// Kernel flavour that it was built for.
    pub flavour: String,
    /// Architecture that it was built for.
    pub arch: String,
}

/// How long things take, by policy; it came with the offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// How long the host is watched after the transition ended.
    pub soak: Millis,
    /// How often to sync while the grant is live.
    pub beat_interval: Millis,
    /// After how long an unfinished transition counts as stalled.
    pub transition_timeout: Millis,
    /// When to report health, counted from the end of the transition, rising.
    pub health_checks: Vec<Millis>,
    /// What to do with a transition that has stalled. Kept where an earlier release wrote the plan.
    #[serde(default)]
    pub on_stall: OnStall,
}

/// What to do with a transition that has stalled, once that is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnStall {
    /// Leave it as it is: the kernel is touched no further than somebody asked for.
    #[default]
    Keep,
    /// Turn it back.
    Revert,
}

/// An offer that passed the check, as of its receipt.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) grant_id: u64,
    pub(crate) patch_set: String,
    pub(crate) epoch: u64,
    pub(crate) artifact: OfferedArtifact,
    pub(crate) expires_at: BootTime,
    pub(crate) plan: Plan,
}

/// Why an offer cannot be understood. Such an offer is never acted upon.
#[derive(Debug, thiserror::Error)]
pub enum MalformedOffer {
    /// A part that must be there is not.
    #[error("the offer has no {0}")]
    Missing(&'static str),
    /// The digest has another length than SHA-256's 32 bytes.
    #[error("the artifact's digest has {0} bytes, not 32")]
    DigestLength(usize),
    /// The size is zero or beyond the largest artifact.
    #[error("the artifact's size of {0} bytes is outside of 1 to {MAX_ARTIFACT_BYTES}")]
    Size(u64),
    /// The module's name is not one that a file may have.
    #[error("`{0}` is not a kernel module's name")]
    ModuleName(String),
    /// The health checks do not rise.
    #[error("the plan's health checks do not rise")]
    ChecksNotRising,
}

impl Offer {
    pub(crate) fn from_wire(offer: v1::Offer, now: BootTime) -> Result<Self, MalformedOffer> {
        if offer.patch_set.is_empty() {
            return Err(MalformedOffer::Missing("patch set"));
        }
        let artifact = offer.artifact.ok_or(MalformedOffer::Missing("artifact"))?;
        let plan = offer.plan.ok_or(MalformedOffer::Missing("plan"))?;
        Ok(Self {
            grant_id: offer.grant_id,
            patch_set: offer.patch_set,
            epoch: offer.epoch,
            artifact: OfferedArtifact::from_wire(artifact)?,
            expires_at: now + Millis(offer.expires_in_ms),
            plan: Plan::from_wire(&plan)?,
        })
    }
}

impl OfferedArtifact {
    fn from_wire(artifact: v1::Artifact) -> Result<Self, MalformedOffer> {
        let bytes = artifact.sha256.len();
        let digest = artifact.sha256.try_into().map_err(|_| MalformedOffer::DigestLength(bytes))?;
        if !(1..=MAX_ARTIFACT_BYTES).contains(&artifact.size_bytes) {
            return Err(MalformedOffer::Size(artifact.size_bytes));
        }
        Ok(Self {
            digest: Digest(digest),
            size_bytes: artifact.size_bytes,
            module: artifact.module.try_into()?,
            kernel_release: artifact.kernel_release,
            flavour: artifact.flavour,
            arch: artifact.arch,
        })
    }

    /// Whether it was built for the kernel that `facts` names.
    pub(crate) fn fits(&self, facts: &v1::HostFacts) -> bool {
        self.kernel_release == facts.kernel_release
            && self.flavour == facts.flavour
            && self.arch == facts.arch
    }
}

impl Plan {
    fn from_wire(plan: &v1::ApplyPlan) -> Result<Self, MalformedOffer> {
        if !plan.health_check_offsets_ms.is_sorted() {
            return Err(MalformedOffer::ChecksNotRising);
        }
        Ok(Self {
            soak: Millis(plan.soak_ms),
            beat_interval: Millis(plan.beat_interval_ms),
            transition_timeout: Millis(plan.transition_timeout_ms),
            health_checks: plan.health_check_offsets_ms.iter().copied().map(Millis).collect(),
            on_stall: match plan.on_stall() {
                v1::OnStall::Unspecified | v1::OnStall::Keep => OnStall::Keep,
                v1::OnStall::Revert => OnStall::Revert,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ModuleName;

    #[test]
    fn a_module_name_that_could_leave_its_folder_is_refused() {
        for name in ["", "..", "a/b", "a b", &"x".repeat(56)] {
            assert!(ModuleName::try_from(name.to_owned()).is_err(), "{name:?} passed");
        }
        for name in ["livepatch_113_1", "kpatch-1", &"x".repeat(55)] {
            assert!(ModuleName::try_from(name.to_owned()).is_ok(), "{name:?} was refused");
        }
    }
}
