//! What can a host report, as it stands in the log?

use serde::{Deserialize, Serialize};
use tidegate_policies::time::Millis;

use super::fleet::{Facts, Mode};
use super::ids::GrantId;

/// One spooled report of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Counts the spool's reports up from 1.
    pub sequence: u64,
    /// The boot that it speaks of.
    pub boot: String,
    /// What happened.
    pub body: Body,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// The agent started.
    Started(Box<Started>),
    /// What became of a begun grant.
    Outcome {
        /// The grant.
        grant: GrantId,
        /// What became of it.
        outcome: Outcome,
    },
    /// How a soaking host is.
    Health {
        /// The grant.
        grant: GrantId,
        /// The livepatch is enabled and not in transition.
        in_effect: bool,
    },
    /// The host goes down on purpose.
    Goodbye(Goodbye),
}

/// The agent started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The facts as they are now.
    pub facts: Facts,
    /// Whether the agent may touch the kernel.
    pub mode: Mode,
    /// The grant of an intent marker from another boot.
    pub interrupted: Option<GrantId>,
    /// The kernel's words about the boot before, if there are any.
    pub evidence: Option<String>,
}

/// What became of a begun grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Enabled, and its transition complete.
    Applied {
        /// From the insert to the end of the transition.
        transition: Millis,
    },
    /// The kernel refused it, or it could not be inserted.
    ApplyFailed {
        /// In words.
        detail: String,
    },
    /// The transition did not end in time.
    Stalled {
        /// How long it was waited for.
        waited: Millis,
    },
    /// The kernel crashed, and the agent knows.
    Crashed {
        /// The kernel's words.
        signature: String,
    },
    /// A probe of the host fails since the apply.
    Degraded {
        /// Which probe, and what it saw.
        detail: String,
    },
    /// The livepatch was disabled and removed again.
    Reverted,
    /// The host did not apply for reasons of its own.
    Refused {
        /// In words.
        detail: String,
    },
    /// The soak is over.
    Soaked {
        /// The livepatch is enabled and not in transition.
        in_effect: bool,
    },
    /// It was told to revert, and cannot: it is owed a reboot.
    NotReverted {
        /// Why not.
        detail: String,
    },
    /// The transition did not end in time, and was turned back: what agents of the first release do.
    StalledAndReverted {
        /// How long it was waited for.
        waited: Millis,
    },
}

/// How a host goes down on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goodbye {
    /// It will come back.
    Reboot,
    /// It is switched off.
    Shutdown,
    /// It ceases to exist.
    Termination,
}

impl Goodbye {
    /// The word for it on screens.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Shutdown => "shutdown",
            Self::Termination => "termination",
        }
    }
}

/// What became of one report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Disposition {
    /// Counted, now or by an earlier delivery.
    Counted,
    /// Understood, and of no effect.
    Stale,
    /// The soak is not over on the cluster's clock.
    NotYet {
        /// How long it still lasts.
        remaining: Millis,
    },
    /// Refused; nothing changed.
    Refused {
        /// Reason code, e.g. `NOT_YOUR_GRANT`.
        reason: String,
        /// What is wrong and what to do.
        message: String,
    },
}
