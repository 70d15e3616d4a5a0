//! How likely is so little harm, if the patch were this bad? Binomial tails in integers, rounded the way
//! that is asked for.
//!
//! A tail is computed as a number with 64 significant binary places. Each step rounds in the same
//! direction, so that the result is a bound on the true chance and never on the wrong side of it.

use std::cmp::Ordering;

/// Parts of a whole that rates are counted in.
pub(super) const WHOLE: u64 = 1_000_000_000;

/// Which way a result is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    Up,
    Down,
}

/// `mantissa × 2^exponent`; the mantissa's highest bit is set unless it is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scaled {
    mantissa: u64,
    exponent: i64,
}

impl Scaled {
    const NOTHING: Self = Self { mantissa: 0, exponent: 0 };
    const ONE: Self = Self { mantissa: 1 << 63, exponent: -63 };

    /// `n / d`; `d` is not 0.
    pub(super) fn ratio(n: u64, d: u64, round: Round) -> Self {
        Self::normal(u128::from(n), 0, Round::Down).times_ratio(1, d, round)
    }

    /// The value of `product × 2^exponent`.
    #[expect(clippy::cast_possible_truncation, reason = "shifted to have 64 binary places")]
    fn normal(product: u128, exponent: i64, round: Round) -> Self {
        if product == 0 {
            return Self::NOTHING;
        }
        let width = 128 - product.leading_zeros();
        if width <= 64 {
            let mantissa = (product as u64) << (64 - width);
            return Self { mantissa, exponent: exponent - i64::from(64 - width) };
        }
        let cut = width - 64;
        let mantissa = (product >> cut) as u64;
        let lost = product & ((1 << cut) - 1) != 0;
        let exponent = exponent + i64::from(cut);
        match (round, lost, mantissa.checked_add(1)) {
            (Round::Up, true, Some(mantissa)) => Self { mantissa, exponent },
            (Round::Up, true, None) => Self { mantissa: 1 << 63, exponent: exponent + 1 },
            (Round::Up, false, _) | (Round::Down, _, _) => Self { mantissa, exponent },
        }
    }

    fn times(self, other: Self, round: Round) -> Self {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa);
        Self::normal(product, self.exponent + other.exponent, round)
    }

    /// This times `n / d`; `n` below 2⁶⁰, `d` not 0.
    fn times_ratio(self, n: u64, d: u64, round: Round) -> Self {
        let product = u128::from(self.mantissa) * u128::from(n);
        if product == 0 {
            return Self::NOTHING;
        }
        let zeros = product.leading_zeros();
        let wide = product << zeros;
        let (quotient, rest) = (wide / u128::from(d), wide % u128::from(d));
        // One more than the quotient stands for what was cut off, far below the 64 places.
        let sticky = u128::from(rest != 0 && round == Round::Up);
        Self::normal(quotient.saturating_add(sticky), self.exponent - i64::from(zeros), round)
    }

    fn plus(self, other: Self, round: Round) -> Self {
        let (large, small) =
            if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        if small.mantissa == 0 {
            return large;
        }
        if large.mantissa == 0 {
            return small;
        }
        // 62 more places than the mantissa has, so that the sum of two still fits.
        let wide = u128::from(large.mantissa) << 62;
        let down = large.exponent - 62 - small.exponent;
        let (part, lost) = match u32::try_from(down) {
            Ok(down) if down < 64 => {
                let part = u128::from(small.mantissa) >> down;
                (part, (part << down) != u128::from(small.mantissa))
            }
            Ok(_) => (0, true),
            // The difference of the exponents is below 62: the smaller one is shifted up instead.
            Err(_) => {
                let up = u32::try_from(-down).unwrap_or(0);
                (u128::from(small.mantissa) << up.min(62), false)
            }
        };
        let sticky = u128::from(lost && round == Round::Up);
        Self::normal(wide + part + sticky, large.exponent - 62, round)
    }

    /// Whether so many parts of at most this size change nothing of `sum` that is kept.
    const fn is_negligible(self, parts: u64, sum: Self) -> bool {
        let places = (u64::BITS - parts.leading_zeros()) as i64;
        self.exponent + places + NEGLIGIBLE < sum.exponent
    }

    /// This and the rest of a sum: `parts` that are `part` at most, each.
    fn plus_all(self, part: Self, parts: u64, round: Round) -> Self {
        match round {
            Round::Up => self.plus(part.times_ratio(parts, 1, round), round),
            Round::Down => self,
        }
    }

    /// This to the power of `n`.
    fn power(self, mut n: u64, round: Round) -> Self {
        let (mut result, mut square) = (Self::ONE, self);
        while n > 0 {
            if n & 1 == 1 {
                result = result.times(square, round);
            }
            square = square.times(square, round);
            n >>= 1;
        }
        result
    }
}

impl PartialOrd for Scaled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scaled {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.mantissa, other.mantissa) {
            (0, 0) => Ordering::Equal,
            (0, _) => Ordering::Less,
            (_, 0) => Ordering::Greater,
            (a, b) => self.exponent.cmp(&other.exponent).then(a.cmp(&b)),
        }
    }
}

/// The tail of one binomial distribution after another: at most `k` of `n` hosts fail, at any rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    k: u64,
    n: u64,
    round: Round,
    /// In how many ways `k` of `n` hosts can be chosen.
    ways: Scaled,
}

/// A part of a sum that is so many binary places below it changes nothing that is kept.
const NEGLIGIBLE: i64 = 72;

impl Tail {
    /// The tails of at most `k` failures in `n` hosts; below 2³⁰ hosts.
    pub(super) fn new(k: u64, n: u64, round: Round) -> Self {
        let mut ways = Scaled::ONE;
        let (mut over, mut under) = (1_u64, 1_u64);
        for i in 0..k.min(n.saturating_sub(k)) {
            over = over.saturating_mul(n - i);
            under *= i + 1;
            // Another factor of 30 places each still fits.
            if over >= 1 << 29 || under >= 1 << 29 {
                ways = ways.times_ratio(over, under, round);
                (over, under) = (1, 1);
            }
        }
        Self { k, n, round, ways: ways.times_ratio(over, under, round) }
    }

    /// The chance, when each host fails with the chance `rate` / [`WHOLE`].
    pub(super) fn at(&self, rate: u64) -> Scaled {
        if self.k >= self.n || rate == 0 {
            return Scaled::ONE;
        }
        if rate >= WHOLE {
            return Scaled::NOTHING;
        }
        // In thousand-millionths of a host.
        let mean = u128::from(self.n) * u128::from(rate);
        let sum = if mean < u128::from(self.k) * u128::from(WHOLE) / 2 {
            self.up_from_none(rate)
        } else {
            self.down_from_k(rate)
        };
        sum.min(Scaled::ONE)
    }

    /// Adds up from 0 failures on: where most of the chance is far below `k`.
    fn up_from_none(&self, rate: u64) -> Scaled {
        let Self { k, n, round, .. } = *self;
        let mut term = Scaled::ratio(WHOLE - rate, WHOLE, round).power(n, round);
        let mut sum = term;
        for i in 0..k {
            let (over, under) =
                ((n - i).saturating_mul(rate), (i + 1).saturating_mul(WHOLE - rate));
            term = term.times_ratio(over, under, round);
            sum = sum.plus(term, round);
            if over < under && term.is_negligible(k - i, sum) {
                return sum.plus_all(term, k - i, round);
            }
        }
        sum
    }

    /// Adds up from `k` failures down: where `k` is in the thick of it, or below.
    fn down_from_k(&self, rate: u64) -> Scaled {
        let Self { k, n, round, ways } = *self;
        let fail = Scaled::ratio(rate, WHOLE, round).power(k, round);
        let survive = Scaled::ratio(WHOLE - rate, WHOLE, round).power(n - k, round);
        let mut term = ways.times(fail, round).times(survive, round);
        let mut sum = term;
        for i in (1..=k).rev() {
            let (over, under) = (i.saturating_mul(WHOLE - rate), (n - i + 1).saturating_mul(rate));
            term = term.times_ratio(over, under, round);
            sum = sum.plus(term, round);
            if over < under && term.is_negligible(i, sum) {
                return sum.plus_all(term, i, round);
            }
        }
        sum
    }
}

/// The chance that at most `k` of `n` hosts fail when each does with the chance `rate` / [`WHOLE`].
pub(super) fn at_most(k: u64, n: u64, rate: u64, round: Round) -> Scaled {
    Tail::new(k, n, round).at(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(scaled: Scaled) -> f64 {
        scaled.mantissa as f64 * (scaled.exponent as f64).exp2()
    }

    #[test]
    fn both_directions_enclose_the_true_chance_tightly() {
        for (k, n, rate) in [(0, 299, WHOLE / 100), (3, 50, WHOLE / 10), (40, 5_000, WHOLE / 150)] {
            let (low, high) = (at_most(k, n, rate, Round::Down), at_most(k, n, rate, Round::Up));
            assert!(low <= high);
            assert!((float(high) - float(low)) / float(high) < 1e-12, "{low:?} {high:?}");
            let p = rate as f64 / WHOLE as f64;
            let (mut term, mut sum) = ((1.0 - p).powi(i32::try_from(n).unwrap()), 0.0);
            for i in 0..=k {
                sum += term;
                term *= (n - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
            }
            assert!((float(low) - sum).abs() < 1e-9 * sum, "{} {sum}", float(low));
        }
    }

    #[test]
    fn certain_and_impossible_are_exact() {
        let one = Scaled::ratio(1, 1, Round::Up);
        assert_eq!(at_most(5, 5, WHOLE / 2, Round::Down), one);
        assert_eq!(at_most(0, 5, 0, Round::Down), one);
        assert_eq!(at_most(0, 5, WHOLE, Round::Up), Scaled::NOTHING);
    }

    #[test]
    fn sums_are_right_however_far_apart_their_parts_are() {
        let of = |n: u64, exponent| Scaled::normal(u128::from(n), exponent, Round::Down);
        assert_eq!(of(3, 0).plus(of(5, 0), Round::Down), of(8, 0));
        assert_eq!(of(1, 10).plus(of(1, 0), Round::Down), of(1_025, 0));
        assert_eq!(of(1, 0).plus(of(1, -300), Round::Down), of(1, 0));
        assert!(of(1, 0).plus(of(1, -300), Round::Up) > of(1, 0));
        assert_eq!(of(7, 0).plus(Scaled::NOTHING, Round::Up), of(7, 0));
    }
}
