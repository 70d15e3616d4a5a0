//! When does a node lose patience with its leader? Drawn from the node's own seed.

use raft::storage::Storage;
use raft::{RawNode, StateRole};

use super::NodeConfig;

/// Holds the election timeout against raft, which draws one from a generator of the thread's
/// whenever it starts to wait anew: no run would replay.
#[derive(Debug)]
pub(super) struct ElectionClock {
    generator: SplitMix64,
    ticks_min: usize,
    /// How many timeouts there are to draw from; at least 1.
    ticks_spread: u64,
    timeout: usize,
    waiting: Waiting,
}

/// What raft was waiting for when the timeout was drawn.
#[derive(Debug, PartialEq)]
struct Waiting {
    term: u64,
    role: StateRole,
    elapsed: usize,
}

impl ElectionClock {
    pub(super) fn new(config: &NodeConfig) -> Self {
        let spread = config.election_ticks_max.saturating_sub(config.election_ticks_min).max(1);
        let mut clock = Self {
            generator: SplitMix64::new(config.seed ^ config.id.0.rotate_left(32)),
            ticks_min: config.election_ticks_min,
            ticks_spread: spread as u64,
            timeout: config.election_ticks_min,
            waiting: Waiting { term: 0, role: StateRole::Follower, elapsed: 0 },
        };
        clock.draw();
        clock
    }

    /// Writes our timeout over raft's. Must follow every call into raft: a new one is drawn when
    /// the wait began anew.
    pub(super) fn pin<S: Storage>(&mut self, node: &mut RawNode<S>) {
        let raft = &mut node.raft;
        let now = Waiting { term: raft.term, role: raft.state, elapsed: raft.election_elapsed };
        let began_anew = now.elapsed < self.waiting.elapsed
            || now.term != self.waiting.term
            || now.role != self.waiting.role;
        if began_anew {
            self.draw();
        }
        self.waiting = now;
        raft.set_randomized_election_timeout(self.timeout);
    }

    fn draw(&mut self) {
        let extra = self.generator.next_u64() % self.ticks_spread;
        self.timeout = self.ticks_min.saturating_add(usize::try_from(extra).unwrap_or(0));
    }
}

/// `SplitMix64`: small, seedable, the same on every platform. Not for secrets.
#[derive(Clone, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// A generator whose whole future `seed` decides.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next value.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::SplitMix64;

    #[test]
    fn splitmix_gives_its_published_values() {
        let mut generator = SplitMix64::new(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| generator.next_u64()).collect();
        assert_eq!(
            drawn,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }
}
