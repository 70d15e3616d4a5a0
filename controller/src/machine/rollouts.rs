//! Where is a rollout, and what was counted in it?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::decide::{Next, Verdict};
use tidegate_policies::evidence::{Class, Counts};
use tidegate_policies::policy::{Policy, Stage};
use tidegate_policies::share::Share;
use tidegate_policies::time::{Elapsed, Millis, WallTime};

use super::domains::Domains;
use super::ids::{GrantId, RolloutId, Version};
use super::patch_sets::KernelKey;
use super::trial::Basis;

/// The journey of one patch set through the ladder. What is kept of each host is apart, in
/// [`Entries`](super::entries::Entries).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// Its id.
    pub id: RolloutId,
    /// Its patch set.
    pub version: Version,
    /// Its policy, frozen.
    pub policy: Policy,
    /// Its policy as it was written.
    pub policy_toml: String,
    /// Where it stands.
    pub state: State,
    /// The present step of the ladder and its wave; `None`: not started.
    pub place: Option<Place>,
    /// Progress, step by step.
    pub stages: Vec<StageProgress>,
    /// Hosts by outcome.
    pub counts: Counts,
    /// Hosts by outcome, less those whose failure was acknowledged.
    pub unacknowledged: Counts,
    /// Of the unacknowledged, the hosts of halted slices.
    pub shut_out: Counts,
    /// Who created it.
    pub author: String,
    /// Who has promoted the present wave, oldest first.
    pub approvals: Vec<Approval>,
    /// Whether soaks are shorter, by whom and why.
    pub expedited: Option<Expedited>,
    /// The kernels whose artifact had soaked before it started, each with the rollout that proved it, where the
    /// policy asks.
    pub proven: BTreeMap<KernelKey, RolloutId>,
    /// Hosts that were verified on each kernel; one that soaked again after a reboot counts again.
    pub verified_on: BTreeMap<KernelKey, u64>,
    /// The rollout that took its place.
    pub superseded_by: Option<RolloutId>,
    /// Unsettled hosts by zone and rack, where the policy limits them.
    pub domains: Domains,
    /// The last period in which hosts began, and how many, where the policy has a rate.
    pub period: (u64, u64),
    /// When the last recorded apply's soak ends at the earliest.
    pub soaks_end: Option<Elapsed>,
    /// The verdict that was recorded last.
    pub verdict: Option<Reached>,
    /// When hosts may begin at the earliest.
    pub start_at: Option<WallTime>,
    /// When it was created.
    pub created: WallTime,
    /// When it started.
    pub started: Option<WallTime>,
    /// When it completed.
    pub ended: Option<WallTime>,
    /// Log index at which it was created; orders the list, and names the rollout in rows.
    pub created_index: u64,
    /// Log index of the last change.
    pub revision: u64,
}

/// Where a rollout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Created, not started.
    Draft,
    /// Hosts may begin, as far as gates and budgets go.
    Running,
    /// A person paused it.
    Paused,
    /// A halt stands on its patch set.
    Halted,
    /// Every wave has passed. Hosts that join later are still served.
    Completed,
    /// A newer rollout took its place. Nobody begins it any more.
    Superseded,
    /// Its patch set was withdrawn, and hosts still run it.
    RollingBack,
    /// Its patch set was withdrawn, and nobody runs it any more.
    RolledBack,
}

impl State {
    /// Whether hosts may begin, as far as the state goes.
    pub const fn serves(self) -> bool {
        match self {
            Self::Running | Self::Completed => true,
            Self::Draft
            | Self::Paused
            | Self::Halted
            | Self::Superseded
            | Self::RollingBack
            | Self::RolledBack => false,
        }
    }
}

/// A person promoted a wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub actor: String,
    /// What they said.
    pub remark: String,
    /// When.
    pub at: WallTime,
}

/// Soaks are shorter, as far as the policy lets them be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expedited {
    /// The two people.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Log index.
    pub index: u64,
    /// When.
    pub at: WallTime,
}

/// A step of the ladder and a wave of it, both from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The step of the ladder.
    pub stage: usize,
    /// The wave.
    pub wave: usize,
}

/// Progress of one step of the ladder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageProgress {
    /// Eligible hosts that belong to it, but for those of halted slices.
    pub hosts: u64,
    /// Hosts by outcome.
    pub counts: Counts,
    /// How many hosts' failure was acknowledged.
    pub acknowledged: u64,
    /// Its hosts that halted slices shut out.
    pub shut_out: ShutOut,
    /// The part of its hosts that is held out: they come when the others are verified.
    pub holdout: Share,
    /// Eligible hosts that are.
    pub held_out: u64,
    /// Its waves.
    pub waves: Vec<WaveProgress>,
}

/// The hosts of a step that halted slices shut out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShutOut {
    /// How many of its hosts would be eligible but for that.
    pub hosts: u64,
    /// By outcome; they are counted with the step's, too.
    pub counts: Counts,
    /// How many hosts' failure was acknowledged; these, too.
    pub acknowledged: u64,
}

/// Which way a host goes through a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It counts from now on.
    Enters,
    /// It counts no more.
    Leaves,
}

/// Progress of one wave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveProgress {
    /// Eligible hosts inside its cumulative share.
    pub hosts: u64,
    /// When it started.
    pub started: Option<Elapsed>,
    /// When it passed.
    pub passed: Option<Elapsed>,
}

/// One host's part in a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its newest grant.
    pub grant: GrantId,
    /// The step of the ladder that it counts in.
    pub stage: usize,
    /// What it counts as.
    pub class: Class,
    /// It has begun, ever.
    pub begun: bool,
    /// Its failure was acknowledged by a person.
    pub acknowledged: bool,
    /// It is in a halted slice, and counted apart.
    pub shut_out: bool,
    /// Grants that it refused.
    pub refusals: u8,
}

/// A verdict that was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The verdict.
    pub verdict: Verdict,
    /// What it was computed from.
    pub basis: Basis,
    /// Log index of the entry.
    pub index: u64,
}

/// Grants of one rollout that a host may refuse before it is left alone.
pub const MAX_REFUSALS: u8 = 3;

impl StageProgress {
    /// Hosts by outcome, and those whose failure was acknowledged, but for those of halted slices.
    pub fn rest(&self) -> (Counts, u64) {
        let acknowledged = self.acknowledged.saturating_sub(self.shut_out.acknowledged);
        (self.counts.without(&self.shut_out.counts), acknowledged)
    }
}

impl Rollout {
    /// The policy of the present step.
    pub fn stage(&self) -> Option<&Stage> {
        self.policy.ladder.get(self.place?.stage)
    }

    /// How long a host of a step soaks on a kernel: as the policy says, or shorter in haste, or because it is proven
    /// there.
    pub fn soak_on(&self, step: usize, kernel: &KernelKey) -> Option<Millis> {
        self.soak_if(step, self.proven.contains_key(kernel))
    }

    /// How long those hosts of a step soak that soak for the shortest time.
    pub fn shortest_soak(&self, step: usize) -> Option<Millis> {
        self.soak_if(step, !self.proven.is_empty())
    }

    fn soak_if(&self, step: usize, proven: bool) -> Option<Millis> {
        let soak = self.policy.ladder.get(step)?.gates.soak;
        let haste = self.policy.expedite.filter(|_| self.expedited.is_some());
        let soak = haste.map_or(soak, |haste| soak.min(haste.soak));
        let proven = self.policy.proven.filter(|_| proven);
        Some(proven.map_or(soak, |proven| soak.min(proven.soak)))
    }

    /// Whether enough people have promoted the present wave.
    pub fn is_approved(&self) -> bool {
        u64::try_from(self.approvals.len())
            .is_ok_and(|people| people >= self.policy.people.approvals)
    }

    /// How many hosts began in this period.
    pub fn begun_in(&self, period: u64) -> u64 {
        let (last, begun) = self.period;
        if last == period { begun } else { 0 }
    }

    /// The place after `place`; `None` after the last wave of the last tier.
    pub fn after(&self, place: Place) -> Option<Place> {
        let waves = self.policy.ladder.get(place.stage)?.waves.len();
        if place.wave + 1 < waves {
            return Some(Place { wave: place.wave + 1, ..place });
        }
        let stage = place.stage + 1;
        (stage < self.policy.ladder.len()).then_some(Place { stage, wave: 0 })
    }

    /// What comes after `place`.
    pub fn next(&self, place: Place) -> Next {
        match self.after(place) {
            None => Next::End,
            Some(after) if after.stage == place.stage => Next::Wave,
            Some(_) => Next::Tier,
        }
    }

    /// Eligible hosts of all steps, those of halted slices among them.
    pub fn hosts(&self) -> u64 {
        self.stages.iter().map(|stage| stage.hosts + stage.shut_out.hosts).sum()
    }

    /// Hosts that halted slices shut out, of all steps.
    pub fn shut_out_hosts(&self) -> u64 {
        self.stages.iter().map(|stage| stage.shut_out.hosts).sum()
    }

    /// A host is counted apart, or no more.
    pub(super) fn count_apart(&mut self, entry: &Entry, way: Way) {
        let unacknowledged = if entry.acknowledged { Class::None } else { entry.class };
        let mut books = vec![(&mut self.shut_out, unacknowledged)];
        if let Some(stage) = self.stages.get_mut(entry.stage) {
            match way {
                Way::Enters => stage.shut_out.acknowledged += u64::from(entry.acknowledged),
                Way::Leaves => stage.shut_out.acknowledged -= u64::from(entry.acknowledged),
            }
            books.push((&mut stage.shut_out.counts, entry.class));
        }
        for (book, class) in books {
            match way {
                Way::Enters => {
                    book.shift(Class::None, class);
                    book.begun += u64::from(entry.begun);
                }
                Way::Leaves => {
                    book.shift(class, Class::None);
                    book.begun -= u64::from(entry.begun);
                }
            }
        }
    }

    /// Where it stands once nothing stops it: what a resume goes back to.
    pub const fn state_when_lifted(&self) -> State {
        match (self.place, self.ended) {
            (Some(_), _) if self.superseded_by.is_some() => State::Superseded,
            (None, _) => State::Draft,
            (Some(_), None) => State::Running,
            (Some(_), Some(_)) => State::Completed,
        }
    }

    /// Whether the hosts that a step holds out may come: the rollout has left it, or in its last wave so
    /// many of the others have begun, and of them so many are verified, as the policy asks for.
    pub fn lets_holdout_go(&self, step: usize) -> bool {
        let (Some(place), Some(progress)) = (self.place, self.stages.get(step)) else {
            return false;
        };
        let Some(stage) = self.policy.ladder.get(step) else { return false };
        if place.stage > step || self.ended.is_some() {
            return true;
        }
        let (counts, acknowledged) = progress.rest();
        let shown = counts.begun.saturating_sub(counts.refused);
        let judged = counts.begun.saturating_sub(acknowledged + counts.refused);
        let others = progress.hosts.saturating_sub(progress.held_out);
        place.stage == step
            && place.wave + 1 == stage.waves.len()
            && shown >= stage.gates.coverage.of_rounded_up(others)
            && counts.verified >= stage.gates.verified.of_rounded_up(judged)
    }

    /// Whether time matters to it: hosts may come and go.
    pub fn is_live(&self) -> bool {
        match self.state {
            State::Running => true,
            State::Draft
            | State::Paused
            | State::Halted
            | State::Completed
            | State::Superseded
            | State::RollingBack
            | State::RolledBack => self.counts.in_flight + self.counts.offered > 0,
        }
    }
}
