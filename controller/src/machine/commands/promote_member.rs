//! `PromoteMember`: a learner gets a vote, in the place of a voter that leaves, or beside them all.

use super::Decided;
use crate::machine::cluster::{Cluster, Member, MemberRole};
use crate::machine::cluster_event::ClusterEvent;
use crate::machine::command::PromoteMember;
use crate::machine::event::Event;
use crate::machine::ids::NodeId;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn promote_member(&self, promote: PromoteMember, actor: &str) -> Decided {
        let PromoteMember { node, replacing } = promote;
        let cluster = self.cluster_made()?;
        if self.staying_member(node)?.votes() {
            return Err(Rejection::NotALearner { node });
        }
        if let Some(left) = replacing
            && !self.staying_member(left)?.votes()
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

    /// The member that `node` is, where it does not leave.
    pub(super) fn staying_member(&self, node: NodeId) -> Result<&Member, Rejection> {
        let member = self.member(node)?;
        match member.role {
            MemberRole::Voter | MemberRole::Learner => Ok(member),
            MemberRole::Leaving => Err(Rejection::MemberRemoved { node }),
        }
    }
}

/// `event`, after which the cluster is `after`; and the version rises where every member understands it.
pub(super) fn with_version(event: ClusterEvent, after: &Cluster) -> Vec<Event> {
    std::iter::once(Event::Cluster(event)).chain(raised(after)).collect()
}

/// The version rises where every member understands a newer one, now that the cluster is `after`.
pub(super) fn raised(after: &Cluster) -> Option<Event> {
    let version = after.rises_to()?;
    Some(Event::Cluster(ClusterEvent::VersionRaised { version }))
}
