//! `ResolveIncident`: it is over, and its halt is to stand, such as of a release that a newer one took over.
//!
//! A resume and a withdrawal resolve by themselves. This lifts nothing, so that nobody widens a rollout who only tidies up.

use super::Decided;
use super::acknowledge_incident::is_open;
use crate::machine::command::OfIncident;
use crate::machine::incident_event::IncidentEvent;
use crate::machine::incident_refusal::IncidentRefusal;
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn resolve_incident(&self, at: Position, of: &OfIncident, actor: &str) -> Decided {
        let number = of.number;
        let incident = self.incident(number)?;
        is_open(&incident)?;
        if of.remark.is_empty() {
            return Err(Rejection::ReasonMissing);
        }
        if incident.acknowledgement.is_none() {
            return Err(IncidentRefusal::NotAcknowledged { number }.into());
        }
        let said = self.said(at, of, actor);
        Ok((Reply::Done, vec![IncidentEvent::Resolved { number, said }.into()]))
    }
}
