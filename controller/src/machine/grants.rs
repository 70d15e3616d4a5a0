//! What is a grant, and which way can it go?

use serde::{Deserialize, Serialize};
use tidegate_policies::detector::signatures::KernelEvidence;
use tidegate_policies::evidence::{Class, Failure};
use tidegate_policies::time::{Elapsed, Listened};

use super::boot::Boot;
use super::ids::{GrantId, HostId, RolloutId};

/// Permission for one host to apply one patch set, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its number.
    pub id: GrantId,
    /// The host.
    pub host: HostId,
    /// The rollout.
    pub rollout: RolloutId,
    /// Which step of the policy's ladder the host counts in.
    pub stage: usize,
    /// The patch set's epoch when it was offered.
    pub epoch: u64,
    /// Where it stands.
    pub phase: Phase,
}

/// Where a grant stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// The host may ask to begin.
    Offered {
        /// Until when.
        expires: Elapsed,
    },
    /// The host may be touching its kernel. Its dead-man timer is armed.
    Begun(Begun),
    /// The livepatch is enabled, and the host is soaking. Its dead-man timer is armed.
    Applied {
        /// How it began.
        begun: Begun,
        /// When the apply was recorded; the soak runs from here.
        at: Elapsed,
    },
    /// Verified: the soak is over and the host said so itself.
    Soaked {
        /// How it began.
        begun: Begun,
    },
    /// It was not begun in time.
    Expired,
    /// Taken back before it began.
    Withdrawn,
    /// The host did not apply, or left, for reasons of its own.
    Refused {
        /// How it began; `None`: it never did.
        begun: Option<Begun>,
        /// In words.
        detail: String,
        /// Whether the livepatch may run all the same.
        livepatch: Livepatch,
    },
    /// It went wrong.
    Failed {
        /// How it began.
        begun: Begun,
        /// Which way.
        failure: Failure,
        /// In words.
        detail: String,
        /// When the apply was recorded, if it was.
        applied: Option<Elapsed>,
        /// What the kernel left of it.
        trace: Option<KernelEvidence>,
        /// Whether the livepatch may run all the same.
        livepatch: Livepatch,
    },
    /// Its patch set was withdrawn, and the host has taken it out again.
    Reverted {
        /// How it began.
        begun: Begun,
    },
}

/// What is known of a livepatch whose grant has ended, while the boot lasts in which it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Livepatch {
    /// It may run.
    MayRun,
    /// It never ran, or was taken out again.
    Gone,
}

/// How a grant began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Log index of the entry that began it.
    pub index: u64,
    /// When.
    pub at: Elapsed,
    /// The boot in which it began.
    pub boot: Boot,
    /// When the host counts as silent, unless it is heard before.
    pub silent_at: Listened,
    /// When its next word on the grant is due, however alive it is.
    pub due: Listened,
}

impl Begun {
    /// When the grant ends by itself: the host is silent, or its word is overdue.
    pub fn dead_at(&self) -> Listened {
        self.silent_at.min(self.due)
    }
}

impl Phase {
    /// What the host counts as while its newest grant is in this phase.
    pub const fn class(&self) -> Class {
        match self {
            Self::Offered { .. } => Class::Offered,
            Self::Begun(_) | Self::Applied { .. } => Class::InFlight,
            Self::Soaked { .. } => Class::Verified,
            Self::Expired | Self::Withdrawn | Self::Refused { begun: None, .. } => Class::None,
            Self::Refused { begun: Some(_), .. } => Class::Refused,
            Self::Failed { failure, .. } => Class::Failure(*failure),
            Self::Reverted { .. } => Class::Reverted,
        }
    }

    /// How it began; `None`: it never did.
    pub const fn begun(&self) -> Option<&Begun> {
        match self {
            Self::Begun(begun)
            | Self::Applied { begun, .. }
            | Self::Soaked { begun }
            | Self::Failed { begun, .. }
            | Self::Reverted { begun } => Some(begun),
            Self::Refused { begun, .. } => begun.as_ref(),
            Self::Offered { .. } | Self::Expired | Self::Withdrawn => None,
        }
    }

    /// How it began, unless the livepatch is known not to run: it may, while that boot lasts.
    pub const fn may_run(&self) -> Option<&Begun> {
        match self {
            Self::Begun(begun)
            | Self::Applied { begun, .. }
            | Self::Soaked { begun }
            | Self::Failed { begun, livepatch: Livepatch::MayRun, .. } => Some(begun),
            Self::Refused { begun, livepatch: Livepatch::MayRun, .. } => begun.as_ref(),
            Self::Offered { .. }
            | Self::Expired
            | Self::Withdrawn
            | Self::Refused { livepatch: Livepatch::Gone, .. }
            | Self::Failed { livepatch: Livepatch::Gone, .. }
            | Self::Reverted { .. } => None,
        }
    }

    /// How it began, while the dead-man timer is armed.
    pub const fn in_flight(&self) -> Option<&Begun> {
        match self {
            Self::Begun(begun) | Self::Applied { begun, .. } => Some(begun),
            Self::Offered { .. }
            | Self::Soaked { .. }
            | Self::Expired
            | Self::Withdrawn
            | Self::Refused { .. }
            | Self::Failed { .. }
            | Self::Reverted { .. } => None,
        }
    }

    /// Whether the host still has something to do.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Offered { .. } | Self::Begun(_) | Self::Applied { .. })
    }

    /// When the apply was recorded, if it was.
    pub const fn applied_at(&self) -> Option<Elapsed> {
        match self {
            Self::Applied { at, .. } => Some(*at),
            Self::Failed { applied, .. } => *applied,
            Self::Offered { .. }
            | Self::Begun(_)
            | Self::Soaked { .. }
            | Self::Expired
            | Self::Withdrawn
            | Self::Refused { .. }
            | Self::Reverted { .. } => None,
        }
    }

    /// The word for it on screens.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Offered { .. } => "offered",
            Self::Begun(_) => "begun",
            Self::Applied { .. } => "applied",
            Self::Soaked { .. } => "soaked",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Refused { .. } => "refused",
            Self::Failed { failure, .. } => failure.word(),
            Self::Reverted { .. } => "reverted",
        }
    }

    /// Why it ended, in words; empty where there is nothing to add.
    pub fn detail(&self) -> &str {
        match self {
            Self::Refused { detail, .. } | Self::Failed { detail, .. } => detail,
            Self::Offered { .. }
            | Self::Begun(_)
            | Self::Applied { .. }
            | Self::Soaked { .. }
            | Self::Expired
            | Self::Withdrawn
            | Self::Reverted { .. } => "",
        }
    }

    /// The phase after the host was heard: its dead-man timer runs anew.
    #[must_use]
    pub fn heard(self, silent_at: Listened) -> Self {
        match self {
            Self::Begun(begun) => Self::Begun(Begun { silent_at, ..begun }),
            Self::Applied { begun, at } => {
                Self::Applied { begun: Begun { silent_at, ..begun }, at }
            }
            other @ (Self::Offered { .. }
            | Self::Soaked { .. }
            | Self::Expired
            | Self::Withdrawn
            | Self::Refused { .. }
            | Self::Failed { .. }
            | Self::Reverted { .. }) => other,
        }
    }
}
