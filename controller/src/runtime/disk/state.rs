//! How full is the disk? In four states, by share and by size: a tenth of a large disk is plenty.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// How much room is left for the data directory, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskState {
    /// Nothing to say.
    #[default]
    Fine,
    /// Somebody should look after it; nothing is refused.
    Low,
    /// Nothing is begun that will grow: no rollouts, starts, patch sets or hosts.
    Scarce,
    /// What is left is for halts, pauses and the clock.
    Critical,
}

impl DiskState {
    /// The word for it in logs and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Low => "low",
            Self::Scarce => "scarce",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for DiskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Room on a disk, as a share of it and as a size. There is less than this only where there is less
/// of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Percent of the file system, 0 to 99.
    pub percent: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Below which room which state holds. Read once, at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskLimits {
    /// Below it: [`DiskState::Low`]. Default 20 % and 4 GiB.
    pub low: FreeSpace,
    /// Below it: [`DiskState::Scarce`]. Default 10 % and 2 GiB.
    pub scarce: FreeSpace,
    /// Below it: [`DiskState::Critical`]. Default 5 % and 512 MiB.
    pub critical: FreeSpace,
}

impl Default for DiskLimits {
    fn default() -> Self {
        Self {
            low: FreeSpace { percent: 20, bytes: 4 << 30 },
            scarce: FreeSpace { percent: 10, bytes: 2 << 30 },
            critical: FreeSpace { percent: 5, bytes: 512 << 20 },
        }
    }
}

impl DiskLimits {
    /// Whether each state holds only where every better one's limit is passed too.
    pub fn are_ordered(&self) -> bool {
        let within = |less: FreeSpace, more: FreeSpace| {
            less.percent <= more.percent && less.bytes <= more.bytes
        };
        within(self.critical, self.scarce) && within(self.scarce, self.low)
    }

    /// The state of a file system of `total` bytes of which `free` are left.
    pub fn state(&self, free: u64, total: u64) -> DiskState {
        let below = |limit: FreeSpace| {
            let share = u128::from(free) * 100 < u128::from(total) * u128::from(limit.percent);
            share && free < limit.bytes
        };
        if below(self.critical) {
            DiskState::Critical
        } else if below(self.scarce) {
            DiskState::Scarce
        } else if below(self.low) {
            DiskState::Low
        } else {
            DiskState::Fine
        }
    }
}

/// The latest [`DiskState`]. Clones share it.
#[derive(Clone, Debug)]
pub struct DiskGauge {
    latest: Arc<watch::Sender<DiskState>>,
}

impl Default for DiskGauge {
    /// A gauge that says [`DiskState::Fine`] until somebody measures.
    fn default() -> Self {
        Self { latest: Arc::new(watch::Sender::new(DiskState::Fine)) }
    }
}

impl DiskGauge {
    /// How the disk is.
    pub fn state(&self) -> DiskState {
        *self.latest.borrow()
    }

    /// Sets it; answers whether that is news.
    pub fn set(&self, state: DiskState) -> bool {
        self.latest.send_if_modified(|latest| std::mem::replace(latest, state) != state)
    }

    /// How the disk is; changes can be awaited.
    pub fn watch(&self) -> watch::Receiver<DiskState> {
        self.latest.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    #[test]
    fn a_state_holds_below_both_the_share_and_the_size() {
        let check = |free: u64, total: u64, expected: DiskState| {
            assert_eq!(DiskLimits::default().state(free, total), expected, "{free} of {total}");
        };
        // 20 GiB: 20 % are 4 GiB, 10 % are 2 GiB.
        check(4 * GIB, 20 * GIB, DiskState::Fine);
        check(4 * GIB - 1, 20 * GIB, DiskState::Low);
        check(2 * GIB, 20 * GIB, DiskState::Low);
        check(2 * GIB - 1, 20 * GIB, DiskState::Scarce);
        check(512 * MIB, 20 * GIB, DiskState::Scarce);
        check(512 * MIB - 1, 20 * GIB, DiskState::Critical);
        check(0, 20 * GIB, DiskState::Critical);
        // A small disk is judged by its share, a large one by its size.
        check(200 * MIB, GIB, DiskState::Low);
        check(300 * MIB, GIB, DiskState::Fine);
        check(5 * GIB, 1_000 * GIB, DiskState::Fine);
        check(511 * MIB, 1_000 * GIB, DiskState::Critical);
        check(0, 0, DiskState::Fine);
    }

    #[test]
    fn limits_that_cross_are_seen() {
        let good = DiskLimits::default();
        assert!(good.are_ordered());
        assert!(!DiskLimits { critical: good.low, ..good }.are_ordered());
        let crossed = FreeSpace { percent: 5, bytes: 8 << 30 };
        assert!(!DiskLimits { scarce: crossed, ..good }.are_ordered());
    }

    #[test]
    fn a_gauge_tells_changes_alone() {
        let gauge = DiskGauge::default();
        let seen = gauge.watch();
        assert!(!gauge.set(DiskState::Fine));
        assert!(gauge.set(DiskState::Critical));
        assert_eq!(gauge.state(), DiskState::Critical);
        assert!(seen.has_changed().unwrap());
    }
}
