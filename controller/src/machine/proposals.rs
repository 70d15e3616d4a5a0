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
use super::records::{Note, rollout_subject};
use super::rollouts::Rollout;

/// How long a proposal stands.
pub const STANDS: Millis = Millis::from_secs(24 * 3_600);

/// Proposals that may stand at a time.
pub const MAX_PROPOSALS: usize = 100;

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
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposalEvent {
    /// A person wants something that takes a second one.
    Made(Box<Proposal>),
    /// A second person agreed: what was proposed happens in the same entry.
    Agreed {
        /// The proposal.
        proposal: Box<Proposal>,
        /// Who agreed.
        actor: String,
        /// What they said.
        remark: String,
    },
    /// A person turned it down, or took it back.
    Rejected {
        /// The proposal.
        proposal: Box<Proposal>,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// Nobody agreed in time.
    Lapsed(Box<Proposal>),
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
        | Action::RejectProposal(_) => None,
    }
}

fn action_words(action: &Action) -> String {
    match action {
        Action::StartRollout(rollout) => format!("start {rollout}"),
        Action::ResumeRollout(of) => format!("resume {}: {}", of.rollout, of.reason),
        Action::ExpediteRollout(of) => format!("expedite {}: {}", of.rollout, of.reason),
        Action::ResumeSlice(of) => {
            format!("resume the slice {} of {}: {}", of.cut, of.rollout, of.reason)
        }
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
        | Action::RejectProposal(_) => "a command that takes one person".to_owned(),
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
        let haste = matches!(action, Action::ExpediteRollout(_));
        (haste || rollout.policy.people.to_widen == ToWiden::Two).then_some(rollout)
    }

    /// The proposals that nobody agreed to in time.
    pub(super) fn lapsed_proposals(&self) -> Vec<Event> {
        let now = self.clock.elapsed;
        let lapsed = self.proposals.open.values().filter(|of| of.until <= now);
        lapsed.map(|of| ProposalEvent::Lapsed(Box::new(of.clone())).into()).collect()
    }

    /// Makes an event of a proposal part of the state.
    pub(super) fn change_proposals(&mut self, event: &ProposalEvent) {
        match event {
            ProposalEvent::Made(proposal) => {
                self.proposals.last = proposal.number;
                self.proposals.open.insert(proposal.number, (**proposal).clone());
            }
            ProposalEvent::Agreed { proposal, .. }
            | ProposalEvent::Rejected { proposal, .. }
            | ProposalEvent::Lapsed(proposal) => {
                self.proposals.open.remove(&proposal.number);
            }
        }
    }
}

impl From<ProposalEvent> for Event {
    fn from(event: ProposalEvent) -> Self {
        Self::Proposal(event)
    }
}

impl ProposalEvent {
    /// The record that it leaves.
    pub(super) fn note(&self) -> Note {
        let (actor, event, of, more) = match self {
            Self::Made(of) => (&of.actor, "rollout.proposal.made", of, String::new()),
            Self::Agreed { proposal, actor, remark } => {
                (actor, "rollout.proposal.agreed", proposal, format!("; {remark}"))
            }
            Self::Rejected { proposal, actor, reason } => {
                (actor, "rollout.proposal.rejected", proposal, format!("; {reason}"))
            }
            Self::Lapsed(of) => (&of.actor, "rollout.proposal.lapsed", of, String::new()),
        };
        Note {
            actor: actor.clone(),
            event: event.to_owned(),
            subject: rollout_subject(of.rollout.as_str()),
            detail: format!("{}: {}{more}", of.number, of.words()),
        }
    }
}
