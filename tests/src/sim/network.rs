//! Does a message arrive, when, and how often? Links that lose, double, delay, reorder and are cut.

use std::collections::BTreeMap;

use super::chance::{Chance, Odds};
use super::faults::Faults;

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// A controller, by its id.
    Node(u64),
    /// A host, by its place in the fleet.
    Host(usize),
    /// The operators' desk, and clients that are no hosts.
    Desk,
}

/// Every link of the world.
#[derive(Debug)]
pub struct Network {
    luck: Chance,
    loss: Odds,
    duplication: Odds,
    slow: Odds,
    slow_most: u64,
    /// Directed links that are cut, and until when.
    cuts: BTreeMap<(End, End), u64>,
    /// Controllers that get no raft message, though all else reaches them, and until when.
    stalled: BTreeMap<u64, u64>,
    /// Controllers that do everything late, and until when.
    late: BTreeMap<u64, u64>,
}

impl Network {
    /// A network with the faults of `faults`.
    #[must_use]
    pub fn new(faults: &Faults, luck: Chance) -> Self {
        Self {
            luck,
            loss: faults.links.loss,
            duplication: faults.links.duplication,
            slow: faults.links.slow,
            slow_most: faults.links.slow_most,
            cuts: BTreeMap::new(),
            stalled: BTreeMap::new(),
            late: BTreeMap::new(),
        }
    }

    /// Takes the faults of `faults` from now on.
    pub fn set_faults(&mut self, faults: &Faults) {
        self.loss = faults.links.loss;
        self.duplication = faults.links.duplication;
        self.slow = faults.links.slow;
        self.slow_most = faults.links.slow_most;
    }

    /// Cuts the way from `from` to `to` until `until`. The way back is another matter.
    pub fn cut(&mut self, from: End, to: End, until: u64) {
        let end = self.cuts.entry((from, to)).or_default();
        *end = until.max(*end);
    }

    /// Mends everything.
    pub fn heal(&mut self) {
        self.cuts.clear();
        self.stalled.clear();
        self.late.clear();
    }

    /// Lets no raft message reach `node` until `until`; all else does.
    pub fn stall_raft(&mut self, node: u64, until: u64) {
        self.stalled.insert(node, until);
    }

    /// Makes everything that `node` does late until `until`.
    pub fn delay(&mut self, node: u64, until: u64) {
        self.late.insert(node, until);
    }

    /// Whether `end` does everything late at `now`.
    #[must_use]
    pub fn is_late(&self, now: u64, end: End) -> bool {
        let End::Node(node) = end else { return false };
        self.late.get(&node).is_some_and(|&until| now < until)
    }

    /// Whether raft messages to `node` are lost at `now`.
    #[must_use]
    pub fn is_stalled(&self, now: u64, node: u64) -> bool {
        self.stalled.get(&node).is_some_and(|&until| now < until)
    }

    /// Whether nothing gets from `from` to `to` at `now`.
    #[must_use]
    pub fn is_cut(&self, now: u64, from: End, to: End) -> bool {
        self.cuts.get(&(from, to)).is_some_and(|&until| now < until)
    }

    /// After which delays a message that is sent now arrives: never, once, or twice.
    pub fn fates(&mut self, now: u64, from: End, to: End) -> Vec<u64> {
        if self.is_cut(now, from, to) || self.luck.happens(self.loss) {
            return Vec::new();
        }
        let copies = 1 + u64::from(self.luck.happens(self.duplication));
        let is_late = self.is_late(now, from) || self.is_late(now, to);
        (0..copies).map(|_| self.delay_of_one(is_late)).collect()
    }

    fn delay_of_one(&mut self, is_late: bool) -> u64 {
        let usual = if is_late { self.luck.between(80, 900) } else { self.luck.between(1, 6) };
        if self.luck.happens(self.slow) { usual + self.luck.below(self.slow_most) } else { usual }
    }
}
