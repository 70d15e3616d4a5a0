//! What can have happened to the cluster itself, and which note does it leave?

use super::cluster::Member;
use super::command::VouchState;
use super::ids::NodeId;
use super::records::{JUDGE, Note};
use super::restore::{RESTORE, Restoration};

/// A fact about the controllers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterEvent {
    /// A node follows the log, without a vote.
    MemberAdded {
        /// The node.
        node: NodeId,
        /// Where it listens.
        address: String,
        /// Who.
        actor: String,
    },
    /// A learner votes.
    MemberPromoted {
        /// The node.
        node: NodeId,
        /// The voter that leaves for it.
        replacing: Option<NodeId>,
        /// Who.
        actor: String,
    },
    /// A node left for good.
    MemberRemoved {
        /// The node.
        node: NodeId,
        /// Who.
        actor: String,
    },
    /// A node said something new of itself.
    NodeRegistered {
        /// The node.
        node: NodeId,
        /// What is known of it now.
        member: Member,
    },
    /// Every member understands a newer version: its entries are proposed, and its rules are followed.
    VersionRaised {
        /// The version.
        version: u16,
    },
    /// Every node shall say which state it has.
    StateCheckAsked {
        /// Who.
        actor: String,
    },
    /// A node said which state it has.
    StateVouched(VouchState),
    /// A backup became another cluster.
    ClusterRestored(Box<Restoration>),
}

/// How the cluster is named in a record.
const CLUSTER: &str = "cluster";

/// How a controller is named in a record.
pub fn member_subject(node: NodeId) -> String {
    format!("members/{node}")
}

impl ClusterEvent {
    /// The note that it leaves; `None` for what is not worth one.
    pub fn note(&self) -> Option<Note> {
        let note = |actor: &str, event: &str, subject: String, detail: String| {
            Some(Note { actor: actor.to_owned(), event: event.to_owned(), subject, detail })
        };
        match self {
            Self::MemberAdded { node, address, actor } => note(
                actor,
                "member.added",
                member_subject(*node),
                format!("a learner at {address}"),
            ),
            Self::MemberPromoted { node, replacing, actor } => {
                let detail = replacing.map_or_else(
                    || "it votes, beside the others".to_owned(),
                    |left| format!("it votes, in the place of node {left}, which leaves"),
                );
                note(actor, "member.promoted", member_subject(*node), detail)
            }
            Self::MemberRemoved { node, actor } => {
                note(actor, "member.removed", member_subject(*node), "it left for good".to_owned())
            }
            Self::NodeRegistered { node, member } => {
                let speaks = member.speaks;
                let (oldest, newest, address) = (speaks.oldest, speaks.newest, &member.address);
                let detail = format!("at {address}, understands the versions {oldest} to {newest}");
                note(&format!("node {node}"), "member.registered", member_subject(*node), detail)
            }
            Self::VersionRaised { version } => {
                let detail = format!("every member understands version {version}");
                note(JUDGE, "cluster.version-raised", CLUSTER.to_owned(), detail)
            }
            Self::StateCheckAsked { actor } => {
                let detail = "every node says which state it has".to_owned();
                note(actor, "cluster.state-check", CLUSTER.to_owned(), detail)
            }
            Self::ClusterRestored(restoration) => {
                let Restoration { generation, node, address, index, reason, .. } = &**restoration;
                let detail = format!(
                    "generation {generation} begins with node {node} at {address}, at log index {index}: \
                 {reason}"
                );
                note(RESTORE, "cluster.restored", CLUSTER.to_owned(), detail)
            }
            Self::StateVouched(_) => None,
        }
    }
}
