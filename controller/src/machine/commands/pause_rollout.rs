//! `PauseRollout`: no further begins for a while. Stopping is safe to repeat.

use super::Decided;
use super::start_rollout::wrong_state;
use crate::machine::command::WithReason;
use crate::machine::event::Event;
use crate::machine::rollouts::State;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn pause_rollout(&self, pause: &WithReason, actor: &str) -> Decided {
        let rollout = self.rollout(&pause.rollout)?;
        if self.rules().pause_needs_reason() && pause.reason.is_empty() {
            return Err(Rejection::ReasonMissing);
        }
        let reply = Reply::Rollout(rollout.id.clone());
        match rollout.state {
            State::Running | State::Completed => {
                let paused = Event::RolloutPaused {
                    rollout: rollout.id.clone(),
                    actor: actor.to_owned(),
                    reason: pause.reason.clone(),
                };
                Ok((reply, vec![paused]))
            }
            // It stands still already; a halt is stronger than a pause, and a rollback than both.
            State::Paused
            | State::Halted
            | State::Superseded
            | State::RollingBack
            | State::RolledBack => Ok((reply, Vec::new())),
            State::Draft => Err(wrong_state(rollout, "nothing runs that could be paused")),
        }
    }
}
