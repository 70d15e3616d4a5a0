//! What does one look at the machine draw? What was touched, and what was recorded since; on the node's
//! thread, so it is kept short.

use tidegate_proto::v1 as pb;

use super::token::Origin;
use crate::api::convert::{dashboard, fleet, members, patch_set, records};
use crate::machine::Machine;
use crate::machine::ids::{RolloutId, Version};
use crate::machine::touched::Touched;
use crate::node::NodeStatus;
use crate::runtime::DiskState;

/// What was drawn at one log index.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawn {
    pub(super) revision: u64,
    pub(super) origin: Origin,
    pub(super) clocks: pb::Clocks,
    pub(super) rollouts: Vec<Changed<pb::RolloutView>>,
    pub(super) patch_sets: Vec<Changed<pb::PatchSet>>,
    pub(super) tiers: Option<Changed<Vec<pb::Tier>>>,
    pub(super) cluster: pb::ClusterStatus,
    /// What came after the last one that the board has, or what is kept of it.
    pub(super) records: Vec<pb::DecisionRecord>,
}

/// A thing as it is now.
#[derive(Clone, Debug)]
pub(super) struct Changed<T> {
    pub(super) thing: T,
    /// Log index of the last entry that touched it.
    pub(super) at: u64,
    /// Things are listed by it, the highest first.
    pub(super) order: u64,
}

/// Draws what was touched, and the records behind `last`.
pub(super) fn draw(
    machine: &Machine,
    (node, disk): (&NodeStatus, DiskState),
    touched: &Touched,
    last: u64,
) -> Drawn {
    let cluster = machine.cluster();
    let origin = Origin {
        cluster: cluster.map_or([0; 16], |cluster| cluster.id),
        generation: cluster.map_or(0, |cluster| cluster.generation),
    };
    let tiers = touched.fleet.max(touched.everything.then_some(machine.applied()));
    Drawn {
        revision: machine.applied(),
        origin,
        clocks: dashboard::clocks(machine),
        rollouts: rollouts(machine, touched),
        patch_sets: patch_sets(machine, touched),
        tiers: tiers.map(|at| Changed { thing: fleet::tiers(machine), at, order: 0 }),
        cluster: members::status(machine, node, disk),
        records: machine.records().after(last).map(|record| records::record(&record)).collect(),
    }
}

fn rollouts(machine: &Machine, touched: &Touched) -> Vec<Changed<pb::RolloutView>> {
    let draw = |(id, at): (&RolloutId, u64)| {
        let of = machine.rollouts().get(id)?;
        let thing = dashboard::rollout_view(machine, of);
        Some(Changed { thing, at, order: of.created_index })
    };
    if touched.everything {
        // Nobody knows any more which entry changed it last: whoever resumes is told of it once more.
        let all = machine.rollouts().keys().map(|id| (id, machine.applied()));
        return all.filter_map(draw).collect();
    }
    touched.rollouts.iter().map(|(id, &at)| (id, at)).filter_map(draw).collect()
}

fn patch_sets(machine: &Machine, touched: &Touched) -> Vec<Changed<pb::PatchSet>> {
    let draw = |(version, at): (&Version, u64)| {
        let set = machine.patch_sets().get(version)?;
        let thing = patch_set::patch_set(machine, set);
        Some(Changed { thing, at, order: set.published_index })
    };
    if touched.everything {
        let all = machine.patch_sets().keys().map(|version| (version, machine.applied()));
        return all.filter_map(draw).collect();
    }
    touched.patch_sets.iter().map(|(version, &at)| (version, at)).filter_map(draw).collect()
}
