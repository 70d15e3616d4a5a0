//! `ExpediteRollout`: a hole is being used, and waiting harms more than the patch is likely to. Shorter soaks, as far
//! as the policy lets them be.

use super::Decided;
use super::start_rollout::wrong_state;
use crate::machine::command::WithReason;
use crate::machine::patch_sets::{PatchSet, Severity};
use crate::machine::people_event::PeopleEvent;
use crate::machine::rollouts::{Expedited, State};
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn expedite_rollout(&self, at: Position, of: &WithReason, actor: &str) -> Decided {
        let rollout = self.rollout(&of.rollout)?;
        if of.reason.is_empty() {
            return Err(Rejection::ReasonMissing);
        }
        let refuse = |why: &str| {
            Err(Rejection::NotExpedited { rollout: rollout.id.clone(), why: why.to_owned() })
        };
        if rollout.policy.expedite.is_none() {
            return refuse("its policy has no table [expedite]: create one with a policy that has");
        }
        let critical =
            |set: &PatchSet| set.fixes.iter().any(|fix| fix.severity == Severity::Critical);
        if !critical(self.patch_set(&rollout.version)?) {
            return refuse("its patch set fixes nothing critical, and haste is for that alone");
        }
        if rollout.expedited.is_some() {
            return refuse("it is expedited already");
        }
        match rollout.state {
            State::Draft | State::Running | State::Paused => (),
            State::Halted
            | State::Completed
            | State::Superseded
            | State::RollingBack
            | State::RolledBack => {
                return Err(wrong_state(rollout, "only what is on its way can be expedited"));
            }
        }
        let expedited = Expedited {
            actor: actor.to_owned(),
            reason: of.reason.clone(),
            index: at.index,
            at: self.clock().wall,
        };
        let event = PeopleEvent::Expedited { rollout: rollout.id.clone(), expedited };
        Ok((Reply::Rollout(rollout.id.clone()), vec![event.into()]))
    }
}
