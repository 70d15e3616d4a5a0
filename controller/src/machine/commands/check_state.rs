//! `CheckState`: a person wants every node to say which state it has, here and now.

use super::Decided;
use crate::machine::cluster_event::ClusterEvent;
use crate::machine::event::Event;
use crate::machine::{Machine, Reply};

impl Machine {
    pub(super) fn check_state(&self, actor: &str) -> Decided {
        self.cluster_made()?;
        let asked = ClusterEvent::StateCheckAsked { actor: actor.to_owned() };
        Ok((Reply::Done, vec![Event::Cluster(asked)]))
    }
}
