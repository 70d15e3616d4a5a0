//! What waits for a second person? Commands that widen, where a policy wants two people for them.
//!
//! A command is decided when it is proposed, so that what cannot be is refused at once; and anew when a second
//! person agrees, since much may have changed. What the first person could not know ends a proposal: two people agree on
//! what both have seen. Stopping never waits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::people::ToWiden;
use tidegate_policies::time::{Elapsed, Millis, WallTime};

use super::Machine;
use super::calendar_event::CalendarEvent;
use super::cluster_event::ClusterEvent;
use super::command::{Action, ApplyCoverage, Promote};
use super::event::Event;
use super::ids::RolloutId;
use super::people_event::PeopleEvent;
use super::rollouts::{Rollout, State};
use super::withdrawal_event::WithdrawalEvent;

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
        let one_person = || "a command that takes one person".to_owned();
        if let Action::ApplyCoverage(apply) = bare(&self.action) {
            return format!("apply another coverage table: {}", apply.reason);
        }
        widening(&self.action).map_or_else(one_person, |of| of.words)
    }
}

/// What a command would widen.
struct Widening<'a> {
    rollout: &'a RolloutId,
    /// What it wants, in words.
    words: String,
    /// How many people it takes whatever the policy says.
    at_least: ToWiden,
}

/// What a command would widen; `None`: nothing.
fn widening(action: &Action) -> Option<Widening<'_>> {
    let (rollout, words) = match action {
        Action::StartRollout(rollout) => (rollout, format!("start {rollout}")),
        Action::ResumeRollout(of) => (&of.rollout, format!("resume {}: {}", of.rollout, of.reason)),
        Action::ExpediteRollout(of) => {
            let words = format!("expedite {}: {}", of.rollout, of.reason);
            return Some(Widening { rollout: &of.rollout, words, at_least: ToWiden::Two });
        }
        Action::ResumeSlice(of) => {
            let words = format!("resume the slice {} of {}: {}", of.cut, of.rollout, of.reason);
            (&of.rollout, words)
        }
        Action::IfUnchanged(of) => return widening(&of.action),
        Action::PromoteRollout(promote) => match &promote.how {
            Promote::Forced { reason } => {
                let words = format!("promote {} by force: {reason}", promote.rollout);
                (&promote.rollout, words)
            }
            Promote::WhenOpen => return None,
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
        | Action::MoveHost(_)
        | Action::AcknowledgeIncident(_)
        | Action::NoteIncident(_)
        | Action::ResolveIncident(_)
        | Action::CreateBlock(_)
        | Action::LiftBlock(_)
        | Action::ApplyWebhooks(_)
        | Action::TestWebhook(_)
        // By whom it lets in, and for how long: see `widened_by_dates`.
        | Action::ApplyCoverage(_)
        | Action::ResendNotifications(_) => return None,
    };
    Some(Widening { rollout, words, at_least: ToWiden::One })
}

/// A command without what it was bound to.
fn bare(action: &Action) -> &Action {
    if let Action::IfUnchanged(of) = action { bare(&of.action) } else { action }
}

impl Machine {
    /// The proposals that stand.
    pub const fn proposals(&self) -> &Proposals {
        &self.proposals
    }

    /// The rollout for which this command takes a second person.
    pub(super) fn takes_two(&self, action: &Action) -> Option<&Rollout> {
        if let Action::ApplyCoverage(apply) = bare(action) {
            return self.widened_by_dates(apply);
        }
        let Widening { rollout, at_least, .. } = widening(action)?;
        let rollout = self.rollouts.get(rollout)?;
        let asked = [at_least, rollout.policy.people.to_widen];
        asked.contains(&ToWiden::Two).then_some(rollout)
    }

    /// A started rollout that takes two people to widen, where a coverage table lets some host in, or for longer.
    fn widened_by_dates(&self, apply: &ApplyCoverage) -> Option<&Rollout> {
        let two = |of: &&Rollout| of.started.is_some() && of.policy.people.to_widen == ToWiden::Two;
        let goes_on =
            |of: &&Rollout| of.state.serves() || matches!(of.state, State::Paused | State::Halted);
        let rollout = self.rollouts.values().filter(two).find(goes_on)?;
        self.lets_in_longer(&apply.table).then_some(rollout)
    }

    /// The proposals that these events have overtaken.
    pub(super) fn overtaken(&self, events: &[Event]) -> Vec<Event> {
        let overtaken = self.proposals.open.values().filter_map(|proposal| {
            let why = events.iter().find_map(|event| self.overtakes(event, proposal))?;
            let (proposal, why) = (proposal.clone(), why.to_owned());
            Some(PeopleEvent::Overtaken { proposal, why }.into())
        });
        overtaken.collect()
    }

    /// Why an event ends a proposal: whoever made it did not know of a halt, or meant a wave that is over.
    fn overtakes(&self, event: &Event, proposal: &Proposal) -> Option<&'static str> {
        let version = |rollout| self.rollouts.get(rollout).map(|rollout| &rollout.version);
        let (its, action) = (&proposal.rollout, bare(&proposal.action));
        let (is_promotion, is_slice) =
            (matches!(action, Action::PromoteRollout(_)), matches!(action, Action::ResumeSlice(_)));
        if let Event::Halted { rollout, .. } = event {
            (version(rollout) == version(its)).then_some("its patch set was halted since")
        } else if let Event::SliceHalted { rollout, .. } = event {
            let ends = is_slice && version(rollout) == version(its);
            ends.then_some("a slice of its patch set was halted since")
        } else if let Event::WaveStarted { rollout, .. } | Event::RolloutCompleted { rollout, .. } =
            event
        {
            (is_promotion && rollout == its).then_some("the rollout has gone on since")
        } else if let Event::Withdrawal(WithdrawalEvent::Withdrawn { version: gone, .. }) = event {
            (version(its) == Some(gone)).then_some("its patch set was withdrawn since")
        } else if let Event::Calendar(event) = event {
            let is_table = matches!(action, Action::ApplyCoverage(_));
            let ends = is_table && matches!(**event, CalendarEvent::CoverageApplied { .. });
            ends.then_some("another coverage table was applied since")
        } else if let Event::Cluster(ClusterEvent::ClusterRestored(_)) = event {
            Some("the cluster was restored from a backup since")
        } else {
            None
        }
    }

    /// The proposals that nobody agreed to in time.
    pub(super) fn lapsed_proposals(&self) -> Vec<Event> {
        let now = self.clock.elapsed;
        let lapsed = self.proposals.open.values().filter(|of| of.until <= now);
        lapsed.map(|of| PeopleEvent::Lapsed(of.clone()).into()).collect()
    }
}
