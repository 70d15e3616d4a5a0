//! What can be said of the controllers themselves: who is one, where it listens, what it understands?

use serde::{Deserialize, Serialize};

use super::{Action, Command};
use crate::machine::cluster::Speaks;
use crate::machine::ids::NodeId;

/// A node says where it listens, which disk it has, and which entries it understands. Each node does,
/// of itself, at its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterNode {
    /// The node.
    pub node: NodeId,
    /// Drawn at random when its data folder was made: a wiped disk has another.
    pub incarnation: [u8; 16],
    /// Where it listens, `host:port`.
    pub address: String,
    /// The entries that it understands.
    pub speaks: Speaks,
}

/// A node says which state it has at an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VouchState {
    /// The node.
    pub node: NodeId,
    /// The index of the last entry in the state.
    pub index: u64,
    /// The hash of the state.
    pub hash: [u8; 32],
}

/// Let a node follow the log without a vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddMember {
    /// The node; an id that no node ever had.
    pub node: NodeId,
    /// Where it listens, `host:port`.
    pub address: String,
}

/// Give a learner a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromoteMember {
    /// The learner.
    pub node: NodeId,
    /// The voter that leaves for good once it does; `None`: nobody leaves.
    pub replacing: Option<NodeId>,
}

/// Take a node out for good. Its id is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveMember {
    /// The node.
    pub node: NodeId,
}

/// A node of the next release asks whether every node understands it.
#[cfg(feature = "next-version")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextProbe {
    /// The node that asks.
    pub node: NodeId,
}

/// What a command wants of the group that keeps the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// A node follows the log from here on.
    AddLearner(NodeId),
    /// A learner votes.
    Promote {
        /// The learner.
        node: NodeId,
        /// The voter that leaves for it.
        replacing: Option<NodeId>,
    },
    /// A node leaves.
    Remove(NodeId),
}

impl Command {
    /// What it wants of the group that keeps the log; `None` for all that leaves the group as it is.
    pub fn member_change(&self) -> Option<MemberChange> {
        match self {
            Self::Operate(operate) => operate.action.member_change(),
            Self::Bootstrap(_)
            | Self::Tick(_)
            | Self::StoreBlob(_)
            | Self::EnrollHost(_)
            | Self::BeginGrant(_)
            | Self::RecordReports(_)
            | Self::RegisterNode(_)
            | Self::VouchState(_)
            | Self::KnowOpenings(_)
            | Self::SettleNotifications(_)
            | Self::LeaveJoint => None,
            #[cfg(feature = "next-version")]
            Self::NextProbe(_) => None,
        }
    }
}

impl Action {
    fn member_change(&self) -> Option<MemberChange> {
        match self {
            Self::AddMember(add) => Some(MemberChange::AddLearner(add.node)),
            Self::PromoteMember(promote) => {
                let PromoteMember { node, replacing } = *promote;
                Some(MemberChange::Promote { node, replacing })
            }
            Self::RemoveMember(remove) => Some(MemberChange::Remove(remove.node)),
            Self::CreateToken(_)
            | Self::PublishPatchSet(_)
            | Self::CreateRollout(_)
            | Self::StartRollout(_)
            | Self::PauseRollout(_)
            | Self::ResumeRollout(_)
            | Self::HaltRollout(_)
            | Self::PromoteRollout(_)
            | Self::CheckState
            | Self::HaltSlice(_)
            | Self::ResumeSlice(_)
            | Self::ApplyLadder(_)
            | Self::CreateFreeze(_)
            | Self::LiftFreeze(_)
            | Self::HoldBack(_)
            | Self::ApproveWave(_)
            | Self::ExpediteRollout(_)
            | Self::SupersedeRollout(_)
            | Self::AgreeToProposal(_)
            | Self::RejectProposal(_)
            | Self::RollBack(_)
            | Self::WithdrawPatchSet(_)
            | Self::UpdateToken(_)
            | Self::RevokeToken(_)
            | Self::EvictHost(_)
            | Self::MoveHost(_)
            | Self::AcknowledgeIncident(_)
            | Self::NoteIncident(_)
            | Self::ResolveIncident(_)
            | Self::CreateBlock(_)
            | Self::LiftBlock(_)
            | Self::ApplyWebhooks(_)
            | Self::TestWebhook(_)
            | Self::ApplyCoverage(_)
            | Self::ResendNotifications(_) => None,
            Self::IfUnchanged(guarded) => guarded.action.member_change(),
        }
    }
}
