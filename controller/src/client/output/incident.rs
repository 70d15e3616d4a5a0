//! How does an incident look to a person? The halt, what became of it, and the arithmetic behind it.

use chrono::{DateTime, Utc};
use tidegate_proto::v1;

use super::Show;
use super::json::word;
use super::rollout::{gate_line, halted, pair};
use super::text::{hosts, or_dash, plain};
use super::time::ago;
use crate::client::names::id_of;

/// The whole incident.
pub(crate) fn whole(incident: &v1::Incident, show: Show, now: DateTime<Utc>) -> String {
    let halt = incident.halt.as_ref().map(|halt| halted(halt, show, now)).unwrap_or_default();
    let gates = incident.verdict.as_ref().map(|verdict| verdict.gates.as_slice());
    let gates: Vec<String> = gates.unwrap_or_default().iter().map(gate_line).collect();
    let evidence: Vec<String> = incident.evidence.iter().map(|line| plain(line)).collect();
    let blocks = [head(incident, now), halt, gates.join("\n"), evidence.join("\n")];
    let blocks: Vec<String> = blocks.into_iter().filter(|block| !block.is_empty()).collect();
    blocks.join("\n\n")
}

fn head(incident: &v1::Incident, now: DateTime<Utc>) -> String {
    let mut lines = vec![
        pair("incident", &incident.name),
        pair("state", &standing(incident, now)),
        pair("rollout", &incident.rollout),
        pair("patch set", &incident.patch_set),
        pair("scope", &or_dash(&incident.scope)),
    ];
    if let Some(of) = &incident.acknowledgement {
        lines.push(pair("looked after", &remark(of, now)));
    }
    match &incident.resolution {
        Some(resolution) => {
            let said = format!("{} (log {})", resolution.actor, resolution.log_index);
            lines.push(pair("resolved by", &said));
            lines.push(pair("because", &or_dash(&resolution.reason)));
            lines.push(end_of_halt(resolution));
        }
        None => lines.push(pair("lift it with", &way_out(incident))),
    }
    lines.extend(incident.notes.iter().map(|note| pair("note", &remark(note, now))));
    if let Some(verdict) = &incident.verdict {
        let id = id_of(&incident.rollout);
        let again = format!("tidegate rollout replay {id} --at {}", verdict.log_index);
        lines.push(pair("check with", &again));
    }
    lines.join("\n")
}

fn end_of_halt(resolution: &v1::IncidentResolution) -> String {
    if resolution.halt_stands {
        return pair("the halt", "stands as before");
    }
    let acknowledged = hosts(resolution.acknowledged_hosts);
    pair("acknowledged", &format!("the failures of {acknowledged}"))
}

/// What a person said, and when.
fn remark(of: &v1::IncidentRemark, now: DateTime<Utc>) -> String {
    let who = format!("{}, {} (log {})", of.actor, ago(of.time.as_ref(), now), of.log_index);
    if of.remark.is_empty() { who } else { format!("{who}: {}", plain(&of.remark)) }
}

fn standing(incident: &v1::Incident, now: DateTime<Utc>) -> String {
    let state = word::<v1::IncidentState>(incident.state);
    let ended = || ago(incident.end_time.as_ref(), now);
    match incident.state() {
        v1::IncidentState::Open | v1::IncidentState::Unspecified => state,
        v1::IncidentState::Widened => {
            format!("{state} {} into {}", ended(), incident.widened_into)
        }
        v1::IncidentState::Resolved => format!("{state} {}", ended()),
    }
}

/// What a person types to lift the halt.
fn way_out(incident: &v1::Incident) -> String {
    let id = id_of(&incident.rollout);
    match (incident.state(), incident.scope.as_str()) {
        (v1::IncidentState::Widened, _) => {
            format!("tidegate incident get {}", id_of(&incident.widened_into))
        }
        (_, "everything") => format!("tidegate rollout resume {id} --reason REASON"),
        (_, slice) => format!("tidegate rollout resume {id} --slice '{slice}' --reason REASON"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::client::clock;

    fn incident() -> v1::Incident {
        v1::Incident {
            name: "incidents/3".to_owned(),
            rollout: "rollouts/113.1".to_owned(),
            patch_set: "patchSets/113.1".to_owned(),
            scope: "kernel=6.8".to_owned(),
            state: v1::IncidentState::Open.into(),
            verdict: Some(v1::Verdict { log_index: 91, ..Default::default() }),
            evidence: vec!["kernel 6.8: 4 patched hosts failed".to_owned()],
            ..Default::default()
        }
    }

    #[test]
    fn an_open_incident_says_how_to_lift_its_halt_and_how_to_check_it() {
        expect![[r#"
            incident     incidents/3
            state        OPEN
            rollout      rollouts/113.1
            patch set    patchSets/113.1
            scope        kernel=6.8
            lift it with tidegate rollout resume 113.1 --slice 'kernel=6.8' --reason REASON
            check with   tidegate rollout replay 113.1 --at 91

            kernel 6.8: 4 patched hosts failed"#]]
        .assert_eq(&whole(&incident(), Show::Always, clock::now()));
    }

    #[test]
    fn a_resolved_incident_says_who_lifted_it_and_why() {
        let resolved = v1::Incident {
            state: v1::IncidentState::Resolved.into(),
            resolution: Some(v1::IncidentResolution {
                actor: "ada".to_owned(),
                reason: "firmware is fixed".to_owned(),
                acknowledged_hosts: 4,
                log_index: 140,
                halt_stands: false,
            }),
            verdict: None,
            evidence: Vec::new(),
            ..incident()
        };
        expect![[r#"
            incident     incidents/3
            state        RESOLVED -
            rollout      rollouts/113.1
            patch set    patchSets/113.1
            scope        kernel=6.8
            resolved by  ada (log 140)
            because      firmware is fixed
            acknowledged the failures of 4 hosts"#]]
        .assert_eq(&whole(&resolved, Show::Always, clock::now()));
    }

    #[test]
    fn an_incident_that_was_resolved_while_its_halt_stands_says_both_and_what_was_noted() {
        let said = |actor: &str, remark: &str, log_index| v1::IncidentRemark {
            actor: actor.to_owned(),
            remark: remark.to_owned(),
            log_index,
            time: None,
        };
        let resolved = v1::Incident {
            state: v1::IncidentState::Resolved.into(),
            acknowledgement: Some(said("ada", "", 120)),
            notes: vec![said("bob", "firmware 1.2 alone", 130)],
            resolution: Some(v1::IncidentResolution {
                actor: "ada".to_owned(),
                reason: "113.2 took over".to_owned(),
                acknowledged_hosts: 0,
                log_index: 140,
                halt_stands: true,
            }),
            verdict: None,
            evidence: Vec::new(),
            ..incident()
        };
        expect![[r#"
            incident     incidents/3
            state        RESOLVED -
            rollout      rollouts/113.1
            patch set    patchSets/113.1
            scope        kernel=6.8
            looked after ada, - (log 120)
            resolved by  ada (log 140)
            because      113.2 took over
            the halt     stands as before
            note         bob, - (log 130): firmware 1.2 alone"#]]
        .assert_eq(&whole(&resolved, Show::Always, clock::now()));
    }
}
