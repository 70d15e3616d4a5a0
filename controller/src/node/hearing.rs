//! Whom has this node heard lately? Raft's own mark is of no use here: it is set for a new member before
//! anybody has heard it, and cleared for everybody whenever a leader looks whether it has a majority.

use std::collections::BTreeMap;

use super::Node;
use crate::journal::Journal;

/// When each node was last heard, in ticks of this one.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    heard: BTreeMap<u64, u64>,
}

impl<J: Journal> Node<J> {
    /// A message of `from` was let in.
    pub(super) fn note_heard(&mut self, from: u64) {
        self.hearing.heard.insert(from, self.ticks);
    }

    /// Whether node `id` was heard within the longest election timeout: a leader is answered several
    /// times in it.
    pub(super) fn hears(&self, id: u64) -> bool {
        let heard = self.hearing.heard.get(&id);
        let patience = u64::try_from(self.config.election_ticks_max).unwrap_or(u64::MAX);
        heard.is_some_and(|&heard| self.ticks.saturating_sub(heard) <= patience)
    }
}
