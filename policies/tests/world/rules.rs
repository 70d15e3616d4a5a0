//! What would other rules have said? Shares of a wave, a rank test of intervals, a sequential test that
//! knows the true rates. All of them see the same reports.

use tidegate_policies::detector::ruling::Standing;

use super::rollout::{Outcome, Run};

/// Minutes of an interval of the rank test.
const INTERVAL: usize = 30;

/// Every rule, and what became of it.
pub struct Rules {
    rules: Vec<(&'static str, Rule, Option<Outcome>)>,
    /// Since the last tick, and in the present wave.
    patched: u32,
    wave_failed: u32,
    wave_size: usize,
    control: u32,
    base: f64,
    held: bool,
    last: Outcome,
}

enum Rule {
    Detector,
    /// So many percent of a wave failed.
    Share(f64),
    /// Failures per host and minute of both cohorts, interval by interval.
    Ranks(Vec<(f64, f64)>),
    /// The logarithm of how much likelier this share of faults makes it.
    Sequential(f64, f64),
}

impl Rules {
    pub fn none() -> Self {
        Self {
            rules: Vec::new(),
            patched: 0,
            wave_failed: 0,
            wave_size: 0,
            control: 0,
            base: 0.0,
            held: false,
            last: Outcome::default(),
        }
    }

    /// The rules for hosts that fail at `base` by themselves; `fault` is what one of them is told.
    pub fn new(base: f64, fault: f64) -> Self {
        let told = if fault > 0.0 { fault } else { 0.005 };
        let rules = vec![
            ("detector", Rule::Detector, None),
            ("1 % of a wave", Rule::Share(0.01), None),
            ("5 % of a wave", Rule::Share(0.05), None),
            ("10 % of a wave", Rule::Share(0.10), None),
            ("rank test", Rule::Ranks(Vec::new()), None),
            ("SPRT, told the rates", Rule::Sequential(told, 0.0), None),
        ];
        Self { rules, base, ..Self::none() }
    }

    pub(super) fn wave(&mut self, size: usize) {
        self.wave_size = size;
        self.wave_failed = 0;
    }

    pub(super) fn begun(&mut self) {
        let base = self.base;
        for (_, rule, _) in &mut self.rules {
            if let Rule::Sequential(told, sum) = rule {
                *sum += ((1.0 - base - *told) / (1.0 - base)).ln();
            }
        }
    }

    pub(super) fn patched_failed(&mut self) {
        self.patched += 1;
        self.wave_failed += 1;
        let base = self.base;
        for (_, rule, _) in &mut self.rules {
            if let Rule::Sequential(told, sum) = rule {
                let bad = base + *told;
                *sum += (bad / base).ln() - ((1.0 - bad) / (1.0 - base)).ln();
            }
        }
    }

    pub(super) fn control_failed(&mut self) {
        self.control += 1;
    }

    /// A minute is over: who would halt now?
    pub(super) fn tick(&mut self, run: &Run<'_>) {
        let rates = (
            f64::from(self.patched) / f64::from(run.flying.max(1)),
            f64::from(self.control) / f64::from(run.controls.max(1)),
        );
        (self.patched, self.control) = (0, 0);
        let standing = run.detector.ruling().standing;
        self.held |= standing >= Standing::Hold;
        self.last = run.outcome(false, self.held);
        for (_, rule, halted) in self.rules.iter_mut().filter(|(_, _, halted)| halted.is_none()) {
            let halts = match rule {
                Rule::Detector => standing == Standing::Halt,
                Rule::Share(share) => f64::from(self.wave_failed) > *share * self.wave_size as f64,
                Rule::Ranks(minutes) => {
                    minutes.push(rates);
                    minutes.len() == INTERVAL && ranks_differ(&std::mem::take(minutes))
                }
                Rule::Sequential(_, sum) => *sum >= 100_f64.ln(),
            };
            if halts {
                *halted = Some(run.outcome(true, self.held));
            }
        }
    }

    pub(super) fn all_halted(&self) -> bool {
        self.rules.iter().all(|(_, _, halted)| halted.is_some())
    }

    pub(super) fn outcomes(self) -> Vec<(&'static str, Outcome)> {
        let last = self.last;
        self.rules.into_iter().map(|(name, _, halted)| (name, halted.unwrap_or(last))).collect()
    }
}

/// Mann and Whitney's test, one-sided at 1 %, and the mean a quarter higher besides.
fn ranks_differ(minutes: &[(f64, f64)]) -> bool {
    let n = minutes.len() as f64;
    let mut above = 0.0;
    for (patched, _) in minutes {
        for (_, control) in minutes {
            above += if patched > control {
                1.0
            } else if patched < control {
                0.0
            } else {
                0.5
            };
        }
    }
    let mut all: Vec<f64> = minutes.iter().flat_map(|(a, b)| [*a, *b]).collect();
    all.sort_by(f64::total_cmp);
    let ties: f64 = all
        .chunk_by(|a, b| a.total_cmp(b).is_eq())
        .map(|tied| (tied.len() as f64).powi(3) - tied.len() as f64)
        .sum();
    let total = 2.0 * n;
    let variance = n * n / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0)));
    let (sum_patched, sum_control) =
        minutes.iter().fold((0.0, 0.0), |sums, (a, b)| (sums.0 + a, sums.1 + b));
    variance > 0.0
        && (above - n * n / 2.0) / variance.sqrt() > 2.326
        && sum_patched > 1.25 * sum_control
}
