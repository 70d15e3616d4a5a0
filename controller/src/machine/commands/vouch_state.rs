//! `VouchState`: a node says which state it has at an index. What is too old to matter changes nothing.

use super::Decided;
use crate::machine::cluster_event::ClusterEvent;
use crate::machine::command::VouchState;
use crate::machine::event::Event;
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn vouch_state(&self, at: Position, vouch: &VouchState) -> Decided {
        self.member(vouch.node)?;
        if vouch.index >= at.index {
            return Err(Rejection::VouchAhead { index: vouch.index, at: at.index });
        }
        let news = self.vouches.is_news(vouch);
        let vouched = news.then(|| Event::Cluster(ClusterEvent::StateVouched(vouch.clone())));
        Ok((Reply::Done, vouched.into_iter().collect()))
    }
}
