//! May the module still be inserted? The one place where a lease is checked: the core asks before
//! it hands the insert over, the driver asks again as the last thing before it touches the kernel.

use crate::core::BootTime;
use crate::core::config::Check;

/// Permission to insert, until a moment on the host's `CLOCK_BOOTTIME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    not_after: BootTime,
    check: Check,
}

impl Lease {
    pub(crate) const fn until(not_after: BootTime, check: Check) -> Self {
        Self { not_after, check }
    }

    /// Whether an insert that starts at `now` is within the lease; its last millisecond is.
    #[must_use]
    pub fn holds(&self, now: BootTime) -> bool {
        match self.check {
            Check::Made => now <= self.not_after,
            Check::Skipped => true,
        }
    }

    /// The lease's last millisecond.
    #[must_use]
    pub const fn not_after(&self) -> BootTime {
        self.not_after
    }
}

#[cfg(test)]
mod tests {
    use super::Lease;
    use crate::core::BootTime;
    use crate::core::config::Check;

    #[test]
    fn a_lease_holds_through_its_last_millisecond_and_not_after_it() {
        let lease = Lease::until(BootTime::from_millis(500), Check::Made);
        assert!(lease.holds(BootTime::from_millis(500)));
        assert!(!lease.holds(BootTime::from_millis(501)));
    }
}
