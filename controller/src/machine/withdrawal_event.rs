//! What can have happened when a patch set is taken back?

use super::ids::{HostId, RolloutId, Version};
use super::ledger::Owed;
use super::records::{JUDGE, Note, rollout_subject};
use super::withdrawals::Withdrawal;

/// A fact about a patch set that is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithdrawalEvent {
    /// A patch set was withdrawn, for good.
    Withdrawn {
        /// The patch set.
        version: Version,
        /// Its withdrawal.
        withdrawal: Box<Withdrawal>,
    },
    /// The patch set of a rollout was withdrawn, and is taken back.
    RollbackStarted {
        /// The rollout.
        rollout: RolloutId,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// Nobody runs the patch set of a rollout any more.
    RolledBack {
        /// The rollout.
        rollout: RolloutId,
    },
    /// A host that runs a withdrawn patch set cannot take it out: it is owed a reboot.
    RebootOwed {
        /// The patch set.
        version: Version,
        /// The host.
        host: HostId,
        /// What it owes.
        owed: Owed,
    },
}

impl WithdrawalEvent {
    /// The note that it leaves; `None` for what is not worth one.
    pub(super) fn note(&self) -> Option<Note> {
        let (actor, event, subject, detail) = match self {
            Self::Withdrawn { version, withdrawal } => (
                withdrawal.actor.clone(),
                "patch-set.withdrawn",
                format!("patchSets/{version}"),
                format!("{}; epoch {}", withdrawal.reason, withdrawal.epoch),
            ),
            Self::RollbackStarted { rollout, actor, reason } => (
                actor.clone(),
                "rollout.rolling-back",
                rollout_subject(rollout.as_str()),
                reason.clone(),
            ),
            Self::RolledBack { rollout } => (
                JUDGE.to_owned(),
                "rollout.rolled-back",
                rollout_subject(rollout.as_str()),
                "no host runs its patch set any more".to_owned(),
            ),
            Self::RebootOwed { .. } => return None,
        };
        Some(Note { actor, event: event.to_owned(), subject, detail })
    }
}
