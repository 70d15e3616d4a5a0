//! `CreateBlock` and `LiftBlock`: what may not come in, nor go on. One person blocks, and it is safe to repeat.

use super::Decided;
use crate::machine::block_event::BlockEvent;
use crate::machine::block_refusal::BlockRefusal;
use crate::machine::blocks::{Block, MAX_BLOCKS};
use crate::machine::command::OfBlock;
use crate::machine::event::Event;
use crate::machine::incidents::HaltScope;
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn create_block(&self, at: Position, of: &OfBlock, actor: &str) -> Decided {
        let mut events = Vec::new();
        if !self.blocks().contains_key(&of.what) {
            if self.blocks().len() >= MAX_BLOCKS {
                return Err(Rejection::TooMany { what: "blocks".to_owned(), most: MAX_BLOCKS });
            }
            let reason = if of.reason.is_empty() { "no reason given" } else { &of.reason };
            let block = Block {
                what: of.what.clone(),
                reason: reason.to_owned(),
                actor: actor.to_owned(),
                since: self.clock().wall,
            };
            events.push(BlockEvent::Created(block).into());
        }
        events.extend(self.stop_what_is_blocked(at, of, actor));
        Ok((Reply::Done, events))
    }

    /// Whatever of it is on its way is halted.
    fn stop_what_is_blocked(&self, at: Position, of: &OfBlock, actor: &str) -> Vec<Event> {
        let free =
            self.named_by(&of.what).filter(|set| set.withdrawn.is_none() && set.halt.is_none());
        let halts = free.filter_map(|set| self.on_its_way(set)).flat_map(|rollout| {
            let reason = format!("{} was blocked: {}", of.what, of.reason);
            let scope = HaltScope::Everything;
            let halt = self.halt(at, rollout, &scope, (actor, reason));
            self.halted(rollout, scope, halt)
        });
        halts.collect()
    }

    pub(super) fn lift_block(&self, of: &OfBlock, actor: &str) -> Decided {
        if of.reason.is_empty() {
            return Err(Rejection::ReasonMissing);
        }
        if !self.blocks().contains_key(&of.what) {
            return Err(BlockRefusal::Unknown { what: of.what.to_string() }.into());
        }
        let (what, reason) = (of.what.clone(), of.reason.clone());
        let lifted = BlockEvent::Lifted { what, actor: actor.to_owned(), reason };
        Ok((Reply::Done, vec![lifted.into()]))
    }
}
