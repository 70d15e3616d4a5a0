//! What would other rules have said? Shares of a wave, a rank test of intervals, a sequential test that
//! knows the true rates. All of them see the same reports.

use tidegate_policies::detector::ruling::Standing;

use super::ranks::{Ranks, Rates};
use super::run::Run;
use super::sequential::Sequential;
use super::setup::{Outcome, Setup};

/// What a good patch's sequential test is told to look for.
const LOOKED_FOR: f64 = 0.005;

/// A rule that is compared, by what it looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// The detector and credit: it paces and stops its own rollout.
    Credit,
    /// The detector in the waves of the others.
    Detector,
    /// So many percent of a wave.
    Share(u32),
    /// Mann and Whitney's test, interval by interval.
    Ranks,
    /// Wald's test, told the true rates.
    Told,
}

/// A rule, and what became of its rollout.
pub type RuleOutcome = (Name, Outcome);

/// Every rule of a rollout in waves.
pub struct Rules {
    rules: Vec<(Name, Rule, Option<Outcome>)>,
    wave_failed: u64,
    wave_size: u64,
    /// Failures since the last minute.
    patched: u32,
    control: u32,
    held: bool,
    last: Outcome,
}

enum Rule {
    Detector,
    Share(u32),
    Ranks(Ranks),
    Sequential(Sequential),
}

impl Rules {
    /// Nobody but the detector watches.
    pub fn none() -> Self {
        Self {
            rules: Vec::new(),
            wave_failed: 0,
            wave_size: 0,
            patched: 0,
            control: 0,
            held: false,
            last: Outcome::default(),
        }
    }

    pub fn new(setup: &Setup) -> Self {
        let told = if setup.share() > 0.0 { setup.share() } else { LOOKED_FOR };
        let sequential = Sequential::new(setup.base, setup.base + told);
        let share = |percent| (Name::Share(percent), Rule::Share(percent), None);
        let rules = vec![
            (Name::Detector, Rule::Detector, None),
            share(1),
            share(5),
            share(10),
            (Name::Ranks, Rule::Ranks(Ranks::default()), None),
            (Name::Told, Rule::Sequential(sequential), None),
        ];
        Self { rules, ..Self::none() }
    }

    pub(super) fn wave(&mut self, size: usize) {
        (self.wave_size, self.wave_failed) = (size as u64, 0);
    }

    pub(super) fn begun(&mut self) {
        self.sequential(Sequential::begun);
    }

    pub(super) fn patched_failed(&mut self) {
        self.patched += 1;
        self.wave_failed += 1;
        self.sequential(Sequential::failed);
    }

    pub(super) fn control_failed(&mut self) {
        self.control += 1;
    }

    /// A minute is over: who would halt now?
    pub(super) fn tick(&mut self, run: &mut Run<'_>) {
        let rates = Rates {
            patched: f64::from(self.patched) / f64::from(run.flying.max(1)),
            control: f64::from(self.control) / f64::from(run.controls.max(1)),
        };
        (self.patched, self.control) = (0, 0);
        let standing = run.ruling().standing;
        self.held |= standing >= Standing::Hold;
        self.last = run.outcome(false, self.held);
        for (_, rule, halted) in self.rules.iter_mut().filter(|(_, _, halted)| halted.is_none()) {
            let halts = match rule {
                Rule::Detector => standing == Standing::Halt,
                Rule::Share(percent) => {
                    self.wave_failed * 100 > u64::from(*percent) * self.wave_size
                }
                Rule::Ranks(ranks) => ranks.minute(rates),
                Rule::Sequential(sequential) => sequential.halts(),
            };
            if halts {
                *halted = Some(run.outcome(true, self.held));
            }
        }
    }

    pub(super) fn all_halted(&self) -> bool {
        self.rules.iter().all(|(_, _, halted)| halted.is_some())
    }

    pub(super) fn outcomes(self) -> Vec<RuleOutcome> {
        let last = self.last;
        self.rules.into_iter().map(|(name, _, halted)| (name, halted.unwrap_or(last))).collect()
    }

    fn sequential(&mut self, seen: fn(&mut Sequential)) {
        for (_, rule, _) in &mut self.rules {
            if let Rule::Sequential(sequential) = rule {
                seen(sequential);
            }
        }
    }
}
