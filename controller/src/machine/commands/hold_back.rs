//! `HoldBack`: patch sets that are too new are held back from a token's hosts, or from one host.

use tidegate_policies::document::MAX_DELAY;
use tidegate_policies::tiers::Holdback;

use super::Decided;
use crate::machine::calendar::{HeldBack, MAX_HOLDBACKS};
use crate::machine::calendar_event::CalendarEvent;
use crate::machine::calendar_refusal::CalendarRefusal;
use crate::machine::command::HoldBack;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn hold_back_from(&self, of: &HoldBack, actor: &str) -> Decided {
        match &of.of {
            HeldBack::Token(token) if !self.tokens().contains_key(token) => {
                return Err(Rejection::NoSuchToken { token: token.clone() });
            }
            HeldBack::Host(host) => drop(self.host(*host)?),
            HeldBack::Token(_) => (),
        }
        let holdbacks = &self.calendar().holdbacks;
        let before = holdbacks.get(&of.of).copied().unwrap_or_default();
        let widens = before.and(of.holdback) != of.holdback;
        if widens && of.reason.is_empty() {
            return Err(Rejection::ReasonMissing);
        }
        if of.holdback.delay > MAX_DELAY {
            return Err(CalendarRefusal::DelayTooLong { days: MAX_DELAY.0 / 86_400_000 }.into());
        }
        let is_new = of.holdback != Holdback::NONE && !holdbacks.contains_key(&of.of);
        if is_new && holdbacks.len() >= MAX_HOLDBACKS {
            let what = "tokens and hosts with a holdback of their own".to_owned();
            return Err(Rejection::TooMany { what, most: MAX_HOLDBACKS });
        }
        let reason = if of.reason.is_empty() { "no reason given" } else { &of.reason };
        let held = CalendarEvent::HeldBack {
            of: of.of.clone(),
            holdback: of.holdback,
            actor: actor.to_owned(),
            reason: reason.to_owned(),
        };
        Ok((Reply::Done, vec![held.into()]))
    }
}
