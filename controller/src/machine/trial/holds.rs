//! What becomes of a hold by evidence, and what is a person told of it?

use tidegate_policies::credit::hold::{self, Hold, Seen, Step};
use tidegate_policies::detector::bits::Bits;
use tidegate_policies::detector::ruling::Ruling;
use tidegate_policies::detector::slices::SliceId;
use tidegate_policies::time::Elapsed;

use super::Trial;
use crate::machine::Machine;
use crate::machine::event::Event;
use crate::machine::ids::RolloutId;
use crate::machine::records::{JUDGE, Note, rollout_subject};
use crate::machine::rollouts::Rollout;

/// What became of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldMove {
    /// It began.
    Began(Hold),
    /// The evidence does not hold any more: it fell, or it halts.
    Ended,
    /// It was released to try again, with less credit.
    Released,
}

impl HoldMove {
    /// The record of it.
    pub(in crate::machine) fn note(&self, rollout: &RolloutId, why: &str) -> Note {
        let event = match self {
            Self::Began(_) => "rollout.hold.began",
            Self::Ended => "rollout.hold.ended",
            Self::Released => "rollout.hold.released",
        };
        Note {
            actor: JUDGE.to_owned(),
            event: event.to_owned(),
            subject: rollout_subject(rollout.as_str()),
            detail: why.to_owned(),
        }
    }
}

impl Machine {
    /// What becomes of the hold of a rollout now; `None`: nothing.
    pub(in crate::machine) fn hold_moves(&self, rollout: &Rollout) -> Option<Event> {
        let (trial, now) = (self.trial(rollout)?, self.clock.elapsed);
        let ruling = trial.detector.ruling();
        let seen = trial.hold_seen(&ruling, now);
        let (moved, why) = match (hold::step(trial.hold, seen), trial.hold) {
            (Step::Free, Some(_)) => (HoldMove::Ended, ruling.sentence(&trial.detector.inputs())),
            (Step::Held(held) | Step::CallPerson(held), None) => {
                let inputs = trial.detector.inputs();
                let why = ruling.sentence(&inputs);
                let outlook = held.outlook(seen, inputs.hold_at, rollout.soaks_end);
                (HoldMove::Began(held), format!("{why}; {outlook}"))
            }
            (Step::Released, _) => (HoldMove::Released, trial.release_words()),
            (Step::Free, None) | (Step::Held(_) | Step::CallPerson(_), Some(_)) => return None,
        };
        Some(Event::HoldMoved { rollout: rollout.id.clone(), moved, why })
    }

    /// Whether a hold goes on that a person should look at.
    pub fn calls_person(&self, rollout: &Rollout) -> bool {
        let Some(trial) = self.trial(rollout) else { return false };
        let ruling = trial.detector.ruling();
        let seen = trial.hold_seen(&ruling, self.clock.elapsed);
        matches!(hold::step(trial.hold, seen), Step::CallPerson(_))
    }

    /// The hold that goes on, in a line for people; `None`: there is none.
    pub(super) fn hold_words(&self, rollout: &Rollout) -> Option<String> {
        let trial = self.trial(rollout)?;
        let (hold, now) = (trial.hold?, self.clock.elapsed);
        let ruling = trial.detector.ruling();
        let (_, hold_at) = trial.detector.thresholds();
        let outlook = hold.outlook(trial.hold_seen(&ruling, now), hold_at, rollout.soaks_end);
        Some(format!("{:<10} {outlook}; held for {}", "next", now.since(hold.since)))
    }

    pub(in crate::machine) fn change_hold(&mut self, rollout: &RolloutId, moved: &HoldMove) {
        let number = self.rollouts.get(rollout).map(|rollout| rollout.created_index);
        let Some(trial) = number.and_then(|number| self.trials.get_mut(&number)) else { return };
        match moved {
            HoldMove::Began(held) => trial.hold = Some(*held),
            HoldMove::Ended => trial.hold = None,
            HoldMove::Released => {
                trial.hold = None;
                trial.detector.probe();
                trial.book.quarter();
            }
        }
    }
}

impl Trial {
    fn hold_seen<'a>(&self, ruling: &'a Ruling, now: Elapsed) -> Seen<'a> {
        let whole = self.book.of(SliceId(0));
        Seen { ruling, failed: whole.failed, survivors: whole.in_flight, now }
    }

    fn release_words(&self) -> String {
        let (halt, before) = self.detector.thresholds();
        let after = before.plus(Bits::whole(1)).min(halt);
        format!(
            "everybody who was in flight is verified, and nobody failed since it began: a quarter of the \
             credit is left, and a score of {after} holds from now on, {before} did"
        )
    }
}
