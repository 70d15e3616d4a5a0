//! What time is it? The only reader of the clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidegate_policies::time::WallTime;

/// Reads the system's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose monotonic time starts now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Time since this clock was started. Never goes back, and stands still while the machine is
    /// suspended.
    pub fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The wall clock as the system has it, right or wrong; the epoch where it is set before that.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn wall(&self) -> WallTime {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime(millis(since_epoch))
    }
}

/// `duration` in whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
