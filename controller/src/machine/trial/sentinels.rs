//! Who are the hosts that patched ones are compared with, and who is held out?

use serde::{Deserialize, Serialize};
use tidegate_policies::bucket::{Bucket, Purpose};
use tidegate_policies::policy::Stage;
use tidegate_policies::share::Share;
use tidegate_policies::time::Millis;

use super::Trial;
use crate::machine::Machine;
use crate::machine::fleet::Host;
use crate::machine::ids::HostId;
use crate::machine::rollouts::{Place, Rollout, State};

/// The sentinels of one tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentinels {
    /// Which part of the tier's hosts they are, by their own draw.
    pub share: Share,
    /// About how many that is: what hosts in flight are held against.
    pub hosts: u64,
}

impl Machine {
    /// The trial of a rollout.
    pub fn trial(&self, rollout: &Rollout) -> Option<&Trial> {
        self.trials.get(&rollout.created_index)
    }

    /// The rollouts that have a trial, and it.
    pub fn trials(&self) -> impl Iterator<Item = (&Rollout, &Trial)> {
        self.rollouts.values().filter_map(|rollout| Some((rollout, self.trial(rollout)?)))
    }

    /// Those that go on.
    pub(super) fn watched_trials(&self) -> impl Iterator<Item = (&Rollout, &Trial)> {
        self.trials().filter(|(rollout, _)| is_watched(rollout))
    }

    /// At which beat a host is listened to that has no grant in flight, because a patched host is or was
    /// compared with it; `None`: it may come as seldom as it likes.
    pub fn watched_at(&self, host: HostId) -> Option<Millis> {
        let watches = |(rollout, _): &(&Rollout, &Trial)| {
            let role = self.subjects.role(rollout.created_index, host);
            role.map_or_else(|| self.is_sentinel(rollout, host), |role| role.watch().is_some())
        };
        let rollouts = self.watched_trials().filter(watches);
        rollouts.map(|(rollout, _)| rollout.policy.timing.beat).min()
    }

    /// Whether a host without a row is drawn as a sentinel: of a tier that the rollout has reached, eligible,
    /// and not begun.
    pub(super) fn is_sentinel(&self, rollout: &Rollout, host: HostId) -> bool {
        let Some(host) = self.hosts.get(&host) else { return false };
        let Some(trial) = self.trial(rollout) else { return false };
        trial.draws(rollout, &host)
            && self.part(rollout, &host).is_ok()
            && !self.entries.get(rollout, host.id).is_some_and(|entry| entry.begun)
    }
}

impl Trial {
    /// How many sentinels hosts of the present step are compared with.
    pub(in crate::machine) fn sentinels_at(&self, rollout: &Rollout, place: Place) -> u64 {
        let tier = compared_with(rollout, place.stage).map(|stage| stage.tier.as_str());
        let sentinels = tier.and_then(|tier| self.sentinels.get(tier));
        sentinels.map_or(0, |sentinels| sentinels.hosts)
    }

    /// Whether the host is drawn as a sentinel of its tier. Verified hosts that are go on being watched to
    /// the end of their last window.
    pub(super) fn draws(&self, rollout: &Rollout, host: &Host) -> bool {
        let Some(sentinels) = self.sentinels.get(host.tier.as_str()) else { return false };
        let purpose = Purpose::Sentinel { tier: host.tier.as_str() };
        let bucket = Bucket::of(rollout.version.as_str(), purpose, &host.id.to_string());
        bucket.is_inside(sentinels.share)
    }

    /// The rollout goes on to a step whose hosts are compared with `tier`, of whose `hosts` eligible hosts
    /// so many have not begun. Who was a sentinel before remains one.
    pub(super) fn reach(&mut self, tier: String, rollout: &Rollout, (hosts, left): (u64, u64)) {
        let Some(judgement) = &rollout.policy.judgement else { return };
        let of = |n: u64| judgement.cohorts.sentinels(n).map_or(Share::ALL, |rule| rule.share);
        let before = self.sentinels.get(&tier).copied();
        // Of those that are left as many as of all: a larger share of them.
        let share = if of(hosts) == Share::ALL { Share::ALL } else { of(left.max(1)) };
        let share = before.map_or(share, |before| before.share.max(share));
        let drawn = of(hosts).of_rounded_up(hosts);
        let drawn = before.map_or(drawn, |before| before.hosts.max(drawn));
        self.sentinels.insert(tier, Sentinels { share, hosts: drawn });
    }
}

/// Whether a trial goes on: hosts begin, may begin soon, or are in flight.
pub(super) const fn is_watched(rollout: &Rollout) -> bool {
    match rollout.state {
        State::Running | State::Paused => rollout.place.is_some(),
        State::Draft
        | State::Halted
        | State::Completed
        | State::Superseded
        | State::RollingBack
        | State::RolledBack => rollout.counts.in_flight + rollout.counts.offered > 0,
    }
}

/// The step whose tier has the hosts of a step: of a sampled tier the next one, which it draws from.
pub fn source_of(rollout: &Rollout, step: usize) -> Option<usize> {
    let ladder = &rollout.policy.ladder;
    let is_sampled = ladder.get(step)?.draw.is_some();
    Some(if is_sampled && step + 1 < ladder.len() { step + 1 } else { step })
}

/// The tier whose hosts those of a step are compared with.
pub(super) fn compared_with(rollout: &Rollout, step: usize) -> Option<&Stage> {
    rollout.policy.ladder.get(source_of(rollout, step)?)
}
