//! How is the cluster right now? Read from the replicated state, and from the node that has it.

use std::collections::BTreeMap;

use tidegate_policies::evidence::Counts;

use super::catalogue::{
    AGENTS_ENROLLED, AGENTS_SILENT, APPLIED_INDEX, BEHIND, BUILD_INFO, CHECKPOINT_INDEX,
    COMMIT_INDEX, COVERAGE_HOSTS, DISK_STATE, DROPPED, Described, EXPOSURE, FLEET_HEARD, HOSTS,
    INFO, LEADER, LEADER_KNOWN, PATCH_SETS_HALTED, ROLLOUTS, SNAPSHOT_MISSING, SNAPSHOT_STORED,
    SNAPSHOTS, STATE_MISMATCH, SYNCS, TERM, WAVE_AGE, WAVE_SOAK, WEBHOOK_DEAD, WEBHOOK_GONE,
    WEBHOOK_OLDEST, WEBHOOK_PENDING,
};
use super::family::{Family, number, seconds};
use super::ratios::{self, Shown};
use super::tally::{OTHER, value_of};
use crate::machine::Machine;
use crate::machine::rollouts::{Rollout, State};
use crate::node::{NodeStatus, PullStatus, Role};
use crate::runtime::DiskState;

/// Rollouts that are told of one by one: the live ones first, then the newest.
pub(super) const MAX_ROLLOUTS: usize = 50;
/// Steps of all those rollouts' ladders that are told of one by one.
const MAX_STEPS: usize = 200;
/// Tiers that are told of one by one.
const MAX_TIERS: usize = 32;

/// The commit that was built, where whoever built it said so in `TIDEGATE_COMMIT`.
const COMMIT: &str = match option_env!("TIDEGATE_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// What the replicated state says, and what slices have shown.
pub(super) fn of_machine(machine: &Machine) -> (Vec<Family>, Vec<Shown>) {
    let (shown, not_shown) = shown(machine);
    let mut families = of_rollouts(machine, &shown);
    families.extend(of_fleet(machine));
    families.extend(of_webhooks(machine));
    families.push(Family::one(BEHIND, number(not_shown)));
    (families, ratios::shown(machine, &shown))
}

/// What the node says of itself.
pub(super) fn of_node(status: &NodeStatus, disk: DiskState) -> Vec<Family> {
    let build = [env!("CARGO_PKG_VERSION"), COMMIT, env!("TIDEGATE_RUSTC")];
    let pull = |count: fn(&PullStatus) -> usize| {
        let pieces = status.pull.as_ref().map(count).unwrap_or_default();
        number(u64::try_from(pieces).unwrap_or(u64::MAX))
    };
    let states = [
        ("fine", DiskState::Fine),
        ("low", DiskState::Low),
        ("scarce", DiskState::Scarce),
        ("critical", DiskState::Critical),
    ];
    let in_state = states.map(|(word, state)| (vec![word.to_owned()], flag(state == disk)));
    vec![
        Family::new(BUILD_INFO, [(labels(build), 1.0)]),
        Family::new(DISK_STATE, in_state),
        Family::one(TERM, number(status.term)),
        Family::one(COMMIT_INDEX, number(status.commit)),
        Family::one(APPLIED_INDEX, number(status.applied)),
        Family::one(CHECKPOINT_INDEX, number(status.checkpoint)),
        Family::one(LEADER, flag(status.role == Role::Leader)),
        Family::one(LEADER_KNOWN, flag(status.leader.is_some())),
        Family::one(SYNCS, number(status.syncs)),
        Family::one(SNAPSHOTS, number(status.installed)),
        Family::one(SNAPSHOT_STORED, pull(|of| of.stored)),
        Family::one(SNAPSHOT_MISSING, pull(|of| of.missing)),
        Family::one(STATE_MISMATCH, number(status.mismatches)),
        Family::one(DROPPED, number(status.ignored)),
    ]
}

/// The rollouts that are told of, and how many live ones are not.
fn shown(machine: &Machine) -> (Vec<&Rollout>, u64) {
    let mut rollouts: Vec<&Rollout> = machine.rollouts().values().collect();
    rollouts
        .sort_by_key(|of| (std::cmp::Reverse(of.is_live()), std::cmp::Reverse(of.created_index)));
    let left_out = rollouts.iter().skip(MAX_ROLLOUTS).filter(|of| of.is_live()).count();
    rollouts.truncate(MAX_ROLLOUTS);
    (rollouts, u64::try_from(left_out).unwrap_or(u64::MAX))
}

fn of_rollouts(machine: &Machine, shown: &[&Rollout]) -> Vec<Family> {
    let info = shown.iter().map(|of| {
        let tier = of.stage().map(|stage| stage.tier.as_str()).unwrap_or_default();
        (labels([of.id.as_str(), of.version.as_str(), word(of.state), tier]), 1.0)
    });
    let ages = shown.iter().filter_map(|of| {
        let place = of.place.filter(|_| of.state == State::Running)?;
        let started = of.stages.get(place.stage)?.waves.get(place.wave)?.started?;
        let age = machine.clock().elapsed.0.saturating_sub(started.0);
        Some((labels([of.id.as_str()]), seconds(age)))
    });
    let soaks = shown.iter().filter_map(|of| {
        let soak = of.shortest_soak(of.place?.stage)?;
        Some((labels([of.id.as_str()]), seconds(soak.0)))
    });
    let steps = steps(shown);
    let exposure = steps.iter().filter(|step| step.hosts > 0).map(|step| {
        (labels([step.rollout, step.tier]), number(step.counts.begun) / number(step.hosts))
    });
    let hosts = steps.iter().flat_map(|step| {
        classes(&step.counts)
            .map(|(state, hosts)| (labels([step.rollout, step.tier, state]), number(hosts)))
    });
    vec![
        Family::new(INFO, info),
        Family::new(WAVE_AGE, ages),
        Family::new(WAVE_SOAK, soaks),
        Family::new(EXPOSURE, exposure),
        Family::new(HOSTS, hosts),
        by_state(machine),
    ]
}

/// One step of a rollout's ladder.
struct Step<'m> {
    rollout: &'m str,
    tier: &'m str,
    hosts: u64,
    counts: Counts,
}

fn steps<'m>(shown: &[&'m Rollout]) -> Vec<Step<'m>> {
    let of = |rollout: &'m Rollout| {
        let steps = rollout.policy.ladder.iter().zip(&rollout.stages);
        steps.map(|(stage, progress)| Step {
            rollout: rollout.id.as_str(),
            tier: stage.tier.as_str(),
            hosts: progress.hosts + progress.shut_out.hosts,
            counts: progress.counts,
        })
    };
    shown.iter().flat_map(|rollout| of(rollout)).take(MAX_STEPS).collect()
}

fn classes(counts: &Counts) -> [(&'static str, u64); 10] {
    [
        ("offered", counts.offered),
        ("begun", counts.begun),
        ("in_flight", counts.in_flight),
        ("verified", counts.verified),
        ("crashed", counts.crashed),
        ("failed", counts.failed),
        ("stalled", counts.stalled),
        ("silent", counts.silent),
        ("refused", counts.refused),
        ("reverted", counts.reverted),
    ]
}

fn by_state(machine: &Machine) -> Family {
    let states = [
        State::Draft,
        State::Running,
        State::Paused,
        State::Halted,
        State::Completed,
        State::Superseded,
        State::RollingBack,
        State::RolledBack,
    ];
    let count = |state: State| machine.rollouts().values().filter(|of| of.state == state).count();
    let count = |state| number(u64::try_from(count(state)).unwrap_or(u64::MAX));
    Family::new(ROLLOUTS, states.map(|state| (labels([word(state)]), count(state))))
}

fn of_fleet(machine: &Machine) -> Vec<Family> {
    let (mut enrolled, mut silent) = (ByTier::default(), ByTier::default());
    let ladder = machine.cluster().map(|cluster| cluster.ladder.as_slice()).unwrap_or_default();
    for tier in ladder {
        enrolled.add(tier.name.as_str(), machine.hosts().of_tier(&tier.name));
    }
    for rollout in machine.rollouts().values().filter(|rollout| rollout.is_live()) {
        for (stage, progress) in rollout.policy.ladder.iter().zip(&rollout.stages) {
            silent.add(&stage.tier, progress.counts.silent);
        }
    }
    let halted = machine.patch_sets().values().filter(|of| of.halt.is_some()).count();
    let halted = u64::try_from(halted).unwrap_or(u64::MAX);
    let covered = machine.hosts_by_coverage().into_iter();
    let covered =
        covered.map(|(supported, hosts)| (vec![supported.word().to_owned()], number(hosts)));
    vec![
        Family::new(COVERAGE_HOSTS, covered),
        enrolled.family(AGENTS_ENROLLED),
        silent.family(AGENTS_SILENT),
        Family::one(PATCH_SETS_HALTED, number(halted)),
        Family::one(FLEET_HEARD, flag(machine.clock().heard_since.is_some())),
    ]
}

/// What waits for each webhook, and what it has not told; there are ten at most.
fn of_webhooks(machine: &Machine) -> Vec<Family> {
    let (now, since) = (machine.clock().wall, machine.outbox().oldest());
    let (mut gone, mut oldest, mut pending, mut dead) = (vec![], vec![], vec![], vec![]);
    for (id, webhook) in &machine.webhooks().declared {
        let row = || labels([id.as_str()]);
        gone.push((row(), flag(webhook.gone)));
        oldest.push((row(), since.get(id).map_or(0.0, |since| seconds(now.since(*since).0))));
        pending.push((row(), number(webhook.waiting)));
        dead.push((row(), number(webhook.dead_letters)));
    }
    vec![
        Family::new(WEBHOOK_DEAD, dead),
        Family::new(WEBHOOK_GONE, gone),
        Family::new(WEBHOOK_OLDEST, oldest),
        Family::new(WEBHOOK_PENDING, pending),
    ]
}

/// Sums by tier; those beyond the limit are `other`.
#[derive(Default)]
pub(super) struct ByTier(BTreeMap<String, u64>);

impl ByTier {
    /// So many more hosts of a tier.
    pub(super) fn add(&mut self, tier: &str, hosts: u64) {
        let tier = value_of(tier);
        let is_full = self.0.len() >= MAX_TIERS && !self.0.contains_key(tier);
        let row = if is_full { OTHER } else { tier };
        *self.0.entry(row.to_owned()).or_default() += hosts;
    }

    /// The sums.
    pub(super) fn family(self, described: Described) -> Family {
        let rows = self.0.into_iter().map(|(tier, hosts)| (vec![tier], number(hosts)));
        Family::new(described, rows)
    }
}

fn labels<const N: usize>(values: [&str; N]) -> Vec<String> {
    values.iter().map(|value| value_of(value).to_owned()).collect()
}

const fn flag(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

const fn word(state: State) -> &'static str {
    match state {
        State::Draft => "DRAFT",
        State::Running => "RUNNING",
        State::Paused => "PAUSED",
        State::Halted => "HALTED",
        State::Completed => "COMPLETED",
        State::Superseded => "SUPERSEDED",
        State::RollingBack => "ROLLING_BACK",
        State::RolledBack => "ROLLED_BACK",
    }
}
