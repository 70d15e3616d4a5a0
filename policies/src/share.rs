//! How is a part of a fleet written and counted? In parts per million, as integers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A share of something, `0..=1_000_000` parts per million.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Share(u32);

/// A number of hosts, or a share of some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quantity {
    /// So many hosts.
    Hosts(u64),
    /// This share of the hosts in question.
    Share(Share),
}

/// A text that is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a percentage between 0% and 100% with at most 4 decimals, such as \"12.5%\""
)]
pub struct NotAShare {
    /// The text.
    pub text: String,
}

impl Share {
    /// Everything.
    pub const ALL: Self = Self(1_000_000);

    /// `ppm` parts per million; `None` above a million.
    pub const fn from_ppm(ppm: u32) -> Option<Self> {
        if ppm <= Self::ALL.0 { Some(Self(ppm)) } else { None }
    }

    /// `n` percent; everything above 100.
    pub const fn percent(n: u8) -> Self {
        if n < 100 { Self(n as u32 * 10_000) } else { Self::ALL }
    }

    /// Parts per million.
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// This share of `n`, rounded down.
    pub fn of(self, n: u64) -> u64 {
        scaled(n, self.0, 0)
    }

    /// This share of `n`, rounded up.
    pub fn of_rounded_up(self, n: u64) -> u64 {
        scaled(n, self.0, 999_999)
    }
}

/// `(n * ppm + round) / 10^6`, which is at most `n` because `ppm` is at most `10^6`.
fn scaled(n: u64, ppm: u32, round: u128) -> u64 {
    let product = (u128::from(n) * u128::from(ppm) + round) / 1_000_000;
    u64::try_from(product).unwrap_or(n)
}

impl Quantity {
    /// The number of hosts that this is of `n`: never less than 1, so that a small fleet can move.
    pub fn of(self, n: u64) -> u64 {
        match self {
            Self::Hosts(hosts) => hosts.max(1),
            Self::Share(share) => share.of(n).max(1),
        }
    }
}

impl FromStr for Share {
    type Err = NotAShare;

    fn from_str(text: &str) -> Result<Self, NotAShare> {
        let not_a_share = || NotAShare { text: text.to_owned() };
        let number = text.trim().strip_suffix('%').ok_or_else(not_a_share)?.trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 4 || whole.len() > 3 {
            return Err(not_a_share());
        }
        let whole: u32 = whole.parse().map_err(|_| not_a_share())?;
        let fraction: u32 = format!("{decimals:0<4}").parse().map_err(|_| not_a_share())?;
        Self::from_ppm(whole * 10_000 + fraction).ok_or_else(not_a_share)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 10_000, self.0 % 10_000);
        if fraction == 0 {
            return write!(f, "{whole}%");
        }
        write!(f, "{whole}.{}%", format!("{fraction:04}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_read_to_the_last_decimal() {
        let check = |text: &str, ppm| assert_eq!(text.parse(), Ok(Share(ppm)), "{text}");
        check("0%", 0);
        check("1%", 10_000);
        check("12.5 %", 125_000);
        check("0.0001%", 1);
        check("100%", 1_000_000);
    }

    #[test]
    fn what_is_no_percentage_is_refused() {
        for text in ["", "%", "10", "100.1%", "-1%", "1e2%", "0.00001%", "1.%", "ten%", "1000%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_percentage_is_shown_as_it_was_written() {
        for text in ["0%", "1%", "12.5%", "0.0001%", "100%"] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_share_of_a_small_fleet_is_never_nobody() {
        assert_eq!(Quantity::Share(Share(10_000)).of(20), 1);
        assert_eq!(Share(10_000).of(20), 0);
        assert_eq!(Share(10_000).of_rounded_up(20), 1);
        assert_eq!(Share::ALL.of(u64::MAX), u64::MAX);
    }
}
