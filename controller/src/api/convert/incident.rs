//! Incidents, out; and what people say of them, in.

use tidegate_proto::v1 as pb;

use super::check;
use super::rollout::{MAX_REASON_BYTES, halted};
use super::timestamp;
use super::verdict::verdict;
use crate::api::error::{ApiError, BadField};
use crate::machine::Machine;
use crate::machine::command::OfIncident;
use crate::machine::incidents::{HaltNow, Incident, IncidentState, Said};

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

/// What is said of an incident, under the field's own name. Whether it may be empty, the machine says.
///
/// # Errors
///
/// [`ApiError`] of the name, or of what is said.
pub fn said(name: &str, (field, text): (&'static str, &str)) -> Result<OfIncident, ApiError> {
    let remark = check::bounded(field, text, MAX_REASON_BYTES)?;
    Ok(OfIncident { number: number(name)?, remark })
}

fn remark(of: &Said) -> pb::IncidentRemark {
    pb::IncidentRemark {
        actor: of.actor.clone(),
        remark: of.remark.clone(),
        log_index: of.index,
        time: Some(timestamp(of.at)),
    }
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
        acknowledgement: of.acknowledgement.as_ref().map(remark),
        notes: of.notes.iter().map(remark).collect(),
        etag: of.etag().to_string(),
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
        IncidentState::Resolved { actor, reason, halt, acknowledged, index, at } => pb::Incident {
            state: pb::IncidentState::Resolved.into(),
            resolution: Some(pb::IncidentResolution {
                actor: actor.clone(),
                reason: reason.clone(),
                acknowledged_hosts: *acknowledged,
                log_index: *index,
                halt_stands: *halt == HaltNow::Stands,
            }),
            end_time: Some(timestamp(*at)),
            ..drawn
        },
    }
}
