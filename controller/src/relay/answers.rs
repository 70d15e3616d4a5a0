//! What does a beat get for an answer? Pure: from the state that this node has applied.

use tidegate_policies::bucket::{Bucket, Purpose};
use tidegate_policies::policy::OnStall;
use tidegate_policies::time::Millis;
use tidegate_proto::v1 as pb;

use crate::api::convert::patch_set::artifact;
use crate::machine::fleet::{Host, Mode};
use crate::machine::grants::{Grant, Phase};
use crate::machine::ids::{GrantId, HostId, TierName};
use crate::machine::ledger::Leaves;
use crate::machine::membership::artifact_for;
use crate::machine::patch_sets::PatchSet;
use crate::machine::rollouts::{Rollout, State};
use crate::machine::{Machine, Rejection};

/// A host that waits for an offer of a rollout that concerns it syncs every so many beats.
const WAITING_BEATS: u64 = 2;

/// What a host hears that has nothing to wait for.
const NO_CONCERN: &str = "no rollout concerns it";

/// The answer to a beat, and what the leader should hear of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncAnswer {
    /// The answer.
    pub response: pb::SyncResponse,
    /// The host would take an offer, and there is room for one.
    pub asks: bool,
    /// The host's tier.
    pub tier: TierName,
}

/// Answers a beat of `host` in the boot `boot`, where idle hosts sync every `idle`.
///
/// # Errors
///
/// [`Rejection::UnknownHost`] or [`Rejection::HostEvicted`].
pub fn sync(
    machine: &Machine,
    id: HostId,
    boot: &str,
    idle: Millis,
) -> Result<SyncAnswer, Rejection> {
    let host = machine.hosts().get(&id).ok_or_else(|| machine.no_host(id))?;
    let known_boot = host.boot == boot;
    let live = host.live_grant.and_then(|grant| machine.grants().get(&grant));
    let concern = Concern::of(machine, &host, live.as_ref());
    let (cadence, explanation) = match &concern {
        Concern::Reverts { set, beat, .. } => {
            (*beat, format!("{} was withdrawn, and is to be taken out again", set.version))
        }
        Concern::Granted { grant, rollout } => {
            let beat = rollout.policy.timing.beat;
            (beat, format!("grant {} of {} is {}", grant.id, rollout.version, grant.phase.word()))
        }
        Concern::NoRoom { rollout } => {
            let beat = rollout.policy.timing.beat;
            (beat, format!("its turn for {} has come, and there is no room yet", rollout.version))
        }
        Concern::Asks { rollout } => {
            let soon = rollout.policy.timing.beat.min(Millis::from_secs(1));
            (soon, format!("its turn for {} has come: an offer follows", rollout.version))
        }
        Concern::Waits { rollout } => {
            let cadence = rollout.policy.timing.beat.times(WAITING_BEATS).min(idle);
            (cadence, format!("its turn for {} has not come", rollout.version))
        }
        Concern::OwedReboot { set } => {
            (idle, format!("{} was withdrawn, and this host still runs it: reboot it", set.version))
        }
        Concern::None => {
            let entitled = machine.entitled(&host);
            let why = entitled.map_or_else(|none| none.of_host(&host), |()| NO_CONCERN.to_owned());
            (idle, why)
        }
    };
    // A host that patched ones are compared with is heard as often as they are.
    let cadence = machine.watched_at(id).map_or(cadence, |beat| cadence.min(beat));
    let offer = live.as_ref().filter(|_| known_boot).and_then(|grant| offer(machine, &host, grant));
    let asks = known_boot && matches!(concern, Concern::Asks { .. });
    let revert = match concern {
        Concern::Reverts { set, grant, .. } if known_boot => revert(set, &host, grant),
        Concern::Reverts { .. }
        | Concern::Granted { .. }
        | Concern::Asks { .. }
        | Concern::NoRoom { .. }
        | Concern::Waits { .. }
        | Concern::OwedReboot { .. }
        | Concern::None => None,
    };
    let response = pb::SyncResponse {
        offer,
        next_sync_ms: jittered(cadence, id, machine.applied()),
        revision: machine.applied(),
        explanation,
        generation: machine.cluster().map_or(0, |cluster| cluster.generation),
        revert: revert.map(Box::new),
        kernel_coverage: covered(machine, &host).map(Box::new),
    };
    Ok(SyncAnswer { response, asks, tier: host.tier })
}

/// What a host has to do with the rollouts.
enum Concern<'a> {
    /// It runs what was withdrawn, and has not said that it cannot take it out.
    Reverts {
        set: &'a PatchSet,
        grant: GrantId,
        beat: Millis,
    },
    Granted {
        grant: &'a Grant,
        rollout: &'a Rollout,
    },
    Asks {
        rollout: &'a Rollout,
    },
    NoRoom {
        rollout: &'a Rollout,
    },
    Waits {
        rollout: &'a Rollout,
    },
    /// It runs what was withdrawn, and cannot take it out.
    OwedReboot {
        set: &'a PatchSet,
    },
    None,
}

impl<'a> Concern<'a> {
    fn of(machine: &'a Machine, host: &Host, live: Option<&'a Grant>) -> Self {
        let mut owed_reboot = None;
        for (set, owed) in machine.owed_by(host.id) {
            match owed.leaves {
                Leaves::ByRevert => {
                    let beat = beat_of(machine, owed.grant).unwrap_or(Millis::from_secs(1));
                    return Self::Reverts { set, grant: owed.grant, beat };
                }
                Leaves::ByReboot { .. } => owed_reboot = owed_reboot.or(Some(set)),
            }
        }
        if let Some(grant) = live
            && let Some(rollout) = machine.rollouts().get(&grant.rollout)
        {
            return Self::Granted { grant, rollout };
        }
        if host.mode == Mode::NoApply {
            return Self::None;
        }
        let mut waits = None;
        for rollout in machine.rollouts().values() {
            if rollout.state.serves() && machine.wants(rollout, host) {
                let slices = || machine.slices_of(rollout, &host.facts);
                let has_room = machine.room(rollout).is_some_and(|room| room.takes(&slices()));
                return if has_room { Self::Asks { rollout } } else { Self::NoRoom { rollout } };
            }
            let runs = matches!(rollout.state, State::Running | State::Paused);
            if runs
                && machine.entries().get(rollout, host.id).is_none()
                && machine.part(rollout, host).is_ok()
            {
                waits = Some(rollout);
            }
        }
        match (waits, owed_reboot) {
            (Some(rollout), _) => Self::Waits { rollout },
            (None, Some(set)) => Self::OwedReboot { set },
            (None, None) => Self::None,
        }
    }
}

/// How the host's kernel is covered; `None` where nobody judges that.
fn covered(machine: &Machine, host: &Host) -> Option<pb::KernelCoverage> {
    machine.coverage().table()?;
    let standing = machine.kernel_standing(&host.facts.kernel, &host.facts.distro_release);
    let upgrade_required_date = standing.until.map_or_else(String::new, |day| day.to_string());
    Some(pb::KernelCoverage {
        supported: standing.supported.word().to_owned(),
        upgrade_required_date,
    })
}

/// How often the hosts of a grant's rollout report.
fn beat_of(machine: &Machine, grant: GrantId) -> Option<Millis> {
    let rollout = machine.rollouts().get(machine.grants().rollout_of(grant)?)?;
    Some(rollout.policy.timing.beat)
}

/// The order to take a withdrawn patch set out again.
fn revert(set: &PatchSet, host: &Host, grant: GrantId) -> Option<pb::Revert> {
    Some(pb::Revert {
        grant_id: grant.0,
        patch_set: format!("patchSets/{}", set.version),
        epoch: set.epoch,
        module: artifact_for(set, host)?.module.clone(),
    })
}

/// The offer that stands for the host: also for a begun grant, so that it may ask again.
fn offer(machine: &Machine, host: &Host, grant: &Grant) -> Option<pb::Offer> {
    let rollout = machine.rollouts().get(&grant.rollout)?;
    let set = machine.patch_sets().get(&rollout.version)?;
    let timing = &rollout.policy.timing;
    let expires_in = match &grant.phase {
        Phase::Offered { expires } => expires.since(machine.clock().elapsed),
        Phase::Begun(_) | Phase::Applied { .. } => timing.offer,
        Phase::Soaked { .. }
        | Phase::Expired
        | Phase::Withdrawn
        | Phase::Refused { .. }
        | Phase::Failed { .. }
        | Phase::Reverted { .. } => return None,
    };
    Some(pb::Offer {
        grant_id: grant.id.0,
        patch_set: format!("patchSets/{}", rollout.version),
        epoch: grant.epoch,
        artifact: Some(artifact(&host.facts.kernel, artifact_for(set, host)?)),
        expires_in_ms: expires_in.0,
        plan: Some(Box::new(pb::ApplyPlan {
            soak_ms: machine.soak_of(grant)?.0,
            beat_interval_ms: timing.beat.0,
            transition_timeout_ms: timing.transition.0,
            health_check_offsets_ms: timing.health_checks.iter().map(|check| check.0).collect(),
            on_stall: match timing.on_stall {
                OnStall::Keep => pb::OnStall::Keep.into(),
                OnStall::Revert => pb::OnStall::Revert.into(),
            },
        })),
    })
}

/// `cadence` less up to a fifth, by a hash of the host and the moment: hosts that start together
/// drift apart.
fn jittered(cadence: Millis, host: HostId, moment: u64) -> u64 {
    let purpose = Purpose::Wave { tier: "sync jitter" };
    let Bucket(chance) = Bucket::of(&moment.to_string(), purpose, &host.to_string());
    let fifth = cadence.0 / 5;
    let less = chance.checked_rem(fifth + 1).unwrap_or(0);
    (cadence.0 - less).max(1)
}
