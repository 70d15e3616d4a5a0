//! Does the cluster's wall clock show what a majority's clocks show?

use tidegate_controller::machine::clock::Clock;
use tidegate_controller::machine::event::Event;

use super::Violation;
use super::log::Entry;
use crate::sim::clocks::{EPOCH, TOLERANCE};

/// What the cluster's clocks showed last.
#[derive(Debug, Default)]
pub(super) struct Wall {
    last: Option<Clock>,
}

impl Wall {
    /// A majority's clocks are right at any time: the wall is never ahead of the truth, and never
    /// runs backwards.
    pub(super) fn take(&mut self, now: u64, entry: &Entry) -> Result<(), Violation> {
        for event in &entry.events {
            let Event::ClockAdvanced(clock) = event else { continue };
            let (shown, truth) = (clock.wall.0, EPOCH + now);
            if clock.wall_agreed && shown > truth + TOLERANCE {
                let what = format!("the wall is {} ms ahead of the truth", shown - truth);
                return Err(Violation::new("WALL", what));
            }
            let agreed = self.last.filter(|last| last.wall_agreed);
            if let Some(last) = agreed.filter(|last| clock.wall < last.wall) {
                let what = format!("the wall runs back by {} ms", last.wall.0 - shown);
                return Err(Violation::new("WALL", what));
            }
            self.last = Some(*clock);
        }
        Ok(())
    }
}
