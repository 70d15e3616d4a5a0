//! Which hosts is a host compared with? Those of its tier, and of its kernel and zone where enough of them
//! are sentinels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::cohort::CohortRule;
use tidegate_policies::detector::risk::Stratum;

use crate::machine::ids::TierName;
use crate::machine::patch_sets::KernelKey;

/// Kinds with strata of their own at most, the largest ones.
const MOST_STRATA: usize = 256;

/// A kernel and zone of a tier, as sampled tiers are drawn.
pub(super) type Kind = (TierName, KernelKey, String);

/// The strata of a rollout, frozen when it starts: a host is in the narrowest that has enough sentinels
/// ([`CohortRule::makes_stratum`]). A failure says nothing of a slice that its stratum has no sentinel of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Strata {
    own: BTreeMap<Kind, Stratum>,
    /// Of a kernel, the stratum of its hosts in zones that have none of their own.
    kernels: BTreeMap<(TierName, KernelKey), Stratum>,
    /// Of each tier, the stratum of all others.
    rest: BTreeMap<TierName, Stratum>,
}

impl Strata {
    /// The strata of a fleet with so many eligible hosts of each kind.
    pub(super) fn freeze(hosts: &BTreeMap<Kind, u64>, cohorts: &CohortRule) -> Self {
        let mut tiers: BTreeMap<&TierName, u64> = BTreeMap::new();
        for ((tier, _, _), n) in hosts {
            *tiers.entry(tier).or_default() += n;
        }
        let makes_stratum =
            |tier, n| cohorts.makes_stratum(n, tiers.get(tier).copied().unwrap_or_default());
        let mut strata = Self::default();
        for tier in tiers.keys() {
            let next = strata.next();
            strata.rest.insert((*tier).clone(), next);
        }
        let mut kernels: BTreeMap<(TierName, KernelKey), u64> = BTreeMap::new();
        for (kind, n) in largest(hosts) {
            if makes_stratum(&kind.0, n) && strata.own.len() < MOST_STRATA {
                let next = strata.next();
                strata.own.insert(kind.clone(), next);
            } else {
                *kernels.entry((kind.0.clone(), kind.1.clone())).or_default() += n;
            }
        }
        for (kernel, _) in
            largest(&kernels).filter(|(kernel, n)| makes_stratum(&kernel.0, *n)).take(MOST_STRATA)
        {
            let next = strata.next();
            strata.kernels.insert(kernel.clone(), next);
        }
        strata
    }

    /// The stratum of a host of this kind. A tier that had no host at the start has one stratum from its
    /// first host on.
    pub(super) fn of(&mut self, kind: Kind) -> Stratum {
        if let Some(stratum) = self.own.get(&kind) {
            return *stratum;
        }
        let (tier, kernel, _) = kind;
        let kernel = (tier, kernel);
        if let Some(stratum) = self.kernels.get(&kernel) {
            return *stratum;
        }
        let next = self.next();
        *self.rest.entry(kernel.0).or_insert(next)
    }

    fn next(&self) -> Stratum {
        let strata = self.own.len() + self.kernels.len() + self.rest.len();
        Stratum(u16::try_from(strata).unwrap_or(u16::MAX))
    }
}

/// Kinds with their hosts, the largest first.
fn largest<K: Ord>(hosts: &BTreeMap<K, u64>) -> impl Iterator<Item = (&K, u64)> {
    let mut kinds: Vec<_> = hosts.iter().map(|(kind, n)| (kind, *n)).collect();
    kinds.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    kinds.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(tier: &str, kernel: &str, zone: &str) -> Kind {
        let kernel = KernelKey { release: kernel.to_owned(), ..KernelKey::default() };
        (tier.parse().unwrap(), kernel, zone.to_owned())
    }

    /// The strata of a fleet, as a function of tier, kernel and zone.
    fn strata(hosts: &[((&str, &str, &str), u64)]) -> impl FnMut(&str, &str, &str) -> u16 + use<> {
        let hosts = hosts.iter().map(|((tier, kernel, zone), n)| (kind(tier, kernel, zone), *n));
        let mut strata = Strata::freeze(&hosts.collect(), &CohortRule::STANDARD);
        move |tier, kernel, zone| strata.of(kind(tier, kernel, zone)).0
    }

    #[test]
    fn a_host_is_compared_with_the_narrowest_kind_that_has_a_thousand_sentinels() {
        let mut of = strata(&[
            (("free", "6.8", "a"), 1_000),
            (("free", "6.8", "b"), 999),
            (("free", "6.8", "c"), 1),
            (("free", "5.15", "a"), 500),
            (("free", "5.15", "b"), 499),
        ]);
        let (own, kernel, rest) =
            (of("free", "6.8", "a"), of("free", "6.8", "b"), of("free", "5.15", "a"));
        assert_eq!((of("free", "6.8", "c"), of("free", "6.8", "never seen")), (kernel, kernel));
        assert_eq!((of("free", "5.15", "b"), of("free", "never seen", "a")), (rest, rest));
        assert!(own != kernel && kernel != rest && own != rest, "{own} {kernel} {rest}");
    }

    #[test]
    fn of_a_large_tier_sentinels_count_and_not_hosts() {
        let fifth = (("free", "6.8", "a"), 4_999);
        let mut of = strata(&[fifth, (("free", "5.15", "a"), 95_001)]);
        assert_eq!(of("free", "6.8", "a"), of("free", "never seen", "a"));
        assert_ne!(of("free", "5.15", "a"), of("free", "never seen", "a"));
    }

    #[test]
    fn tiers_are_never_pooled_and_one_that_had_no_host_has_one_stratum() {
        let mut of = strata(&[(("free", "6.8", "a"), 2_000), (("paid", "6.8", "a"), 2_000)]);
        let all = [
            of("free", "6.8", "a"),
            of("paid", "6.8", "a"),
            of("free", "x", ""),
            of("paid", "x", ""),
        ];
        for (n, stratum) in all.iter().enumerate() {
            assert!(!all[n + 1..].contains(stratum), "{all:?}");
        }
        assert_eq!((of("late", "6.8", "a"), of("late", "5.15", "b")), (4, 4));
    }
}
