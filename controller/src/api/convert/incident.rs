//! Incidents, out.

use tidegate_proto::v1 as pb;

use super::rollout::halted;
use super::timestamp;
use super::verdict::verdict;
use crate::api::error::BadField;
use crate::machine::Machine;
use crate::machine::incidents::{Incident, IncidentState};

/// An incident's number.
///
/// # Errors
///
/// [`BadField`].
pub fn number(name: &str) -> Result<u64, BadField> {
    let number = name.strip_prefix("incidents/").and_then(|number| number.parse().ok());
    let what = "is not of the form `incidents/NUMBER`";
    number.ok_or_else(|| BadField::new("name", name, what))
}

/// An incident for the wire, with the arithmetic of its verdict.
pub fn incident(machine: &Machine, of: &Incident) -> pb::Incident {
    let reached = of.verdict.as_ref();
    let evidence = reached.map(|reached| machine.arithmetic(&reached.basis)).unwrap_or_default();
    pb::Incident { evidence, ..line(machine, of) }
}

/// The same without the arithmetic, for a list.
pub fn line(machine: &Machine, of: &Incident) -> pb::Incident {
    let (state, end) = match &of.state {
        IncidentState::Open => (pb::IncidentState::Open, None),
        IncidentState::Widened { at, .. } => (pb::IncidentState::Widened, Some(*at)),
        IncidentState::Resolved { at, .. } => (pb::IncidentState::Resolved, Some(*at)),
    };
    let widened_into = match &of.state {
        IncidentState::Widened { into, .. } => format!("incidents/{into}"),
        IncidentState::Open | IncidentState::Resolved { .. } => String::new(),
    };
    let resolution = match &of.state {
        IncidentState::Resolved { actor, reason, acknowledged, index, at: _ } => {
            Some(pb::IncidentResolution {
                actor: actor.clone(),
                reason: reason.clone(),
                acknowledged_hosts: *acknowledged,
                log_index: *index,
            })
        }
        IncidentState::Open | IncidentState::Widened { .. } => None,
    };
    let scope = of.scope.words();
    pb::Incident {
        name: format!("incidents/{}", of.number),
        rollout: format!("rollouts/{}", of.halt.rollout),
        patch_set: format!("patchSets/{}", of.version),
        state: state.into(),
        halt: Some(halted(machine, &of.halt, &scope)),
        scope,
        verdict: of.verdict.as_ref().map(|reached| verdict(&reached.basis.judge(), reached.index)),
        evidence: Vec::new(),
        widened_into,
        resolution,
        end_time: end.map(timestamp),
    }
}
