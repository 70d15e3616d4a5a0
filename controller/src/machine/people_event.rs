//! What can people have said of a rollout? That it shall go on faster, make room, or what takes two of them.

use super::event::Event;
use super::ids::RolloutId;
use super::proposals::{MAX_REMEMBERED, Proposal};
use super::records::{Note, rollout_subject};
use super::rollouts::{Expedited, State};
use super::{Machine, Position};

/// A fact about what people want of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeopleEvent {
    /// A person wants something that takes a second one.
    Proposed(Proposal),
    /// A second person agreed: what was proposed happens in the same entry.
    Agreed {
        /// The proposal.
        proposal: Proposal,
        /// Who agreed.
        actor: String,
        /// What they said.
        remark: String,
    },
    /// A person turned it down, or took it back.
    Rejected {
        /// The proposal.
        proposal: Proposal,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// Nobody agreed in time.
    Lapsed(Proposal),
    /// Something happened that the person who proposed it could not know of.
    Overtaken {
        /// The proposal.
        proposal: Proposal,
        /// What happened.
        why: String,
    },
    /// Two people let soaks be shorter.
    Expedited {
        /// The rollout.
        rollout: RolloutId,
        /// Who, and why.
        expedited: Expedited,
    },
    /// A newer rollout took the place of one.
    Superseded {
        /// The rollout whose place was taken.
        rollout: RolloutId,
        /// The rollout that took it.
        by: RolloutId,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
}

impl From<PeopleEvent> for Event {
    fn from(event: PeopleEvent) -> Self {
        Self::People(Box::new(event))
    }
}

impl PeopleEvent {
    /// The rollout that it is about.
    pub const fn rollout(&self) -> &RolloutId {
        match self {
            Self::Proposed(of) | Self::Lapsed(of) => &of.rollout,
            Self::Agreed { proposal, .. }
            | Self::Rejected { proposal, .. }
            | Self::Overtaken { proposal, .. } => &proposal.rollout,
            Self::Expedited { rollout, .. } | Self::Superseded { rollout, .. } => rollout,
        }
    }

    /// The record that it leaves.
    pub(super) fn note(&self) -> Note {
        let of = |proposal: &Proposal, more: &str| {
            let more = if more.is_empty() { String::new() } else { format!("; {more}") };
            (proposal.rollout.clone(), format!("{}: {}{more}", proposal.number, proposal.words()))
        };
        let (actor, event, (rollout, detail)) = match self {
            Self::Proposed(proposal) => {
                (&proposal.actor, "rollout.proposal.made", of(proposal, ""))
            }
            Self::Agreed { proposal, actor, remark } => {
                (actor, "rollout.proposal.agreed", of(proposal, remark))
            }
            Self::Rejected { proposal, actor, reason } => {
                (actor, "rollout.proposal.rejected", of(proposal, reason))
            }
            Self::Lapsed(proposal) => {
                (&proposal.actor, "rollout.proposal.lapsed", of(proposal, "nobody agreed in time"))
            }
            Self::Overtaken { proposal, why } => {
                (&proposal.actor, "rollout.proposal.overtaken", of(proposal, why))
            }
            Self::Expedited { rollout, expedited } => {
                let what = (rollout.clone(), expedited.reason.clone());
                (&expedited.actor, "rollout.expedited", what)
            }
            Self::Superseded { rollout, by, actor, reason } => {
                let what = (rollout.clone(), format!("{by} took its place: {reason}"));
                (actor, "rollout.superseded", what)
            }
        };
        Note {
            actor: actor.clone(),
            event: event.to_owned(),
            subject: rollout_subject(rollout.as_str()),
            detail,
        }
    }
}

impl Machine {
    /// Makes what people want part of the state.
    pub(super) fn change_by_people(&mut self, at: Position, event: &PeopleEvent) {
        match event {
            PeopleEvent::Proposed(proposal) => {
                self.proposals.last = proposal.number;
                self.proposals.open.insert(proposal.number, proposal.clone());
                self.proposals.about.insert(proposal.number, proposal.rollout.clone());
                if self.proposals.about.len() > MAX_REMEMBERED {
                    self.proposals.about.pop_first();
                }
            }
            PeopleEvent::Agreed { proposal, .. }
            | PeopleEvent::Rejected { proposal, .. }
            | PeopleEvent::Overtaken { proposal, .. }
            | PeopleEvent::Lapsed(proposal) => {
                self.proposals.open.remove(&proposal.number);
            }
            PeopleEvent::Expedited { rollout, expedited } => {
                self.with_rollout(at, rollout, |of| of.expedited = Some(expedited.clone()));
            }
            PeopleEvent::Superseded { rollout, by, .. } => self.with_rollout(at, rollout, |of| {
                of.superseded_by = Some(by.clone());
                // A halt stands until a person lifts it.
                if of.state != State::Halted {
                    of.state = State::Superseded;
                }
            }),
        }
    }
}
