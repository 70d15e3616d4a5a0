//! `PromoteMember`: a learner gets a vote, in the place of a voter that leaves, or beside them all.

use super::Decided;
use crate::machine::cluster::{Cluster, Member};
use crate::machine::cluster_event::ClusterEvent;
use crate::machine::command::PromoteMember;
use crate::machine::event::Event;
use crate::machine::ids::NodeId;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn promote_member(&self, promote: PromoteMember, actor: &str) -> Decided {
        let PromoteMember { node, replacing } = promote;
        let cluster = self.cluster_made()?;
        if self.member(node)?.votes() {
            return Err(Rejection::NotALearner { node });
        }
        if let Some(left) = replacing
            && !self.member(left)?.votes()
        {
            return Err(Rejection::NotAVoter { node: left });
        }
        let mut after = cluster.clone();
        after.promote(node, replacing);
        let promoted = ClusterEvent::MemberPromoted { node, replacing, actor: actor.to_owned() };
        Ok((Reply::Done, with_version(promoted, &after)))
    }

    /// The member that `node` is.
    pub(super) fn member(&self, node: NodeId) -> Result<&Member, Rejection> {
        self.not_removed(node)?;
        let cluster = self.cluster_made()?;
        cluster.members.get(&node).ok_or_else(|| {
            let members: Vec<String> = cluster.members.keys().map(NodeId::to_string).collect();
            Rejection::UnknownMember { node, members: members.join(", ") }
        })
    }
}

/// `event`, after which the cluster is `after`; and the version rises where every member understands it.
pub(super) fn with_version(event: ClusterEvent, after: &Cluster) -> Vec<Event> {
    let raised = after.rises_to().map(|version| ClusterEvent::VersionRaised { version });
    std::iter::once(event).chain(raised).map(Event::Cluster).collect()
}
