//! Which hosts is a host compared with? Those of its tier and of the stratum of its draw.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::detector::risk::Stratum;

use crate::machine::ids::TierName;
use crate::machine::patch_sets::KernelKey;

/// Eligible hosts below which a kernel and zone of a tier count with the rest of the tier: a comparison of
/// a few with a few says nothing.
const FEWEST_HOSTS: u64 = 100;

/// Strata of their own at most, the largest ones.
const MOST_STRATA: usize = 256;

/// A kernel and zone of a tier, as sampled tiers are drawn.
pub(super) type Kind = (TierName, KernelKey, String);

/// The strata of a rollout, frozen when it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Strata {
    own: BTreeMap<Kind, Stratum>,
    /// Of each tier, the stratum of all others.
    rest: BTreeMap<TierName, Stratum>,
}

impl Strata {
    /// The strata of a fleet with so many eligible hosts of each kind.
    pub(super) fn freeze(hosts: &BTreeMap<Kind, u64>) -> Self {
        let mut strata = Self::default();
        for (tier, _, _) in hosts.keys() {
            let next = strata.next();
            strata.rest.entry(tier.clone()).or_insert(next);
        }
        let mut large: Vec<_> = hosts.iter().filter(|(_, n)| **n >= FEWEST_HOSTS).collect();
        large.sort_by_key(|(kind, n)| (std::cmp::Reverse(**n), *kind));
        for (kind, _) in large.into_iter().take(MOST_STRATA) {
            let next = strata.next();
            strata.own.insert(kind.clone(), next);
        }
        strata
    }

    /// The stratum of a host of this kind. A tier that had no host at the start has one stratum from its
    /// first host on.
    pub(super) fn of(&mut self, kind: Kind) -> Stratum {
        if let Some(stratum) = self.own.get(&kind) {
            return *stratum;
        }
        let next = self.next();
        *self.rest.entry(kind.0).or_insert(next)
    }

    fn next(&self) -> Stratum {
        Stratum(u16::try_from(self.own.len() + self.rest.len()).unwrap_or(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(tier: &str, zone: &str) -> Kind {
        (tier.parse().unwrap(), KernelKey::default(), zone.to_owned())
    }

    #[test]
    fn tiers_are_never_pooled_and_small_kinds_count_with_the_rest_of_their_tier() {
        let hosts = [(kind("free", "a"), 100), (kind("free", "b"), 99), (kind("paid", "a"), 5)];
        let mut strata = Strata::freeze(&BTreeMap::from(hosts));
        let mut of = |tier, zone| strata.of(kind(tier, zone)).0;
        let rest = of("free", "b");
        assert_eq!((of("free", "never seen"), of("free", "b")), (rest, rest));
        assert_ne!(of("free", "a"), rest);
        assert_ne!(of("paid", "a"), rest);
        assert_ne!(of("paid", "a"), of("free", "a"));
        assert_eq!(of("late", "a"), 3);
        assert_eq!(of("late", "b"), 3);
    }
}
