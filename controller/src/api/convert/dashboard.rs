//! What a dashboard shows of the state, out.

use tidegate_proto::v1 as pb;

use super::{rollout, timestamp};
use crate::machine::Machine;
use crate::machine::rollouts::Rollout;
use crate::machine::trial::{Effect, Trial};

/// Most slices of a rollout that are shown.
const MAX_SLICES: usize = 20;

/// The clocks for the wire.
pub fn clocks(machine: &Machine) -> pb::Clocks {
    let clock = machine.clock();
    pb::Clocks {
        elapsed_ms: clock.elapsed.0,
        wall_time: Some(timestamp(clock.wall)).filter(|_| clock.wall_agreed),
        wall_fresh: clock.wall_fresh,
        hears_fleet: clock.heard_since.is_some(),
    }
}

/// A rollout with what is shown beside it, judged as of now.
pub fn rollout_view(machine: &Machine, of: &Rollout) -> pb::RolloutView {
    let drawn = pb::Rollout { policy_toml: String::new(), ..rollout::rollout(machine, of) };
    let trial = machine.trial(of).filter(|_| of.place.is_some());
    let heard = trial.map(|trial| trial.hearing().fleet()).unwrap_or_default();
    pb::RolloutView {
        rollout: Some(drawn),
        slices: trial.map(slices).unwrap_or_default(),
        reference_hosts: heard.hosts.into(),
        reference_hosts_heard: heard.heard.into(),
    }
}

fn slices(trial: &Trial) -> Vec<pb::SliceEffect> {
    let named = |of: Effect| pb::SliceEffect {
        slice: trial.detector().slices().name(of.slice),
        patched_failed: of.patched.failed,
        patched_hosts: of.patched.hosts,
        unpatched_failed: of.unpatched.failed,
        unpatched_hosts: of.unpatched.hosts,
    };
    trial.effects(MAX_SLICES).into_iter().map(named).collect()
}
