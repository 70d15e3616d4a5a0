//! What is known of the cluster, and how old is it? The stream's messages, put together.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tidegate_proto::v1;
use tidegate_proto::v1::RolloutState;
use tidegate_proto::v1::watch_response::Body;

use super::msg::Moment;

/// What is older than this is drawn grey.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(15);
/// Records that are kept for the feed.
const MAX_RECORDS: usize = 200;

/// All that the stream has told.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) revision: u64,
    pub(crate) clocks: Option<v1::Clocks>,
    pub(crate) tiers: Vec<v1::Tier>,
    rollouts: BTreeMap<String, v1::RolloutView>,
    pub(crate) cluster: Option<v1::ClusterStatus>,
    /// The newest last.
    pub(crate) records: VecDeque<v1::DecisionRecord>,
    /// When the last message came, since the program began.
    heard: Option<Duration>,
    leaderless: Duration,
    /// Why the stream is broken; `None`: it is not.
    pub(crate) broken: Option<String>,
}

impl Model {
    /// Takes in a message.
    pub(crate) fn take(&mut self, told: v1::WatchResponse, now: Moment) {
        self.heard = Some(now.since_start);
        self.broken = None;
        self.revision = told.revision;
        self.leaderless = Duration::from_millis(told.leaderless_ms);
        self.clocks = told.clocks.or(self.clocks);
        match told.body {
            Some(Body::Snapshot(overview)) => {
                self.rollouts.clear();
                (self.tiers, self.cluster) = (overview.tiers, overview.cluster);
                self.take_things(overview.rollouts, overview.recent_records);
            }
            Some(Body::Changes(changes)) => {
                if !changes.tiers.is_empty() {
                    self.tiers = changes.tiers;
                }
                self.cluster = changes.cluster.or_else(|| self.cluster.take());
                self.take_things(changes.rollouts, changes.records);
            }
            Some(Body::Bookmark(_)) | None => (),
        }
    }

    fn take_things(&mut self, views: Vec<v1::RolloutView>, records: Vec<v1::DecisionRecord>) {
        for view in views {
            let name = view.rollout.as_ref().map(|rollout| rollout.name.clone());
            self.rollouts.insert(name.unwrap_or_default(), view);
        }
        // A second snapshot repeats what the feed has.
        let last = self.records.back().map_or(0, |record| record.sequence);
        self.records.extend(records.into_iter().filter(|record| record.sequence > last));
        let surplus = self.records.len().saturating_sub(MAX_RECORDS);
        self.records.drain(..surplus);
    }

    /// Names of the rollouts as they are listed: those that move first, then the newest.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut views: Vec<&v1::Rollout> =
            self.rollouts.values().filter_map(|view| view.rollout.as_ref()).collect();
        let created = |of: &v1::Rollout| of.create_time.map_or((0, 0), |at| (at.seconds, at.nanos));
        views.sort_by(|a, b| (rank(a), created(b), &a.name).cmp(&(rank(b), created(a), &b.name)));
        views.into_iter().map(|of| of.name.as_str()).collect()
    }

    /// One rollout with what is beside it.
    pub(crate) fn view(&self, name: &str) -> Option<(&v1::Rollout, &v1::RolloutView)> {
        let view = self.rollouts.get(name)?;
        Some((view.rollout.as_ref()?, view))
    }

    /// How old what is shown may be: since the last message, and since its node has known no leader.
    /// `None`: nothing was heard yet.
    pub(crate) fn age(&self, now: Moment) -> Option<Duration> {
        let since = now.since_start.saturating_sub(self.heard?);
        Some(since + self.leaderless)
    }

    /// Whether it is too old to be relied on.
    pub(crate) fn is_stale(&self, now: Moment) -> bool {
        self.age(now).is_none_or(|age| age > STALE_AFTER)
    }

    /// For how long the answering node has known no leader; `None`: it knows one.
    pub(crate) fn leaderless(&self, now: Moment) -> Option<Duration> {
        let leads = self.cluster.as_ref().is_some_and(|cluster| cluster.leader_id != 0);
        self.age(now).filter(|_| !leads && self.cluster.is_some())
    }
}

/// Those that move come first, and what stands still for ever last.
fn rank(rollout: &v1::Rollout) -> u8 {
    match rollout.state() {
        RolloutState::Halted | RolloutState::RollingBack => 0,
        RolloutState::AwaitingApproval | RolloutState::Running => 1,
        RolloutState::Paused => 2,
        RolloutState::Draft => 3,
        RolloutState::Completed
        | RolloutState::Superseded
        | RolloutState::RolledBack
        | RolloutState::Unspecified => 4,
    }
}
