//! How is evidence written? In bits: base-2 logarithms as integers in units of 2⁻³² of a bit, with
//! the direction of each rounding known.
//!
//! One bit is a factor of 2 against "the patch harms nobody". What speaks against the patch is rounded
//! down, what speaks for it is rounded up: what is stored is never more than what is true.

use std::fmt;
use std::ops::Neg;

use serde::{Deserialize, Serialize};

use crate::share::Share;

/// Binary places after the point.
const PLACES: u32 = 32;

/// What [`log2_ceil`] adds: more than all that [`log2_floor`] can be short of.
const SLACK: i64 = 64;

/// An amount of evidence, in units of 2⁻³² of a bit.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Bits(pub i64);

impl Bits {
    /// None.
    pub const ZERO: Self = Self(0);

    /// Less than any that can occur: the least of all.
    pub const LEAST: Self = Self(i64::MIN);

    /// So many whole bits.
    pub const fn whole(bits: i32) -> Self {
        Self((bits as i64) << PLACES)
    }

    /// What it takes to be wrong at most this often: the logarithm of 1 / `chance`, rounded up.
    ///
    /// A chance of nothing takes more than there is.
    pub const fn against(chance: Share) -> Self {
        if chance.ppm() == 0 {
            return Self(i64::MAX);
        }
        Self(log2_ceil(1_000_000) - log2_floor(chance.ppm() as u64))
    }

    /// Both together; stops at the ends of counting.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// This less `other`; stops at the ends of counting.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This `n` times; stops at the ends of counting.
    #[must_use]
    pub fn times(self, n: u64) -> Self {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        Self(self.0.saturating_mul(n))
    }

    /// How many times as unlikely this much is: 2 to its power, rounded down; 0 for less than nothing.
    pub fn odds(self) -> u64 {
        let (mut below, mut above) = (0, 1_u64 << 62);
        while below + 1 < above {
            let middle = u64::midpoint(below, above);
            let reached = log2_floor(middle) <= self.0;
            (below, above) = if reached { (middle, above) } else { (below, middle) };
        }
        if self.0 < 0 { 0 } else { below }
    }

    /// Thousandths of a bit, rounded down; nothing for less than nothing.
    pub fn thousandths(self) -> u64 {
        let thousandths = (i128::from(self.0.max(0)) * 1_000) >> PLACES;
        u64::try_from(thousandths).unwrap_or(u64::MAX)
    }
}

impl Neg for Bits {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl fmt::Display for Bits {
    /// Bits with three decimals, rounded to the nearest: `6.644`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = u128::from(self.0.unsigned_abs());
        let thousandths = (magnitude * 1_000 + (1 << (PLACES - 1))) >> PLACES;
        let sign = if self.0 < 0 && thousandths > 0 { "-" } else { "" };
        f.pad(&format!("{sign}{}.{:03}", thousandths / 1_000, thousandths % 1_000))
    }
}

/// The base-2 logarithm of `x` in units of 2⁻³², never more than the true one and less than two units
/// short of it. `x` is at least 1; 0 counts as 1.
///
/// A table and a series give it to 2⁻⁵⁴. Where that does not decide the last place – once in tens of
/// thousands – it is computed by squaring, which says what the last place is: the two never differ.
pub const fn log2_floor(x: u64) -> i64 {
    if x <= 1 {
        return 0;
    }
    let zeros = x.leading_zeros();
    let mantissa = x << zeros;
    let part = ((mantissa >> 57) & 63) as usize;
    // The mantissa times the inverse of about itself: 1 and a little, with 62 binary places.
    let near_one = ((mantissa as u128 * INVERSES[part] as u128) >> 65) as i64;
    let log = log2_near_one(near_one - (1 << 62)) >> (62 - FINE);
    let sum = ((63 - zeros as i64) << FINE) + INVERSE_LOGS[part] + log;
    let below = sum & ((1 << (FINE - PLACES)) - 1);
    if below < UNSURE || below > (1 << (FINE - PLACES)) - UNSURE {
        return log2_by_squaring(x, PLACES);
    }
    sum >> (FINE - PLACES)
}

/// The base-2 logarithm of `x` in units of 2⁻³², never less than the true one, and exact for powers of
/// two. `x` is at least 1; 0 counts as 1.
pub const fn log2_ceil(x: u64) -> i64 {
    if x == 0 || x.is_power_of_two() { log2_floor(x) } else { log2_floor(x) + SLACK }
}

/// Binary places of the table and of sums with it.
const FINE: u32 = 56;

/// So near to a last place, in units of 2⁻⁵⁶, it is left to squaring. Table and series are wrong by less
/// than 4.
const UNSURE: i64 = 256;

/// 2⁶⁴ over the middle of each 64th between 1 and 2.
const INVERSES: [u64; 64] = inverses();

/// The logarithm that each inverse takes off, in units of 2⁻⁵⁶.
const INVERSE_LOGS: [i64; 64] = inverse_logs();

#[expect(clippy::cast_possible_truncation, reason = "less than 2^64, since the middle is above 1")]
const fn inverses() -> [u64; 64] {
    let mut inverses = [0; 64];
    let mut part = 0;
    while part < 64 {
        inverses[part] = ((1_u128 << 71) / (129 + 2 * part as u128)) as u64;
        part += 1;
    }
    inverses
}

const fn inverse_logs() -> [i64; 64] {
    let mut logs = [0; 64];
    let mut part = 0;
    while part < 64 {
        logs[part] = (64 << FINE) - log2_by_squaring(INVERSES[part], FINE);
        part += 1;
    }
    logs
}

/// The logarithm of 1 and `d`, both with 62 binary places; `d` is at most 1/128 either way. Eight terms of
/// the series; the ninth is below 2⁻⁶⁶.
const fn log2_near_one(d: i64) -> i64 {
    /// 1 / ln 2.
    const PER_NATURAL: i64 = 6_653_256_548_922_161_245;
    const ONE: i64 = 1 << 62;
    const TERMS: [i64; 7] = [ONE / 7, -(ONE / 6), ONE / 5, -(ONE / 4), ONE / 3, -(ONE / 2), ONE];
    let mut series = -(ONE / 8);
    let mut term = 0;
    while term < TERMS.len() {
        series = TERMS[term] + product(series, d);
        term += 1;
    }
    product(product(series, d), PER_NATURAL)
}

/// The product of two numbers with 62 binary places, below 2 either way.
#[expect(clippy::cast_possible_truncation, reason = "a product below 2 fits 63 bits and a sign")]
const fn product(a: i64, b: i64) -> i64 {
    ((a as i128 * b as i128) >> 62) as i64
}

/// The logarithm of `x` with so many binary places, bit by bit: the mantissa is squared; where that passes
/// 2 the next place is a one. Each square is cut off below its 63rd place, which can only make it smaller.
#[expect(clippy::cast_possible_truncation, reason = "shifted so far that the rest fits 64 bits")]
const fn log2_by_squaring(x: u64, places: u32) -> i64 {
    let zeros = x.leading_zeros();
    let mut mantissa = x << zeros;
    let mut log = 63 - zeros as i64;
    let mut place = 0;
    while place < places {
        let square = mantissa as u128 * mantissa as u128;
        let passes = (square >> 127) as u32;
        mantissa = (square >> (63 + passes)) as u64;
        log = (log << 1) | passes as i64;
        place += 1;
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_exact_both_ways() {
        for n in 0..64 {
            assert_eq!(log2_floor(1 << n), i64::from(n) << 32);
            assert_eq!(log2_ceil(1 << n), i64::from(n) << 32);
        }
    }

    #[test]
    fn table_and_squaring_never_differ() {
        let around =
            (1..64).flat_map(|n| (-3_i64..=3).map(move |d| (1_u64 << n).wrapping_add_signed(d)));
        let mut state = 1_u64;
        let random = (0..200_000).map(|n| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> (n % 63)
        });
        for x in (1..100_000).chain(around).chain(random).filter(|x| *x > 0) {
            assert_eq!(log2_floor(x), log2_by_squaring(x, PLACES), "{x}");
        }
    }

    #[test]
    fn nothing_counts_as_one() {
        assert_eq!((log2_floor(0), log2_ceil(0)), (0, 0));
    }

    #[test]
    fn a_hundredth_takes_six_and_a_half_bits_and_is_rounded_up() {
        let check = |ppm, expected: &str| {
            assert_eq!(Bits::against(Share::from_ppm(ppm).unwrap()).to_string(), expected);
        };
        check(10_000, "6.644");
        check(100_000, "3.322");
        check(1_000_000, "0.000");
        assert_eq!(Bits::against(Share::default()), Bits(i64::MAX));
        assert!(Bits::against(Share::ALL).0 >= 0, "never less than what it takes");
    }

    #[test]
    fn bits_are_shown_with_three_decimals() {
        let check = |bits: Bits, expected: &str| assert_eq!(bits.to_string(), expected);
        check(Bits::whole(-3), "-3.000");
        check(Bits(1 << 31), "0.500");
        check(Bits(-1), "0.000");
        check(Bits::LEAST, "-2147483648.000");
        assert_eq!((Bits::whole(2).thousandths(), Bits::whole(-2).thousandths()), (2_000, 0));
    }
}
