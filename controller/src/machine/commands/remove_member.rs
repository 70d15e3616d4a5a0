//! `RemoveMember`: a node leaves for good. The last voter stays.

use super::Decided;
use super::promote_member::with_version;
use crate::machine::cluster_event::ClusterEvent;
use crate::machine::command::RemoveMember;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn remove_member(&self, remove: RemoveMember, actor: &str) -> Decided {
        let node = remove.node;
        let votes = self.staying_member(node)?.votes();
        let cluster = self.cluster_made()?;
        if votes && cluster.voters().count() == 1 {
            return Err(Rejection::LastVoter { node });
        }
        let mut after = cluster.clone();
        after.remove(node);
        let removed = ClusterEvent::MemberRemoved { node, actor: actor.to_owned() };
        Ok((Reply::Done, with_version(removed, &after)))
    }
}
