//! Where does chance come from? From a seed: the same one gives the same run.

use tidegate_policies::time::Millis;

/// A source of chance.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

/// What separates one draw from the next.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Chance {
    /// Chance from a seed; `purpose` keeps the draws of one purpose apart from those of another.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        Self(mixed(mixed(seed) ^ purpose.wrapping_mul(STEP)))
    }

    /// 64 bits.
    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0)
    }

    /// Uniform from 0, below `n`; 0 where `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        let product = u128::from(self.draw()) * u128::from(n);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// Uniform from `low` up to `high`, `high` not included unless it is `low`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low))
    }

    /// Whether something of this chance, in parts per million, happens.
    pub(super) fn happens(&mut self, ppm: u64) -> bool {
        self.below(1_000_000) < ppm
    }

    /// How long it is until something happens whose mean wait is `mean`: exponential.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a wait is drawn in floating point; it is never negative, and a float saturates"
    )]
    pub(super) fn wait(&mut self, mean: f64) -> u64 {
        let unit = (self.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        (-(1.0 - unit).ln() * mean) as u64
    }
}

/// A span as the mean of a wait.
#[expect(clippy::cast_precision_loss, reason = "a mean wait needs no more than 53 bits")]
pub(super) const fn mean(span: Millis) -> f64 {
    span.0 as f64
}

/// The 64 bits that a number is scrambled to.
fn mixed(number: u64) -> u64 {
    let once = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    twice ^ (twice >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_another_purpose_something_else() {
        let draws = |seed, purpose| {
            let mut chance = Chance::new(seed, purpose);
            [chance.draw(), chance.draw(), chance.below(10), chance.wait(1_000.0)]
        };
        assert_eq!(draws(1, 2), draws(1, 2));
        assert_ne!(draws(1, 2), draws(1, 3));
        assert_ne!(draws(1, 2), draws(2, 2));
    }

    #[test]
    fn waits_have_the_mean_that_was_asked_for() {
        let mut chance = Chance::new(7, 0);
        let total: u64 = (0..100_000).map(|_| chance.wait(60_000.0)).sum();
        assert!((59_000..61_000).contains(&(total / 100_000)), "{}", total / 100_000);
    }

    #[test]
    fn a_chance_of_everything_always_happens_and_of_nothing_never() {
        let mut chance = Chance::new(7, 0);
        assert!((0..1_000).all(|_| chance.happens(1_000_000) && !chance.happens(0)));
        assert_eq!(chance.between(5, 5), 5);
    }
}
