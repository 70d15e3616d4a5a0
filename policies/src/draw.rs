//! Which hosts does a sampled tier get? A stratified draw from the next tier.

use std::collections::{BTreeMap, BTreeSet};

use crate::bucket::Bucket;
use crate::policy::DrawRule;

/// Draws from `candidates`, each with its stratum and its place: of each stratum the hosts with the
/// smallest places, as many as the rule's share rounded up, and at least its minimum where the
/// stratum has that many.
pub fn draw<Host, Stratum>(
    rule: DrawRule,
    candidates: impl IntoIterator<Item = (Host, Stratum, Bucket)>,
) -> BTreeSet<Host>
where
    Host: Ord,
    Stratum: Ord,
{
    let mut strata: BTreeMap<Stratum, Vec<(Bucket, Host)>> = BTreeMap::new();
    for (host, stratum, bucket) in candidates {
        strata.entry(stratum).or_default().push((bucket, host));
    }
    let mut drawn = BTreeSet::new();
    for mut hosts in strata.into_values() {
        let size = u64::try_from(hosts.len()).unwrap_or(u64::MAX);
        let wanted = rule.share.of_rounded_up(size).max(rule.at_least_per_stratum);
        hosts.sort();
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        drawn.extend(hosts.into_iter().take(wanted).map(|(_, host)| host));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Purpose;
    use crate::share::Share;

    fn drawn(sizes: &[u32], share_ppm: u32, at_least: u64) -> Vec<usize> {
        let rule =
            DrawRule { share: Share::from_ppm(share_ppm).unwrap(), at_least_per_stratum: at_least };
        let hosts = sizes.iter().enumerate().flat_map(|(stratum, &size)| {
            (0..size).map(move |n| {
                let name = format!("{stratum}/{n}");
                ((stratum, n), stratum, Bucket::of("p", Purpose::Draw { tier: "canary" }, &name))
            })
        });
        let drawn = draw(rule, hosts);
        (0..sizes.len()).map(|s| drawn.iter().filter(|host| host.0 == s).count()).collect()
    }

    #[test]
    fn each_stratum_gets_its_share_rounded_up() {
        assert_eq!(drawn(&[100, 101, 10], 10_000, 0), [1, 2, 1]);
    }

    #[test]
    fn a_small_stratum_gets_the_minimum_or_all_it_has() {
        assert_eq!(drawn(&[1_000, 30, 2], 10_000, 3), [10, 3, 2]);
    }
}
