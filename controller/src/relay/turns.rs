//! When is a host's next beat due? Kept small: a node may hear a million hosts.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::machine::ids::TierName;

/// Tiers of the hosts that were heard, each once.
#[derive(Debug, Default)]
pub(super) struct Turns {
    tiers: Vec<TierName>,
}

/// A host's next beat, as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// The host's tier, by its place in [`Turns`].
    tier: u16,
    /// How long after the last beat it is due.
    after_ms: u32,
}

impl Turns {
    /// The turn of a host of `tier` that was told to come again after `after_ms`. Of more than 65,535 tiers
    /// the rest count as the last.
    pub(super) fn next(&mut self, tier: &TierName, after_ms: u64) -> Turn {
        let known = self.tiers.iter().position(|of| of == tier);
        let place = known.unwrap_or_else(|| {
            self.tiers.push(tier.clone());
            self.tiers.len() - 1
        });
        let after_ms = u32::try_from(after_ms).unwrap_or(u32::MAX);
        Turn { tier: u16::try_from(place).unwrap_or(u16::MAX), after_ms }
    }

    /// How many of these hosts each tier has; tiers that were never heard are not there.
    pub(super) fn count(&self, turns: impl Iterator<Item = Turn>) -> BTreeMap<TierName, u64> {
        let mut counts: BTreeMap<TierName, u64> =
            self.tiers.iter().map(|tier| (tier.clone(), 0)).collect();
        for turn in turns {
            let tier = self.tiers.get(usize::from(turn.tier));
            if let Some(count) = tier.and_then(|tier| counts.get_mut(tier)) {
                *count += 1;
            }
        }
        counts
    }
}

impl Turn {
    /// The name of the host's tier.
    pub(super) fn tier(self, turns: &Turns) -> &str {
        turns.tiers.get(usize::from(self.tier)).map(TierName::as_str).unwrap_or_default()
    }

    /// How much later than it was told a host came `now` whose last beat was at `last`; 0 for one that came
    /// before its time.
    pub(super) fn lateness(self, last: Duration, now: Duration) -> Duration {
        now.saturating_sub(last).saturating_sub(self.after())
    }

    /// Whether a host whose last beat was at `last` still counts as there `now`: a beat and a half.
    pub(super) fn is_on(self, last: Duration, now: Duration) -> bool {
        now.saturating_sub(last) * 2 <= self.after() * 3
    }

    fn after(self) -> Duration {
        Duration::from_millis(self.after_ms.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(name: &str) -> TierName {
        name.parse().unwrap()
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_host_is_late_only_after_its_time_and_there_for_a_beat_and_a_half() {
        let mut turns = Turns::default();
        let turn = turns.next(&tier("free"), 10_000);
        assert_eq!(turn.tier(&turns), "free");
        assert_eq!(turn.lateness(s(100), s(105)), s(0));
        assert_eq!(turn.lateness(s(100), s(110)), s(0));
        assert_eq!(turn.lateness(s(100), s(113)), s(3));
        assert!(turn.is_on(s(100), s(115)));
        assert!(!turn.is_on(s(100), s(116)));
    }

    #[test]
    fn hosts_are_counted_by_tier_and_a_tier_whose_hosts_left_counts_none() {
        let mut turns = Turns::default();
        let (free, paid) = (turns.next(&tier("free"), 1), turns.next(&tier("paid"), 1));
        assert_eq!(turns.next(&tier("free"), 1), free);
        let counts = turns.count([free, free].into_iter());
        assert_eq!(counts, BTreeMap::from([(tier("free"), 2), (tier("paid"), 0)]));
        assert_eq!(paid.tier(&turns), "paid");
    }
}
