//! Which hosts were heard since the last tick? Noted by the relays' side, taken by the leader's
//! next `Tick`.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::machine::ids::HostId;

/// Most hosts that are noted between two ticks, for each of the two kinds. What is beyond counts as
/// not heard, which can hold a rollout and never speeds one up.
const MAX_NOTED: usize = 1 << 20;

/// Collects what a leader heard. Each host counts once between two ticks.
#[derive(Debug)]
pub struct Beats {
    noted: Mutex<Noted>,
    max_noted: usize,
}

/// What one tick carries.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub(super) heard: BTreeSet<HostId>,
    pub(super) asking: BTreeSet<HostId>,
}

impl Default for Beats {
    fn default() -> Self {
        Self { noted: Mutex::default(), max_noted: MAX_NOTED }
    }
}

impl Beats {
    /// Notes that `host` was heard.
    pub fn note_heard(&self, host: HostId) {
        let mut noted = self.lock();
        if noted.heard.len() < self.max_noted {
            noted.heard.insert(host);
        }
    }

    /// Notes that `host` would take an offer.
    pub fn note_asking(&self, host: HostId) {
        let mut noted = self.lock();
        if noted.asking.len() < self.max_noted {
            noted.asking.insert(host);
        }
    }

    /// Drops the hosts that were heard of whom a tick need not tell.
    pub(super) fn sift(&self, is_told: impl FnMut(&HostId) -> bool) {
        self.lock().heard.retain(is_told);
    }

    /// Takes at most `limit` hosts of each kind, lowest first. Says, too, whether any are left.
    pub(super) fn take(&self, limit: usize) -> (Noted, More) {
        let mut noted = self.lock();
        let heard = take_first(&mut noted.heard, limit);
        let asking = take_first(&mut noted.asking, limit);
        let more =
            if noted.heard.is_empty() && noted.asking.is_empty() { More::None } else { More::Some };
        (Noted { heard, asking }, more)
    }

    /// Gives back what was taken and could not be used.
    pub(super) fn put_back(&self, mut taken: Noted) {
        let mut noted = self.lock();
        noted.heard.append(&mut taken.heard);
        noted.asking.append(&mut taken.asking);
    }

    /// Forgets everything: what was heard before this node led says nothing about now.
    pub(super) fn clear(&self) {
        *self.lock() = Noted::default();
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        // Nothing panics while it holds the lock, and a set of hosts is whole at any time.
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether hosts were left for the next tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    Some,
    None,
}

fn take_first(hosts: &mut BTreeSet<HostId>, limit: usize) -> BTreeSet<HostId> {
    let rest = match hosts.iter().nth(limit) {
        Some(&first_left) => hosts.split_off(&first_left),
        None => BTreeSet::new(),
    };
    std::mem::replace(hosts, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u64) -> HostId {
        HostId(number)
    }

    #[test]
    fn a_host_counts_once_between_two_ticks() {
        let beats = Beats::default();
        for number in [2, 1, 2, 2] {
            beats.note_heard(host(number));
        }
        let (taken, more) = beats.take(10);
        assert_eq!(taken.heard, BTreeSet::from([host(1), host(2)]));
        assert_eq!(more, More::None);
        assert!(beats.take(10).0.heard.is_empty());
    }

    #[test]
    fn what_does_not_fit_a_tick_waits_for_the_next() {
        let beats = Beats::default();
        for number in 1..=5 {
            beats.note_asking(host(number));
        }
        let (first, more) = beats.take(4);
        assert_eq!((first.asking.len(), more), (4, More::Some));
        let (second, more) = beats.take(4);
        assert_eq!((second.asking, more), (BTreeSet::from([host(5)]), More::None));
    }

    #[test]
    fn whom_nobody_need_be_told_of_is_not_taken() {
        let beats = Beats::default();
        (1..=3).for_each(|number| beats.note_heard(host(number)));
        beats.sift(|&known| known != host(2));
        assert_eq!(beats.take(4).0.heard, BTreeSet::from([host(1), host(3)]));
    }

    #[test]
    fn what_was_put_back_is_taken_again() {
        let beats = Beats::default();
        beats.note_heard(host(1));
        let (taken, _) = beats.take(4);
        beats.note_heard(host(2));
        beats.put_back(taken);
        assert_eq!(beats.take(4).0.heard, BTreeSet::from([host(1), host(2)]));
    }

    #[test]
    fn hosts_beyond_the_limit_count_as_not_heard() {
        let beats = Beats { max_noted: 2, ..Beats::default() };
        for number in 1..=3 {
            beats.note_heard(host(number));
        }
        assert_eq!(beats.take(10).0.heard, BTreeSet::from([host(1), host(2)]));
    }
}
