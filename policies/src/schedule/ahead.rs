//! Will a window be open then? Openings that are computed as they are asked for, some days at a time.

use std::collections::BTreeMap;

use super::openings::{At, Openings};
use super::window::Window;
use crate::time::WallTime;

/// Openings that were computed so far.
#[derive(Debug, Default)]
pub struct Ahead {
    known: BTreeMap<Window, Openings>,
}

impl Ahead {
    /// Whether `window` is open at `wall`, by the rules of time zones that this build knows.
    pub fn at(&mut self, window: &Window, wall: WallTime) -> At {
        let known = self.known.get(window).map(|openings| openings.at(wall));
        match known {
            Some(at @ (At::Open { .. } | At::Closed { .. })) => at,
            Some(At::Unknown) | None => {
                let Some(openings) = window.openings(wall) else { return At::Unknown };
                let at = openings.at(wall);
                self.known.insert(window.clone(), openings);
                at
            }
        }
    }

    /// Whether one of `windows` is open at `wall`; where there are none it is always time.
    pub fn is_open(&mut self, windows: &[Window], wall: WallTime) -> bool {
        let open = |window| matches!(self.at(window, wall), At::Open { .. });
        windows.is_empty() || windows.iter().any(open)
    }
}
