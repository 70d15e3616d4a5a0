//! What may an operator say of a tier? Where its hosts come from, and when they may begin.

use serde::{Deserialize, Serialize};

use crate::schedule::Window;
use crate::time::{Millis, WallTime};

/// When hosts of a tier may begin a patch set. Each part only narrows what the others allow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierRules {
    /// Nobody begins outside of these; none: at any time.
    pub windows: Vec<Window>,
    /// What is held back.
    pub holdback: Holdback,
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
