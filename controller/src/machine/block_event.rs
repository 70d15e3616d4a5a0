//! What can have happened to the block-list?

use super::Machine;
use super::blocks::Block;
use super::event::Event;
use super::ids::Blocked;
use super::records::Note;

/// A fact about the block-list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockEvent {
    /// A version or an artifact may not come in, nor go on.
    Created(Block),
    /// It may again.
    Lifted {
        /// What was named.
        what: Blocked,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
}

impl From<BlockEvent> for Event {
    fn from(event: BlockEvent) -> Self {
        Self::Block(Box::new(event))
    }
}

impl BlockEvent {
    /// The record that it leaves.
    pub(super) fn note(&self) -> Note {
        let (actor, event, what, detail) = match self {
            Self::Created(block) => (&block.actor, "block.created", &block.what, &block.reason),
            Self::Lifted { what, actor, reason } => (actor, "block.lifted", what, reason),
        };
        Note {
            actor: actor.clone(),
            event: event.to_owned(),
            subject: format!("blocks/{what}"),
            detail: detail.clone(),
        }
    }
}

impl Machine {
    /// Makes an event of the block-list part of the state.
    pub(super) fn change_blocks(&mut self, event: &BlockEvent) {
        match event {
            BlockEvent::Created(block) => {
                self.blocks.insert(block.what.clone(), block.clone());
            }
            BlockEvent::Lifted { what, .. } => {
                self.blocks.remove(what);
            }
        }
    }
}
