//! `RollBack`: a person withdraws the patch set of a rollout that has started, and has it taken back.
//!
//! Not refused for where the rollout stands, once it has started: going back is stopping, and more. Safe to
//! repeat.

use super::Decided;
use super::start_rollout::wrong_state;
use crate::machine::command::WithReason;
use crate::machine::withdrawals::Because;
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn roll_back(&self, at: Position, back: &WithReason, actor: &str) -> Decided {
        let rollout = self.rollout(&back.rollout)?;
        let reply = Reply::Rollout(rollout.id.clone());
        if back.reason.is_empty() {
            return Err(Rejection::ReasonMissing);
        }
        if rollout.place.is_none() {
            return Err(wrong_state(
                rollout,
                format!(
                    "it has not started, so there is nothing to take back; `tidegate patchset withdraw {}` \
                     keeps its patch set from ever starting",
                    rollout.version
                ),
            ));
        }
        let patch_set = self.patch_set(&rollout.version)?;
        if patch_set.withdrawn.is_some() {
            return Ok((reply, Vec::new()));
        }
        let because = Because { rollout: Some(&rollout.id), actor, reason: &back.reason };
        Ok((reply, self.withdrawn(at, patch_set, &because)))
    }
}
