//! `HaltRollout`: a person puts a tombstone on the patch set. Never refused for what the rollout is.

use super::Decided;
use crate::machine::command::WithReason;
use crate::machine::incidents::HaltScope;
use crate::machine::rollouts::State;
use crate::machine::{Machine, Position, Reply};

impl Machine {
    pub(super) fn halt_rollout(&self, at: Position, halt: &WithReason, actor: &str) -> Decided {
        let rollout = self.rollout(&halt.rollout)?;
        let reply = Reply::Rollout(rollout.id.clone());
        // What is withdrawn stands still for good.
        if self.patch_set(&rollout.version)?.withdrawn.is_some() {
            return Ok((reply, Vec::new()));
        }
        match rollout.state {
            State::Halted if self.is_halted(rollout) => Ok((reply, Vec::new())),
            State::Halted
            | State::Draft
            | State::Running
            | State::Paused
            | State::Completed
            | State::Superseded
            | State::RollingBack
            | State::RolledBack => {
                let reason = if halt.reason.is_empty() { "no reason given" } else { &halt.reason };
                let scope = HaltScope::Everything;
                let halt = self.halt(at, rollout, &scope, (actor, reason.to_owned()));
                Ok((reply, self.halted(rollout, scope, halt)))
            }
        }
    }
}
