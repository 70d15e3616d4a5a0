//! What happens next? Everything that will, in the order of its time.

use std::collections::BTreeMap;

/// Things to come, by time in milliseconds; what is due at the same time comes in the order in
/// which it was put in.
#[derive(Debug)]
pub struct Queue<T> {
    now: u64,
    put: u64,
    /// Boxed, since what comes next is taken out at the front, and all behind it moves up.
    coming: BTreeMap<(u64, u64), Box<T>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { now: 0, put: 0, coming: BTreeMap::new() }
    }
}

impl<T> Queue<T> {
    /// The time of the last thing that was taken out.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Puts `thing` in, `delay` milliseconds from now.
    pub fn after(&mut self, delay: u64, thing: T) {
        self.put += 1;
        self.coming.insert((self.now.saturating_add(delay), self.put), Box::new(thing));
    }

    /// Takes out the next thing, and moves the time on to it.
    pub fn take(&mut self) -> Option<T> {
        let ((at, _), thing) = self.coming.pop_first()?;
        self.now = at;
        Some(*thing)
    }
}
