//! `CheckState`: a person wants every node to say which state it has, here and now.

use super::Decided;
use crate::machine::event::Event;
use crate::machine::{Machine, Reply};

impl Machine {
    pub(super) fn check_state(&self, actor: &str) -> Decided {
        self.cluster_made()?;
        Ok((Reply::Done, vec![Event::StateCheckAsked { actor: actor.to_owned() }]))
    }
}
