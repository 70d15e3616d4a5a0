//! What was counted? Distinct hosts by what became of their grants.

use serde::{Deserialize, Serialize};

/// How a begun grant went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Failure {
    /// The kernel crashed, or the host rebooted without a word.
    Crashed,
    /// The livepatch could not be applied, was reverted, or a probe of the host fails since.
    Failed,
    /// The transition did not end in time.
    Stalled,
    /// The host was not heard for too long.
    Silent,
}

impl Failure {
    /// Every way, in the order that guard rails are looked at.
    pub const ALL: [Self; 4] = [Self::Crashed, Self::Failed, Self::Stalled, Self::Silent];

    /// The word for it on screens and in policies.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Crashed => "crashed",
            Self::Failed => "failed",
            Self::Stalled => "stalled",
            Self::Silent => "silent",
        }
    }
}

/// What a host counts as, by its newest grant of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Nothing: it has no grant, or the grant ended before it began.
    None,
    /// Offered and not begun.
    Offered,
    /// Begun and unresolved.
    InFlight,
    /// Survived its soak and said so itself.
    Verified,
    /// Went wrong.
    Failure(Failure),
    /// Begun, and refused for reasons of its own.
    Refused,
    /// Begun, and taken back on command, since its patch set was withdrawn: neither harm nor evidence.
    Reverted,
}

/// Distinct hosts by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Offered and not begun.
    pub offered: u64,
    /// Ever begun, whatever became of it.
    pub begun: u64,
    /// Begun and unresolved.
    pub in_flight: u64,
    /// Survived their soak and said so themselves.
    pub verified: u64,
    /// Kernel crashed, or rebooted without a word.
    pub crashed: u64,
    /// Apply failed, degraded or reverted.
    pub failed: u64,
    /// Transition stalled.
    pub stalled: u64,
    /// Not heard for too long.
    pub silent: u64,
    /// Begun, and refused for reasons of their own.
    pub refused: u64,
    /// Begun, and taken back on command.
    pub reverted: u64,
}

impl Counts {
    /// Hosts that went wrong this way.
    pub const fn failures(&self, failure: Failure) -> u64 {
        match failure {
            Failure::Crashed => self.crashed,
            Failure::Failed => self.failed,
            Failure::Stalled => self.stalled,
            Failure::Silent => self.silent,
        }
    }

    /// Hosts that went wrong in any way.
    pub const fn all_failures(&self) -> u64 {
        self.crashed + self.failed + self.stalled + self.silent
    }

    /// In flight and gone wrong: what the exposure budget caps.
    pub const fn exposed(&self) -> u64 {
        self.in_flight + self.all_failures()
    }

    /// These but for those of `part`, which are counted here, too.
    #[must_use]
    pub const fn without(&self, part: &Self) -> Self {
        Self {
            offered: self.offered.saturating_sub(part.offered),
            begun: self.begun.saturating_sub(part.begun),
            in_flight: self.in_flight.saturating_sub(part.in_flight),
            verified: self.verified.saturating_sub(part.verified),
            crashed: self.crashed.saturating_sub(part.crashed),
            failed: self.failed.saturating_sub(part.failed),
            stalled: self.stalled.saturating_sub(part.stalled),
            silent: self.silent.saturating_sub(part.silent),
            refused: self.refused.saturating_sub(part.refused),
            reverted: self.reverted.saturating_sub(part.reverted),
        }
    }

    /// Moves one host from one class to another.
    ///
    /// # Panics
    ///
    /// If no host of class `from` is counted: the books are wrong, and going on would hide it.
    #[expect(
        clippy::expect_used,
        reason = "a count below zero is a broken invariant, see # Panics"
    )]
    pub fn shift(&mut self, from: Class, to: Class) {
        if let Some(count) = self.slot(from) {
            *count = count.checked_sub(1).expect("a host leaves only the class it was counted in");
        }
        if let Some(count) = self.slot(to) {
            *count += 1;
        }
    }

    fn slot(&mut self, class: Class) -> Option<&mut u64> {
        match class {
            Class::None => None,
            Class::Offered => Some(&mut self.offered),
            Class::InFlight => Some(&mut self.in_flight),
            Class::Verified => Some(&mut self.verified),
            Class::Failure(Failure::Crashed) => Some(&mut self.crashed),
            Class::Failure(Failure::Failed) => Some(&mut self.failed),
            Class::Failure(Failure::Stalled) => Some(&mut self.stalled),
            Class::Failure(Failure::Silent) => Some(&mut self.silent),
            Class::Refused => Some(&mut self.refused),
            Class::Reverted => Some(&mut self.reverted),
        }
    }
}
