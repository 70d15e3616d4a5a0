//! `CreateFreeze` and `LiftFreeze`: nobody begins, everywhere or in a tier, until a date or until a person says so.

use super::Decided;
use crate::machine::calendar::{Freeze, MAX_FREEZES};
use crate::machine::calendar_event::CalendarEvent;
use crate::machine::calendar_refusal::CalendarRefusal;
use crate::machine::command::{CreateFreeze, LiftFreeze};
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn create_freeze(&self, create: &CreateFreeze, actor: &str) -> Decided {
        if let Some(tier) = &create.tier {
            self.tier_exists(tier)?;
        }
        let wall = self.clock().wall;
        let freezes = &self.calendar().freezes;
        let over = |freeze: &Freeze| freeze.until.is_some_and(|until| until <= wall);
        if freezes.get(&create.freeze).is_some_and(|freeze| !over(freeze)) {
            return Err(CalendarRefusal::FreezeExists { freeze: create.freeze.clone() }.into());
        }
        if let Some(until) = create.until.filter(|until| *until <= wall) {
            return Err(CalendarRefusal::FreezeOver {
                until: until.to_string(),
                now: wall.to_string(),
            }
            .into());
        }
        let mut events = Vec::new();
        if freezes.len() >= MAX_FREEZES {
            let oldest = freezes.values().filter(|freeze| over(freeze)).min_by_key(|of| of.until);
            let Some(oldest) = oldest else {
                return Err(Rejection::TooMany { what: "freezes".to_owned(), most: MAX_FREEZES });
            };
            let reason = "it was over, and another one needed its place".to_owned();
            let freeze = oldest.id.clone();
            events.push(
                CalendarEvent::FreezeLifted { freeze, actor: actor.to_owned(), reason }.into(),
            );
        }
        let reason = if create.reason.is_empty() { "no reason given" } else { &create.reason };
        let freeze = Freeze {
            id: create.freeze.clone(),
            tier: create.tier.clone(),
            until: create.until,
            reason: reason.to_owned(),
            actor: actor.to_owned(),
            since: wall,
        };
        events.push(CalendarEvent::FreezeBegan(freeze).into());
        Ok((Reply::Done, events))
    }

    pub(super) fn lift_freeze(&self, lift: &LiftFreeze, actor: &str) -> Decided {
        if lift.reason.is_empty() {
            return Err(Rejection::ReasonMissing);
        }
        if !self.calendar().freezes.contains_key(&lift.freeze) {
            return Err(CalendarRefusal::UnknownFreeze { freeze: lift.freeze.clone() }.into());
        }
        let (freeze, reason) = (lift.freeze.clone(), lift.reason.clone());
        let lifted = CalendarEvent::FreezeLifted { freeze, actor: actor.to_owned(), reason };
        Ok((Reply::Done, vec![lifted.into()]))
    }
}
