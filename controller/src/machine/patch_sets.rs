//! What is released, for which kernels, and does a halt stand on it?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::evidence::Counts;
use tidegate_policies::gate::Gate;
pub use tidegate_policies::severity::Severity;
use tidegate_policies::time::WallTime;

use super::grants::Phase;
use super::ids::{Digest, HostId, RolloutId, Version};
use super::slices::HaltedSlice;
use super::withdrawals::Withdrawal;

/// What a livepatch is built for, and what a host runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KernelKey {
    /// Release without flavour, e.g. `5.15.0-107.117`.
    pub release: String,
    /// Flavour, e.g. `generic`.
    pub flavour: String,
    /// Architecture, e.g. `amd64`.
    pub arch: String,
}

impl KernelKey {
    /// What "one live rollout at a time" refers to: the `major.minor` of the release, with flavour and
    /// architecture.
    pub fn series(&self) -> (&str, &str, &str) {
        let release = self.release.as_str();
        let end = release.match_indices('.').nth(1).map_or(release.len(), |(at, _)| at);
        (&release[..end], &self.flavour, &self.arch)
    }
}

impl std::fmt::Display for KernelKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{} {}", self.release, self.flavour, self.arch)
    }
}

/// A livepatch for one kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The module's name.
    pub module: String,
}

/// A vulnerability or bug that a patch set fixes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// E.g. `cve-2026-12345`.
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line for people.
    pub description: String,
}

/// An immutable release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchSet {
    /// Its version.
    pub version: Version,
    /// Its notice.
    pub notice: String,
    /// One artifact per kernel.
    pub artifacts: BTreeMap<KernelKey, Artifact>,
    /// What it fixes.
    pub fixes: Vec<Fix>,
    /// When it was published.
    pub published: WallTime,
    /// Log index at which it was published; orders the list.
    pub published_index: u64,
    /// Fence number, from 1: every halt, every resume of a halt and a withdrawal raise it.
    pub epoch: u64,
    /// The halt that stands on it.
    pub halt: Option<Halt>,
    /// The slices of it that are halted by themselves, in the order of their halts; none is inside of
    /// another.
    pub slices: Vec<HaltedSlice>,
    /// Its withdrawal, which nothing lifts.
    pub withdrawn: Option<Withdrawal>,
}

/// A sticky tombstone: committed before any further grant can begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// The rollout that it came from.
    pub rollout: RolloutId,
    /// Who: `judge`, or a person's name.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Log index of the entry that halted.
    pub index: u64,
    /// The epoch that it raised the patch set to.
    pub epoch: u64,
    /// When.
    pub at: WallTime,
    /// Unacknowledged hosts by outcome at that index.
    pub counts: Counts,
    /// The gates that were shut; empty for a person's halt.
    pub gates: Vec<Gate>,
    /// The unacknowledged failed hosts at that index, at most [`MAX_WITNESSES`].
    pub witnesses: Vec<Witness>,
}

/// Most failed hosts that a halt names.
pub const MAX_WITNESSES: usize = 64;

/// A host whose failure led to a halt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The host.
    pub host: HostId,
    /// What became of its grant.
    pub phase: Phase,
}
