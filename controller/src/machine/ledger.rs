//! Which hosts still run a withdrawn patch set, and how does each get rid of it?
//!
//! Who is on the ledger follows from the books alone: its newest grant of the patch set began in the boot
//! that is known, and nothing says that the livepatch is gone. So a host leaves by its word that it has
//! reverted, or by another boot. What the rows add is how it leaves, and who it is at a glance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frozen::ThawError;
use super::frozen::sections::LEDGER;
use super::ids::{GrantId, HostId, Version};
use super::patch_sets::PatchSet;
use super::rollouts::Rollout;
use super::table::Table;
use super::{Machine, Position};

/// The hosts that run a withdrawn patch set, by the log index at which that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    pub(super) rows: Table<(u64, HostId), Owed>,
}

/// What a host owes that runs a withdrawn patch set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// The grant by which it runs it.
    pub grant: GrantId,
    /// How it gets rid of it.
    pub leaves: Leaves,
}

/// How a host gets rid of a withdrawn patch set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leaves {
    /// It is told to revert, and has not said what became of it.
    ByRevert,
    /// It cannot revert: it is owed a reboot.
    ByReboot {
        /// Why it cannot, in the host's words.
        why: String,
    },
}

/// How many hosts are on a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owing {
    /// Hosts whose revert is under way.
    pub reverts: u64,
    /// Hosts that are owed a reboot.
    pub reboots: u64,
}

impl Owing {
    /// All of them.
    pub const fn hosts(&self) -> u64 {
        self.reverts + self.reboots
    }

    const fn of(&mut self, leaves: &Leaves) -> &mut u64 {
        match leaves {
            Leaves::ByRevert => &mut self.reverts,
            Leaves::ByReboot { .. } => &mut self.reboots,
        }
    }
}

impl Default for Ledger {
    /// Nobody runs anything that was withdrawn.
    fn default() -> Self {
        Self { rows: Table::new(LEDGER) }
    }
}

impl Ledger {
    /// The row of a host on the ledger of a patch set.
    pub fn get(&self, patch_set: &PatchSet, host: HostId) -> Option<Owed> {
        self.rows.get((patch_set.published_index, host))
    }

    /// The rows of a patch set whose host is above `after`, or all of them, by host.
    pub fn after(
        &self,
        patch_set: &PatchSet,
        after: Option<HostId>,
    ) -> impl Iterator<Item = (HostId, Owed)> {
        let of = patch_set.published_index;
        let rows = self.rows.range((of, after.unwrap_or(HostId(0))), (of, HostId(u64::MAX)));
        let rows = rows.map(|((_, host), owed)| (host, owed));
        rows.filter(move |(host, _)| Some(*host) != after)
    }

    /// The counts of each patch set are those of its rows.
    pub(super) fn check(&self, patch_sets: &BTreeMap<Version, PatchSet>) -> Result<(), ThawError> {
        let mut counted: BTreeMap<u64, Owing> = BTreeMap::new();
        for ((of, _), owed) in self.rows.iter() {
            *counted.entry(of).or_default().of(&owed.leaves) += 1;
        }
        for patch_set in patch_sets.values() {
            let counted = counted.remove(&patch_set.published_index).unwrap_or_default();
            let kept = patch_set.withdrawn.as_ref().map(|of| of.owing).unwrap_or_default();
            if counted != kept {
                let version = &patch_set.version;
                let what = format!("the ledger of {version} is not counted as it is");
                return Err(ThawError::Torn { what });
            }
        }
        match counted.first_key_value() {
            None => Ok(()),
            Some((of, _)) => {
                let what = format!("there is a ledger of a patch set {of} that is not there");
                Err(ThawError::Torn { what })
            }
        }
    }
}

impl Machine {
    /// Who runs what was withdrawn.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What a host owes, newest patch set first.
    pub fn owed_by(&self, host: HostId) -> impl Iterator<Item = (&PatchSet, Owed)> {
        let is_owed = |set: &&PatchSet| {
            set.withdrawn.as_ref().is_some_and(|withdrawal| withdrawal.owing.hosts() > 0)
        };
        let mut withdrawn: Vec<&PatchSet> = self.patch_sets.values().filter(is_owed).collect();
        withdrawn.sort_by_key(|set| std::cmp::Reverse(set.published_index));
        withdrawn.into_iter().filter_map(move |set| Some((set, self.ledger.get(set, host)?)))
    }

    /// The grant by which a host may run a patch set in its present boot.
    pub(super) fn runs(&self, version: &Version, host: HostId) -> Option<GrantId> {
        let boot = self.hosts.standing(host)?.boot;
        let of_it = self.rollouts.values().filter(|rollout| rollout.version == *version);
        let mut grants = of_it.filter_map(|rollout| {
            let grant = self.grants.get(&self.entries.get(rollout, host)?.grant)?;
            let begun = grant.phase.may_run().filter(|begun| begun.boot == boot);
            begun.map(|_| grant.id)
        });
        grants.next()
    }

    /// Absorbs that the patch set has a ledger from now on: everybody who may run it.
    pub(super) fn open_ledger(&mut self, at: Position, version: &Version) {
        let of_it = |rollout: &&Rollout| rollout.version == *version && rollout.place.is_some();
        let rollouts = self.rollouts.values().filter(of_it);
        let hosts: Vec<HostId> = rollouts
            .flat_map(|rollout| self.entries.of(rollout))
            .filter(|(_, entry)| entry.begun)
            .map(|(host, _)| host)
            .collect();
        hosts.into_iter().for_each(|host| self.follow_ledger(at, version, host));
    }

    /// A host of a withdrawn patch set is not what it was: it is on the ledger as the books say.
    pub(super) fn follow_ledger(&mut self, at: Position, version: &Version, host: HostId) {
        let runs = self.runs(version, host);
        let Some(patch_set) = self.patch_sets.get(version) else { return };
        let before = self.ledger.get(patch_set, host);
        if before.as_ref().map(|owed| owed.grant) != runs {
            let now = runs.map(|grant| Owed { grant, leaves: Leaves::ByRevert });
            self.put_owed(at, version, host, now);
        }
    }

    /// A host boots anew, or enrols: it is on the ledgers as the books say.
    pub(super) fn follow_ledgers(&mut self, at: Position, host: HostId) {
        let withdrawn = self.patch_sets.values().filter(|set| set.withdrawn.is_some());
        let withdrawn: Vec<Version> = withdrawn.map(|set| set.version.clone()).collect();
        withdrawn.iter().for_each(|version| self.follow_ledger(at, version, host));
    }

    /// Absorbs what a host owes; `None`: nothing any more. Its rollouts have changed.
    pub(super) fn put_owed(
        &mut self,
        at: Position,
        version: &Version,
        host: HostId,
        now: Option<Owed>,
    ) {
        let Some(patch_set) = self.patch_sets.get_mut(version) else { return };
        let Some(withdrawal) = &mut patch_set.withdrawn else { return };
        let key = (patch_set.published_index, host);
        if let Some(before) = self.ledger.rows.get(key) {
            *withdrawal.owing.of(&before.leaves) -= 1;
            self.ledger.rows.remove(key);
        }
        if let Some(now) = now {
            *withdrawal.owing.of(&now.leaves) += 1;
            self.ledger.rows.insert(key, &now);
        }
        for rollout in self.rollouts.values_mut().filter(|of| of.version == *version) {
            rollout.revision = at.index;
        }
    }
}
