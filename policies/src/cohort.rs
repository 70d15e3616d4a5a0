//! How many hosts are compared with, and how many are kept back for it?
//!
//! Sentinels are the control cohort: hosts that have not begun, heard at the wave's cadence. A holdout of
//! each tier stays control until the rest of it is verified, so that the last wave has somebody to be
//! compared with. Who they are is decided by salted hash, each choice with a label of its own:
//! [`Purpose::Sentinel`](crate::bucket::Purpose::Sentinel) and
//! [`Purpose::Holdout`](crate::bucket::Purpose::Holdout).

use serde::{Deserialize, Serialize};

use crate::policy::DrawRule;
use crate::share::Share;

/// Sentinels from which on hosts of one kind are compared among themselves: with 1,000 of them, one host in
/// fifty still has twenty to be compared with.
pub const LEAST_OF_A_STRATUM: u64 = 1_000;

/// How large the groups are that patched hosts are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortRule {
    /// Up to so many hosts of a tier all of them are sentinels: 50,000.
    pub everybody_up_to: u64,
    /// Sentinels of a larger tier: 20,000.
    pub sentinels: u64,
    /// Most hosts in flight, of the tier's sentinels: a quarter.
    pub in_flight: Share,
    /// Part of a tier that is held out: 5 %.
    pub holdout: Share,
    /// Hosts that are held out at least: 50; never more than a quarter of the tier.
    pub holdout_hosts: u64,
}

impl CohortRule {
    /// What a policy has that says nothing else.
    pub const STANDARD: Self = Self {
        everybody_up_to: 50_000,
        sentinels: 20_000,
        in_flight: Share::percent(25),
        holdout: Share::percent(5),
        holdout_hosts: 50,
    };

    /// How the sentinels of a tier with so many hosts are drawn; `None`: all of them are.
    ///
    /// Of each stratum its share, rounded up, and at least one.
    pub fn sentinels(&self, hosts: u64) -> Option<DrawRule> {
        if hosts <= self.everybody_up_to || hosts <= self.sentinels {
            return None;
        }
        let ppm = (u128::from(self.sentinels) * 1_000_000).div_ceil(u128::from(hosts));
        let share = u32::try_from(ppm).ok().and_then(Share::from_ppm).unwrap_or(Share::ALL);
        Some(DrawRule { share, at_least_per_stratum: 1 })
    }

    /// Whether so many hosts of a kind, in a tier of `tier` hosts, are compared among themselves: whether at
    /// least [`LEAST_OF_A_STRATUM`] of them are sentinels.
    pub fn makes_stratum(&self, hosts: u64, tier: u64) -> bool {
        let share = self.sentinels(tier).map_or(Share::ALL, |rule| rule.share);
        share.of(hosts) >= LEAST_OF_A_STRATUM
    }

    /// Most hosts that may be in flight against so many sentinels; never 0.
    pub fn most_in_flight(&self, sentinels: u64) -> u64 {
        self.in_flight.of(sentinels).max(1)
    }

    /// Hosts of a tier with so many that are held out. A sampled tier holds nobody out.
    pub fn holdout(&self, hosts: u64) -> u64 {
        self.holdout.of_rounded_up(hosts).max(self.holdout_hosts).min(hosts / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{Bucket, Purpose};
    use crate::draw::draw;

    const RULE: CohortRule = CohortRule::STANDARD;

    #[test]
    fn a_tier_holds_out_a_twentieth_at_least_fifty_at_most_a_quarter() {
        let check = |hosts, expected| assert_eq!(RULE.holdout(hosts), expected, "{hosts}");
        check(3, 0);
        check(4, 1);
        check(199, 49);
        check(200, 50);
        check(1_000, 50);
        check(1_001, 51);
        check(100_000, 5_000);
    }

    #[test]
    fn everybody_watches_a_tier_up_to_fifty_thousand_and_twenty_thousand_a_larger_one() {
        assert_eq!(RULE.sentinels(50_000), None);
        let rule = RULE.sentinels(50_001).unwrap();
        assert_eq!((rule.share.of_rounded_up(50_001), rule.at_least_per_stratum), (20_001, 1));
        assert!(RULE.sentinels(10_000_000).unwrap().share.of_rounded_up(10_000_000) >= 20_000);
        assert_eq!((RULE.most_in_flight(20_000), RULE.most_in_flight(3)), (5_000, 1));
    }

    #[test]
    fn sentinels_holdout_order_and_draw_are_chosen_independently() {
        let tier = "free";
        let chosen = |purpose| -> Vec<bool> {
            let tenth = Share::percent(10);
            let of = |n: u32| Bucket::of("113.1", purpose, &format!("host-{n}")).is_inside(tenth);
            (0..20_000).map(of).collect()
        };
        let choices = [
            Purpose::Wave { tier },
            Purpose::Draw { tier },
            Purpose::Sentinel { tier },
            Purpose::Holdout { tier },
        ]
        .map(chosen);
        for (n, one) in choices.iter().enumerate() {
            for other in &choices[n + 1..] {
                let both = one.iter().zip(other).filter(|(a, b)| **a && **b).count();
                assert!((140..260).contains(&both), "{both} of 200 expected");
            }
        }
    }

    #[test]
    fn a_thousand_sentinels_make_a_stratum() {
        // In a tier of which all are sentinels, and in one of which a fifth are.
        assert!(RULE.makes_stratum(1_000, 50_000) && !RULE.makes_stratum(999, 50_000));
        assert!(RULE.makes_stratum(5_000, 100_000) && !RULE.makes_stratum(4_999, 100_000));
    }

    #[test]
    fn each_stratum_has_a_sentinel_however_small() {
        let rule = RULE.sentinels(60_000).unwrap();
        let purpose = Purpose::Sentinel { tier: "paid" };
        let host = |n: u32| (n, u32::from(n < 3), Bucket::of("p", purpose, &n.to_string()));
        let drawn = draw(rule, (0..60_000).map(host));
        assert!((1..=3).contains(&drawn.iter().filter(|n| **n < 3).count()));
        assert!((20_000..20_010).contains(&drawn.len()), "{}", drawn.len());
    }
}
