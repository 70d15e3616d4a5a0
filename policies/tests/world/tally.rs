//! What do many runs of one kind come to? Means, spread, shares, and how far they can be trusted.

use tidegate_policies::proof::bound::{Group, Rate, upper};
use tidegate_policies::share::Share;

use super::setup::Outcome;

/// Runs of one kind.
#[derive(Clone, Debug, Default)]
pub struct Tally(pub Vec<Outcome>);

impl Tally {
    pub fn runs(&self) -> u64 {
        self.0.len() as u64
    }

    pub fn halted(&self) -> u64 {
        self.count(|outcome| outcome.halted)
    }

    pub fn held(&self) -> u64 {
        self.count(|outcome| outcome.held)
    }

    pub fn by_person(&self) -> u64 {
        self.count(|outcome| outcome.by_person)
    }

    /// The share of runs that halted, in percent.
    pub fn halts(&self) -> f64 {
        self.halted() as f64 * 100.0 / self.runs().max(1) as f64
    }

    /// Below which the true share of halts lies, 95 times of 100: exact, by Clopper and Pearson.
    pub fn at_most(&self) -> Rate {
        upper(Group { hosts: self.runs(), failed: self.halted() }, Share::percent(5))
    }

    pub fn harmed_mean(&self) -> f64 {
        self.mean(|outcome| f64::from(outcome.harmed))
    }

    /// The harm that 95 of 100 runs stay within.
    pub fn harmed_95th(&self) -> u64 {
        rank(self.0.iter().map(|outcome| u64::from(outcome.harmed)), 95)
    }

    /// The standard error of the mean harm.
    pub fn harmed_error(&self) -> f64 {
        let (mean, n) = (self.harmed_mean(), self.runs().max(2) as f64);
        let off = |outcome: &Outcome| (f64::from(outcome.harmed) - mean).powi(2);
        (self.0.iter().map(off).sum::<f64>() / (n - 1.0) / n).sqrt()
    }

    pub fn exposed_mean(&self) -> f64 {
        self.mean(|outcome| f64::from(outcome.exposed))
    }

    /// Minutes from the start to the halt in the middle one of the runs that halted.
    pub fn minutes_to_halt(&self) -> Option<u64> {
        let halted: Vec<_> = self.0.iter().filter(|outcome| outcome.halted).collect();
        (!halted.is_empty()).then(|| rank(halted.iter().map(|outcome| outcome.minutes), 50))
    }

    fn count(&self, what: impl Fn(&Outcome) -> bool) -> u64 {
        self.0.iter().filter(|outcome| what(outcome)).count() as u64
    }

    fn mean(&self, what: impl Fn(&Outcome) -> f64) -> f64 {
        self.0.iter().map(what).sum::<f64>() / self.runs().max(1) as f64
    }
}

/// The smallest number that so many percent of all are not above.
fn rank(numbers: impl Iterator<Item = u64>, percent: usize) -> u64 {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    let place = (numbers.len() * percent).div_ceil(100).max(1) - 1;
    numbers.get(place).copied().unwrap_or(0)
}
