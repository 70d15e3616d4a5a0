//! `PromoteRollout`: a person lets the rollout go on. Never in spite of a halt.

use tidegate_policies::decide::VerdictKind;
use tidegate_policies::gate::{GateName, GateState};
use tidegate_policies::people::MayAuthor;

use super::Decided;
use super::start_rollout::wrong_state;
use crate::machine::command::{ApproveWave, Promote, PromoteRollout};
use crate::machine::event::Event;
use crate::machine::ids::TierName;
use crate::machine::judge::promotion;
use crate::machine::rollouts::{Place, Rollout, State};
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn promote_rollout(&self, promote: &PromoteRollout, actor: &str) -> Decided {
        let rollout = self.rollout(&promote.rollout)?;
        let place = running_place(rollout)?;
        meant_here(rollout, place, (&promote.from_tier, promote.from_wave))?;
        self.no_halt(self.patch_set(&rollout.version)?)?;
        let events = match &promote.how {
            Promote::Forced { reason } if reason.is_empty() => {
                return Err(Rejection::ReasonMissing);
            }
            Promote::Forced { reason } => {
                let reason = format!("forced: {reason}");
                vec![promotion(rollout, place, actor.to_owned(), reason)]
            }
            Promote::WhenOpen => self.approve(rollout, place, (actor, ""))?,
        };
        Ok((Reply::Rollout(rollout.id.clone()), events))
    }

    /// A person promotes the wave, and says why.
    pub(super) fn approve_wave(&self, of: &ApproveWave, actor: &str) -> Decided {
        let rollout = self.rollout(&of.rollout)?;
        let place = running_place(rollout)?;
        meant_here(rollout, place, (&of.from_tier, of.from_wave))?;
        self.no_halt(self.patch_set(&rollout.version)?)?;
        let events = self.approve(rollout, place, (actor, &of.remark))?;
        Ok((Reply::Rollout(rollout.id.clone()), events))
    }

    /// The gates but approval must be open; then the approval is what was missing.
    fn approve(
        &self,
        rollout: &Rollout,
        place: Place,
        (actor, remark): (&str, &str),
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
        let more = if remark.is_empty() { String::new() } else { format!(": {remark}") };
        let reason = format!("promoted by a person, every other gate open{more}");
        if verdict.kind == VerdictKind::Promote {
            return Ok(vec![promotion(rollout, place, actor.to_owned(), reason)]);
        }
        may_approve(rollout, actor)?;
        let (rollout, actor) = (rollout.id.clone(), actor.to_owned());
        Ok(vec![Event::WaveApproved { rollout, actor, reason }])
    }
}

/// Each approval is another person's, and none the author's where the policy says so.
fn may_approve(rollout: &Rollout, actor: &str) -> Result<(), Rejection> {
    let (id, actor) = (rollout.id.clone(), actor.to_owned());
    if rollout.policy.people.author == MayAuthor::NotApprove && rollout.author == actor {
        return Err(Rejection::AuthorApproves { rollout: id, actor });
    }
    if rollout.approvals.iter().any(|approval| approval.actor == actor) {
        return Err(Rejection::ApprovedAlready { rollout: id, actor });
    }
    Ok(())
}

fn running_place(rollout: &Rollout) -> Result<Place, Rejection> {
    let needed = match rollout.state {
        State::Running => return Ok(rollout.place.unwrap_or(Place { stage: 0, wave: 0 })),
        State::Draft => "start it first",
        State::Paused => "resume it first",
        State::Halted => "a halt is never promoted over; resume it first, with a reason",
        State::Completed => "there is nothing left to promote to",
        State::Superseded => "another rollout took its place",
        State::RollingBack | State::RolledBack => {
            "its patch set was withdrawn, and nothing brings it back"
        }
    };
    Err(wrong_state(rollout, needed))
}

/// The caller looked at the place where the rollout is, so that two promotions do not add up.
fn meant_here(
    rollout: &Rollout,
    place: Place,
    (from_tier, from_wave): (&Option<TierName>, Option<u32>),
) -> Result<(), Rejection> {
    let tier = &rollout.policy.ladder[place.stage].tier;
    let wave = place.wave + 1;
    let other_tier = from_tier.as_ref().is_some_and(|meant| meant.as_str() != tier);
    let other_wave = from_wave.is_some_and(|meant| usize::try_from(meant) != Ok(wave));
    if other_tier || other_wave {
        let (rollout, tier) = (rollout.id.clone(), tier.clone());
        return Err(Rejection::MovedOn { rollout, tier, wave });
    }
    Ok(())
}
