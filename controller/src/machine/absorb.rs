//! What does each event change? Cannot fail: whatever could was decided before.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policies::evidence::{Class, Failure};
use tidegate_policies::time::Elapsed;

use super::cluster::Cluster;
use super::command::StoreBlob;
use super::event::Event;
use super::fleet::Host;
use super::grants::{Grant, Phase};
use super::ids::{GrantId, HostId, RolloutId};
use super::membership::Part;
use super::patch_sets::Halt;
use super::records::note_of;
use super::rollouts::{Entry, Place, Rollout, State};
use super::{Blob, Machine, Position};

impl Machine {
    /// Makes `event` part of the state, and writes its record.
    pub(super) fn absorb(&mut self, at: Position, event: &Event) {
        self.change(at, event);
        if let Some(note) = note_of(event) {
            let inputs = if let Event::VerdictReached { reached, .. } = event {
                Some(Box::new(reached.inputs.clone()))
            } else {
                None
            };
            self.records.write(at, &self.clock, note, inputs);
        }
    }

    fn change(&mut self, at: Position, event: &Event) {
        match event {
            Event::ClusterBootstrapped(bootstrap) => self.cluster = Some(Cluster::new(bootstrap)),
            Event::Cluster(event) => self.change_cluster(event),
            Event::ClockAdvanced(clock) => self.clock = *clock,
            Event::BlobStored(stored) => self.add_blob(stored),
            Event::TokenCreated { token, .. } => {
                self.tokens.insert(token.id.clone(), token.clone());
            }
            Event::HostEnrolled(host) => self.replace_host((**host).clone()),
            Event::HostChanged { host, facts, boot, mode } => {
                if let Some(before) = self.hosts.get(host) {
                    let facts = (**facts).clone();
                    let after = Host { facts, boot: boot.clone(), mode: *mode, ..before.clone() };
                    self.replace_host(after);
                }
            }
            Event::GoodbyeSaid { host, boot } => {
                if let Some(host) = self.hosts.get_mut(host) {
                    host.goodbye = Some(boot.clone());
                }
            }
            Event::ReportCounted { host, mark } => {
                if let Some(host) = self.hosts.get_mut(host) {
                    host.mark(*mark);
                }
            }
            Event::PatchSetPublished { patch_set, .. } => {
                self.patch_sets.insert(patch_set.version.clone(), (**patch_set).clone());
            }
            Event::RolloutCreated { rollout, .. } => {
                self.rollouts.insert(rollout.id.clone(), (**rollout).clone());
            }
            Event::RolloutStarted { rollout, drawn, .. } => self.start(at, rollout, drawn),
            Event::WaveStarted { rollout, place, .. } => self.start_wave(at, rollout, *place),
            Event::RolloutCompleted { rollout, .. } => self.complete(at, rollout),
            Event::RolloutPaused { rollout, .. } => {
                self.with_rollout(at, rollout, |rollout| rollout.state = State::Paused);
            }
            Event::RolloutResumed { rollout, from, acknowledged, .. } => {
                self.resume(at, rollout, *from, acknowledged);
            }
            Event::WaveApproved { rollout, .. } => {
                self.with_rollout(at, rollout, |rollout| rollout.approved = true);
            }
            Event::Halted { rollout, halt } => self.put_halt(at, rollout, halt),
            Event::GrantOffered(grant) => self.add_grant(at, grant),
            Event::GrantMoved { grant, to, soak_ends } => {
                self.move_grant(at, *grant, to, *soak_ends);
            }
            Event::VerdictReached { rollout, reached } => {
                self.with_rollout(at, rollout, |rollout| {
                    rollout.verdict = Some((**reached).clone());
                });
            }
        }
    }

    fn add_blob(&mut self, stored: &StoreBlob) {
        let blob = Blob { size: stored.size, nodes: BTreeSet::new() };
        self.blobs.entry(stored.digest).or_insert(blob).nodes.insert(stored.node);
    }

    fn start(&mut self, at: Position, id: &RolloutId, drawn: &BTreeMap<usize, BTreeSet<HostId>>) {
        let wall = self.clock.wall;
        self.with_rollout(at, id, |rollout| {
            rollout.drawn = drawn.clone();
            rollout.started = Some(wall);
            rollout.state = State::Running;
        });
        self.take_census(id);
    }

    fn complete(&mut self, at: Position, id: &RolloutId) {
        let (now, wall) = (self.clock.elapsed, self.clock.wall);
        self.with_rollout(at, id, |rollout| {
            pass_wave(rollout, now);
            rollout.state = State::Completed;
            rollout.ended = Some(wall);
        });
    }

    fn with_rollout(&mut self, at: Position, id: &RolloutId, change: impl FnOnce(&mut Rollout)) {
        if let Some(rollout) = self.rollouts.get_mut(id) {
            change(rollout);
            rollout.revision = at.index;
        }
    }

    /// Counts the eligible hosts of every step and wave.
    fn take_census(&mut self, id: &RolloutId) {
        let Some(rollout) = self.rollouts.get(id) else { return };
        let parts: Vec<Part> =
            self.hosts.values().filter_map(|host| self.part(rollout, host).ok()).collect();
        let Some(rollout) = self.rollouts.get_mut(id) else { return };
        for part in parts {
            count_part(rollout, part, Census::Enters);
        }
    }

    /// Puts `after` in its row, and keeps tokens and censuses true.
    fn replace_host(&mut self, after: Host) {
        let before = self.hosts.get(&after.id).cloned();
        let id = after.id;
        if before.as_ref().map(|host| &host.token) != Some(&after.token) {
            let leaves = before.as_ref().and_then(|host| self.tokens.get_mut(&host.token));
            if let Some(token) = leaves {
                token.enrolled -= 1;
            }
            if let Some(token) = self.tokens.get_mut(&after.token) {
                token.enrolled += 1;
            }
        }
        let parts = |machine: &Self, host: &Host| -> Vec<(RolloutId, Part)> {
            let started = machine.rollouts.values().filter(|rollout| rollout.place.is_some());
            started.filter_map(|r| Some((r.id.clone(), machine.part(r, host).ok()?))).collect()
        };
        let left = before.map(|host| parts(self, &host)).unwrap_or_default();
        let entered = parts(self, &after);
        self.hosts.insert(id, after);
        let left = left.into_iter().map(|(rollout, part)| (rollout, part, Census::Leaves));
        let entered = entered.into_iter().map(|(rollout, part)| (rollout, part, Census::Enters));
        for (rollout, part, census) in left.chain(entered) {
            if let Some(rollout) = self.rollouts.get_mut(&rollout) {
                count_part(rollout, part, census);
            }
        }
    }

    fn start_wave(&mut self, at: Position, id: &RolloutId, place: Place) {
        let now = self.clock.elapsed;
        self.with_rollout(at, id, |rollout| {
            pass_wave(rollout, now);
            rollout.place = Some(place);
            rollout.approved = false;
            let waves = rollout.stages.get_mut(place.stage).map(|stage| &mut stage.waves);
            if let Some(wave) = waves.and_then(|waves| waves.get_mut(place.wave)) {
                wave.started = Some(now);
            }
        });
    }

    fn resume(&mut self, at: Position, id: &RolloutId, from: State, acknowledged: &[HostId]) {
        self.with_rollout(at, id, |rollout| {
            rollout.state = rollout.state_when_lifted();
            for host in acknowledged {
                let Some(entry) = rollout.entries.get_mut(host) else { continue };
                entry.acknowledged = true;
                rollout.unacknowledged.shift(entry.class, Class::None);
                if let Some(stage) = rollout.stages.get_mut(entry.stage) {
                    stage.acknowledged.insert(*host);
                }
            }
        });
        if from == State::Halted
            && let Some(version) = self.rollouts.get(id).map(|rollout| rollout.version.clone())
            && let Some(patch_set) = self.patch_sets.get_mut(&version)
        {
            patch_set.halt = None;
            patch_set.epoch += 1;
        }
    }

    fn put_halt(&mut self, at: Position, id: &RolloutId, halt: &Halt) {
        self.with_rollout(at, id, |rollout| rollout.state = State::Halted);
        let version = self.rollouts.get(id).map(|rollout| rollout.version.clone());
        if let Some(patch_set) = version.and_then(|version| self.patch_sets.get_mut(&version)) {
            patch_set.epoch = halt.epoch;
            patch_set.halt = Some(halt.clone());
        }
    }

    fn add_grant(&mut self, at: Position, grant: &Grant) {
        self.forget_before(grant);
        self.grants.insert(grant.id, grant.clone());
        if let Some(host) = self.hosts.get_mut(&grant.host) {
            host.live_grant = Some(grant.id);
        }
        self.with_rollout(at, &grant.rollout, |rollout| {
            let before = rollout.entries.get(&grant.host).copied();
            if let Some(before) = before.filter(|before| before.stage != grant.stage) {
                move_between_stages(rollout, before, grant.stage);
            }
            let entry = Entry {
                grant: grant.id,
                stage: grant.stage,
                class: before.map_or(Class::None, |entry| entry.class),
                begun: before.is_some_and(|entry| entry.begun),
                acknowledged: false,
                refusals: before.map_or(0, |entry| entry.refusals),
            };
            rollout.entries.insert(grant.host, entry);
        });
        self.arm(grant.id, None, &grant.phase);
        self.count(at, grant.id, &grant.phase);
    }

    /// Lets go of the host's grant before `grant`, if it never began: offers do not pile up.
    fn forget_before(&mut self, grant: &Grant) {
        let rollout = self.rollouts.get(&grant.rollout);
        let before = rollout.and_then(|rollout| rollout.entries.get(&grant.host));
        let Some(before) = before.map(|entry| entry.grant) else { return };
        if self.grants.get(&before).is_some_and(|before| before.phase.begun().is_none()) {
            self.grants.remove(&before);
        }
    }

    fn move_grant(&mut self, at: Position, id: GrantId, to: &Phase, soak_ends: Option<Elapsed>) {
        let Some(grant) = self.grants.get_mut(&id) else { return };
        let from = std::mem::replace(&mut grant.phase, to.clone());
        let (host, rollout) = (grant.host, grant.rollout.clone());
        self.arm(id, Some(&from), to);
        if !to.is_live()
            && let Some(host) = self.hosts.get_mut(&host)
            && host.live_grant == Some(id)
        {
            host.live_grant = None;
        }
        if from.class() == to.class() && soak_ends.is_none() {
            return; // Only the dead-man timer moved.
        }
        self.with_rollout(at, &rollout, |rollout| {
            rollout.soaks_end = rollout.soaks_end.max(soak_ends);
            if let (Phase::Refused { .. }, Some(entry)) = (to, rollout.entries.get_mut(&host)) {
                entry.refusals = entry.refusals.saturating_add(1);
            }
        });
        self.count(at, id, to);
    }

    /// Moves the grant's timer from the one phase to the other.
    fn arm(&mut self, id: GrantId, from: Option<&Phase>, to: &Phase) {
        if let Some(Phase::Offered { expires }) = from {
            self.expiries.remove(&(*expires, id));
        }
        if let Some(begun) = from.and_then(Phase::in_flight) {
            self.dead_man.remove(&(begun.dead_at(), id));
        }
        if let Phase::Offered { expires } = to {
            self.expiries.insert((*expires, id));
        }
        if let Some(begun) = to.in_flight() {
            self.dead_man.insert((begun.dead_at(), id));
        }
    }

    /// Counts the host of a grant as what its phase says.
    fn count(&mut self, at: Position, id: GrantId, phase: &Phase) {
        let Some(grant) = self.grants.get(&id) else { return };
        let (host, rollout) = (grant.host, grant.rollout.clone());
        self.with_rollout(at, &rollout, |rollout| {
            let Some(entry) = rollout.entries.get_mut(&host) else { return };
            if entry.grant != id {
                return; // The host counts by its newest grant.
            }
            let Some(stage) = rollout.stages.get_mut(entry.stage) else { return };
            let (from, to) = (entry.class, phase.class());
            if from == to {
                return;
            }
            let begins = !entry.begun && phase.begun().is_some();
            let unacknowledged = if entry.acknowledged {
                // What was acknowledged was the outcome of then: another one counts anew.
                entry.acknowledged = false;
                stage.acknowledged.remove(&host);
                Class::None
            } else {
                from
            };
            entry.class = to;
            entry.begun |= begins;
            let books = [
                (&mut rollout.counts, from),
                (&mut stage.counts, from),
                (&mut rollout.unacknowledged, unacknowledged),
            ];
            for (book, from) in books {
                book.shift(from, to);
                book.begun += u64::from(begins);
            }
        });
    }
}

fn pass_wave(rollout: &mut Rollout, now: Elapsed) {
    let Some(place) = rollout.place else { return };
    let waves = rollout.stages.get_mut(place.stage).map(|stage| &mut stage.waves);
    if let Some(wave) = waves.and_then(|waves| waves.get_mut(place.wave)) {
        wave.passed.get_or_insert(now);
    }
}

/// A host counts in the step of its newest grant, with all that it counts as.
fn move_between_stages(rollout: &mut Rollout, entry: Entry, to: usize) {
    if let Some(left) = rollout.stages.get_mut(entry.stage) {
        left.counts.shift(entry.class, Class::None);
        left.counts.begun -= u64::from(entry.begun);
    }
    if let Some(entered) = rollout.stages.get_mut(to) {
        entered.counts.shift(Class::None, entry.class);
        entered.counts.begun += u64::from(entry.begun);
    }
}

/// Which way a host goes through a census.
#[derive(Clone, Copy)]
enum Census {
    Enters,
    Leaves,
}

fn count_part(rollout: &mut Rollout, part: Part, census: Census) {
    let first = part.first_wave(rollout);
    let Some(stage) = rollout.stages.get_mut(part.stage) else { return };
    let waves = stage.waves.iter_mut().skip(first).map(|wave| &mut wave.hosts);
    for hosts in std::iter::once(&mut stage.hosts).chain(waves) {
        match census {
            Census::Enters => *hosts += 1,
            Census::Leaves => *hosts -= 1,
        }
    }
}

/// Whether a grant may still turn into another failure: what the ledger learns after a failure.
pub(super) const fn may_become(from: Failure, to: Failure) -> bool {
    match (from, to) {
        (Failure::Silent, Failure::Crashed | Failure::Failed | Failure::Stalled)
        | (Failure::Failed | Failure::Stalled, Failure::Crashed) => true,
        (Failure::Crashed | Failure::Failed | Failure::Stalled | Failure::Silent, _) => false,
    }
}
