//! I12: does what widens take as many people as the operators meant, and what stops never more than one? An account of
//! who typed which command, whatever name it carries.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_controller::machine::command::{Action, Operate, Promote};
use tidegate_controller::machine::event::Event;
use tidegate_controller::machine::ids::RolloutId;
use tidegate_controller::machine::rollouts::Place;
use tidegate_controller::machine::{Command, Reply};

use super::Violation;
use super::log::Entry;
use crate::sim::meaning::Meaning;

/// The tier whose hosts are passed only when people say so, where the operators mean that.
const APPROVED_STAGE: usize = 1;
/// Who goes on where no person does.
const JUDGE: &str = "judge";

/// The account.
#[derive(Debug)]
pub(super) struct People {
    meant: Meaning,
    /// Who typed each request.
    typed: BTreeMap<String, String>,
    proposals: BTreeMap<u64, Proposal>,
    rollouts: BTreeMap<RolloutId, Of>,
    /// Things that two people did.
    pub(super) agreed: u64,
}

/// What waits for a second person.
#[derive(Clone, Debug)]
struct Proposal {
    person: String,
    action: Action,
    /// What the person saw.
    seen: Seen,
}

/// Where a rollout stands, how often it was halted, and how often a slice of it.
type Seen = (Option<Place>, (u64, u64));

/// A rollout.
#[derive(Debug, Default)]
struct Of {
    author: String,
    place: Option<Place>,
    /// How often it was halted, and how often a slice of it.
    halts: (u64, u64),
    /// Who has promoted the present wave.
    approvals: BTreeSet<String>,
}

/// What one or two people did with an entry.
#[derive(Debug)]
struct Deed<'a> {
    action: &'a Action,
    people: BTreeSet<&'a str>,
}

impl People {
    /// An account of operators who mean this.
    pub(super) fn new(meant: Meaning) -> Self {
        Self {
            meant,
            typed: BTreeMap::new(),
            proposals: BTreeMap::new(),
            rollouts: BTreeMap::new(),
            agreed: 0,
        }
    }

    /// A person types a command.
    pub(super) fn asked(&mut self, request: &str, person: &str) {
        self.typed.insert(request.to_owned(), person.to_owned());
    }

    /// Enters a committed entry.
    pub(super) fn take(&mut self, index: u64, entry: &Entry) -> Result<(), Violation> {
        let Command::Operate(operate) = &*entry.command else {
            return self.happened(index, None, &entry.events);
        };
        let person = self.typed.get(&operate.request).unwrap_or(&operate.actor).clone();
        self.stops_alone(index, operate, entry)?;
        if entry.events.is_empty() {
            return Ok(());
        }
        if let Ok(Reply::Proposed { number, rollout }) = &entry.outcome {
            let seen = self.seen(rollout);
            let proposal = Proposal { person, action: operate.action.clone(), seen };
            self.proposals.insert(*number, proposal);
            return self.happened(index, None, &entry.events);
        }
        let agreed = self.settled(&operate.action);
        let (action, mut people) = (&operate.action, BTreeSet::from([person.as_str()]));
        let Some(proposal) = agreed else {
            return self.happened(index, Some(&Deed { action, people }), &entry.events);
        };
        self.agreed += 1;
        self.still_stands(index, &proposal)?;
        if !people.insert(&proposal.person) {
            let what = format!("at index {index} {person} agrees to what {person} proposed");
            return Err(Violation::new("I12", what));
        }
        let deed = Deed { action: &proposal.action, people };
        self.happened(index, Some(&deed), &entry.events)
    }

    /// The proposal that a command agrees to. It is settled, and so is one that is turned down.
    fn settled(&mut self, action: &Action) -> Option<Proposal> {
        if let Action::AgreeToProposal(of) = action {
            return self.proposals.remove(&of.number);
        }
        if let Action::RejectProposal(of) = action {
            self.proposals.remove(&of.number);
        }
        None
    }

    fn seen(&self, rollout: &RolloutId) -> Seen {
        self.rollouts.get(rollout).map_or((None, (0, 0)), |of| (of.place, of.halts))
    }

    /// Two people agree on one thing: no halt is lifted that came after the first one spoke, and no wave is passed
    /// that had not begun.
    fn still_stands(&self, index: u64, proposal: &Proposal) -> Result<(), Violation> {
        let (place, halts) = proposal.seen;
        let moved = if let Action::ResumeRollout(of) = &proposal.action {
            self.seen(&of.rollout).1.0 != halts.0
        } else if let Action::ResumeSlice(of) = &proposal.action {
            self.seen(&of.rollout).1.1 != halts.1
        } else if let Action::PromoteRollout(of) = &proposal.action {
            self.seen(&of.rollout).0 != place
        } else {
            false
        };
        if !moved {
            return Ok(());
        }
        let what = format!("at index {index} {proposal:?} is carried out, and is out of date");
        Err(Violation::new("I12", what))
    }

    /// What stops takes effect at the word of one, and is not refused.
    fn stops_alone(&self, index: u64, operate: &Operate, entry: &Entry) -> Result<(), Violation> {
        let halted = if let Action::HaltRollout(of) = &operate.action {
            self.rollouts.contains_key(&of.rollout)
        } else {
            false
        };
        let stops = matches!(
            operate.action,
            Action::HaltRollout(_)
                | Action::HaltSlice(_)
                | Action::PauseRollout(_)
                | Action::RollBack(_)
                | Action::WithdrawPatchSet(_)
                | Action::CreateFreeze(_)
                | Action::CreateBlock(_)
                | Action::RevokeToken(_)
        );
        let waits = stops && matches!(entry.outcome, Ok(Reply::Proposed { .. }));
        let refused = halted && entry.outcome.is_err();
        if !(waits || refused) {
            return Ok(());
        }
        let what = format!("at index {index} {operate:?} stops nothing: {:?}", entry.outcome);
        Err(Violation::new("I12", what))
    }

    /// What happened was asked for, by as many people as it takes.
    fn happened(
        &mut self,
        index: u64,
        deed: Option<&Deed<'_>>,
        events: &[Event],
    ) -> Result<(), Violation> {
        for event in events {
            self.takes_people(index, deed, event)?;
            self.enter(deed, event);
        }
        Ok(())
    }

    fn takes_people(
        &self,
        index: u64,
        deed: Option<&Deed<'_>>,
        event: &Event,
    ) -> Result<(), Violation> {
        let two = 1 + usize::from(self.meant.two_widen);
        let action = deed.map(|deed| deed.action);
        let (asked, wanted) = if let Event::RolloutStarted { rollout, .. } = event {
            (matches!(action, Some(Action::StartRollout(of)) if of == rollout), two)
        } else if let Event::RolloutResumed { rollout, .. } = event {
            (matches!(action, Some(Action::ResumeRollout(of)) if of.rollout == *rollout), two)
        } else if let Event::SliceResumed { rollout, .. } = event {
            (matches!(action, Some(Action::ResumeSlice(of)) if of.rollout == *rollout), two)
        } else if let Event::WaveApproved { rollout, .. } = event {
            (self.may_approve(deed, rollout), 1)
        } else if let Event::WaveStarted { rollout, actor, .. }
        | Event::RolloutCompleted { rollout, actor, .. } = event
        {
            return self.goes_on(index, deed, (rollout, actor));
        } else {
            return Ok(());
        };
        let people = deed.map_or(0, |deed| deed.people.len());
        if asked && people >= wanted {
            return Ok(());
        }
        let what = format!("{event:?} at index {index} takes {wanted} people: {deed:?}");
        Err(Violation::new("I12", what))
    }

    /// Whether a person may promote: another than the author, and none twice.
    fn may_approve(&self, deed: Option<&Deed<'_>>, rollout: &RolloutId) -> bool {
        let (Some(deed), Some(of)) = (deed, self.rollouts.get(rollout)) else { return false };
        let approves = if let Action::ApproveWave(wave) = deed.action {
            wave.rollout == *rollout
        } else if let Action::PromoteRollout(promote) = deed.action {
            promote.rollout == *rollout
        } else {
            false
        };
        approves && deed.people.iter().all(|who| *who != of.author && !of.approvals.contains(*who))
    }

    /// A rollout goes on when nobody has to be asked, when enough were, or by force.
    fn goes_on(
        &self,
        index: u64,
        deed: Option<&Deed<'_>>,
        (rollout, actor): (&RolloutId, &str),
    ) -> Result<(), Violation> {
        let Some(of) = self.rollouts.get(rollout) else { return Ok(()) };
        // A start is looked at as a start.
        let Some(place) = of.place else { return Ok(()) };
        let is_forced = |deed: &&Deed<'_>| {
            matches!(deed.action, Action::PromoteRollout(promote)
                if matches!(&promote.how, Promote::Forced { reason } if !reason.is_empty())
                    && promote.rollout == *rollout)
        };
        let (seen, wanted) = if let Some(deed) = deed.filter(is_forced).filter(|_| actor != JUDGE) {
            (deed.people.len(), 1 + usize::from(self.meant.two_widen))
        } else {
            let leaves = place.stage == APPROVED_STAGE && place.wave == 1;
            let wanted = self.meant.approvals.filter(|_| leaves).unwrap_or(0);
            (of.approvals.len(), usize::try_from(wanted).unwrap_or(usize::MAX))
        };
        if seen >= wanted {
            return Ok(());
        }
        let what = format!(
            "{rollout} goes on from {place:?} at index {index} at the word of {seen} of {wanted}"
        );
        Err(Violation::new("I12", what))
    }

    fn enter(&mut self, deed: Option<&Deed<'_>>, event: &Event) {
        if let Event::RolloutCreated { rollout, .. } = event {
            let of = Of { author: rollout.author.clone(), ..Of::default() };
            self.rollouts.insert(rollout.id.clone(), of);
        } else if let Event::WaveStarted { rollout, place, .. } = event {
            if let Some(of) = self.rollouts.get_mut(rollout) {
                of.place = Some(*place);
                of.approvals.clear();
            }
        } else if let Event::Halted { rollout, .. } = event {
            if let Some(of) = self.rollouts.get_mut(rollout) {
                of.halts.0 += 1;
            }
        } else if let Event::SliceHalted { rollout, .. } = event {
            if let Some(of) = self.rollouts.get_mut(rollout) {
                of.halts.1 += 1;
            }
        } else if let Event::WaveApproved { rollout, .. } = event
            && let (Some(deed), Some(of)) = (deed, self.rollouts.get_mut(rollout))
        {
            of.approvals.extend(deed.people.iter().map(|who| (*who).to_owned()));
        }
    }
}
