//! `NextProbe`: what only the next release can say. It has every node say which state it has.

use super::Decided;
use crate::machine::cluster_event::ClusterEvent;
use crate::machine::command::NextProbe;
use crate::machine::event::Event;
use crate::machine::{Machine, Reply};

impl Machine {
    pub(super) fn next_probe(&self, probe: &NextProbe) -> Decided {
        self.member(probe.node)?;
        let actor = format!("node {}", probe.node);
        Ok((Reply::Done, vec![Event::Cluster(ClusterEvent::StateCheckAsked { actor })]))
    }
}
