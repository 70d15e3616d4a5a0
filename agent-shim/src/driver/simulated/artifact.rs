//! What does a simulated livepatch do? It says so itself: the artifact is a small JSON document.

use serde::{Deserialize, Serialize};
use tidegate_proto::v1::HostFacts;

use crate::core::RevertEnd;

/// The format that this version reads.
const FORMAT: &str = "tidegate-simulated-livepatch/1";

/// A simulated livepatch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedLivepatch {
    /// Always `tidegate-simulated-livepatch/1`.
    pub format: String,
    /// The module's name; must be the one that the patch set names.
    pub module: String,
    /// Shortest and longest transition, in milliseconds.
    pub transition_ms: [u64; 2],
    /// What it does to some hosts. Default: nothing.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// What comes of taking it out again. Default: it goes.
    #[serde(default, skip_serializing_if = "Reverts::goes")]
    pub reverts: Reverts,
}

/// What comes of taking a simulated livepatch out again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reverts {
    /// It goes.
    #[default]
    Goes,
    /// It cannot be disabled.
    Refused,
    /// The transition back does not end.
    Stalls,
}

impl Reverts {
    /// Whether it goes.
    pub fn goes(&self) -> bool {
        *self == Self::Goes
    }

    /// How an order to take it out ends.
    #[must_use]
    pub const fn end(self) -> RevertEnd {
        match self {
            Self::Goes => RevertEnd::Done,
            Self::Refused => RevertEnd::Refused,
            Self::Stalls => RevertEnd::StillInTransition,
        }
    }
}

/// Harm that a simulated livepatch does to some hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What it does.
    pub kind: FaultKind,
    /// How many of the matching hosts are hit, 0 to 100 percent; each host is drawn by itself.
    pub percent: u8,
    /// Earliest and latest moment, in milliseconds after the insert. Default: at once.
    #[serde(default)]
    pub after_ms: [u64; 2],
    /// Only hosts of this kernel release, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_release: Option<String>,
    /// Only hosts of this CPU model, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    /// Only hosts of this zone, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Of the hosts that crash, how many come back, 0 to 100 percent. Default 0: all stay silent.
    #[serde(default)]
    pub reboots_percent: u8,
    /// Shortest and longest time that a host which comes back is down, in milliseconds.
    #[serde(default)]
    pub down_ms: [u64; 2],
}

/// What a fault does to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The kernel goes down.
    Crash,
    /// The kernel refuses the module.
    ApplyFail,
    /// The transition does not end.
    Stall,
    /// A probe fails.
    Degrade,
}

/// An artifact is no simulated livepatch.
#[derive(Debug, thiserror::Error)]
pub enum MalformedArtifact {
    /// It is not the JSON document that it should be.
    #[error("not a simulated livepatch: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another format.
    #[error("format `{0}` is not `{FORMAT}`")]
    Format(String),
    /// A range ends before it starts.
    #[error("a range ends before it starts: {0:?}")]
    Range([u64; 2]),
    /// A share is beyond 100 percent.
    #[error("{0} percent is beyond 100")]
    Percent(u8),
}

impl SimulatedLivepatch {
    /// Reads an artifact's bytes.
    ///
    /// # Errors
    ///
    /// Where they are no simulated livepatch of this format.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedArtifact> {
        let patch: Self = serde_json::from_slice(bytes)?;
        if patch.format != FORMAT {
            return Err(MalformedArtifact::Format(patch.format));
        }
        range(patch.transition_ms)?;
        for fault in &patch.faults {
            range(fault.after_ms)?;
            range(fault.down_ms)?;
            percent(fault.percent)?;
            percent(fault.reboots_percent)?;
        }
        Ok(patch)
    }
}

fn range(range: [u64; 2]) -> Result<(), MalformedArtifact> {
    if range[0] <= range[1] { Ok(()) } else { Err(MalformedArtifact::Range(range)) }
}

fn percent(percent: u8) -> Result<(), MalformedArtifact> {
    if percent <= 100 { Ok(()) } else { Err(MalformedArtifact::Percent(percent)) }
}

impl Fault {
    /// Whether a host is of the kind that this fault hits.
    pub(super) fn matches(&self, facts: &HostFacts) -> bool {
        let fits =
            |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        fits(&self.kernel_release, &facts.kernel_release)
            && fits(&self.cpu_model, &facts.cpu_model)
            && fits(&self.zone, &facts.zone)
    }
}
