//! `ResumeRollout`: a person lifts a pause or a halt, and acknowledges what went wrong so far.

use super::Decided;
use super::start_rollout::wrong_state;
use crate::machine::command::WithReason;
use crate::machine::event::Event;
use crate::machine::incidents::HaltScope;
use crate::machine::rollouts::State;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn resume_rollout(&self, resume: &WithReason, actor: &str) -> Decided {
        let rollout = self.rollout(&resume.rollout)?;
        let patch_set = self.patch_set(&rollout.version)?;
        self.not_withdrawn(patch_set)?;
        self.not_blocked(&patch_set.version, &patch_set.artifacts)?;
        let acknowledged = match rollout.state {
            State::Paused => Vec::new(),
            State::Halted if resume.reason.is_empty() => return Err(Rejection::ReasonMissing),
            State::Halted => {
                self.failed(rollout, &HaltScope::Everything).map(|(host, _)| host).collect()
            }
            State::Draft
            | State::Running
            | State::Completed
            | State::Superseded
            | State::RollingBack
            | State::RolledBack => {
                return Err(wrong_state(rollout, "only a paused or halted rollout can be resumed"));
            }
        };
        if let Some(halt) = &patch_set.halt
            && halt.rollout != rollout.id
        {
            self.no_halt(patch_set)?;
        }
        if rollout.state_when_lifted() == State::Running {
            self.series_is_free(rollout, patch_set)?;
        }
        let resumed = Event::RolloutResumed {
            rollout: rollout.id.clone(),
            from: rollout.state,
            acknowledged,
            actor: actor.to_owned(),
            reason: resume.reason.clone(),
        };
        Ok((Reply::Rollout(rollout.id.clone()), vec![resumed]))
    }
}
