//! `HaltSlice`: a person stops one slice, and the rest goes on. Never refused for what the rollout is.

use super::Decided;
use crate::machine::command::OfSlice;
use crate::machine::incidents::HaltScope;
use crate::machine::{Machine, Position, Reply};

impl Machine {
    pub(super) fn halt_slice(&self, at: Position, of: &OfSlice, actor: &str) -> Decided {
        let rollout = self.rollout(&of.rollout)?;
        let reply = Reply::Rollout(rollout.id.clone());
        let cut = self.resolved(rollout, &of.cut);
        let patch_set = self.patch_set(&rollout.version)?;
        if patch_set.withdrawn.is_some() || patch_set.slice_around(&cut).is_some() {
            return Ok((reply, Vec::new()));
        }
        let reason = if of.reason.is_empty() { "no reason given" } else { &of.reason };
        let scope = HaltScope::Slice(cut);
        let halt = self.halt(at, rollout, &scope, (actor, reason.to_owned()));
        Ok((reply, self.halted(rollout, scope, halt)))
    }
}
