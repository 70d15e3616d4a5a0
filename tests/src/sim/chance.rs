//! Where does a run's luck come from? One seed, split into streams that do not disturb each other.

use tidegate_controller::node::SplitMix64;

/// Parts per million: how likely something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Odds(pub u64);

/// A seeded source of luck. The same seed gives the same draws.
#[derive(Clone, Debug)]
pub struct Chance(SplitMix64);

impl Chance {
    /// A source whose whole future `seed` decides.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    /// A source of its own for one part of the world.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self::new(self.draw())
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw().checked_rem(bound).unwrap_or(0)
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// Whether something that is so likely happens.
    pub fn happens(&mut self, odds: Odds) -> bool {
        self.below(1_000_000) < odds.0
    }

    /// One of `items`; `None` where there is none.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        let index = self.below(u64::try_from(items.len()).unwrap_or(0));
        items.get(usize::try_from(index).unwrap_or(0)).copied()
    }
}
