//! What has the node applied since somebody last drew it for the screens? One tap of the apply loop, whoever
//! watches, and however many do.

use std::sync::{Mutex, PoisonError};

use crate::machine::event::Event;
use crate::machine::touched::Touched;
use crate::machine::{Machine, Position};

/// Collects what entries touch. It is written and emptied on the node's thread, so that what is taken and
/// the state that is looked at belong together.
#[derive(Debug)]
pub(super) struct Tap {
    touched: Mutex<Touched>,
}

impl Default for Tap {
    /// Nothing was drawn yet.
    fn default() -> Self {
        Self { touched: Mutex::new(Touched::everything()) }
    }
}

impl Tap {
    /// An entry was applied.
    pub(super) fn note(&self, machine: &Machine, at: Position, events: &[Event]) {
        self.with(|touched| touched.note(machine, at.index, events));
    }

    /// The state was replaced as a whole.
    pub(super) fn note_replaced(&self) {
        self.with(|touched| *touched = Touched::everything());
    }

    /// What was touched since the last time.
    pub(super) fn take(&self) -> Touched {
        self.with(std::mem::take)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Touched) -> T) -> T {
        // Nothing panics while it holds the lock.
        work(&mut self.touched.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
