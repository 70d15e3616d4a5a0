//! When does a rank test halt that looks at half an hour of failures per minute of both cohorts?
//!
//! Mann and Whitney's test, as canary judges use it: the shift between patched and control is estimated as
//! the median of all differences, and the interval of 98 % around it must lie above a quarter of it.

/// Minutes of an interval.
const INTERVAL: usize = 30;

/// One in a hundred on this side.
const QUANTILE: f64 = 2.326_347_9;

/// The part of the estimate that the whole interval must lie above.
const TOLERANCE: f64 = 0.25;

/// Failures per host within one minute.
#[derive(Clone, Copy)]
pub struct Rates {
    pub patched: f64,
    pub control: f64,
}

/// The minutes of the present interval.
#[derive(Default)]
pub struct Ranks(Vec<Rates>);

impl Ranks {
    /// A minute more: is an interval over that is worse?
    pub(super) fn minute(&mut self, rates: Rates) -> bool {
        self.0.push(rates);
        self.0.len() == INTERVAL && is_worse(&std::mem::take(&mut self.0))
    }
}

/// Whether the lower end of the interval lies above the critical value: whether patched hosts would still
/// be significantly worse with that value taken off.
pub fn is_worse(minutes: &[Rates]) -> bool {
    let pairs = minutes.iter().flat_map(|a| minutes.iter().map(|b| a.patched - b.control));
    let mut shifts: Vec<f64> = pairs.collect();
    shifts.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) =
        (shifts.get((shifts.len() - 1) / 2), shifts.get(shifts.len() / 2))
    else {
        return false;
    };
    // By a hair more, since the end must lie above it and not at it.
    let critical = TOLERANCE * f64::midpoint(*low, *high).abs() + 1e-12;
    score(minutes, critical) > QUANTILE
}

/// By how many standard deviations patched minutes rank higher, with `shift` taken off.
fn score(minutes: &[Rates], shift: f64) -> f64 {
    let n = minutes.len() as f64;
    let patched: Vec<f64> = minutes.iter().map(|rates| rates.patched - shift).collect();
    let control: Vec<f64> = minutes.iter().map(|rates| rates.control).collect();
    let mut above = 0.0;
    for patched in &patched {
        for control in &control {
            above += match patched.total_cmp(control) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    let mut all = [patched, control].concat();
    all.sort_by(f64::total_cmp);
    let tied = all.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|tied| tied.len() as f64);
    let ties: f64 = tied.map(|tied| tied.powi(3) - tied).sum();
    let total = 2.0 * n;
    let variance = n * n / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0)));
    let off = above - n * n / 2.0;
    if variance > 0.0 { (off - 0.5 * off.signum()) / variance.sqrt() } else { 0.0 }
}
