//! `AcknowledgeIncident`: somebody looks after it. It lifts nothing, and acknowledges no failure.

use super::Decided;
use crate::machine::command::OfIncident;
use crate::machine::incident_event::IncidentEvent;
use crate::machine::incident_refusal::IncidentRefusal;
use crate::machine::incidents::{Incident, IncidentState, Said};
use crate::machine::{Machine, Position, Rejection, Reply};

impl Machine {
    pub(super) fn acknowledge_incident(
        &self,
        at: Position,
        of: &OfIncident,
        actor: &str,
    ) -> Decided {
        let number = of.number;
        let incident = self.incident(number)?;
        is_open(&incident)?;
        if let Some(said) = incident.acknowledgement {
            return Err(IncidentRefusal::Acknowledged { number, actor: said.actor }.into());
        }
        let said = self.said(at, of, actor);
        Ok((Reply::Done, vec![IncidentEvent::Acknowledged { number, said }.into()]))
    }

    /// What `actor` says at this entry.
    pub(super) fn said(&self, at: Position, of: &OfIncident, actor: &str) -> Said {
        let (actor, remark) = (actor.to_owned(), of.remark.clone());
        Said { actor, remark, index: at.index, at: self.clock().wall }
    }
}

/// Refuses what is for open incidents alone.
pub(super) fn is_open(incident: &Incident) -> Result<(), Rejection> {
    let number = incident.number;
    match &incident.state {
        IncidentState::Open => Ok(()),
        IncidentState::Widened { into, .. } => {
            Err(IncidentRefusal::Widened { number, into: *into }.into())
        }
        IncidentState::Resolved { actor, .. } => {
            Err(IncidentRefusal::Resolved { number, actor: actor.clone() }.into())
        }
    }
}
