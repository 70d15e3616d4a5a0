//! `LeaveJoint`: the new group decides alone, and whoever was replaced leaves for good.

use super::Decided;
use super::promote_member::raised;
use crate::machine::cluster_event::ClusterEvent;
use crate::machine::event::Event;
use crate::machine::records::JUDGE;
use crate::machine::{Machine, Reply};

impl Machine {
    pub(super) fn leave_joint(&self) -> Decided {
        let mut after = self.cluster_made()?.clone();
        let leaving: Vec<_> = after.leaving().collect();
        let mut decided = Vec::new();
        for node in leaving {
            after.remove(node);
            let removed = ClusterEvent::MemberRemoved { node, actor: JUDGE.to_owned() };
            decided.push(Event::Cluster(removed));
        }
        decided.extend(raised(&after));
        Ok((Reply::Done, decided))
    }
}
