//! `Tick`: time goes on; hosts were heard; offers expire; silence is declared; hosts get offers.

use std::collections::BTreeSet;

use tidegate_policies::evidence::Failure;
use tidegate_policies::time::Listened;

use crate::machine::clock::Ears;
use crate::machine::event::Event;
use crate::machine::fleet::Host;
use crate::machine::grants::{Grant, Livepatch, Phase};
use crate::machine::ids::{GrantId, HostId, RolloutId};
use crate::machine::rollouts::{MAX_REFUSALS, Rollout};
use crate::machine::room::Full;
use crate::machine::{Machine, Position, Reply, Tick};

impl Machine {
    pub(super) fn tick(&mut self, at: Position, tick: &Tick, events: &mut Vec<Event>) -> Reply {
        let ears = if self.is_deaf() { Ears::Deaf } else { Ears::Open };
        let clock = self.clock().ticked(tick, at.term, self.beats(), ears);
        let clock = clock.with_wall(tick, self.cluster());
        self.take(at, vec![Event::ClockAdvanced(clock)], events);
        let heard = tick.heard.iter().filter_map(|&host| self.heard(host)).collect();
        self.take(at, heard, events);
        self.tick_trials(at, tick, events);
        let lapsed = self.lapsed_proposals();
        self.take(at, lapsed, events);
        let due = self.due();
        self.take(at, due, events);
        for rollout in self.offering() {
            let asking = self.asking(&rollout, &tick.asking);
            for host in asking {
                match self.offer(&rollout, host) {
                    Ok(offer) => self.take(at, offer.into_iter().collect(), events),
                    Err(full) if full.is_of_slice() => (),
                    Err(_) => break,
                }
            }
        }
        Reply::Done
    }

    /// The host was heard in the boot that is known: its dead-man timer runs anew.
    pub(super) fn heard(&self, host: HostId) -> Option<Event> {
        let grant = self.grants().get(&self.hosts().live_grant(host)?)?;
        let silent_at = self.silent_at(&grant)?;
        let later = silent_at > grant.phase.in_flight()?.silent_at;
        let (grant, phase) = (grant.id, grant.phase);
        later.then(|| Event::GrantMoved { grant, to: phase.heard(silent_at), soak_ends: None })
    }

    /// When the host of `grant` counts as silent if it is not heard after now.
    pub(super) fn silent_at(&self, grant: &Grant) -> Option<Listened> {
        let timing = &self.rollouts().get(&grant.rollout)?.policy.timing;
        Some(self.clock().listened.after(timing.silent_after()))
    }

    /// Offers that expire, and hosts that are silent or whose word is overdue now.
    fn due(&self) -> Vec<Event> {
        let clock = self.clock();
        let expired = self.grants().expiries().iter().take_while(|(at, _)| *at <= clock.elapsed);
        let expired = expired.map(|&(_, id)| (id, Phase::Expired));
        let dead = self.grants().dead_man().iter().take_while(|(at, _)| *at <= clock.listened);
        let dead = dead.filter_map(|&(_, id)| Some((id, self.dead(id)?)));
        expired
            .chain(dead)
            .map(|(grant, to)| Event::GrantMoved { grant, to, soak_ends: None })
            .collect()
    }

    /// What a grant becomes whose dead-man timer has run out. A host may also live on and never say what
    /// became of it, because its insert hangs or its agent lost its memory.
    fn dead(&self, id: GrantId) -> Option<Phase> {
        let grant = self.grants().get(&id)?;
        let timing = &self.rollouts().get(&grant.rollout)?.policy.timing;
        let begun = grant.phase.in_flight()?.clone();
        if begun.silent_at <= self.clock().listened
            && let Some(silent_at) = self.excused_in_flight(&grant)
        {
            return Some(grant.phase.heard(silent_at));
        }
        let applied = grant.phase.applied_at();
        let (failure, detail) = if begun.silent_at <= self.clock().listened {
            let (span, beats, beat) =
                (timing.silent_after(), timing.silent_after_beats, timing.beat);
            let detail =
                format!("not heard for {span} of listening time ({beats} beats of {beat})");
            (Failure::Silent, detail)
        } else if applied.is_some() {
            (Failure::Silent, "it is heard, and never said that its soak is over".to_owned())
        } else {
            (Failure::Stalled, "it is heard, and never said what became of the apply".to_owned())
        };
        let livepatch = Livepatch::MayRun;
        Some(Phase::Failed { begun, failure, detail, applied, trace: None, livepatch })
    }

    /// Rollouts whose hosts may get offers, oldest first.
    fn offering(&self) -> Vec<RolloutId> {
        let mut rollouts: Vec<&Rollout> = self
            .rollouts()
            .values()
            .filter(|rollout| rollout.state.serves())
            .filter(|rollout| !self.is_halted(rollout))
            .collect();
        rollouts.sort_by_key(|rollout| rollout.created_index);
        rollouts.into_iter().map(|rollout| rollout.id.clone()).collect()
    }

    /// Those of `hosts` whose turn it is in the rollout, in the order of their places.
    fn asking(&self, id: &RolloutId, hosts: &[HostId]) -> Vec<HostId> {
        let Some(rollout) = self.rollouts().get(id) else { return Vec::new() };
        let distinct: BTreeSet<HostId> = hosts.iter().copied().collect();
        let mut asking: Vec<_> = distinct
            .into_iter()
            .filter_map(|id| self.hosts().get(&id))
            .filter(|host| self.wants(rollout, host))
            .filter_map(|host| Some((self.part(rollout, &host).ok()?.bucket, host.id)))
            .collect();
        asking.sort();
        asking.into_iter().map(|(_, host)| host).collect()
    }

    /// Whether it is the host's turn in the rollout, and it is free and has not had it.
    pub fn wants(&self, rollout: &Rollout, host: &Host) -> bool {
        let turn = self.part(rollout, host).is_ok_and(|part| {
            part.has_its_turn(rollout) && self.closed(rollout, part.stage).is_none()
        });
        turn && host.live_grant.is_none()
            && may_have_another(self, rollout, host)
            && !self.is_past(rollout, host)
    }

    /// The host has begun a patch set that was published later, which this one would take back, or
    /// the same one in another rollout.
    pub(in crate::machine) fn is_past(&self, rollout: &Rollout, host: &Host) -> bool {
        let published = |rollout: &Rollout| {
            self.patch_sets().get(&rollout.version).map(|patch_set| patch_set.published_index)
        };
        self.rollouts().values().any(|other| {
            other.id != rollout.id
                && self.entries().get(other, host.id).is_some_and(|entry| entry.begun)
                && published(other) >= published(rollout)
        })
    }

    /// An offer for the host, or why there is no room for one.
    fn offer(&self, id: &RolloutId, host: HostId) -> Result<Option<Event>, Full> {
        let known = self.rollouts().get(id).zip(self.hosts().get(&host));
        let Some((rollout, row)) = known else { return Ok(None) };
        self.room_to_offer(rollout, &row)?;
        Ok(self.offered(rollout, &row))
    }

    fn offered(&self, rollout: &Rollout, host: &Host) -> Option<Event> {
        let part = self.part(rollout, host).ok()?;
        let expires = self.clock().elapsed.after(rollout.policy.timing.offer);
        let last =
            self.grants().last().max(self.cluster().map_or(0, |cluster| cluster.grants_after));
        Some(Event::GrantOffered(Grant {
            id: GrantId(last + 1),
            host: host.id,
            rollout: rollout.id.clone(),
            stage: part.stage,
            epoch: self.patch_sets().get(&rollout.version)?.epoch,
            phase: Phase::Offered { expires },
        }))
    }
}

/// A host has one grant, and another only if none began, if it refused, a few times, or if it lost the
/// patch after its soak in a reboot that it had announced: what is unexplained is not tried again.
fn may_have_another(machine: &Machine, rollout: &Rollout, host: &Host) -> bool {
    let Some(entry) = machine.entries().get(rollout, host.id) else { return true };
    match machine.grants().get(&entry.grant).map(|grant| grant.phase) {
        Some(Phase::Expired | Phase::Withdrawn) => true,
        // Another boot is another chance.
        Some(phase @ Phase::Refused { .. }) => {
            // Whoever may run it still needs no other: it said goodbye and stayed.
            let runs = phase.may_run().is_some_and(|begun| begun.boot == host.boot);
            !runs && entry.refusals < MAX_REFUSALS
                || phase.begun().is_some_and(|begun| begun.boot != host.boot)
        }
        Some(Phase::Soaked { begun }) => {
            begun.boot != host.boot && host.goodbye.as_ref() == Some(&begun.boot)
        }
        Some(
            Phase::Offered { .. }
            | Phase::Begun(_)
            | Phase::Applied { .. }
            | Phase::Failed { .. }
            | Phase::Reverted { .. },
        )
        | None => false,
    }
}
