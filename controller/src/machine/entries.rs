//! Which part did each host have in each rollout so far? In rows, apart from the rollouts themselves.

use super::frozen::ThawError;
use super::frozen::sections::{ACKNOWLEDGED, DRAWN, ENTRIES};
use super::ids::HostId;
use super::rollouts::{Entry, Rollout};
use super::table::Table;

/// A rollout, by the log index at which it was created, and a host.
type Of = (u64, HostId);

/// What is kept of each host in each rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries {
    /// Hosts that had a grant.
    pub(super) rows: Table<Of, Entry>,
    /// The step of the ladder that drew the host.
    pub(super) drawn: Table<Of, usize>,
    /// The step in which the host's failure was acknowledged: those of `rows` that are, so that they
    /// are found without a look at the others.
    pub(super) acknowledged: Table<Of, usize>,
}

impl Default for Entries {
    /// Nobody had a part in anything yet.
    fn default() -> Self {
        Self {
            rows: Table::new(ENTRIES),
            drawn: Table::new(DRAWN),
            acknowledged: Table::new(ACKNOWLEDGED),
        }
    }
}

impl Entries {
    /// What is kept of `host` in `rollout`.
    pub fn get(&self, rollout: &Rollout, host: HostId) -> Option<Entry> {
        self.rows.get((rollout.created_index, host))
    }

    /// What is kept of each host in `rollout`, by host.
    pub fn of(&self, rollout: &Rollout) -> impl Iterator<Item = (HostId, Entry)> {
        all_of(&self.rows, rollout)
    }

    /// The hosts that sampled steps of `rollout` drew, and the step that drew each, by host.
    pub fn drawn(&self, rollout: &Rollout) -> impl Iterator<Item = (HostId, usize)> {
        all_of(&self.drawn, rollout)
    }

    /// The step of `rollout` that drew `host`.
    pub fn drawn_by(&self, rollout: &Rollout, host: HostId) -> Option<usize> {
        self.drawn.get((rollout.created_index, host))
    }

    /// The hosts whose failure in `rollout` was acknowledged, and the step that each counts in.
    pub fn acknowledged(&self, rollout: &Rollout) -> impl Iterator<Item = (HostId, usize)> {
        all_of(&self.acknowledged, rollout)
    }

    /// A step of the rollout drew the host, unless an earlier one did.
    pub(super) fn draw(&mut self, rollout: u64, host: HostId, step: usize) {
        if !self.drawn.contains((rollout, host)) {
            self.drawn.insert((rollout, host), &step);
        }
    }

    /// Writes what is kept of the host in the rollout.
    pub(super) fn put(&mut self, rollout: u64, host: HostId, entry: &Entry) {
        let of = (rollout, host);
        if entry.acknowledged {
            self.acknowledged.insert(of, &entry.stage);
        } else if !self.acknowledged.is_empty() {
            self.acknowledged.remove(of);
        }
        self.rows.insert(of, entry);
    }

    /// The acknowledged are those that their rows say.
    pub(super) fn check(&self) -> Result<(), ThawError> {
        let said = self.rows.iter().filter(|(_, entry)| entry.acknowledged);
        if said.map(|(of, entry)| (of, entry.stage)).eq(self.acknowledged.iter()) {
            return Ok(());
        }
        let what = "the failures that were acknowledged are not those that the entries say";
        Err(ThawError::Torn { what: what.to_owned() })
    }
}

fn all_of<V>(table: &Table<Of, V>, rollout: &Rollout) -> impl Iterator<Item = (HostId, V)>
where
    V: serde::Serialize + serde::de::DeserializeOwned,
{
    let (from, through) = (HostId(0), HostId(u64::MAX));
    let rows = table.range((rollout.created_index, from), (rollout.created_index, through));
    rows.map(|((_, host), row)| (host, row))
}
