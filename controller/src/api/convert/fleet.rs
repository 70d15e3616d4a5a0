//! Tiers, hosts and grants, in and out.

use tidegate_policies::evidence::Failure;
use tidegate_proto::v1 as pb;

use super::facts::{facts_out, mode_out};
use super::{calendar, timestamp};
use crate::machine::command::TierSpec;
use crate::machine::fleet::{Host, Mode};
use crate::machine::grants::{Grant, Phase};
use crate::machine::ids::TierName;
use crate::machine::{Machine, Rejection};

/// The ladder's tiers for the wire, first to last.
pub fn tiers(machine: &Machine) -> Vec<pb::Tier> {
    let ladder = machine.cluster().map_or(&[][..], |cluster| &cluster.ladder);
    ladder.iter().enumerate().map(|(at, spec)| tier(machine, ladder, at, spec)).collect()
}

fn tier(machine: &Machine, ladder: &[TierSpec], at: usize, spec: &TierSpec) -> pb::Tier {
    let source = ladder.get(at + 1).filter(|_| spec.sampled);
    pb::Tier {
        name: format!("tiers/{}", spec.name),
        position: u32::try_from(at).unwrap_or(u32::MAX),
        drawn_from: source.map_or_else(String::new, |tier| format!("tiers/{}", tier.name)),
        hosts: machine.hosts().of_tier(&spec.name),
        ..calendar::of_tier(machine, spec.name.as_str())
    }
}

/// One tier for the wire.
///
/// # Errors
///
/// [`Rejection::UnknownTier`].
pub fn find_tier(machine: &Machine, tier: &TierName) -> Result<pb::Tier, Rejection> {
    let tiers = tiers(machine);
    let names: Vec<&str> =
        tiers.iter().map(|tier| tier.name.trim_start_matches("tiers/")).collect();
    let unknown = Rejection::UnknownTier { tier: tier.to_string(), ladder: names.join(" → ") };
    let name = format!("tiers/{tier}");
    tiers.into_iter().find(|tier| tier.name == name).ok_or(unknown)
}

/// What a host does, and whether it may do more.
pub fn host_state(machine: &Machine, host: &Host) -> pb::HostState {
    let grant = host.live_grant.and_then(|id| machine.grants().get(&id));
    match grant.map(|grant| grant.phase.in_flight().is_some()) {
        Some(true) => pb::HostState::InFlight,
        Some(false) => pb::HostState::Offered,
        None if machine.entitled(host).is_err() => pb::HostState::Barred,
        None => match host.mode {
            Mode::NoApply => pb::HostState::NoApply,
            Mode::Normal => pb::HostState::Idle,
        },
    }
}

/// A host for the wire, without its grants.
pub fn host(machine: &Machine, host: &Host, heard_ago_ms: Option<u64>) -> pb::Host {
    let standing = machine.kernel_standing(&host.facts.kernel, &host.facts.distro_release);
    pb::Host {
        name: format!("hosts/{}", host.id),
        facts: Some(facts_out(&host.facts)),
        tier: format!("tiers/{}", host.tier),
        token: format!("tokens/{}", host.token),
        boot_id: host.boot.to_string(),
        mode: mode_out(host.mode).into(),
        enroll_time: Some(timestamp(host.enrolled)),
        heard_ago_ms,
        grants: Vec::new(),
        running_patch_set: String::new(),
        state: host_state(machine, host).into(),
        barred: machine.entitled(host).err().map_or_else(String::new, |none| none.of_host(host)),
        supported: standing.supported.word().to_owned(),
        upgrade_required_date: standing.until.map_or_else(String::new, |day| day.to_string()),
    }
}

/// A host for the wire, with its grants, newest first.
pub fn host_with_grants(machine: &Machine, of: &Host, heard_ago_ms: Option<u64>) -> pb::Host {
    let mut newest_per_rollout: Vec<Grant> = machine
        .rollouts()
        .values()
        .filter_map(|rollout| machine.entries().get(rollout, of.id))
        .filter_map(|entry| machine.grants().get(&entry.grant))
        .collect();
    newest_per_rollout.sort_by_key(|grant| std::cmp::Reverse(grant.id));
    let running = newest_per_rollout.iter().find(|grant| {
        matches!(grant.phase, Phase::Applied { .. } | Phase::Soaked { .. })
            && grant.phase.begun().is_some_and(|begun| begun.boot == of.boot)
    });
    let running = running.and_then(|grant| machine.rollouts().get(&grant.rollout));
    pb::Host {
        grants: newest_per_rollout.iter().map(|of| grant(machine, of)).collect(),
        running_patch_set: running
            .map_or_else(String::new, |rollout| format!("patchSets/{}", rollout.version)),
        ..host(machine, of, heard_ago_ms)
    }
}

/// A grant for the wire.
pub fn grant(machine: &Machine, grant: &Grant) -> pb::Grant {
    let rollout = machine.rollouts().get(&grant.rollout);
    let stage = rollout.and_then(|rollout| rollout.policy.ladder.get(grant.stage));
    let hostname = machine.host_of_old(grant.host).map(|host| host.facts.hostname);
    pb::Grant {
        grant_id: grant.id.0,
        host: format!("hosts/{}", grant.host),
        rollout: format!("rollouts/{}", grant.rollout),
        tier: stage.map_or_else(String::new, |stage| format!("tiers/{}", stage.tier)),
        phase: phase(&grant.phase).into(),
        epoch: grant.epoch,
        begun_index: grant.phase.begun().map_or(0, |begun| begun.index),
        detail: grant.phase.detail().to_owned(),
        hostname: hostname.unwrap_or_default(),
    }
}

/// A grant's phase for the wire.
pub const fn phase(phase: &Phase) -> pb::GrantPhase {
    match phase {
        Phase::Offered { .. } => pb::GrantPhase::Offered,
        Phase::Begun(_) => pb::GrantPhase::Begun,
        Phase::Applied { .. } => pb::GrantPhase::Applied,
        Phase::Soaked { .. } => pb::GrantPhase::Soaked,
        Phase::Expired => pb::GrantPhase::Expired,
        Phase::Withdrawn => pb::GrantPhase::Withdrawn,
        Phase::Refused { .. } => pb::GrantPhase::Refused,
        Phase::Failed { failure: Failure::Failed, .. } => pb::GrantPhase::Failed,
        Phase::Failed { failure: Failure::Stalled, .. } => pb::GrantPhase::Stalled,
        Phase::Failed { failure: Failure::Crashed, .. } => pb::GrantPhase::Crashed,
        Phase::Failed { failure: Failure::Silent, .. } => pb::GrantPhase::Silent,
        Phase::Reverted { .. } => pb::GrantPhase::Reverted,
    }
}
