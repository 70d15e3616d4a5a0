//! What a dashboard shows of the state, out.

use tidegate_policies::detector::slices::SliceId;
use tidegate_policies::detector::stream::{Stream, Window};
use tidegate_proto::v1 as pb;

use super::{rollout, timestamp};
use crate::machine::Machine;
use crate::machine::rollouts::Rollout;
use crate::machine::trial::Trial;

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

/// The whole, then the slices with patched hosts that failed, the most failures first.
fn slices(trial: &Trial) -> Vec<pb::SliceEffect> {
    let all = trial.detector().slices().iter();
    let mut shown: Vec<pb::SliceEffect> = all
        .map(|(slice, _)| slice_effect(trial, slice))
        .enumerate()
        .filter(|(at, of)| *at == 0 || of.patched_failed > 0)
        .map(|(_, of)| of)
        .collect();
    // The order of slices decides among equals, and the whole has the most failures and comes first.
    shown.sort_by_key(|of| std::cmp::Reverse(of.patched_failed));
    shown.truncate(MAX_SLICES);
    shown
}

fn slice_effect(trial: &Trial, slice: SliceId) -> pb::SliceEffect {
    let detector = trial.detector();
    let shown = detector.ledger().shown(slice, Stream::Union);
    let at_risk = detector.risk().of_slice(slice);
    let (patched_failed, unpatched_failed) = (u64::from(shown.treated), u64::from(shown.control));
    pb::SliceEffect {
        slice: detector.slices().name(slice),
        patched_failed,
        patched_hosts: u64::from(at_risk.treated[Window::Soak.index()]) + patched_failed,
        unpatched_failed,
        unpatched_hosts: u64::from(at_risk.control) + unpatched_failed,
    }
}
