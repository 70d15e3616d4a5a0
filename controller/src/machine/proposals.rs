//! What waits for a second person? Commands that widen, where a policy wants two people for them.
//!
//! A command is decided when it is proposed, so that what cannot be is refused at once; and anew when a second
//! person agrees, since much may have changed. Stopping never waits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::people::ToWiden;
use tidegate_policies::time::{Elapsed, Millis, WallTime};

use super::Machine;
use super::command::{Action, Promote};
use super::event::Event;
use super::ids::RolloutId;
use super::people_event::PeopleEvent;
use super::rollouts::Rollout;

/// How long a proposal stands.
pub const STANDS: Millis = Millis::from_secs(24 * 3_600);

/// Proposals that may stand at a time.
pub const MAX_PROPOSALS: usize = 100;

/// Proposals whose rollout is remembered.
pub const MAX_REMEMBERED: usize = 1_000;

/// A command that waits for a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Counts the cluster's proposals up from 1.
    pub number: u64,
    /// The rollout that it is about.
    pub rollout: RolloutId,
    /// The command.
    pub action: Action,
    /// Who proposed it.
    pub actor: String,
    /// When, on the wall.
    pub at: WallTime,
    /// Until when it stands.
    pub until: Elapsed,
}

/// The proposals that stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposals {
    /// By number.
    pub open: BTreeMap<u64, Proposal>,
    /// The newest number.
    pub last: u64,
    /// Which rollout each of the newest was about, those that are settled among them: at most [`MAX_REMEMBERED`].
    pub about: BTreeMap<u64, RolloutId>,
}

impl Proposal {
    /// What it wants, in words.
    pub fn words(&self) -> String {
        action_words(&self.action)
    }
}

/// The rollout that a command would widen, and what it would do; `None`: it widens none.
fn widens(action: &Action) -> Option<&RolloutId> {
    match action {
        Action::StartRollout(rollout) => Some(rollout),
        Action::ResumeRollout(of) | Action::ExpediteRollout(of) => Some(&of.rollout),
        Action::ResumeSlice(of) => Some(&of.rollout),
        Action::IfUnchanged(of) => widens(&of.action),
        Action::PromoteRollout(promote) => match promote.how {
            Promote::Forced { .. } => Some(&promote.rollout),
            Promote::WhenOpen => None,
        },
        Action::CreateToken(_)
        | Action::PublishPatchSet(_)
        | Action::CreateRollout(_)
        | Action::PauseRollout(_)
        | Action::HaltRollout(_)
        | Action::AddMember(_)
        | Action::PromoteMember(_)
        | Action::RemoveMember(_)
        | Action::CheckState
        | Action::HaltSlice(_)
        | Action::ApplyLadder(_)
        | Action::CreateFreeze(_)
        | Action::LiftFreeze(_)
        | Action::HoldBack(_)
        | Action::ApproveWave(_)
        | Action::SupersedeRollout(_)
        | Action::AgreeToProposal(_)
        | Action::RejectProposal(_)
        | Action::RollBack(_)
        | Action::WithdrawPatchSet(_)
        | Action::UpdateToken(_)
        | Action::RevokeToken(_)
        | Action::EvictHost(_)
        | Action::MoveHost(_) => None,
    }
}

/// Whether it takes two people whatever the policy says.
fn is_haste(action: &Action) -> bool {
    if let Action::IfUnchanged(of) = action {
        return is_haste(&of.action);
    }
    matches!(action, Action::ExpediteRollout(_))
}

fn action_words(action: &Action) -> String {
    match action {
        Action::StartRollout(rollout) => format!("start {rollout}"),
        Action::ResumeRollout(of) => format!("resume {}: {}", of.rollout, of.reason),
        Action::ExpediteRollout(of) => format!("expedite {}: {}", of.rollout, of.reason),
        Action::ResumeSlice(of) => {
            format!("resume the slice {} of {}: {}", of.cut, of.rollout, of.reason)
        }
        Action::IfUnchanged(of) => action_words(&of.action),
        Action::PromoteRollout(promote) => match &promote.how {
            Promote::Forced { reason } => format!("promote {} by force: {reason}", promote.rollout),
            Promote::WhenOpen => format!("promote {}", promote.rollout),
        },
        Action::CreateToken(_)
        | Action::PublishPatchSet(_)
        | Action::CreateRollout(_)
        | Action::PauseRollout(_)
        | Action::HaltRollout(_)
        | Action::AddMember(_)
        | Action::PromoteMember(_)
        | Action::RemoveMember(_)
        | Action::CheckState
        | Action::HaltSlice(_)
        | Action::ApplyLadder(_)
        | Action::CreateFreeze(_)
        | Action::LiftFreeze(_)
        | Action::HoldBack(_)
        | Action::ApproveWave(_)
        | Action::SupersedeRollout(_)
        | Action::AgreeToProposal(_)
        | Action::RejectProposal(_)
        | Action::RollBack(_)
        | Action::WithdrawPatchSet(_)
        | Action::UpdateToken(_)
        | Action::RevokeToken(_)
        | Action::EvictHost(_)
        | Action::MoveHost(_) => "a command that takes one person".to_owned(),
    }
}

impl Machine {
    /// The proposals that stand.
    pub const fn proposals(&self) -> &Proposals {
        &self.proposals
    }

    /// The rollout for which this command takes a second person.
    pub(super) fn takes_two(&self, action: &Action) -> Option<&Rollout> {
        let rollout = self.rollouts.get(widens(action)?)?;
        let haste = is_haste(action);
        (haste || rollout.policy.people.to_widen == ToWiden::Two).then_some(rollout)
    }

    /// The proposals that nobody agreed to in time.
    pub(super) fn lapsed_proposals(&self) -> Vec<Event> {
        let now = self.clock.elapsed;
        let lapsed = self.proposals.open.values().filter(|of| of.until <= now);
        lapsed.map(|of| PeopleEvent::Lapsed(of.clone()).into()).collect()
    }
}
