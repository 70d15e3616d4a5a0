//! What may an operator say of a tier? Where its hosts come from, and when they may begin.

use serde::{Deserialize, Serialize};

use crate::schedule::Window;
use crate::severity::Severity;
use crate::share::Share;
use crate::time::{Millis, WallTime};

/// When hosts of a tier may begin a patch set, and how soon they should have a fix. Each part only narrows what the
/// others allow, and what should be holds nobody up and pushes nobody on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierRules {
    /// Nobody begins outside of these; none: at any time.
    pub windows: Vec<Window>,
    /// What is held back.
    pub holdback: Holdback,
    /// What should be, at most one of each severity.
    pub objectives: Vec<Objective>,
}

/// A service level objective: so many hosts of a tier should have a fix so soon after it was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Of fixes this bad.
    pub severity: Severity,
    /// So many of the tier's hosts whose kernels there is a fix for.
    pub share: Share,
    /// So soon after it was published for their kernel.
    pub within: Millis,
}

/// Patch sets that are not for some hosts, or not yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdback {
    /// Nothing that was published more recently than that.
    pub delay: Millis,
    /// Nothing that was published after this.
    pub cutoff: Option<WallTime>,
}

/// A tier as a document declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Its name.
    pub name: String,
    /// It draws its hosts from the next tier, afresh for each patch set.
    pub sampled: bool,
    /// When its hosts may begin.
    pub rules: TierRules,
}

impl Objective {
    /// Of so many hosts, those that may be without a fix for longer; rounded down.
    pub fn tolerated(&self, hosts: u64) -> u64 {
        hosts - self.share.of_rounded_up(hosts)
    }

    /// In words: `critical: 95% within 1d`.
    pub fn words(&self) -> String {
        format!("{}: {} within {}", self.severity.word(), self.share, self.within)
    }
}

impl Holdback {
    /// Nothing is held back.
    pub const NONE: Self = Self { delay: Millis(0), cutoff: None };

    /// Both: the longer delay and the earlier cut-off.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let cutoff = match (self.cutoff, other.cutoff) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self { delay: self.delay.max(other.delay), cutoff }
    }

    /// In words: `7d after publication, nothing published after …`.
    pub fn words(&self) -> String {
        let delay = (self.delay.0 > 0).then(|| format!("{} after publication", self.delay));
        let cutoff = self.cutoff.map(|cutoff| format!("nothing published after {cutoff}"));
        let words: Vec<String> = delay.into_iter().chain(cutoff).collect();
        if words.is_empty() { "nothing is held back".to_owned() } else { words.join(", ") }
    }

    /// From when on it lets a patch set through that was published at `published`; `None`: it never does.
    pub fn lets_through_from(&self, published: WallTime) -> Option<WallTime> {
        let past = self.cutoff.is_some_and(|cutoff| published > cutoff);
        (!past).then(|| published.after(self.delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objective_of_95_percent_tolerates_one_of_20_hosts_and_none_of_19() {
        let objective = Objective {
            severity: Severity::Critical,
            share: Share::percent(95),
            within: Millis::from_secs(86_400),
        };
        assert_eq!((objective.tolerated(20), objective.tolerated(19)), (1, 0));
        assert_eq!((objective.tolerated(0), objective.tolerated(1_000)), (0, 50));
        assert_eq!(objective.words(), "critical: 95% within 1d");
    }

    #[test]
    fn two_holdbacks_hold_back_what_either_does() {
        let of = |delay, cutoff: Option<u64>| Holdback {
            delay: Millis(delay),
            cutoff: cutoff.map(WallTime),
        };
        assert_eq!(of(5, None).and(of(3, Some(9))), of(5, Some(9)));
        assert_eq!(of(1, Some(4)).and(of(3, Some(9))), of(3, Some(4)));
        assert_eq!(Holdback::NONE.and(of(3, Some(9))), of(3, Some(9)));
    }

    #[test]
    fn a_cut_off_lets_through_what_was_published_at_it_and_nothing_later() {
        let holdback = Holdback { delay: Millis(10), cutoff: Some(WallTime(100)) };
        assert_eq!(holdback.lets_through_from(WallTime(100)), Some(WallTime(110)));
        assert_eq!(holdback.lets_through_from(WallTime(101)), None);
    }
}
