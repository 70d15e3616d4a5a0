//! Where do the grants stay, and whose time runs? In rows, with the timers that follow from them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tidegate_policies::time::{Elapsed, Listened};

use super::frozen::ThawError;
use super::frozen::sections::GRANTS;
use super::grants::{Grant, Phase};
use super::ids::{GrantId, HostId, RolloutId};
use super::rollouts::Rollout;
use super::table::Table;

/// The grants. They are read by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    pub(super) rows: Table<GrantId, Row>,
    /// Which rollout is meant by the log index at which it was created. Follows from the rollouts.
    names: BTreeMap<u64, RolloutId>,
    /// When offers expire, earliest first. Follows from the rows.
    expiries: BTreeSet<(Elapsed, GrantId)>,
    /// When hosts in flight count as silent, or their word is overdue, earliest first. Follows from
    /// the rows.
    dead_man: BTreeSet<(Listened, GrantId)>,
}

/// A grant's row: a [`Grant`] whose rollout is named by the log index at which it was created.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::machine) struct Row {
    host: HostId,
    rollout: u64,
    stage: usize,
    epoch: u64,
    phase: Phase,
}

/// What a grant was before it moved.
pub(super) struct Moved {
    pub(super) host: HostId,
    pub(super) rollout: RolloutId,
    pub(super) from: Phase,
}

impl Default for Grants {
    /// No grants yet.
    fn default() -> Self {
        Self {
            rows: Table::new(GRANTS),
            names: BTreeMap::new(),
            expiries: BTreeSet::new(),
            dead_man: BTreeSet::new(),
        }
    }
}

impl Grants {
    /// These rows, of these rollouts.
    ///
    /// # Errors
    ///
    /// [`ThawError::Torn`] if a grant is of none of them.
    pub(super) fn of_table(
        rows: Table<GrantId, Row>,
        rollouts: &BTreeMap<RolloutId, Rollout>,
    ) -> Result<Self, ThawError> {
        let names = rollouts.values().map(|of| (of.created_index, of.id.clone())).collect();
        let mut grants = Self { names, ..Self::default() };
        for (id, row) in rows.iter() {
            if !grants.names.contains_key(&row.rollout) {
                let what = format!("grant {id} is of a rollout that is not there");
                return Err(ThawError::Torn { what });
            }
            grants.arm(id, None, &row.phase);
        }
        Ok(Self { rows, ..grants })
    }

    /// How many.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The grant with this number.
    pub fn get(&self, id: &GrantId) -> Option<Grant> {
        self.rows.get(*id).and_then(|row| self.whole(*id, row))
    }

    /// Every grant, by number.
    pub fn values(&self) -> impl Iterator<Item = Grant> {
        self.rows.iter().filter_map(|(id, row)| self.whole(id, row))
    }

    /// The grants whose number is above `after`, by number.
    pub fn after(&self, after: GrantId) -> impl Iterator<Item = Grant> {
        let rows = self.rows.range(after, GrantId(u64::MAX)).filter(move |(id, _)| *id != after);
        rows.filter_map(|(id, row)| self.whole(id, row))
    }

    /// The rollout of a grant.
    pub fn rollout_of(&self, id: GrantId) -> Option<&RolloutId> {
        let (_, rollout): (HostId, u64) = self.rows.peek(id)?;
        self.names.get(&rollout)
    }

    /// The rollout that was created at this log index.
    pub(super) fn rollout_created_at(&self, created: u64) -> Option<&RolloutId> {
        self.names.get(&created)
    }

    /// The largest number; 0 where there is no grant.
    pub fn last(&self) -> u64 {
        self.rows.last_key().map_or(0, |id| id.0)
    }

    /// When offers expire, earliest first.
    pub const fn expiries(&self) -> &BTreeSet<(Elapsed, GrantId)> {
        &self.expiries
    }

    /// When hosts in flight count as silent, or their word is overdue, earliest first.
    pub const fn dead_man(&self) -> &BTreeSet<(Listened, GrantId)> {
        &self.dead_man
    }

    /// There is a rollout, created at this log index.
    pub(super) fn name(&mut self, created: u64, rollout: &RolloutId) {
        self.names.insert(created, rollout.clone());
    }

    /// There is a grant, of the rollout that was created at this log index.
    pub(super) fn add(&mut self, grant: &Grant, rollout: u64) {
        let Grant { id, host, stage, epoch, .. } = *grant;
        let phase = grant.phase.clone();
        self.arm(id, None, &phase);
        self.rows.insert(id, &Row { host, rollout, stage, epoch, phase });
    }

    /// The grant goes on, and its timer with it; what it was before.
    pub(super) fn go_on(&mut self, id: GrantId, to: &Phase) -> Option<Moved> {
        let mut before = None;
        self.rows.update(id, |row| {
            let from = std::mem::replace(&mut row.phase, to.clone());
            before = Some((row.host, row.rollout, from));
        });
        let (host, rollout, from) = before?;
        self.arm(id, Some(&from), to);
        let rollout = self.names.get(&rollout)?.clone();
        Some(Moved { host, rollout, from })
    }

    /// Lets go of a grant, if it never began.
    pub(super) fn forget_unbegun(&mut self, id: GrantId) {
        let Some(row) = self.rows.get(id).filter(|row| row.phase.begun().is_none()) else { return };
        if let Phase::Offered { expires } = row.phase {
            self.expiries.remove(&(expires, id));
        }
        self.rows.remove(id);
    }

    fn whole(&self, id: GrantId, row: Row) -> Option<Grant> {
        let Row { host, rollout, stage, epoch, phase } = row;
        let rollout = self.names.get(&rollout)?.clone();
        Some(Grant { id, host, rollout, stage, epoch, phase })
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
}
