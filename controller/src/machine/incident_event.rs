//! What can people have said of incidents? That they look after one, what they found out, that it is over.

use super::Machine;
use super::event::Event;
use super::incident_refusal::IncidentRefusal;
use super::incidents::{HaltNow, Incident, IncidentState, Said};
use super::records::Note;
use super::rejection::Rejection;
use super::webhooks::Happening;

/// A fact about an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncidentEvent {
    /// Somebody looks after it.
    Acknowledged {
        /// Its number.
        number: u64,
        /// Who, and what they say.
        said: Said,
    },
    /// Something was found out.
    Noted {
        /// Its number.
        number: u64,
        /// Who, and what.
        said: Said,
    },
    /// It is over, and its halt stands as before.
    Resolved {
        /// Its number.
        number: u64,
        /// Who, and why.
        said: Said,
    },
}

impl From<IncidentEvent> for Event {
    fn from(event: IncidentEvent) -> Self {
        Self::Incident(Box::new(event))
    }
}

impl IncidentEvent {
    /// The record that it leaves.
    pub(super) fn note(&self) -> Note {
        let (number, said, event, detail) = match self {
            Self::Acknowledged { number, said } => {
                let remark = if said.remark.is_empty() { "nothing remarked" } else { &said.remark };
                (number, said, "incident.acknowledged", remark.to_owned())
            }
            Self::Noted { number, said } => (number, said, "incident.noted", said.remark.clone()),
            Self::Resolved { number, said } => {
                (number, said, "incident.resolved", format!("{}; its halt stands", said.remark))
            }
        };
        let (actor, event) = (said.actor.clone(), event.to_owned());
        Note { actor, event, subject: format!("incidents/{number}"), detail }
    }
}

impl Machine {
    /// The incident of this number.
    ///
    /// # Errors
    ///
    /// [`IncidentRefusal::Unknown`].
    pub fn incident(&self, number: u64) -> Result<Incident, Rejection> {
        self.incidents.get(number).ok_or_else(|| IncidentRefusal::Unknown { number }.into())
    }

    /// Makes `event` part of the state.
    pub(super) fn change_incident(&mut self, event: &IncidentEvent) {
        match event {
            IncidentEvent::Acknowledged { number, said } => {
                let what = (*number, Happening::Acknowledged);
                self.incidents.change(what, |of| of.acknowledgement = Some(said.clone()));
            }
            IncidentEvent::Noted { number, said } => {
                let what = (*number, Happening::Noted);
                self.incidents.change(what, |of| of.notes.push(said.clone()));
            }
            IncidentEvent::Resolved { number, said } => {
                let state = IncidentState::Resolved {
                    actor: said.actor.clone(),
                    reason: said.remark.clone(),
                    halt: HaltNow::Stands,
                    acknowledged: 0,
                    index: said.index,
                    at: said.at,
                };
                self.incidents.change((*number, Happening::Resolved), |of| of.state = state);
            }
        }
    }
}
