//! What takes two people: the first one's command is proposed, the second one's agreement carries it out.

use super::Decided;
use crate::machine::command::{OfProposal, Operate};
use crate::machine::people_event::PeopleEvent;
use crate::machine::proposals::{MAX_PROPOSALS, Proposal, STANDS};
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    /// Decides what `operate` wants, or proposes it where it takes a second person.
    pub(super) fn decide_or_propose(&self, at: Position, operate: &Operate) -> Decided {
        let Some(rollout) = self.takes_two(&operate.action) else {
            return self.decide(at, &operate.action, &operate.actor);
        };
        // What cannot be done is refused now, not when a second person has agreed.
        self.decide(at, &operate.action, &operate.actor)?;
        let proposals = self.proposals();
        let same = |of: &&Proposal| of.action == operate.action;
        if let Some(same) = proposals.open.values().find(same) {
            let (number, actor) = (same.number, same.actor.clone());
            return Err(Rejection::ProposedAlready { number, actor });
        }
        if proposals.open.len() >= MAX_PROPOSALS {
            let what = "proposals that wait for a second person".to_owned();
            return Err(Rejection::TooMany { what, most: MAX_PROPOSALS });
        }
        let proposal = Proposal {
            number: proposals.last + 1,
            rollout: rollout.id.clone(),
            action: operate.action.clone(),
            actor: operate.actor.clone(),
            at: self.clock().wall,
            until: self.clock().elapsed.after(STANDS),
        };
        let reply = Reply::Proposed { number: proposal.number, rollout: rollout.id.clone() };
        Ok((reply, vec![PeopleEvent::Proposed(proposal).into()]))
    }

    /// A second person agrees: what was proposed is decided anew, and happens now.
    pub(super) fn agree_to_proposal(&self, at: Position, of: &OfProposal, actor: &str) -> Decided {
        let proposal = self.proposal(of.number)?;
        if proposal.actor == actor {
            return Err(Rejection::SamePerson { number: of.number, actor: actor.to_owned() });
        }
        let both = format!("{} and {actor}", proposal.actor);
        let (reply, mut events) = self.decide(at, &proposal.action, &both)?;
        let (proposal, actor) = (proposal.clone(), actor.to_owned());
        let agreed = PeopleEvent::Agreed { proposal, actor, remark: of.remark.clone() };
        events.insert(0, agreed.into());
        Ok((reply, events))
    }

    pub(super) fn reject_proposal(&self, of: &OfProposal, actor: &str) -> Decided {
        let proposal = self.proposal(of.number)?;
        let reply = Reply::Rollout(proposal.rollout.clone());
        let (proposal, actor) = (proposal.clone(), actor.to_owned());
        let reason = if of.remark.is_empty() { "no reason given" } else { &of.remark };
        let rejected = PeopleEvent::Rejected { proposal, actor, reason: reason.to_owned() };
        Ok((reply, vec![rejected.into()]))
    }

    fn proposal(&self, number: u64) -> Result<&Proposal, Rejection> {
        self.proposals().open.get(&number).ok_or(Rejection::UnknownProposal { number })
    }
}
