//! `NoteIncident`: what somebody found out. An incident that is over takes notes, too.

use super::Decided;
use crate::machine::command::OfIncident;
use crate::machine::incident_event::IncidentEvent;
use crate::machine::incident_refusal::IncidentRefusal;
use crate::machine::incidents::MAX_NOTES;
use crate::machine::{Machine, Position, Reply};

impl Machine {
    pub(super) fn note_incident(&self, at: Position, of: &OfIncident, actor: &str) -> Decided {
        let number = of.number;
        let incident = self.incident(number)?;
        if of.remark.is_empty() {
            return Err(IncidentRefusal::RemarkMissing.into());
        }
        if incident.notes.len() >= MAX_NOTES {
            return Err(IncidentRefusal::Full { number, limit: MAX_NOTES as u64 }.into());
        }
        let said = self.said(at, of, actor);
        Ok((Reply::Done, vec![IncidentEvent::Noted { number, said }.into()]))
    }
}
