//! When is what is stored read and checked again? Bit by bit on a thread of its own, round after round;
//! damage stops the node before somebody relies on it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::inbox::Request;
use super::{Clock, Stop};
use crate::journal::{Progress, Scrubber};

/// Bytes of one look.
const SLICE_BYTES: u64 = 512 * 1024;
/// Rest between two looks: about 4 MiB are read in a second.
const REST: Duration = Duration::from_millis(125);

/// Whom the scrub tells of damage, and who tells it that the node stopped.
pub(super) struct Watched {
    /// Weak: the scrub keeps no node alive.
    pub(super) requests: mpsc::WeakSender<Request>,
    pub(super) stopped: watch::Receiver<Option<Stop>>,
}

/// Starts the thread. It ends with the node. The first round begins one `interval` from now: opening
/// the journal has read everything already.
pub(super) fn start(
    scrubber: Scrubber,
    interval: Duration,
    watched: Watched,
) -> std::io::Result<JoinHandle<()>> {
    let timers = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("tidegate-scrub".to_owned()).spawn(move || {
        timers.block_on(run(scrubber, interval, watched));
    })
}

async fn run(mut scrubber: Scrubber, interval: Duration, mut watched: Watched) {
    let mut pacer = ScrubPacer::new(Clock::start(), interval);
    let mut rest = interval;
    loop {
        tokio::select! {
            _ = watched.stopped.wait_for(Option::is_some) => return,
            () = tokio::time::sleep(rest) => (),
        }
        match scrubber.scrub_some(SLICE_BYTES) {
            Ok(progress) => rest = pacer.rest(progress),
            Err(violation) => {
                tracing::error!(%violation, "journal.damaged");
                // Without a handle the node ends by itself.
                let Some(requests) = watched.requests.upgrade() else { return };
                drop(requests.send(Request::Stop(Stop::Damaged(Arc::new(violation)))).await);
                return;
            }
        }
    }
}

/// Says how long to rest after a look.
struct ScrubPacer {
    clock: Clock,
    interval: Duration,
    round_began: Option<Duration>,
    round_bytes: u64,
}

impl ScrubPacer {
    fn new(clock: Clock, interval: Duration) -> Self {
        Self { clock, interval, round_began: None, round_bytes: 0 }
    }

    fn rest(&mut self, progress: Progress) -> Duration {
        self.rest_at(self.clock.monotonic(), progress)
    }

    fn rest_at(&mut self, now: Duration, progress: Progress) -> Duration {
        let began = *self.round_began.get_or_insert(now);
        self.round_bytes = self.round_bytes.saturating_add(progress.bytes);
        if !progress.is_round_over {
            return REST;
        }
        let (bytes, took) = (self.round_bytes, now.saturating_sub(began));
        tracing::info!(bytes, took_ms = super::clock::millis(took), "journal.scrubbed");
        (self.round_began, self.round_bytes) = (None, 0);
        self.interval.saturating_sub(took).max(REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_begins_an_interval_after_the_one_before_and_its_looks_are_spread() {
        let mut pacer = ScrubPacer::new(Clock::start(), Duration::from_secs(60));
        let mut check = |now: u64, is_round_over, expected: Duration| {
            let progress = Progress { bytes: 1, is_round_over };
            assert_eq!(pacer.rest_at(Duration::from_secs(now), progress), expected, "{now}");
        };
        check(60, false, REST);
        check(70, true, Duration::from_secs(50));
        check(120, true, Duration::from_secs(60));
        check(180, false, REST);
        check(300, true, REST);
    }
}
