//! How would the agent describe its host in a word? What `tidegate-agent status` prints.

use serde::{Deserialize, Serialize};

use crate::core::BootTime;
use crate::core::agent::Agent;
use crate::core::life::{ApplyStep, Life};
use crate::core::memory::InsertEnd;

/// A controller's words that a host's kernel is not covered, and must be replaced.
const OUT_OF_COVERAGE: [&str; 3] = ["kernel-upgrade-required", "kernel-end-of-life", "unsupported"];

/// The host in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentStatus {
    /// Whether the host knows its offer.
    pub check: CheckState,
    /// When a beat was answered last.
    pub checked_at: Option<BootTime>,
    /// What the host's livepatch is doing.
    pub state: PatchState,
    /// The patch set that `state` speaks of, `patchSets/{version}`; empty for none.
    pub patch_set: String,
    /// Why the host has an offer or none, in the controller's words.
    pub explanation: String,
    /// Whether its kernel is covered, in the controller's word; empty where it does not say.
    #[serde(default)]
    pub supported: String,
    /// The last day on which it is, or was, covered, e.g. `2025-03-07`; empty where there is none.
    #[serde(default)]
    pub upgrade_required_date: String,
}

/// Whether the host knows its offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// No beat was answered yet.
    NeedsCheck,
    /// The last beat failed.
    CheckFailed,
    /// The last beat was answered.
    Checked,
}

/// What the host's livepatch is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatchState {
    /// There is an offer, and the host has not begun; or the livepatch was taken out again.
    Unapplied,
    /// The insert or the transition is under way, in or out.
    Applying,
    /// The livepatch is enabled.
    Applied,
    /// The last insert of this boot failed.
    ApplyFailed,
    /// There is no offer.
    NothingToApply,
    /// No controller was heard.
    Unknown,
    /// The controller says that the kernel is out of coverage.
    KernelUpgradeRequired,
}

impl CheckState {
    /// The name that scripts know.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NeedsCheck => "needs-check",
            Self::CheckFailed => "check-failed",
            Self::Checked => "checked",
        }
    }
}

impl PatchState {
    /// The name that scripts know.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unapplied => "unapplied",
            Self::Applying => "applying",
            Self::Applied => "applied",
            Self::ApplyFailed => "apply-failed",
            Self::NothingToApply => "nothing-to-apply",
            Self::Unknown => "unknown",
            Self::KernelUpgradeRequired => "kernel-upgrade-required",
        }
    }
}

impl Agent {
    /// The host in a few words, as of the last step.
    #[must_use]
    pub fn status(&self) -> AgentStatus {
        let (state, patch_set) = self.patch_state();
        let coverage = self.beats.coverage.as_deref().cloned().unwrap_or_default();
        AgentStatus {
            check: match (self.beats.last_failed, &self.beats.explanation) {
                (true, _) => CheckState::CheckFailed,
                (false, None) => CheckState::NeedsCheck,
                (false, Some(_)) => CheckState::Checked,
            },
            checked_at: self.beats.answered_at,
            state,
            patch_set,
            explanation: self.beats.explanation.clone().unwrap_or_default(),
            supported: coverage.supported,
            upgrade_required_date: coverage.upgrade_required_date,
        }
    }

    fn patch_state(&self) -> (PatchState, String) {
        match &self.life {
            Life::Fetching(fetching) => (PatchState::Unapplied, fetching.offer.patch_set.clone()),
            Life::Asking(asking) => (PatchState::Unapplied, asking.offer.patch_set.clone()),
            Life::Applying(applying) => {
                let state = match applying.step {
                    ApplyStep::Stuck | ApplyStep::Kept => PatchState::ApplyFailed,
                    ApplyStep::Inserting { .. } | ApplyStep::InTransition => PatchState::Applying,
                };
                (state, applying.marker.patch_set.clone())
            }
            Life::Soaking(soaking) => (PatchState::Applied, soaking.marker.patch_set.clone()),
            Life::Reverting(reverting) => (PatchState::Applying, reverting.patch_set.clone()),
            Life::Idle => self.idle_state(),
        }
    }

    fn idle_state(&self) -> (PatchState, String) {
        let this_boot = |(patch_set, memory): (&String, &crate::core::PatchSetMemory)| {
            let last = memory.last_insert.as_ref()?;
            (last.boot_id == self.boot.boot_id).then(|| (patch_set.clone(), last.clone()))
        };
        let newest = self.memory.iter().filter_map(this_boot).max_by_key(|(_, last)| last.grant_id);
        match (newest, &self.beats.explanation) {
            (Some((patch_set, last)), _) => match last.end {
                InsertEnd::Soaked => (PatchState::Applied, patch_set),
                InsertEnd::Reverted => (PatchState::Unapplied, patch_set),
                InsertEnd::Failed | InsertEnd::Crashed => (PatchState::ApplyFailed, patch_set),
            },
            (None, Some(_)) if self.is_out_of_coverage() => {
                (PatchState::KernelUpgradeRequired, String::new())
            }
            (None, Some(_)) => (PatchState::NothingToApply, String::new()),
            (None, None) => (PatchState::Unknown, String::new()),
        }
    }

    fn is_out_of_coverage(&self) -> bool {
        let coverage = self.beats.coverage.as_deref();
        coverage.is_some_and(|of| OUT_OF_COVERAGE.contains(&of.supported.as_str()))
    }
}
