//! What comes next? Events by time; those of one millisecond in an order of chance.
//!
//! A rollout has hundreds of thousands of events ahead of it, and looks at a minute of them at a time: only
//! that minute is kept in order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::{MINUTE, Rng};

pub struct Queue<E> {
    ties: Rng,
    /// The minute that is played, in order.
    now: BinaryHeap<Reverse<(u64, u64, E)>>,
    minute: u64,
    later: BTreeMap<u64, Vec<(u64, u64, E)>>,
}

impl<E: Ord> Queue<E> {
    pub fn new(ties: Rng) -> Self {
        Self { ties, now: BinaryHeap::new(), minute: 0, later: BTreeMap::new() }
    }

    pub fn push(&mut self, time: u64, event: E) {
        let event = (time, self.ties.draw(), event);
        if time / MINUTE <= self.minute {
            self.now.push(Reverse(event));
        } else {
            self.later.entry(time / MINUTE).or_default().push(event);
        }
    }

    pub fn pop(&mut self) -> Option<(u64, E)> {
        if self.now.is_empty()
            && let Some((minute, events)) = self.later.pop_first()
        {
            self.minute = minute;
            self.now.extend(events.into_iter().map(Reverse));
        }
        self.now.pop().map(|Reverse((time, _, event))| (time, event))
    }
}
