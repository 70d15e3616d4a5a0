//! What does each event change? Cannot fail: whatever could was decided before.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_policies::evidence::{Class, Counts, Failure};
use tidegate_policies::time::Elapsed;

use super::clock::Clock;
use super::cluster::Cluster;
use super::command::StoreBlob;
use super::event::Event;
use super::fleet::Host;
use super::grant_book::Moved;
use super::grants::{Grant, Phase};
use super::ids::{GrantId, HostId, RolloutId};
use super::incidents::HaltScope;
use super::membership::{Eligible, Part};
use super::patch_sets::Halt;
use super::records::note_of;
use super::rollouts::{Approval, Entry, Place, Rollout, StageProgress, State, Way};
use super::tokens::Token;
use super::{Blob, Machine, Position};

impl Machine {
    /// Makes `event` part of the state, and writes its record.
    pub(super) fn absorb(&mut self, at: Position, event: &Event) {
        self.change(at, event);
        self.notify(at);
        if let Some(note) = note_of(event) {
            let reached = if let Event::VerdictReached { reached, .. } = event {
                Some(reached.as_ref())
            } else {
                None
            };
            self.records.write(at, &self.clock, note, reached);
        }
    }

    fn change(&mut self, at: Position, event: &Event) {
        match event {
            Event::ClusterBootstrapped(bootstrap) => self.cluster = Some(Cluster::new(bootstrap)),
            Event::Cluster(event) => self.change_cluster(event),
            Event::Calendar(event) => self.change_calendar(at, event),
            Event::ClockAdvanced(clock) => self.clock_goes_on(at, clock),
            Event::BlobStored(stored) => self.add_blob(stored),
            Event::TokenCreated { token, .. } => self.add_token(token),
            Event::Entitlement(event) => self.change_entitlement(at, event),
            Event::Incident(event) => self.change_incident(event),
            Event::HostEnrolled(host) => {
                self.replace_host((**host).clone());
                self.follow_ledgers(at, host.id);
            }
            Event::HostChanged { host, facts, boot, mode } => {
                if let Some(before) = self.hosts.get(host) {
                    let (facts, boot) = ((**facts).clone(), boot.as_str().into());
                    self.replace_host(Host { facts, boot, mode: *mode, ..before });
                    self.follow_ledgers(at, *host);
                }
            }
            Event::GoodbyeSaid { host, boot } => {
                self.hosts.say_goodbye(*host, boot);
                self.leaves_trials(*host);
            }
            Event::ReportCounted { host, mark, .. } => self.hosts.mark(*host, *mark),
            Event::PatchSetPublished { patch_set, .. } => {
                self.patch_sets.insert(patch_set.version.clone(), (**patch_set).clone());
            }
            Event::RolloutCreated { rollout, .. } => {
                self.grants.name(rollout.created_index, &rollout.id);
                self.rollouts.insert(rollout.id.clone(), (**rollout).clone());
            }
            Event::RolloutStarted { rollout, drawn, proven, .. } => {
                self.start(at, rollout, drawn);
                self.with_rollout(at, rollout, |of| of.proven = proven.clone());
            }
            Event::WaveStarted { rollout, place, .. } => self.start_wave(at, rollout, *place),
            Event::RolloutCompleted { rollout, .. } => self.complete(at, rollout),
            Event::RolloutPaused { rollout, .. } => {
                self.with_rollout(at, rollout, |rollout| rollout.state = State::Paused);
            }
            Event::RolloutResumed { rollout, from, acknowledged, actor, reason } => {
                self.resume(at, (rollout, *from), acknowledged, (actor, reason));
            }
            Event::People(event) => self.change_by_people(at, event),
            Event::WaveApproved { rollout, actor, reason } => {
                let (actor, remark, wall) = (actor.clone(), reason.clone(), self.clock.wall);
                let approval = Approval { actor, remark, at: wall };
                self.with_rollout(at, rollout, |rollout| rollout.approvals.push(approval));
            }
            Event::Halted { rollout, halt } => self.put_halt(at, rollout, halt),
            Event::SliceHalted { rollout, slice } => self.put_slice_halt(at, rollout, slice),
            Event::SliceResumed { rollout, rejoined } => {
                self.lift_slice_halt(at, rollout, rejoined);
            }
            Event::Withdrawal(event) => self.change_withdrawal(at, event),
            Event::Block(event) => self.change_blocks(event),
            Event::GrantOffered(grant) => self.add_grant(at, grant),
            Event::GrantMoved { grant, to, soak_ends } => {
                self.move_grant(at, *grant, to, *soak_ends);
            }
            Event::Trial { trial, moved } => self.change_trial(*trial, moved),
            Event::HoldMoved { rollout, moved, .. } => self.change_hold(rollout, moved),
            Event::VerdictReached { rollout, reached } => {
                self.with_rollout(at, rollout, |rollout| {
                    rollout.verdict = Some((**reached).clone());
                });
            }
            Event::Webhook(event) => self.change_webhooks(at, event),
        }
    }

    fn clock_goes_on(&mut self, at: Position, clock: &Clock) {
        let before = std::mem::replace(&mut self.clock, *clock);
        self.time_goes_on(&before);
        self.delays_end(&before);
        self.days_pass(at, &before);
    }

    fn add_token(&mut self, token: &Token) {
        self.secrets.insert(token.secret, token.id.clone());
        self.tokens.insert(token.id.clone(), token.clone());
    }

    fn add_blob(&mut self, stored: &StoreBlob) {
        let blob = Blob { size: stored.size, nodes: BTreeSet::new() };
        self.blobs.entry(stored.digest).or_insert(blob).nodes.insert(stored.node);
    }

    fn start(&mut self, at: Position, id: &RolloutId, drawn: &BTreeMap<usize, BTreeSet<HostId>>) {
        let wall = self.clock.wall;
        let Some(number) = self.rollouts.get(id).map(|rollout| rollout.created_index) else {
            return;
        };
        for (&step, hosts) in drawn {
            hosts.iter().for_each(|&host| self.entries.draw(number, host, step));
        }
        self.with_rollout(at, id, |rollout| {
            rollout.started = Some(wall);
            rollout.state = State::Running;
        });
        self.take_census(id);
        self.open_trial(id);
        self.hold_out(id);
    }

    fn complete(&mut self, at: Position, id: &RolloutId) {
        let (now, wall) = (self.clock.elapsed, self.clock.wall);
        self.with_rollout(at, id, |rollout| {
            pass_wave(rollout, now);
            rollout.state = State::Completed;
            rollout.ended = Some(wall);
        });
    }

    pub(super) fn with_rollout(
        &mut self,
        at: Position,
        id: &RolloutId,
        change: impl FnOnce(&mut Rollout),
    ) {
        if let Some(rollout) = self.rollouts.get_mut(id) {
            change(rollout);
            rollout.revision = at.index;
        }
    }

    /// Counts the eligible hosts of every step and wave.
    fn take_census(&mut self, id: &RolloutId) {
        let Some(rollout) = self.rollouts.get(id) else { return };
        let mut stages = rollout.stages.clone();
        for (part, eligible) in self.parts(rollout) {
            let in_wave = (part, part.first_wave(rollout), eligible);
            count_part(&mut stages, in_wave, Way::Enters);
        }
        if let Some(rollout) = self.rollouts.get_mut(id) {
            rollout.stages = stages;
        }
    }

    /// Counts them again: who is eligible has changed for many at once.
    pub(super) fn take_census_anew(&mut self, id: &RolloutId) {
        let Some(rollout) = self.rollouts.get_mut(id) else { return };
        for stage in &mut rollout.stages {
            stage.waves.iter_mut().for_each(|wave| wave.hosts = 0);
            (stage.hosts, stage.held_out, stage.shut_out.hosts) = (0, 0, 0);
        }
        self.take_census(id);
    }

    /// A part of each tier is held out, where the policy judges by comparison.
    fn hold_out(&mut self, id: &RolloutId) {
        let Some(rollout) = self.rollouts.get_mut(id) else { return };
        let holdouts = Self::holdouts(rollout);
        if holdouts.iter().all(|share| share.ppm() == 0) {
            return;
        }
        for (stage, holdout) in rollout.stages.iter_mut().zip(holdouts) {
            stage.holdout = holdout;
        }
        self.take_census_anew(id);
    }

    fn start_wave(&mut self, at: Position, id: &RolloutId, place: Place) {
        let now = self.clock.elapsed;
        let before = self.rollouts.get(id).and_then(|rollout| rollout.place);
        self.with_rollout(at, id, |rollout| {
            pass_wave(rollout, now);
            rollout.place = Some(place);
            rollout.approvals.clear();
            let waves = rollout.stages.get_mut(place.stage).map(|stage| &mut stage.waves);
            if let Some(wave) = waves.and_then(|waves| waves.get_mut(place.wave)) {
                wave.started = Some(now);
            }
        });
        self.reach_wave(id, before);
    }

    fn resume(
        &mut self,
        at: Position,
        (id, from): (&RolloutId, State),
        acknowledged: &[HostId],
        by: (&str, &str),
    ) {
        self.with_rollout(at, id, |rollout| rollout.state = rollout.state_when_lifted());
        acknowledged.iter().for_each(|&host| self.acknowledge(id, host));
        if from == State::Halted
            && let Some(version) = self.rollouts.get(id).map(|rollout| rollout.version.clone())
            && let Some(patch_set) = self.patch_sets.get_mut(&version)
        {
            patch_set.halt = None;
            patch_set.epoch += 1;
            let resolved = self.resolved_at(at, by, acknowledged);
            self.incidents.close(&version, &HaltScope::Everything, &resolved);
        }
        let number = self.rollouts.get(id).map(|rollout| rollout.created_index);
        if let (State::Halted, Some(number)) = (from, number)
            && let Some(trial) = self.trials.get_mut(&number)
        {
            trial.renew();
        }
    }

    pub(super) fn acknowledge(&mut self, id: &RolloutId, host: HostId) {
        let Some(rollout) = self.rollouts.get_mut(id) else { return };
        let entry = self.entries.get(rollout, host).filter(|entry| !entry.acknowledged);
        let Some(entry) = entry else { return };
        rollout.unacknowledged.shift(entry.class, Class::None);
        if let Some(stage) = rollout.stages.get_mut(entry.stage) {
            stage.acknowledged += 1;
            stage.shut_out.acknowledged += u64::from(entry.shut_out);
        }
        if entry.shut_out {
            rollout.shut_out.shift(entry.class, Class::None);
        }
        let after = Entry { acknowledged: true, ..entry };
        self.entries.put(rollout.created_index, host, &after);
        self.unsettle(id, host, (Some(&entry), Some(&after)));
    }

    fn put_halt(&mut self, at: Position, id: &RolloutId, halt: &Halt) {
        self.with_rollout(at, id, |rollout| rollout.state = State::Halted);
        let Some(rollout) = self.rollouts.get(id) else { return };
        let reached = self.verdict_of(at, rollout, halt);
        self.incidents.open(&rollout.version, HaltScope::Everything, (halt, reached));
        if let Some(patch_set) = self.patch_sets.get_mut(&rollout.version) {
            patch_set.epoch = halt.epoch;
            patch_set.halt = Some(halt.clone());
        }
    }

    fn add_grant(&mut self, at: Position, grant: &Grant) {
        let Some(rollout) = self.rollouts.get_mut(&grant.rollout) else { return };
        let (number, before) = (rollout.created_index, self.entries.get(rollout, grant.host));
        rollout.revision = at.index;
        if let Some(before) = before {
            self.grants.forget_unbegun(before.grant);
            if before.stage != grant.stage {
                move_between_stages(rollout, before, grant.stage);
            }
        }
        let entry = Entry {
            grant: grant.id,
            stage: grant.stage,
            class: before.map_or(Class::None, |entry| entry.class),
            begun: before.is_some_and(|entry| entry.begun),
            acknowledged: false,
            shut_out: before.is_some_and(|entry| entry.shut_out),
            refusals: before.map_or(0, |entry| entry.refusals),
        };
        self.entries.put(number, grant.host, &entry);
        self.unsettle(&grant.rollout, grant.host, (before.as_ref(), Some(&entry)));
        self.grants.add(grant, number);
        self.hosts.set_live_grant(grant.host, Some(grant.id));
        self.count(grant.id, grant.host, &grant.rollout, &grant.phase);
    }

    fn move_grant(&mut self, at: Position, id: GrantId, to: &Phase, soak_ends: Option<Elapsed>) {
        let Some(Moved { host, rollout, from }) = self.grants.go_on(id, to) else { return };
        if !to.is_live() && self.hosts.live_grant(host) == Some(id) {
            self.hosts.set_live_grant(host, None);
        }
        if from.may_run().is_some() != to.may_run().is_some()
            && let Some(version) = self.rollouts.get(&rollout).map(|of| of.version.clone())
        {
            self.follow_ledger(at, &version, host);
        }
        if from.class() == to.class() && soak_ends.is_none() {
            return; // Only the dead-man timer moved.
        }
        self.with_rollout(at, &rollout, |rollout| {
            rollout.soaks_end = rollout.soaks_end.max(soak_ends);
        });
        self.count(id, host, &rollout, to);
        self.follow(&rollout, host, &from, to);
    }

    /// Counts the host of a grant as what its phase says.
    fn count(&mut self, id: GrantId, host: HostId, of: &RolloutId, phase: &Phase) {
        let now = self.clock.elapsed;
        let Some(rollout) = self.rollouts.get_mut(of) else { return };
        let Some(before) = self.entries.get(rollout, host) else { return };
        let mut entry = before;
        if let Phase::Refused { .. } = phase {
            entry.refusals = entry.refusals.saturating_add(1);
        }
        // The host counts by its newest grant.
        if entry.grant == id {
            recount(rollout, &mut entry, phase);
        }
        if let (Phase::Begun(_), Some(rate)) = (phase, rollout.policy.limits.rate) {
            let period = rate.period(now);
            rollout.period = (period, rollout.begun_in(period) + 1);
        }
        if entry.class == Class::Verified
            && before.class != Class::Verified
            && let Some(kernel) = self.hosts.kernel(host)
        {
            *rollout.verified_on.entry(kernel).or_insert(0) += 1;
        }
        if entry != before {
            self.entries.put(rollout.created_index, host, &entry);
            self.unsettle(of, host, (Some(&before), Some(&entry)));
        }
    }
}

/// Moves a host in the rollout's books to what the phase of its newest grant says.
fn recount(rollout: &mut Rollout, entry: &mut Entry, phase: &Phase) {
    let Some(stage) = rollout.stages.get_mut(entry.stage) else { return };
    let (from, to) = (entry.class, phase.class());
    if from == to {
        return;
    }
    let begins = !entry.begun && phase.begun().is_some();
    let unacknowledged = if entry.acknowledged {
        // What was acknowledged was the outcome of then: another one counts anew.
        entry.acknowledged = false;
        stage.acknowledged -= 1;
        stage.shut_out.acknowledged -= u64::from(entry.shut_out);
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
    let apart = [(&mut stage.shut_out.counts, from), (&mut rollout.shut_out, unacknowledged)];
    let apart = apart.into_iter().filter(|_| entry.shut_out);
    for (book, from) in books.into_iter().chain(apart) {
        book.shift(from, to);
        book.begun += u64::from(begins);
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
    let books = |stage: usize, rollout: &mut Rollout, change: &dyn Fn(&mut Counts)| {
        let Some(stage) = rollout.stages.get_mut(stage) else { return };
        change(&mut stage.counts);
        if entry.shut_out {
            change(&mut stage.shut_out.counts);
        }
    };
    books(entry.stage, rollout, &|left| {
        left.shift(entry.class, Class::None);
        left.begun -= u64::from(entry.begun);
    });
    books(to, rollout, &|entered| {
        entered.shift(Class::None, entry.class);
        entered.begun += u64::from(entry.begun);
    });
}

/// Counts a host of a step, its first wave, and whether it is eligible.
pub(super) fn count_part(
    stages: &mut [StageProgress],
    (part, first_wave, eligible): (Part, usize, Eligible),
    way: Way,
) {
    let Some(stage) = stages.get_mut(part.stage) else { return };
    let counts: Vec<&mut u64> = match eligible {
        Eligible::ShutOut => vec![&mut stage.shut_out.hosts],
        Eligible::Yes => {
            let waves = stage.waves.iter_mut().skip(first_wave).map(|wave| &mut wave.hosts);
            let held_out = part.held_out.then_some(&mut stage.held_out);
            std::iter::once(&mut stage.hosts).chain(held_out).chain(waves).collect()
        }
    };
    for hosts in counts {
        match way {
            Way::Enters => *hosts += 1,
            Way::Leaves => *hosts -= 1,
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
