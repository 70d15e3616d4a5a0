//! How much harm can the patch still do, after what was seen? Bounds on rates, and hosts for a bound.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::chance::{Round, Scaled, Tail, WHOLE, at_most};
use crate::share::Share;

/// Hosts beyond which no number is looked for.
pub const MOST_HOSTS: u64 = 1_000_000_000;

/// A rate of failing hosts, `0..=1_000_000_000` parts per thousand million.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Rate(pub u64);

/// Hosts whose outcome is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// How many.
    pub hosts: u64,
    /// Of them, those that failed.
    pub failed: u64,
}

impl Group {
    /// Those that did not fail.
    pub const fn survivors(&self) -> u64 {
        self.hosts.saturating_sub(self.failed)
    }

    /// `share` of as large a part of `hosts` as survived here, rounded up; where nobody was seen, of all.
    pub fn share_of_survivors(&self, share: Share, hosts: u64) -> u64 {
        if self.hosts == 0 {
            return share.of_rounded_up(hosts);
        }
        let (lived, of) = (u128::from(self.survivors()), u128::from(self.hosts) * 1_000_000);
        let asked = (u128::from(hosts) * u128::from(share.ppm())).saturating_mul(lived);
        u64::try_from(asked.div_ceil(of)).unwrap_or(hosts)
    }
}

impl Rate {
    /// Everybody.
    pub const ALL: Self = Self(WHOLE);

    /// A share as a rate.
    pub const fn of_share(share: Share) -> Self {
        Self(share.ppm() as u64 * 1_000)
    }
}

impl Rate {
    /// A percentage with two significant digits, rounded down: for a rate that is at least this.
    pub fn rounded_down(self) -> String {
        percentage(self.0 / self.unit() * self.unit())
    }

    /// What the second significant digit counts.
    const fn unit(self) -> u64 {
        let mut unit = 1;
        while self.0 / unit >= 100 {
            unit *= 10;
        }
        unit
    }
}

impl fmt::Display for Rate {
    /// A percentage with two significant digits, rounded up: `0.6%`, `0.011%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&percentage(self.0.div_ceil(self.unit()) * self.unit()))
    }
}

fn percentage(parts: u64) -> String {
    const PERCENT: u64 = 10_000_000;
    let fraction = format!("{:07}", parts % PERCENT);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}%", parts / PERCENT)
}

/// The largest rate at which so few failures still have more than the chance `error`: above it the true
/// rate lies with no more than that chance. Rounded up.
pub fn upper(group: Group, error: Share) -> Rate {
    let error = Scaled::ratio(u64::from(error.ppm()), 1_000_000, Round::Down);
    if group.failed >= group.hosts {
        return Rate::ALL;
    }
    let tail = Tail::new(group.failed, group.hosts, Round::Up);
    Rate(first(group.near(), WHOLE, |rate| tail.at(rate) <= error))
}

/// The smallest rate at which so many failures still have more than the chance `error`: below it the true
/// rate lies with no more than that chance. Rounded down.
pub fn lower(group: Group, error: Share) -> Rate {
    let Some(fewer) = group.failed.checked_sub(1) else { return Rate(0) };
    let sure = 1_000_000 - u64::from(error.ppm());
    let sure = Scaled::ratio(sure, 1_000_000, Round::Up);
    let tail = Tail::new(fewer, group.hosts, Round::Down);
    Rate(first(group.near(), WHOLE, |rate| tail.at(rate) < sure).saturating_sub(1))
}

/// Hosts of which at most `failed` fail that show a rate below `bound`, up to the chance `error`.
/// [`MOST_HOSTS`] where no number below it does.
pub fn hosts_to_show(bound: Rate, failed: u64, error: Share) -> u64 {
    let error = Scaled::ratio(u64::from(error.ppm()), 1_000_000, Round::Down);
    let shows = |hosts| at_most(failed, hosts, bound.0, Round::Up) <= error;
    let expected = failed.saturating_add(1).saturating_mul(WHOLE) / bound.0.max(1);
    first(expected.clamp(1, MOST_HOSTS), MOST_HOSTS, shows)
}

impl Group {
    /// About the rate that was seen, and not 0.
    fn near(self) -> u64 {
        let rate = u128::from(self.failed + 1) * u128::from(WHOLE) / (u128::from(self.hosts) + 1);
        u64::try_from(rate).unwrap_or(WHOLE).clamp(1, WHOLE)
    }
}

/// The first number from 1 on that `holds`, which goes on holding from there; `most` if none below does.
/// It is looked for around `near`, a number from 1 on.
fn first(near: u64, most: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let mut step = (near / 64).max(1);
    let (mut low, mut high) = (near.min(most), near.min(most));
    if high < most && !holds(high) {
        while high < most && !holds(high) {
            low = high;
            high = high.saturating_add(step).min(most);
            step = step.saturating_mul(2);
        }
    } else {
        while low > 0 && (low == most || holds(low)) {
            high = low;
            low = low.saturating_sub(step);
            step = step.saturating_mul(2);
        }
    }
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: Share = Share::percent(5);

    #[test]
    fn hosts_for_a_bound_are_the_known_numbers_with_and_without_liars() {
        let table: [(u64, [u64; 5]); 4] = [
            (50_000_000, [59, 93, 124, 208, 336]),
            (10_000_000, [299, 473, 628, 1_049, 1_693]),
            (1_000_000, [2_995, 4_742, 6_294, 10_511, 16_959]),
            (100_000, [29_956, 47_437, 62_956, 105_128, 169_619]),
        ];
        for (bound, expected) in table {
            let hosts = [0, 1, 2, 5, 10].map(|liars| hosts_to_show(Rate(bound), liars, ERROR));
            assert_eq!(hosts, expected, "{}", Rate(bound));
        }
    }

    #[test]
    fn a_bound_is_met_at_its_number_of_hosts_and_not_one_before() {
        for (hosts, bound) in [(299, 10_000_000), (2_995, 1_000_000), (29_956, 100_000)] {
            assert!(upper(Group { hosts, failed: 0 }, ERROR) <= Rate(bound));
            assert!(upper(Group { hosts: hosts - 1, failed: 0 }, ERROR) > Rate(bound));
        }
    }

    #[test]
    fn what_is_asked_of_hosts_is_a_share_of_those_that_would_have_survived_and_rounded_up_once() {
        let asked =
            |hosts, failed, of| Group { hosts, failed }.share_of_survivors(Share::percent(95), of);
        assert_eq!(asked(0, 0, 20), 19);
        assert_eq!(asked(100, 0, 20), 19);
        assert_eq!(asked(100, 20, 20), 16, "15.2");
        assert_eq!(asked(4_000, 301, 19), 17, "16.69");
        assert_eq!(asked(5, 5, 20), 0);
        assert_eq!(asked(1 << 32, 1, 1 << 32), 4_080_218_931);
    }

    #[test]
    fn bounds_enclose_what_was_seen() {
        let check = |hosts, failed, low: &str, high: &str| {
            let group = Group { hosts, failed };
            let error = Share::from_ppm(25_000).unwrap();
            assert_eq!(
                (lower(group, error).rounded_down(), upper(group, error).to_string()),
                (low.to_owned(), high.to_owned())
            );
        };
        // Clopper and Pearson's interval for 10 of 100 is 4.90 % to 17.62 %.
        check(100, 10, "4.9%", "18%");
        check(100, 0, "0%", "3.7%");
        check(100, 100, "96%", "100%");
        check(0, 0, "0%", "100%");
    }

    #[test]
    fn a_rate_is_shown_with_two_digits_rounded_up() {
        let check = |rate, expected: &str| assert_eq!(Rate(rate).to_string(), expected);
        check(0, "0%");
        check(5_973_600, "0.6%");
        check(10_000_000, "1%");
        check(99_999, "0.01%");
        check(123_456_789, "13%");
        check(WHOLE, "100%");
    }
}
