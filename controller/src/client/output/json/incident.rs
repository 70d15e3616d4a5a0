//! How does an incident look as JSON?

use serde_json::{Value, json};
use tidegate_proto::v1;

use super::rollout::{halt, verdict};
use super::{enumeration, time, with};

/// An incident.
pub(crate) fn incident(incident: &v1::Incident) -> Value {
    let object = json!({
        "name": incident.name,
        "rollout": incident.rollout,
        "patchSet": incident.patch_set,
        "scope": incident.scope,
        "state": enumeration::<v1::IncidentState>(incident.state),
        "evidence": incident.evidence,
        "widenedInto": incident.widened_into,
        "notes": incident.notes.iter().map(remark).collect::<Vec<Value>>(),
        "etag": incident.etag,
    });
    let resolution = incident.resolution.as_ref().map(|resolution| {
        json!({
            "actor": resolution.actor,
            "reason": resolution.reason,
            "acknowledgedHosts": resolution.acknowledged_hosts,
            "logIndex": resolution.log_index,
            "haltStands": resolution.halt_stands,
        })
    });
    with(
        object,
        [
            ("halt", incident.halt.as_ref().map(halt)),
            ("verdict", incident.verdict.as_ref().map(verdict)),
            ("acknowledgement", incident.acknowledgement.as_ref().map(remark)),
            ("resolution", resolution),
            ("endTime", time(incident.end_time.as_ref())),
        ],
    )
}

/// What a person said of it.
fn remark(of: &v1::IncidentRemark) -> Value {
    let object = json!({ "actor": of.actor, "remark": of.remark, "logIndex": of.log_index });
    with(object, [("time", time(of.time.as_ref()))])
}
