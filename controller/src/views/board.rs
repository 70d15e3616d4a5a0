//! What is on the board? The last state of each thing, when it changed, and the records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate_proto::v1 as pb;

use super::drawn::{Changed, Drawn};
use super::filter::Filter;
use super::token::{Origin, Token};
use super::trail::Trail;
use crate::api::error::WatchError;

/// Most rollouts, and most patch sets, in a snapshot.
const MAX_LISTED: usize = 100;
/// Most records in a snapshot.
const RECENT_RECORDS: usize = 50;
/// How often the controllers' log indexes are told of where nothing else of them has changed.
const INDEXES_EVERY: Duration = Duration::from_secs(1);

/// All that watchers of one node see.
#[derive(Debug, Default)]
pub(super) struct Board {
    revision: u64,
    origin: Origin,
    /// Counts what was put up, by this node alone.
    step: u64,
    clocks: pb::Clocks,
    rollouts: BTreeMap<String, Kept<pb::RolloutView>>,
    patch_sets: BTreeMap<String, Kept<pb::PatchSet>>,
    tiers: Option<Kept<Vec<pb::Tier>>>,
    cluster: Option<(Kept<pb::ClusterStatus>, Duration)>,
    pub(super) trail: Trail,
    leaderless_since: Option<Duration>,
}

/// A thing as it was drawn last.
#[derive(Clone, Debug)]
struct Kept<T> {
    thing: Arc<T>,
    /// Log index of the last entry that touched it.
    changed: u64,
    /// The step with which it came.
    step: u64,
    order: u64,
}

/// From where on changes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// Behind this log index: another node may have told what was before.
    Revision(u64),
    /// Behind this step of this board.
    Step(u64),
}

impl<T> Kept<T> {
    fn is_news(&self, since: Since) -> bool {
        match since {
            Since::Revision(revision) => self.changed > revision,
            Since::Step(step) => self.step > step,
        }
    }
}

impl Board {
    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) const fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) const fn step(&self) -> u64 {
        self.step
    }

    pub(super) const fn clocks(&self) -> pb::Clocks {
        self.clocks
    }

    pub(super) fn knows(&self, rollout: &str) -> bool {
        self.rollouts.contains_key(rollout)
    }

    /// Every rollout that is there.
    pub(super) fn rollouts(&self) -> impl Iterator<Item = &pb::RolloutView> {
        self.rollouts.values().map(|kept| &*kept.thing)
    }

    /// For how long the node has known no leader, in milliseconds.
    pub(super) fn leaderless_ms(&self, now: Duration) -> u64 {
        let since = self.leaderless_since.map_or(Duration::ZERO, |at| now.saturating_sub(at));
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Puts up what was drawn. What looks as before stays as it is.
    pub(super) fn put(&mut self, drawn: Drawn, now: Duration) {
        if drawn.origin != self.origin {
            *self = Self { step: self.step, ..Self::default() };
        }
        self.step += 1;
        let step = self.step;
        (self.revision, self.origin, self.clocks) = (drawn.revision, drawn.origin, drawn.clocks);
        for of in drawn.rollouts {
            let name = of.thing.rollout.as_ref().map_or_else(String::new, |of| of.name.clone());
            put(&mut self.rollouts, name, of, step);
        }
        for of in drawn.patch_sets {
            put(&mut self.patch_sets, of.thing.name.clone(), of, step);
        }
        if let Some(of) = drawn.tiers
            && self.tiers.as_ref().is_none_or(|kept| *kept.thing != of.thing)
        {
            self.tiers = Some(kept(of, step));
        }
        self.put_cluster(drawn.cluster, now);
        self.trail.add(drawn.records, now);
    }

    fn put_cluster(&mut self, cluster: pb::ClusterStatus, now: Duration) {
        match (cluster.leader_id, self.leaderless_since) {
            (0, None) => self.leaderless_since = Some(now),
            (0, Some(_)) => (),
            (_, _) => self.leaderless_since = None,
        }
        let news = self.cluster.as_ref().is_none_or(|(kept, at)| {
            let rested = now.saturating_sub(*at) >= INDEXES_EVERY;
            (rested && *kept.thing != cluster)
                || without_indexes(&kept.thing) != without_indexes(&cluster)
        });
        if news {
            // It is this node's own view, so whoever comes from another one is told it.
            let of = Changed { thing: cluster, at: u64::MAX, order: 0 };
            self.cluster = Some((kept(of, self.step), now));
        }
    }

    /// Whether a stream may go on behind this token.
    ///
    /// # Errors
    ///
    /// [`WatchError`].
    pub(super) fn accepts(&self, token: &Token, filter: &Filter) -> Result<(), WatchError> {
        if token.filter != filter.hash() {
            return Err(WatchError::OtherFilter);
        }
        // An empty board knows no cluster yet.
        let elsewhere = self.step > 0 && token.origin != self.origin;
        if elsewhere || token.records < self.trail.floor() {
            let oldest = self.trail.floor();
            return Err(WatchError::Compacted { asked: token.records, oldest });
        }
        Ok(())
    }

    /// All that there is for `filter`.
    pub(super) fn overview(&self, filter: &Filter, now: Duration) -> pb::Overview {
        let shown = Filter::shows_things(filter);
        let set_of = self.patch_set_of(filter);
        let rollouts = self.rollouts.iter().filter(|(name, _)| shown && filter.shows(name));
        let sets = self.patch_sets.iter();
        let sets = sets.filter(|(name, _)| shown && (filter.is_about_all() || **name == set_of));
        let about_all = shown && filter.is_about_all();
        let tiers = self.tiers.as_ref().filter(|_| about_all);
        let cluster = self.cluster.as_ref().filter(|_| about_all);
        pb::Overview {
            revision: self.revision,
            clocks: Some(self.clocks),
            tiers: tiers.map(|kept| (*kept.thing).clone()).unwrap_or_default(),
            rollouts: newest(rollouts.map(|(_, kept)| kept)),
            patch_sets: newest(sets.map(|(_, kept)| kept)),
            cluster: cluster.map(|(kept, _)| (*kept.thing).clone()),
            recent_records: self.recent(filter, &set_of),
            leaderless_ms: self.leaderless_ms(now),
        }
    }

    fn recent(&self, filter: &Filter, set_of: &str) -> Vec<pb::DecisionRecord> {
        let all = self.trail.after(0).rev();
        let wanted = all.filter(|record| filter.shows_record(record, set_of));
        let mut recent: Vec<_> = wanted.take(RECENT_RECORDS).map(|of| (**of).clone()).collect();
        recent.reverse();
        recent
    }

    /// What has changed of the things that `filter` shows; the records are apart.
    pub(super) fn changes(&self, filter: &Filter, since: Since) -> pb::Changes {
        if !filter.shows_things() {
            return pb::Changes::default();
        }
        let set_of = self.patch_set_of(filter);
        let about_all = filter.is_about_all();
        let rollouts =
            self.rollouts.iter().filter(|(name, of)| filter.shows(name) && of.is_news(since));
        let sets = self.patch_sets.iter();
        let sets = sets.filter(|(name, of)| (about_all || **name == set_of) && of.is_news(since));
        let tiers = self.tiers.as_ref().filter(|of| about_all && of.is_news(since));
        let cluster = self.cluster.as_ref().filter(|(of, _)| about_all && of.is_news(since));
        pb::Changes {
            rollouts: rollouts.map(|(_, of)| (*of.thing).clone()).collect(),
            patch_sets: sets.map(|(_, of)| (*of.thing).clone()).collect(),
            tiers: tiers.map(|of| (*of.thing).clone()).unwrap_or_default(),
            cluster: cluster.map(|(of, _)| (*of.thing).clone()),
            records: Vec::new(),
        }
    }

    /// The records behind a log index that `filter` shows, the oldest first.
    pub(super) fn records(
        &self,
        filter: &Filter,
        after: u64,
    ) -> impl Iterator<Item = &Arc<pb::DecisionRecord>> {
        let set_of = self.patch_set_of(filter);
        self.trail.after(after).filter(move |record| filter.shows_record(record, &set_of))
    }

    /// The patch set of the one rollout that a filter is about; empty where it is about all.
    fn patch_set_of(&self, filter: &Filter) -> String {
        let kept = filter.rollout().and_then(|rollout| self.rollouts.get(rollout));
        let rollout = kept.and_then(|kept| kept.thing.rollout.as_ref());
        rollout.map_or_else(String::new, |rollout| rollout.patch_set.clone())
    }
}

fn put<T: PartialEq>(
    things: &mut BTreeMap<String, Kept<T>>,
    name: String,
    of: Changed<T>,
    step: u64,
) {
    if things.get(&name).is_none_or(|kept| *kept.thing != of.thing) {
        things.insert(name, kept(of, step));
    }
}

fn kept<T>(of: Changed<T>, step: u64) -> Kept<T> {
    Kept { thing: Arc::new(of.thing), changed: of.at, step, order: of.order }
}

/// The newest, at most [`MAX_LISTED`].
fn newest<'a, T: Clone + 'a>(things: impl Iterator<Item = &'a Kept<T>>) -> Vec<T> {
    let mut things: Vec<&Kept<T>> = things.collect();
    things.sort_by_key(|of| std::cmp::Reverse(of.order));
    things.into_iter().take(MAX_LISTED).map(|of| (*of.thing).clone()).collect()
}

/// The controllers but for what every entry changes.
fn without_indexes(cluster: &pb::ClusterStatus) -> pb::ClusterStatus {
    let mut rest = cluster.clone();
    (rest.commit_index, rest.applied_index, rest.elapsed_ms) = (0, 0, 0);
    (rest.first_index, rest.last_index, rest.checkpoint_index) = (0, 0, 0);
    (rest.vouched_index, rest.hosts) = (0, 0);
    rest.state_hash.clear();
    rest.vouched_by.clear();
    for member in &mut rest.members {
        member.matched_index = 0;
    }
    rest
}
