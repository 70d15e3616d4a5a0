//! What is a halt made of, of everything or of one slice? Its numbers, its witnesses, and the offers that
//! it takes back.

use tidegate_policies::evidence::{Class, Counts};

use super::event::Event;
use super::grants::Phase;
use super::ids::{GrantId, HostId};
use super::incidents::{HaltNow, HaltScope, IncidentState};
use super::patch_sets::{Halt, MAX_WITNESSES, Witness};
use super::records::JUDGE;
use super::rollouts::{Entry, Reached, Rollout};
use super::slices::{HaltedSlice, is_inside};
use super::{Machine, Position};

impl Machine {
    /// A halt of the patch set of `rollout`, with what was counted so far of whom it stops.
    ///
    /// One of everything raises the epoch; a halted slice does not: the others' offers stay good.
    pub(super) fn halt(
        &self,
        at: Position,
        rollout: &Rollout,
        scope: &HaltScope,
        (actor, reason): (&str, String),
    ) -> Halt {
        let epoch = self.patch_sets.get(&rollout.version).map_or(1, |patch_set| patch_set.epoch);
        let (epoch, counts) = match scope {
            HaltScope::Everything => (epoch + 1, rollout.unacknowledged),
            HaltScope::Slice(_) => (epoch, self.counted(rollout, scope)),
        };
        let witness = |(host, entry): (HostId, Entry)| {
            let phase = self.grants.get(&entry.grant)?.phase;
            Some(Witness { host, phase })
        };
        let witnesses = self.failed(rollout, scope).filter_map(witness);
        Halt {
            rollout: rollout.id.clone(),
            actor: actor.to_owned(),
            reason,
            index: at.index,
            epoch,
            at: self.clock.wall,
            counts,
            gates: Vec::new(),
            witnesses: witnesses.take(MAX_WITNESSES).collect(),
        }
    }

    /// `halt` stands, and what was offered to those whom it stops is withdrawn.
    pub(super) fn halted(&self, rollout: &Rollout, scope: HaltScope, halt: Halt) -> Vec<Event> {
        let offered = self.grants.expiries().iter().map(|&(_, id)| id);
        let is_stopped = |id: &GrantId| {
            let other = self.grants.rollout_of(*id).and_then(|other| self.rollouts.get(other));
            other.is_some_and(|other| other.version == rollout.version)
                && self.grants.get(id).is_some_and(|grant| self.stops(&scope, grant.host))
        };
        let withdrawn: Vec<GrantId> = offered.filter(is_stopped).collect();
        let withdrawn = withdrawn.into_iter().map(|grant| Event::GrantMoved {
            grant,
            to: Phase::Withdrawn,
            soak_ends: None,
        });
        let rollout = rollout.id.clone();
        let halted = match scope {
            HaltScope::Everything => Event::Halted { rollout, halt: Box::new(halt) },
            HaltScope::Slice(cut) => {
                Event::SliceHalted { rollout, slice: Box::new(HaltedSlice { cut, halt }) }
            }
        };
        std::iter::once(halted).chain(withdrawn).collect()
    }

    /// The hosts of a rollout that a halt stops and that failed, as far as nobody has acknowledged it.
    pub(super) fn failed(
        &self,
        rollout: &Rollout,
        scope: &HaltScope,
    ) -> impl Iterator<Item = (HostId, Entry)> {
        let failed = |entry: &Entry| matches!(entry.class, Class::Failure(_));
        let open = self.entries.of(rollout).filter(|(_, entry)| !entry.acknowledged);
        open.filter(move |(host, entry)| failed(entry) && self.stops(scope, *host))
    }

    /// What was counted of the hosts of a rollout that a halt stops.
    fn counted(&self, rollout: &Rollout, scope: &HaltScope) -> Counts {
        let open = self.entries.of(rollout).filter(|(_, entry)| !entry.acknowledged);
        let mut counts = Counts::default();
        for (_, entry) in open.filter(|(host, _)| self.stops(scope, *host)) {
            counts.shift(Class::None, entry.class);
            counts.begun += u64::from(entry.begun);
        }
        counts
    }

    /// Whether a halt stops this host.
    fn stops(&self, scope: &HaltScope, host: HostId) -> bool {
        match scope {
            HaltScope::Everything => true,
            HaltScope::Slice(cut) => {
                self.host_of_old(host).is_some_and(|host| is_inside(cut, &host.facts))
            }
        }
    }

    /// What becomes of the incident of a halt that a person lifts, at this entry.
    pub(super) fn resolved_at(
        &self,
        at: Position,
        (actor, reason): (&str, &str),
        acknowledged: &[HostId],
    ) -> IncidentState {
        IncidentState::Resolved {
            halt: HaltNow::Lifted,
            actor: actor.to_owned(),
            reason: reason.to_owned(),
            acknowledged: u64::try_from(acknowledged.len()).unwrap_or(u64::MAX),
            index: at.index,
            at: self.clock.wall,
        }
    }

    /// The verdict that the judge halted by, at this very entry; `None`: a person halted.
    pub(super) fn verdict_of(&self, at: Position, of: &Rollout, halt: &Halt) -> Option<Reached> {
        let reached = of.verdict.as_ref();
        reached.filter(|reached| halt.actor == JUDGE && reached.index == at.index).cloned()
    }
}
