//! What does a person see who asks why? The cause in a sentence, every gate, the arithmetic, what was decided.

use tidegate_policies::gate::GateState;
use tidegate_proto::v1 as pb;

use super::convert::{fleet, records, rollout, timestamp, verdict};
use super::error::ApiError;
use super::hosts::find_host;
use crate::machine::Machine;
use crate::machine::explain::{HostGate, LEDGER};
use crate::machine::records::rollout_subject;
use crate::machine::rollouts::Rollout;

/// Most records in one answer.
const MAX_EXPLAINED: usize = 50;

/// The explanation of a rollout, or of one host's place in it; `host` is empty or `hosts/…`.
///
/// # Errors
///
/// [`ApiError`]: the host is not known.
pub(crate) fn rollout(
    machine: &Machine,
    of: &Rollout,
    host: &str,
) -> Result<pb::ExplainRolloutResponse, ApiError> {
    let drawn = rollout::rollout(machine, of);
    let subject = rollout_subject(of.id.as_str());
    // A host's gates speak for themselves; the rollout's history would bury them.
    let limit = if host.is_empty() { MAX_EXPLAINED } else { 0 };
    let kept =
        machine.records().on(&subject).take(limit).map(|record| records::record(&record)).collect();
    let (gates, cause, grant, begins) = if host.is_empty() {
        // Of what is withdrawn only its ledger counts, of what is halted the gates that halted it.
        if let Some(withdrawal) = &drawn.withdrawal {
            let gate = ledger_gate(withdrawal);
            let cause = if gate.observed == 0 { String::new() } else { gate.name.clone() };
            (vec![gate], cause, None, None)
        } else if let Some(halt) = &drawn.halt {
            let first = halt.gates.first().map(|gate| gate.name.clone());
            (halt.gates.clone(), first.unwrap_or_default(), None, None)
        } else {
            let verdict = drawn.verdict.clone().unwrap_or_default();
            (verdict.gates, verdict.waiting_on, None, None)
        }
    } else {
        let host = find_host(machine, host)?;
        let host = machine.hosts().get(&host).ok_or_else(|| machine.no_host(host))?;
        let gates = machine.explain_host(of, &host);
        // A host that still runs what was withdrawn waits to get rid of it, and for nothing else.
        let owed = |gate: &&HostGate| gate.name == LEDGER && gate.state != GateState::Open;
        let shut = gates.iter().find(owed);
        let shut = shut.or_else(|| gates.iter().find(|gate| gate.state == GateState::Shut));
        let cause = shut.or_else(|| gates.iter().find(|gate| gate.state != GateState::Open));
        let entry = machine.entries().get(of, host.id);
        let grant = entry.and_then(|entry| machine.grants().get(&entry.grant));
        (
            gates.iter().map(verdict::host_gate).collect(),
            cause.map_or_else(String::new, |gate| gate.name.to_owned()),
            grant.map(|grant| fleet::grant(machine, &grant)),
            machine.may_begin_from((of, &host), &gates),
        )
    };
    let waiting = gates.iter().find(|gate: &&pb::Gate| gate.name == cause);
    let headline = match host {
        "" => headline(&drawn, waiting),
        host => host_headline(&drawn, waiting, (host, grant.as_ref())),
    };
    let (decided, done) =
        if host.is_empty() && !is_held(&drawn) { machine.goes_on(of) } else { (begins, None) };
    Ok(pb::ExplainRolloutResponse {
        headline,
        waiting_on: cause,
        gates,
        records: kept,
        revision: machine.applied(),
        rollout: Some(drawn),
        grant,
        evidence: if host.is_empty() { lines(machine, of) } else { Vec::new() },
        next_time: decided.map(timestamp),
        earliest_done_time: done.map(timestamp),
    })
}

/// What is halted of the rollout, and what its judgement rests on.
fn lines(machine: &Machine, of: &Rollout) -> Vec<String> {
    let mut lines = machine.explain_slices(of);
    lines.extend(machine.explain_evidence(of));
    lines
}

/// What a host waits on; of one that has the patch set, how far it is.
fn host_headline(
    of: &pb::Rollout,
    waiting: Option<&pb::Gate>,
    (host, grant): (&str, Option<&pb::Grant>),
) -> String {
    use pb::GrantPhase as Phase;
    let patch_set = &of.patch_set;
    match (grant.map(pb::Grant::phase), waiting) {
        (_, Some(gate)) if gate.name == LEDGER => {
            format!("{host} waits to get rid of {patch_set}: {}", gate.detail)
        }
        (Some(Phase::Reverted), _) => format!("{host} has taken {patch_set} out again"),
        (Some(Phase::Begun), _) => format!("{host} is applying {patch_set}"),
        (Some(Phase::Applied), _) => format!("{host} has {patch_set}, and soaks"),
        (Some(Phase::Soaked), _) => format!("{host} has {patch_set}, and its soak is over"),
        (_, None) => format!("nothing keeps {host} from {patch_set}"),
        (_, Some(gate)) => format!("{host} waits on {}: {}", gate.name, gate.detail),
    }
}

/// Whether anybody still runs a withdrawn patch set.
fn ledger_gate(of: &pb::Withdrawal) -> pb::Gate {
    let (reverts, reboots) = (of.reverting_hosts, of.reboot_owed_hosts);
    let (state, detail) = match reverts + reboots {
        0 => (pb::GateState::Open, "no host runs it any more".to_owned()),
        hosts => (
            pb::GateState::Waiting,
            format!(
                "{} it in their present boot: {reverts} told to revert, {reboots} owed a reboot",
                if hosts == 1 { "1 host runs".to_owned() } else { format!("{hosts} hosts run") }
            ),
        ),
    };
    pb::Gate {
        name: LEDGER.to_owned(),
        state: state.into(),
        observed: i64::try_from(reverts + reboots).unwrap_or(i64::MAX),
        required: 0,
        unit: "hosts".to_owned(),
        detail,
        open_time: None,
    }
}

fn is_held(of: &pb::Rollout) -> bool {
    of.verdict.as_ref().is_some_and(|verdict| verdict.kind() == pb::VerdictKind::Hold)
}

fn headline(of: &pb::Rollout, waiting: Option<&pb::Gate>) -> String {
    if let Some(withdrawal) = &of.withdrawal {
        let (actor, index, epoch) = (&withdrawal.actor, withdrawal.log_index, withdrawal.epoch);
        let now = waiting.map_or("no host runs it any more", |gate| gate.detail.as_str());
        let reason = &withdrawal.reason;
        return format!(
            "withdrawn by {actor} at log index {index}, epoch {epoch}: {reason}; {now}"
        );
    }
    if let Some(halt) = &of.halt {
        let (actor, index, epoch) = (&halt.actor, halt.log_index, halt.epoch);
        return format!("halted by {actor} at log index {index}, epoch {epoch}: {}", halt.reason);
    }
    let is_held = is_held(of);
    match (of.state(), waiting) {
        (pb::RolloutState::Draft, _) => {
            "a draft: start it with `tidegate rollout start`".to_owned()
        }
        (pb::RolloutState::Paused, _) => "paused by an operator: resume it to go on".to_owned(),
        (pb::RolloutState::Completed, _) => "completed: every wave has passed".to_owned(),
        (_, Some(gate)) if is_held => format!("held: {}: {}", gate.name, gate.detail),
        (_, Some(gate)) => format!("waits on {}: {}", gate.name, gate.detail),
        (_, None) => "every gate is open: it goes on with the next tick".to_owned(),
    }
}
