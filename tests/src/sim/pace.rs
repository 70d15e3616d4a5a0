//! When does a leading controller propose its next tick? As the runtime does it: one at a time, its
//! step counted from the last that was applied in the same term.

use std::collections::BTreeSet;

use tidegate_controller::machine::ids::HostId;
use tidegate_controller::machine::trial::RollCall;
use tidegate_controller::machine::{Machine, Missed};
use tidegate_policies::time::Millis;

/// How much rarer ticks are while nothing is live.
const IDLE_FACTOR: u64 = 10;

/// What one tick carries.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// Hosts heard.
    pub heard: BTreeSet<HostId>,
    /// Hosts that would take an offer.
    pub asking: BTreeSet<HostId>,
    /// Reference hosts that are heard no more.
    pub missed: Vec<Missed>,
}

/// Paces the ticks of one controller.
#[derive(Debug)]
pub struct Pace {
    every: u64,
    leading: Option<u64>,
    applied: Option<u64>,
    next: u64,
    under_way: Option<(u64, Noted)>,
    noted: Noted,
    roll_call: RollCall,
}

impl Pace {
    /// A tick every `every` milliseconds while something is live.
    #[must_use]
    pub fn new(every: u64) -> Self {
        Self {
            every,
            leading: None,
            applied: None,
            next: 0,
            under_way: None,
            noted: Noted::default(),
            roll_call: RollCall::default(),
        }
    }

    /// Learns which term this controller leads, and tells whether that is news. What was heard before
    /// says nothing about now.
    pub fn lead(&mut self, term: Option<u64>) -> bool {
        let is_news = self.leading != term;
        if is_news {
            *self = Self { leading: term, ..Self::new(self.every) };
        }
        is_news
    }

    /// Notes that a host was heard: whether its beat is of use, and whether it would take an offer.
    pub fn note(&mut self, host: HostId, is_listened_to: bool, asks: bool) {
        if is_listened_to {
            self.noted.heard.insert(host);
        }
        if asks {
            self.noted.asking.insert(host);
        }
    }

    /// The step of the tick that is due at `now`, and whom it carries; `None` while none is.
    pub fn due(&mut self, now: u64, machine: &Machine) -> Option<(u64, Noted)> {
        let is_live = machine.is_live();
        let wait = if is_live { 0 } else { self.every * (IDLE_FACTOR - 1) };
        if self.leading.is_none() || self.under_way.is_some() || now < self.next + wait {
            return None;
        }
        let step = self.applied.map_or(0, |applied| now - applied);
        let elapsed = machine.clock().elapsed_after(Millis(step));
        let mut noted = std::mem::take(&mut self.noted);
        noted.heard.retain(|&host| self.roll_call.hear(machine, elapsed, host));
        noted.missed = self.roll_call.missed(machine, elapsed, usize::MAX);
        self.under_way = Some((now, noted.clone()));
        self.next = now + self.every;
        Some((step, noted))
    }

    /// The tick under way was applied.
    pub fn settled(&mut self) {
        if let Some((read, _)) = self.under_way.take() {
            self.applied = Some(read);
        }
    }

    /// The tick under way was not taken; what it carried waits for the next.
    pub fn refused(&mut self) {
        if let Some((_, mut noted)) = self.under_way.take() {
            self.noted.heard.append(&mut noted.heard);
            self.noted.asking.append(&mut noted.asking);
        }
    }
}
