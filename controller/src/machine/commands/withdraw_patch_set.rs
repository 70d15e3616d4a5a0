//! `WithdrawPatchSet`: a person withdraws a patch set of which no rollout has started. Safe to repeat.

use super::Decided;
use crate::machine::command::WithdrawPatchSet;
use crate::machine::withdrawals::Because;
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn withdraw_patch_set(
        &self,
        at: Position,
        of: &WithdrawPatchSet,
        actor: &str,
    ) -> Decided {
        let patch_set = self.patch_set(&of.version)?;
        let reply = Reply::PatchSet(of.version.clone());
        if of.reason.is_empty() {
            return Err(Rejection::ReasonMissing);
        }
        if patch_set.withdrawn.is_some() {
            return Ok((reply, Vec::new()));
        }
        // Hosts may run it: whoever takes it from them should name what goes back.
        if let Some(rollout) = self.of_version(&of.version).into_iter().next() {
            let version = of.version.clone();
            return Err(Rejection::PatchSetRolledOut { version, rollout });
        }
        let because = Because { rollout: None, actor, reason: &of.reason };
        Ok((reply, self.withdrawn(at, patch_set, &because)))
    }
}
