//! How long until the next attempt? Doubling up to a cap, with jitter, so that peers that lost the
//! same node do not come back in step.

use std::time::Duration;

use crate::node::SplitMix64;

/// The first pause is half of this to all of it.
const SHORTEST: Duration = Duration::from_millis(20);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(1);

/// The pauses between attempts.
#[derive(Debug)]
pub(super) struct Backoff {
    generator: SplitMix64,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self { generator: SplitMix64::new(seed), next: SHORTEST }
    }

    /// How long to wait after a failure.
    pub(super) fn pause(&mut self) -> Duration {
        let ceiling = self.next;
        self.next = (self.next * 2).min(LONGEST);
        let percent = 50 + u32::try_from(self.generator.next_u64() % 51).unwrap_or(50);
        ceiling * percent / 100
    }

    /// Starts over after a success.
    pub(super) fn reset(&mut self) {
        self.next = SHORTEST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_with_at_most_half_of_them_jitter() {
        let mut backoff = Backoff::new(1);
        let mut ceiling = SHORTEST;
        for _ in 0..20 {
            let pause = backoff.pause();
            assert!(ceiling / 2 <= pause && pause <= ceiling, "{pause:?} of {ceiling:?}");
            ceiling = (ceiling * 2).min(LONGEST);
        }
        assert_eq!(ceiling, LONGEST);
        backoff.reset();
        assert!(backoff.pause() <= SHORTEST);
    }
}
