//! How does a rollout look to a person? A small tree: the head, the tiers with their waves, the
//! gates; and the explanation, and the one line of a watch in a pipe.

use std::iter;

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use tidegate_proto::v1;

use super::Show;
use super::json::word;
use super::table::grid;
use super::text::{hosts, or_dash, plain, ppm, share_of};
use super::time::{ago, rfc3339, span, when};
use crate::client::ids::to_hex;
use crate::client::names::id_of;

/// Witnesses of a halt that are shown where `-o wide` does not ask for all.
const FEW_WITNESSES: usize = 5;

/// The whole tree.
pub(crate) fn tree(rollout: &v1::Rollout, show: Show, now: DateTime<Utc>) -> String {
    let gates =
        rollout.verdict.as_ref().map(|verdict| verdict.gates.as_slice()).unwrap_or_default();
    let blocks = [
        head(rollout, now),
        rollout.withdrawal.as_ref().map(|of| withdrawn(of, now)).unwrap_or_default(),
        rollout.halt.as_ref().map(|halt| halted(halt, show, now)).unwrap_or_default(),
        slices(rollout, show, now),
        tiers(rollout),
        gate_table(gates),
    ];
    let blocks: Vec<String> = blocks.into_iter().filter(|block| !block.is_empty()).collect();
    blocks.join("\n\n")
}

/// The slices that are halted while the rest goes on.
fn slices(rollout: &v1::Rollout, show: Show, now: DateTime<Utc>) -> String {
    let slice = |of: &v1::HaltedSlice| {
        let halt = of.halt.as_ref().map(|halt| halted(halt, show, now)).unwrap_or_default();
        let said = format!("{} ({}, {})", of.slice, hosts(of.hosts), of.incident);
        format!("{}\n{halt}", pair("slice", &said))
    };
    rollout.halted_slices.iter().map(slice).collect::<Vec<_>>().join("\n\n")
}

fn head(rollout: &v1::Rollout, now: DateTime<Utc>) -> String {
    let mut lines = vec![
        pair("rollout", &rollout.name),
        pair("patch set", &format!("{}  (epoch {})", rollout.patch_set, rollout.epoch)),
        pair("state", &standing(rollout)),
        pair("policy", &or_dash(&rollout.policy_name)),
        pair("waiting on", &waiting_on(rollout)),
    ];
    if let Some(verdict) = &rollout.verdict {
        let kind = word::<v1::VerdictKind>(verdict.kind);
        let said = format!("{kind} (log {})  {}", verdict.log_index, verdict.summary);
        lines.push(pair("verdict", &said));
    }
    let exposure = share_of(rollout.exposed_hosts, rollout.exposure_budget_hosts);
    let in_flight = share_of(rollout.in_flight_hosts, rollout.in_flight_cap_hosts);
    if let Some(at) = rollout.start_at.as_ref().and_then(rfc3339) {
        lines.push(pair("starts at", &at));
    }
    lines.push(pair("exposure", &format!("{exposure} hosts of the budget")));
    lines.push(pair("in flight", &format!("{in_flight} hosts of the cap")));
    lines.extend(short_soaks(rollout));
    if rollout.shut_out_hosts > 0 {
        let shut_out = format!("{} of halted slices", hosts(rollout.shut_out_hosts));
        lines.push(pair("shut out", &shut_out));
    }
    if let Some(counts) = rollout.acknowledged.as_ref().filter(|counts| failures(counts) > 0) {
        lines.push(pair("acknowledged", &failures_in_words(counts)));
    }
    if let Some(counts) = rollout.counts.filter(|counts| counts.reverted > 0) {
        lines.push(pair("reverted", &hosts(counts.reverted)));
    }
    let times = [
        ("created", &rollout.create_time),
        ("started", &rollout.start_time),
        ("completed", &rollout.end_time),
    ];
    for (what, time) in times {
        if time.is_some() {
            lines.push(pair(what, &ago(time.as_ref(), now)));
        }
    }
    lines.join("\n")
}

/// Why hosts soak for a shorter time than the policy's ladder says.
fn short_soaks(rollout: &v1::Rollout) -> Vec<String> {
    let hasty = |of: &v1::Expedited| {
        let said = format!("by {} (log {}): {}", of.actor, of.log_index, or_dash(&of.reason));
        pair("expedited", &said)
    };
    let mut lines: Vec<String> = rollout.expedited.iter().map(hasty).collect();
    if let Some(first) = rollout.proven.first() {
        let more = match rollout.proven.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let soak = span(first.soak_ms);
        let said =
            format!("{}{more}, by {}: soaks {soak} at most", first.kernel, id_of(&first.rollout));
        lines.push(pair("proven on", &said));
    }
    lines
}

pub(crate) fn pair(key: &str, value: &str) -> String {
    format!("{key:<13}{}", plain(value)).trim_end().to_owned()
}

/// The state, and the tier and wave where there is one: `RUNNING, free wave 2/4`.
pub(crate) fn standing(rollout: &v1::Rollout) -> String {
    let state = word::<v1::RolloutState>(rollout.state);
    if rollout.tier.is_empty() || rollout.wave == 0 {
        return state;
    }
    let tier = rollout.tiers.iter().find(|tier| tier.tier == rollout.tier);
    let waves = tier.map_or(0, |tier| tier.waves.len());
    format!("{state}, {} wave {}/{waves}", id_of(&rollout.tier), rollout.wave)
}

/// What it waits on: a person where somebody has stopped it or nobody has started it, else the gate,
/// with its sentence.
pub(crate) fn waiting_on(rollout: &v1::Rollout) -> String {
    match rollout.state() {
        v1::RolloutState::Draft => "a person: it is a draft until it is started".to_owned(),
        v1::RolloutState::Paused => "a person: it is paused until it is resumed".to_owned(),
        v1::RolloutState::Halted => {
            let halt = rollout.halt.as_ref();
            let (actor, reason) = halt.map_or(("-", "-"), |halt| (&halt.actor, &halt.reason));
            format!("a person: halted by {actor}: {reason}")
        }
        v1::RolloutState::Superseded => {
            format!("nothing: {} took its place", rollout.superseded_by)
        }
        v1::RolloutState::RollingBack => {
            let withdrawal = rollout.withdrawal.as_ref();
            withdrawal.map_or_else(|| "-".to_owned(), ledger_in_words)
        }
        v1::RolloutState::RolledBack => "nothing: it was rolled back".to_owned(),
        v1::RolloutState::Unspecified
        | v1::RolloutState::Running
        | v1::RolloutState::AwaitingApproval
        | v1::RolloutState::Completed => waiting_gate(rollout),
    }
}

fn waiting_gate(rollout: &v1::Rollout) -> String {
    let Some(verdict) = &rollout.verdict else { return "-".to_owned() };
    let gate = verdict.gates.iter().find(|gate| gate.name == verdict.waiting_on);
    gate.map_or_else(
        || or_dash(&verdict.waiting_on),
        |gate| format!("{}: {}", gate.name, gate.detail),
    )
}

fn failures(counts: &v1::Counts) -> u64 {
    [counts.crashed, counts.failed, counts.stalled, counts.silent].into_iter().sum()
}

/// `2 crashed, 1 silent`, or `no failures`.
pub(crate) fn failures_in_words(counts: &v1::Counts) -> String {
    let parts = [
        (counts.crashed, "crashed"),
        (counts.failed, "failed"),
        (counts.stalled, "stalled"),
        (counts.silent, "silent"),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if said.is_empty() { "no failures".to_owned() } else { said.join(", ") }
}

/// A withdrawal: who, why, and who still runs it.
pub(crate) fn withdrawn(of: &v1::Withdrawal, now: DateTime<Utc>) -> String {
    let when = ago(of.time.as_ref(), now);
    [
        pair(
            "WITHDRAWN",
            &format!("by {} {when} (log {}, epoch {})", of.actor, of.log_index, of.epoch),
        ),
        pair("because", &or_dash(&of.reason)),
        pair("ledger", &ledger_in_words(of)),
    ]
    .join("\n")
}

/// `3 hosts still run it: 2 told to revert, 1 owed a reboot`.
pub(crate) fn ledger_in_words(of: &v1::Withdrawal) -> String {
    let (reverts, reboots) = (of.reverting_hosts, of.reboot_owed_hosts);
    match reverts + reboots {
        0 => "no host runs it any more".to_owned(),
        1 => format!("1 host still runs it: {reverts} told to revert, {reboots} owed a reboot"),
        n => format!("{n} hosts still run it: {reverts} told to revert, {reboots} owed a reboot"),
    }
}

pub(crate) fn halted(halt: &v1::Halt, show: Show, now: DateTime<Utc>) -> String {
    let counts = halt.counts.unwrap_or_default();
    let when = ago(halt.time.as_ref(), now);
    let mut lines = vec![
        pair(
            "HALTED",
            &format!("by {} {when} (log {}, epoch {})", halt.actor, halt.log_index, halt.epoch),
        ),
        pair("because", &or_dash(&halt.reason)),
        pair("hosts", &format!("{} of {} begun", failures_in_words(&counts), counts.begun)),
    ];
    let limit = if show == Show::Wide { usize::MAX } else { FEW_WITNESSES };
    for witness in halt.witnesses.iter().take(limit) {
        let phase = word::<v1::GrantPhase>(witness.phase);
        let facts = [&witness.kernel_release, &witness.cpu_model, &witness.zone];
        let facts: Vec<&str> =
            facts.into_iter().map(String::as_str).filter(|fact| !fact.is_empty()).collect();
        let said = format!("{} {phase}: {} [{}]", witness.host, witness.detail, facts.join(", "));
        lines.push(pair("", &said));
    }
    let hidden = halt.witnesses.len().saturating_sub(limit);
    if hidden > 0 {
        lines.push(pair("", &format!("and {hidden} more; -o wide shows them")));
    }
    lines.join("\n")
}

fn tiers(rollout: &v1::Rollout) -> String {
    let titles =
        ["TIER", "STATE", "HOSTS", "BEGUN", "VERIFIED", "IN FLIGHT", "FAILURES", "REFUSED"];
    let lines = rollout
        .tiers
        .iter()
        .flat_map(|tier| iter::once(tier_line(tier)).chain(wave_lines(tier)))
        .collect();
    grid(Some(&titles.map(str::to_owned)), lines)
}

fn tier_line(tier: &v1::TierProgress) -> Vec<String> {
    let counts = tier.counts.unwrap_or_default();
    let failed = match failures(&counts) {
        0 => "0".to_owned(),
        _ => failures_in_words(&counts),
    };
    vec![
        id_of(&tier.tier).to_owned(),
        word::<v1::StageState>(tier.state),
        tier.eligible_hosts.to_string(),
        share_of(counts.begun, tier.eligible_hosts),
        counts.verified.to_string(),
        counts.in_flight.to_string(),
        failed,
        counts.refused.to_string(),
    ]
}

fn wave_lines(tier: &v1::TierProgress) -> Vec<Vec<String>> {
    let last = tier.waves.len().saturating_sub(1);
    let line = |(at, wave): (usize, &v1::WaveProgress)| {
        let branch = if at == last { "└─" } else { "├─" };
        let share = if wave.share_ppm == 0 { "drawn".to_owned() } else { ppm(wave.share_ppm) };
        let state = word::<v1::StageState>(wave.state);
        let state = match (wave.started_elapsed_ms, wave.passed_elapsed_ms) {
            (started, passed) if started > 0 && passed > started => {
                format!("{state} in {}", span(passed - started))
            }
            (_, _) => state,
        };
        vec![format!("{branch} wave {}: {share}", at + 1), state, wave.hosts.to_string()]
    };
    tier.waves.iter().enumerate().map(line).collect()
}

fn gate_table(gates: &[v1::Gate]) -> String {
    let titles = ["GATE", "STATE", "SEEN", "NEEDED", "DETAIL"];
    let lines = gates
        .iter()
        .map(|gate| {
            vec![
                gate.name.clone(),
                word::<v1::GateState>(gate.state),
                quantity(gate.observed, &gate.unit),
                quantity(gate.required, &gate.unit),
                gate.detail.clone(),
            ]
        })
        .collect();
    grid(Some(&titles.map(str::to_owned)), lines)
}

/// `12 hosts`, and times as people say them.
fn quantity(number: i64, unit: &str) -> String {
    match (unit, u64::try_from(number)) {
        ("ms", Ok(ms)) => span(ms),
        ("hosts", Ok(count)) => hosts(count),
        ("mbit", Ok(mbit)) => format!("score {}.{:03}", mbit / 1_000, mbit % 1_000),
        (_, _) => format!("{number} {unit}").trim_end().to_owned(),
    }
}

/// The explanation: headline, gates, the host's grant, then what was decided.
pub(crate) fn explanation(answer: &v1::ExplainRolloutResponse, now: DateTime<Utc>) -> String {
    let mut lines = vec![plain(&answer.headline)];
    lines.extend(earliest(answer, now));
    if let Some(grant) = &answer.grant {
        let phase = word::<v1::GrantPhase>(grant.phase);
        let detail =
            if grant.detail.is_empty() { String::new() } else { format!(": {}", grant.detail) };
        lines
            .push(plain(&format!("grant {} of {} is {phase}{detail}", grant.grant_id, grant.host)));
    }
    lines.extend(basis_lines(&answer.gates, &answer.evidence));
    if !answer.records.is_empty() {
        lines.push(String::new());
        let titles = ["WHEN", "LOG", "WHO", "EVENT", "DETAIL"];
        let records = answer.records.iter().map(|record| record_cells(record, now)).collect();
        lines.push(grid(Some(&titles.map(str::to_owned)), records));
    }
    lines.join("\n")
}

/// When it goes on at the earliest, and is completed, where dates and soaks alone say that.
fn earliest(answer: &v1::ExplainRolloutResponse, now: DateTime<Utc>) -> Vec<String> {
    let told = |what: &str, time: &Option<Timestamp>| {
        let at = time.as_ref().and_then(rfc3339)?;
        Some(format!("{what} {} at the earliest: {at}", when(time.as_ref(), now)))
    };
    let lines = [told("goes on", &answer.next_time), told("completed", &answer.earliest_done_time)];
    lines.into_iter().flatten().collect()
}

/// A verdict that was computed again, as text.
pub(crate) fn replayed(answer: &v1::ReplayRolloutResponse) -> String {
    let same = if answer.same { "the same to the bit" } else { "NOT THE SAME" };
    let mut lines = vec![
        format!("log index {}: {}", answer.log_index, plain(&answer.recorded)),
        format!("recorded {}", to_hex(&answer.recorded_hash)),
        format!("computed {}: {same}", to_hex(&answer.computed_hash)),
    ];
    let verdict = answer.verdict.as_ref();
    let gates = verdict.map_or(&[][..], |verdict| verdict.gates.as_slice());
    lines.extend(basis_lines(gates, &answer.evidence));
    lines.join("\n")
}

/// The gates, then the lines of the evidence, each after an empty line.
fn basis_lines(gates: &[v1::Gate], evidence: &[String]) -> Vec<String> {
    let gates: Vec<String> = gates.iter().map(gate_line).collect();
    let evidence: Vec<String> = evidence.iter().map(|line| plain(line)).collect();
    let blocks = [gates, evidence].into_iter().filter(|block| !block.is_empty());
    blocks.flat_map(|block| iter::once(String::new()).chain(block)).collect()
}

pub(crate) fn gate_line(gate: &v1::Gate) -> String {
    let state = word::<v1::GateState>(gate.state).to_lowercase();
    let state = format!("[{state}]");
    format!("{state:<9} {}: {}", plain(&gate.name), plain(&gate.detail))
}

fn record_cells(record: &v1::DecisionRecord, now: DateTime<Utc>) -> Vec<String> {
    vec![
        ago(record.time.as_ref(), now),
        record.log_index.to_string(),
        or_dash(&record.actor),
        record.event.clone(),
        record.detail.clone(),
    ]
}

/// One change on one line, for a pipe or a log.
pub(crate) fn line(change: &v1::WatchRolloutResponse) -> String {
    let mut parts = Vec::new();
    if let Some(rollout) = &change.rollout {
        let verdict = rollout.verdict.as_ref().map(|said| word::<v1::VerdictKind>(said.kind));
        parts.push(format!("rev {}", rollout.revision));
        parts.push(id_of(&rollout.name).to_owned());
        parts.push(standing(rollout));
        parts.push(format!("verdict {}", verdict.as_deref().unwrap_or("-")));
        parts.push(format!("waiting on {}", waiting_on(rollout)));
        let exposed = share_of(rollout.exposed_hosts, rollout.exposure_budget_hosts);
        parts.push(format!("exposed {exposed}"));
        let in_flight = share_of(rollout.in_flight_hosts, rollout.in_flight_cap_hosts);
        parts.push(format!("in flight {in_flight}"));
    }
    for record in &change.records {
        let time = record.time.as_ref().and_then(rfc3339).unwrap_or_default();
        parts.push(format!("{time} {} {}: {}", record.actor, record.event, record.detail));
    }
    plain(&parts.join(" | "))
}

#[cfg(test)]
#[path = "rollout_tests.rs"]
mod tests;
