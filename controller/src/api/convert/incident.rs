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
    let scope = of.scope.words();
    let drawn = pb::Incident {
        name: format!("incidents/{}", of.number),
        rollout: format!("rollouts/{}", of.halt.rollout),
        patch_set: format!("patchSets/{}", of.version),
        state: pb::IncidentState::Open.into(),
        halt: Some(halted(machine, &of.halt, &scope)),
        scope,
        verdict: of.verdict.as_ref().map(|reached| verdict(&reached.basis.judge(), reached.index)),
        ..pb::Incident::default()
    };
    match &of.state {
        IncidentState::Open => drawn,
        IncidentState::Widened { into, at, index: _ } => pb::Incident {
            state: pb::IncidentState::Widened.into(),
            widened_into: format!("incidents/{into}"),
            end_time: Some(timestamp(*at)),
            ..drawn
        },
        IncidentState::Resolved { actor, reason, acknowledged, index, at } => pb::Incident {
            state: pb::IncidentState::Resolved.into(),
            resolution: Some(pb::IncidentResolution {
                actor: actor.clone(),
                reason: reason.clone(),
                acknowledged_hosts: *acknowledged,
                log_index: *index,
            }),
            end_time: Some(timestamp(*at)),
            ..drawn
        },
    }
}
