//! Rollouts, in and out.

use tidegate_policies::detector::cut::Cut;
use tidegate_policies::document;
use tidegate_policies::evidence::Counts;
use tidegate_policies::gate::GateName;
use tidegate_policies::policy::Policy;
use tidegate_policies::time::Elapsed;
use tidegate_proto::v1 as pb;

use super::check::{bounded, resource, wall};
use super::patch_set::withdrawal;
use super::verdict::{counts, gate, verdict};
use super::{fleet, people, timestamp};
use crate::api::error::BadField;
use crate::machine::Machine;
use crate::machine::command::{
    Action, CreateRollout, OfSlice, Promote, PromoteRollout, WithReason,
};
use crate::machine::ids::{NotAName, RolloutId, Version};
use crate::machine::incidents::HaltScope;
use crate::machine::patch_sets::{Halt, Witness};
use crate::machine::rollouts::{Place, Rollout, StageProgress, State, WaveProgress};
use crate::machine::slice_words::SliceSeen;

/// Longest reason, in bytes.
pub const MAX_REASON_BYTES: usize = 512;

/// Longest slice, in bytes.
pub const MAX_SLICE_BYTES: usize = 256;

/// A rollout to create.
///
/// # Errors
///
/// [`BadField`], also for a policy document that is none.
pub fn create(request: &pb::CreateRolloutRequest) -> Result<CreateRollout, BadField> {
    let version: Version = resource("patch_set", "patchSets", &request.patch_set)?;
    let id = match request.rollout_id.as_str() {
        "" => version.as_str(),
        id => id,
    };
    let rollout: RolloutId = id
        .parse()
        .map_err(|error: NotAName| BadField::new("rollout_id", id, &error.to_string()))?;
    let (policy, policy_toml) = policy(request)?;
    let start_at = wall("start_at", request.start_at.as_ref())?;
    Ok(CreateRollout { rollout, version, policy, policy_toml, start_at })
}

pub(super) fn policy(request: &pb::CreateRolloutRequest) -> Result<(Policy, String), BadField> {
    use pb::create_rollout_request::Policy as Asked;
    let (source, text) = match &request.policy {
        Some(Asked::Preset(name)) => {
            let Some(preset) = document::preset(name) else {
                let known: Vec<&str> = document::PRESETS.iter().map(|preset| preset.name).collect();
                let what = format!("is no preset; there are {}", known.join(", "));
                return Err(BadField::new("preset", name, &what));
            };
            (preset.name, preset.text)
        }
        Some(Asked::PolicyToml(text)) => {
            let source = request.policy_source.as_str();
            (if source.is_empty() { "policy" } else { source }, text.as_str())
        }
        None => {
            let what = "is missing: name a preset, or send a policy document";
            return Err(BadField::new("policy", "nothing", what));
        }
    };
    let policy = document::parse(source, text)
        .map_err(|error| BadField::new("policy_toml", source, &error.to_string()))?;
    Ok((policy, text.to_owned()))
}

/// A rollout's name.
///
/// # Errors
///
/// [`BadField`].
pub fn id(name: &str) -> Result<RolloutId, BadField> {
    resource("name", "rollouts", name)
}

/// A rollout's name with a reason.
///
/// # Errors
///
/// [`BadField`].
pub fn with_reason(name: &str, reason: &str) -> Result<WithReason, BadField> {
    let reason = bounded("reason", reason, MAX_REASON_BYTES)?;
    Ok(WithReason { rollout: id(name)?, reason })
}

/// What a halt asks for: of everything, or of one slice.
///
/// # Errors
///
/// [`BadField`].
pub fn halt(request: &pb::HaltRolloutRequest) -> Result<(RolloutId, Action), BadField> {
    let of = with_reason(&request.name, &request.reason)?;
    action((of, &request.slice), Action::HaltRollout, Action::HaltSlice)
}

/// What a resume asks for: of everything, or of one slice.
///
/// # Errors
///
/// [`BadField`].
pub fn resume(request: &pb::ResumeRolloutRequest) -> Result<(RolloutId, Action), BadField> {
    let of = with_reason(&request.name, &request.reason)?;
    action((of, &request.slice), Action::ResumeRollout, Action::ResumeSlice)
}

/// The action on everything, or on the slice that is named.
fn action(
    (of, slice): (WithReason, &str),
    everything: impl FnOnce(WithReason) -> Action,
    alone: impl FnOnce(OfSlice) -> Action,
) -> Result<(RolloutId, Action), BadField> {
    let slice = bounded("slice", slice, MAX_SLICE_BYTES)?;
    let id = of.rollout.clone();
    if slice.is_empty() {
        return Ok((id, everything(of)));
    }
    let cut = Cut::parse(&slice).map_err(|no| BadField::new("slice", &slice, &no.to_string()))?;
    let WithReason { rollout, reason } = of;
    Ok((id, alone(OfSlice { rollout, cut, reason })))
}

/// A promotion.
///
/// # Errors
///
/// [`BadField`].
pub fn promote(request: &pb::PromoteRolloutRequest) -> Result<PromoteRollout, BadField> {
    let WithReason { rollout, reason } = with_reason(&request.name, &request.reason)?;
    let how = if request.force { Promote::Forced { reason } } else { Promote::WhenOpen };
    let from_tier = match request.from_tier.as_str() {
        "" => None,
        tier => Some(resource("from_tier", "tiers", tier)?),
    };
    let from_wave = Some(request.from_wave).filter(|&wave| wave > 0);
    Ok(PromoteRollout { rollout, how, from_tier, from_wave })
}

/// A rollout for the wire, judged as of now.
pub fn rollout(machine: &Machine, of: &Rollout) -> pb::Rollout {
    let inputs = machine.inputs(of);
    let set = machine.patch_sets().get(&of.version);
    // Nothing is judged of what was withdrawn.
    let is_judged = set.is_none_or(|set| set.withdrawn.is_none());
    let judged = is_judged.then(|| machine.verdict(of)).flatten();
    let waiting = judged.as_ref().and_then(|verdict| verdict.waiting_on()).map(|gate| gate.name);
    let reached = of.verdict.as_ref().map_or(0, |reached| reached.index);
    let current = of.place.filter(|_| of.state != State::Completed);
    let stage = current.and_then(|place| of.policy.ladder.get(place.stage));
    let acknowledged = |all: u64, open: u64| all.saturating_sub(open);
    let (all, open) = (of.counts, of.unacknowledged);
    pb::Rollout {
        name: format!("rollouts/{}", of.id),
        patch_set: format!("patchSets/{}", of.version),
        state: state(of.state, waiting).into(),
        policy_name: of.policy.name.clone(),
        policy_toml: of.policy_toml.clone(),
        tier: stage.map_or_else(String::new, |stage| format!("tiers/{}", stage.tier)),
        wave: current.map_or(0, |place| u32::try_from(place.wave + 1).unwrap_or(u32::MAX)),
        tiers: of.stages.iter().enumerate().map(|(at, stage)| tier(of, at, stage)).collect(),
        verdict: judged.as_ref().map(|now| verdict(now, reached)),
        halt: set
            .and_then(|set| set.halt.as_ref())
            .map(|of| halted(machine, of, HaltScope::EVERYTHING)),
        epoch: set.map_or(0, |set| set.epoch),
        in_flight_hosts: open.in_flight,
        in_flight_cap_hosts: inputs.as_ref().map_or(0, |inputs| inputs.in_flight_cap),
        exposed_hosts: open.exposed(),
        exposure_budget_hosts: inputs.as_ref().map_or(0, |inputs| inputs.exposure_budget),
        create_time: Some(timestamp(of.created)),
        start_time: of.started.map(timestamp),
        start_at: of.start_at.map(timestamp),
        end_time: of.ended.map(timestamp),
        revision: of.revision,
        etag: of.etag().to_string(),
        acknowledged: Some(counts(&Counts {
            crashed: acknowledged(all.crashed, open.crashed),
            failed: acknowledged(all.failed, open.failed),
            stalled: acknowledged(all.stalled, open.stalled),
            silent: acknowledged(all.silent, open.silent),
            ..Counts::default()
        })),
        counts: Some(counts(&all)),
        halted_slices: machine.halted_slices(of).iter().map(|of| slice_seen(machine, of)).collect(),
        shut_out_hosts: of.shut_out_hosts(),
        withdrawal: set.and_then(|set| set.withdrawn.as_ref()).map(withdrawal),
        ..people::of_rollout(machine, of)
    }
}

fn slice_seen(machine: &Machine, of: &SliceSeen<'_>) -> pb::HaltedSlice {
    let slice = of.slice.cut.to_string();
    pb::HaltedSlice {
        halt: Some(halted(machine, &of.slice.halt, &slice)),
        slice,
        hosts: of.hosts,
        incident: of.incident.map_or_else(String::new, |number| format!("incidents/{number}")),
    }
}

fn state(state: State, waiting: Option<GateName>) -> pb::RolloutState {
    match state {
        State::Draft => pb::RolloutState::Draft,
        State::Running if waiting == Some(GateName::Approval) => pb::RolloutState::AwaitingApproval,
        State::Running => pb::RolloutState::Running,
        State::Paused => pb::RolloutState::Paused,
        State::Halted => pb::RolloutState::Halted,
        State::Completed => pb::RolloutState::Completed,
        State::Superseded => pb::RolloutState::Superseded,
        State::RollingBack => pb::RolloutState::RollingBack,
        State::RolledBack => pb::RolloutState::RolledBack,
    }
}

fn tier(rollout: &Rollout, at: usize, progress: &StageProgress) -> pb::TierProgress {
    let stage = &rollout.policy.ladder[at];
    let wave = |(n, of): (usize, &WaveProgress)| pb::WaveProgress {
        share_ppm: stage.waves[n].ppm(),
        state: wave_state(rollout, Place { stage: at, wave: n }).into(),
        hosts: of.hosts,
        started_elapsed_ms: elapsed(of.started),
        passed_elapsed_ms: elapsed(of.passed),
    };
    let last = Place { stage: at, wave: stage.waves.len() - 1 };
    let first = Place { stage: at, wave: 0 };
    let state = match (wave_state(rollout, first), wave_state(rollout, last)) {
        (pb::StageState::Waiting, _) => pb::StageState::Waiting,
        (_, pb::StageState::Passed) => pb::StageState::Passed,
        (_, _) => pb::StageState::Current,
    };
    pb::TierProgress {
        tier: format!("tiers/{}", stage.tier),
        state: state.into(),
        eligible_hosts: progress.hosts,
        counts: Some(counts(&progress.counts)),
        waves: progress.waves.iter().enumerate().map(wave).collect(),
        shut_out_hosts: progress.shut_out.hosts,
    }
}

fn wave_state(rollout: &Rollout, at: Place) -> pb::StageState {
    match rollout.place {
        _ if rollout.state == State::Completed => pb::StageState::Passed,
        Some(place) if at < place => pb::StageState::Passed,
        Some(place) if at == place => pb::StageState::Current,
        Some(_) | None => pb::StageState::Waiting,
    }
}

fn elapsed(at: Option<Elapsed>) -> u64 {
    at.map_or(0, |at| at.0)
}

/// A halt of `scope`.
pub(super) fn halted(machine: &Machine, halt: &Halt, scope: &str) -> pb::Halt {
    pb::Halt {
        actor: halt.actor.clone(),
        reason: halt.reason.clone(),
        log_index: halt.index,
        epoch: halt.epoch,
        time: Some(timestamp(halt.at)),
        scope: scope.to_owned(),
        counts: Some(counts(&halt.counts)),
        gates: halt.gates.iter().map(gate).collect(),
        witnesses: halt.witnesses.iter().map(|of| witness(machine, of)).collect(),
    }
}

fn witness(machine: &Machine, witness: &Witness) -> pb::HaltWitness {
    let host = machine.host_of_old(witness.host);
    let facts = host.as_ref().map(|host| &host.facts);
    let fact = |of: Option<&String>| of.cloned().unwrap_or_default();
    pb::HaltWitness {
        host: format!("hosts/{}", witness.host),
        phase: fleet::phase(&witness.phase).into(),
        detail: witness.phase.detail().to_owned(),
        kernel_release: fact(facts.map(|facts| &facts.kernel.release)),
        cpu_model: fact(facts.map(|facts| &facts.cpu_model)),
        zone: fact(facts.map(|facts| &facts.zone)),
    }
}
