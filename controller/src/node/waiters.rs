//! Who waits for which log entry?
//!
//! Keyed by index *and* term: the entry at an index may be replaced by another leader's.

use std::collections::BTreeMap;

use crate::machine::Position;

/// The tickets of proposals that are in the log and not applied.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// `(index, term)` to ticket.
    tickets: BTreeMap<(u64, u64), u64>,
}

impl Waiters {
    pub(super) fn wait(&mut self, at: Position, ticket: u64) {
        self.tickets.insert((at.index, at.term), ticket);
    }

    /// The ticket that waited for exactly this entry.
    pub(super) fn settle(&mut self, at: Position) -> Option<u64> {
        self.tickets.remove(&(at.index, at.term))
    }

    /// Lets go of every ticket that does not wait for an entry of `leading_term`.
    pub(super) fn abandon_unless(&mut self, leading_term: Option<u64>) -> Vec<u64> {
        if self.tickets.keys().all(|&(_, term)| Some(term) == leading_term) {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.tickets);
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|&((_, term), _)| Some(term) == leading_term);
        self.tickets = kept;
        gone.into_values().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.tickets.len()
    }
}
