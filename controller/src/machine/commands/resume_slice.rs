//! `ResumeSlice`: a person lets a halted slice go on, and acknowledges what went wrong in it so far.

use super::Decided;
use crate::machine::command::OfSlice;
use crate::machine::event::Event;
use crate::machine::incidents::HaltScope;
use crate::machine::quarantine::Rejoined;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn resume_slice(&self, of: &OfSlice, actor: &str) -> Decided {
        let rollout = self.rollout(&of.rollout)?;
        let patch_set = self.patch_set(&rollout.version)?;
        self.not_withdrawn(patch_set)?;
        let halted = &patch_set.slices;
        let Some(slice) = halted.iter().find(|slice| slice.cut.is(&of.cut)) else {
            let names: Vec<String> = halted.iter().map(|slice| slice.cut.to_string()).collect();
            let halted = if names.is_empty() { "none is".to_owned() } else { names.join("; ") };
            let (rollout, slice) = (rollout.id.clone(), of.cut.to_string());
            return Err(Rejection::SliceNotHalted { rollout, slice, halted });
        };
        if of.reason.is_empty() {
            return Err(Rejection::ReasonMissing);
        }
        let scope = HaltScope::Slice(slice.cut.clone());
        let acknowledged = self.failed(rollout, &scope).map(|(host, _)| host).collect();
        let rejoined = Rejoined {
            cut: slice.cut.clone(),
            acknowledged,
            actor: actor.to_owned(),
            reason: of.reason.clone(),
        };
        let (rollout, rejoined) = (rollout.id.clone(), Box::new(rejoined));
        Ok((Reply::Rollout(rollout.clone()), vec![Event::SliceResumed { rollout, rejoined }]))
    }
}
