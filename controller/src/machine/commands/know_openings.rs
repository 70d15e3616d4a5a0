//! `KnowOpenings`: a leader has computed when a window is open, by the rules of time zones that its build knows.

use super::Decided;
use crate::machine::calendar_event::CalendarEvent;
use crate::machine::calendar_refusal::CalendarRefusal;
use crate::machine::command::KnowOpenings;
use crate::machine::{Machine, Reply};

impl Machine {
    /// Later ones replace what was known before; what no tier asks for is left aside.
    pub(super) fn know_openings(&self, know: &KnowOpenings) -> Decided {
        let calendar = self.calendar();
        let asked = calendar.tiers.values().any(|rules| rules.windows.contains(&know.window));
        let known = calendar.openings.get(&know.window);
        if !asked || known.is_some_and(|known| known.known_until >= know.openings.known_until) {
            return Ok((Reply::Done, Vec::new()));
        }
        let spans = &know.openings.spans;
        let rising = spans.windows(2).all(|two| two[0].until < two[1].from);
        if !rising || spans.iter().any(|span| span.until <= span.from) {
            return Err(CalendarRefusal::BadOpenings { window: know.window.to_string() }.into());
        }
        let (window, openings) = (know.window.clone(), know.openings.clone());
        Ok((Reply::Done, vec![CalendarEvent::OpeningsKnown { window, openings }.into()]))
    }
}
