//! What happens next? A queue by time; what comes at the same time comes in the order it was put in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tidegate_agent::core::{BootTime, CallId, OfferedArtifact};

/// Something that happens to a host, or to all of them.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// A host has an offer waiting, and beats.
    Beats(usize),
    /// The agent of a host wants to be woken at this time of its clock.
    Wakes(usize, BootTime),
    /// A download ends.
    Fetched(usize, CallId, Box<OfferedArtifact>),
    /// A host's transition ends, or is not waited for any longer.
    TransitionOver(usize, u64),
    /// What the patch does to a host shows, in this boot.
    Bites(usize, u32),
    /// A liar says that its kernel crashed, in this boot.
    Lies(usize, u32),
    /// A host's last beat before it is not heard any more.
    LastBeat(usize),
    /// A host is switched on.
    PowerOn(usize),
    /// A host that was away can be reached again.
    Back(usize),
    /// A host fails by itself; the number says of which plan, so that an old one is void.
    ByItself(u64, usize, Fate),
    /// A mishap of the scenario is near.
    Foreshadowed(usize),
    /// A mishap of the scenario begins.
    Begins(usize),
    /// A mishap of the scenario is over.
    Ends(usize),
}

/// What happens to a host by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its kernel crashes.
    Crash,
    /// It is not heard for a while.
    Silent,
    /// It reboots, and says so before.
    Reboot,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    put: u64,
}

#[derive(Debug)]
struct Entry {
    at: u64,
    order: u64,
    what: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl Queue {
    /// Puts in what happens at `at`, in milliseconds of the run.
    pub(super) fn put(&mut self, at: u64, what: Happening) {
        self.put += 1;
        self.heap.push(Reverse(Entry { at, order: self.put, what }));
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes the next thing out.
    pub(super) fn pop(&mut self) -> Option<(u64, Happening)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }
}
