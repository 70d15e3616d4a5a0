//! `PromoteRollout`: a person lets the rollout go on. Never in spite of a halt.

use tidegate_policies::decide::VerdictKind;
use tidegate_policies::gate::{GateName, GateState};

use super::Decided;
use super::start_rollout::state_word;
use crate::machine::command::{Promote, PromoteRollout};
use crate::machine::event::Event;
use crate::machine::judge::promotion;
use crate::machine::rollouts::{Place, Rollout, State};
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn promote_rollout(&self, promote: &PromoteRollout, actor: &str) -> Decided {
        let rollout = self.rollout(&promote.rollout)?;
        let place = running_place(rollout)?;
        meant_here(rollout, place, promote)?;
        self.no_halt(self.patch_set(&rollout.version)?)?;
        let events = match &promote.how {
            Promote::Forced { reason } if reason.is_empty() => {
                return Err(Rejection::ReasonMissing);
            }
            Promote::Forced { reason } => {
                let reason = format!("forced: {reason}");
                vec![promotion(rollout, place, actor.to_owned(), reason)]
            }
            Promote::WhenOpen => self.approve(rollout, place, actor)?,
        };
        Ok((Reply::Rollout(rollout.id.clone()), events))
    }

    /// The gates but approval must be open; then the approval is what was missing.
    fn approve(
        &self,
        rollout: &Rollout,
        place: Place,
        actor: &str,
    ) -> Result<Vec<Event>, Rejection> {
        let Some(verdict) = self.verdict(rollout) else { return Ok(Vec::new()) };
        let shut = verdict
            .gates
            .iter()
            .find(|gate| gate.state != GateState::Open && gate.name != GateName::Approval);
        if let Some(gate) = shut {
            let (gate, detail) = (gate.name.as_str().to_owned(), gate.detail.clone());
            return Err(Rejection::GatesShut { gate, detail });
        }
        let reason = "promoted by a person, every other gate open".to_owned();
        if verdict.kind == VerdictKind::Promote {
            return Ok(vec![promotion(rollout, place, actor.to_owned(), reason)]);
        }
        let (rollout, actor) = (rollout.id.clone(), actor.to_owned());
        Ok(vec![Event::WaveApproved { rollout, actor, reason }])
    }
}

fn running_place(rollout: &Rollout) -> Result<Place, Rejection> {
    let needed = match rollout.state {
        State::Running => return Ok(rollout.place.unwrap_or(Place { stage: 0, wave: 0 })),
        State::Draft => "start it first",
        State::Paused => "resume it first",
        State::Halted => "a halt is never promoted over; resume it first, with a reason",
        State::Completed => "there is nothing left to promote to",
    };
    Err(Rejection::WrongState {
        rollout: rollout.id.clone(),
        state: state_word(rollout.state).to_owned(),
        needed: needed.to_owned(),
    })
}

/// The caller looked at the place where the rollout is, so that two promotions do not add up.
fn meant_here(rollout: &Rollout, place: Place, promote: &PromoteRollout) -> Result<(), Rejection> {
    let tier = &rollout.policy.ladder[place.stage].tier;
    let wave = place.wave + 1;
    let other_tier = promote.from_tier.as_ref().is_some_and(|meant| meant.as_str() != tier);
    let other_wave = promote.from_wave.is_some_and(|meant| usize::try_from(meant) != Ok(wave));
    if other_tier || other_wave {
        let (rollout, tier) = (rollout.id.clone(), tier.clone());
        return Err(Rejection::MovedOn { rollout, tier, wave });
    }
    Ok(())
}
