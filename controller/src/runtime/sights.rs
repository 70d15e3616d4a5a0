//! Who waits to see the machine as it is after a certain entry? Followers answer writes with it: the
//! leader has said where the entry is, and this node is about to apply it.

use std::collections::BTreeMap;

use crate::machine::Machine;

/// Most that wait. Beyond, the newest is let go, and whoever sent it learns that this node lags.
const MAX_WAITING: usize = 256;

/// Looks at the machine. It runs on the node's thread.
pub(super) type See = Box<dyn FnOnce(&Machine) + Send>;

/// What waits, by the entry's index and in the order of arrival.
#[derive(Default)]
pub(super) struct Sights {
    waiting: BTreeMap<(u64, u64), See>,
    arrived: u64,
}

impl Sights {
    /// `see` looks now, if the entry at `index` is in `machine`, and else waits for it.
    pub(super) fn wait(&mut self, index: u64, see: See, machine: &Machine) {
        if index <= machine.applied() {
            see(machine);
        } else if self.waiting.len() < MAX_WAITING {
            self.arrived += 1;
            self.waiting.insert((index, self.arrived), see);
        }
    }

    /// Lets those look whose entry is in `machine`.
    pub(super) fn settle(&mut self, machine: &Machine) {
        while let Some(first) = self.waiting.first_entry() {
            if first.key().0 > machine.applied() {
                return;
            }
            first.remove()(machine);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn whoever_waits_for_an_entry_sees_it_and_nobody_looks_too_soon() {
        let (sender, seen) = mpsc::channel();
        let mut sights = Sights::default();
        for index in [1, 0] {
            let sender = sender.clone();
            sights.wait(index, Box::new(move |_| sender.send(index).unwrap()), &Machine::default());
        }
        sights.settle(&Machine::default());
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn beyond_the_bound_nobody_waits_for_ever() {
        let mut sights = Sights::default();
        let (sender, seen) = mpsc::channel::<()>();
        for _ in 0..MAX_WAITING {
            sights.wait(1, Box::new(|_| ()), &Machine::default());
        }
        let late = sender.clone();
        sights.wait(1, Box::new(move |_| drop(sender)), &Machine::default());
        // What is there already is seen all the same.
        sights.wait(0, Box::new(move |_| late.send(()).unwrap()), &Machine::default());
        assert_eq!(seen.try_recv(), Ok(()));
        assert_eq!(seen.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }
}
