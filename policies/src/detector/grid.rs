//! Which harms does the test look for? A grid of hazard ratios, and what one failure says for each.
//!
//! Of the hosts at risk `Y1` are patched and `Y0` are not. Had the patch no more than [`MARGIN`] times
//! the hazard, the next to fail would be a patched one with a chance of at most
//! `5/4·Y1 / (5/4·Y1 + Y0)`; at a hazard ratio `HR` it is `HR·Y1 / (HR·Y1 + Y0)`. The logarithm of how
//! much likelier the ratio makes what was seen is the evidence.

use super::bits::{Bits, log2_ceil, log2_floor};

/// How many hazard ratios are looked for.
pub const RATIOS: usize = 8;

/// A ratio of two hazards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Above the line.
    pub over: u64,
    /// Below it.
    pub under: u64,
}

/// Up to this much worse than the control group is not called harm.
pub const MARGIN: Ratio = Ratio { over: 5, under: 4 };

/// The hazard ratios, rising.
pub const GRID: [Ratio; RATIOS] = [
    Ratio { over: 13, under: 8 },
    Ratio { over: 9, under: 4 },
    Ratio { over: 15, under: 4 },
    Ratio { over: 15, under: 2 },
    Ratio { over: 75, under: 4 },
    Ratio { over: 75, under: 1 },
    Ratio { over: 500, under: 1 },
    Ratio { over: 3_750, under: 1 },
];

/// What a patched host's failure adds besides, `log2(HR / margin)`, rounded down.
pub(super) const GAIN: [i64; RATIOS] = gains();

/// The logarithm of what is below the line of each ratio, rounded down.
const UNDER: [i64; RATIOS] = unders();

/// Hosts at risk in one stratum and slice, counted before the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtStake {
    /// Patched and inside the window.
    pub treated: u32,
    /// Control hosts heard at the same cadence.
    pub control: u32,
}

/// What a control host's failure says at each ratio: never more than nothing. A patched host's says
/// [`GAIN`] more. Nothing where one of the two groups is empty.
pub(super) fn shifts(at: AtStake) -> Option<[i64; RATIOS]> {
    if at.treated == 0 || at.control == 0 {
        return None;
    }
    let (treated, control) = (u64::from(at.treated), u64::from(at.control));
    let margin = log2_floor(MARGIN.over * treated + MARGIN.under * control) - (2 << 32);
    let mut shifts = [0; RATIOS];
    for (k, shift) in shifts.iter_mut().enumerate() {
        let with = GRID[k].over * treated + GRID[k].under * control;
        *shift = margin - (log2_ceil(with) - UNDER[k]);
    }
    Some(shifts)
}

/// What one failure says at the ratio `k`; nothing where one of the two groups is empty.
pub(super) fn shift(at: AtStake, k: usize, patched_failed: u8) -> Bits {
    let gain = if patched_failed > 0 { GAIN[k] } else { 0 };
    shifts(at).map_or(Bits::ZERO, |shifts| Bits(shifts[k] + gain))
}

const fn gains() -> [i64; RATIOS] {
    let mut gains = [0; RATIOS];
    let mut k = 0;
    while k < RATIOS {
        let ratio = GRID[k];
        gains[k] = log2_floor(ratio.over * MARGIN.under) - log2_ceil(ratio.under * MARGIN.over);
        k += 1;
    }
    gains
}

const fn unders() -> [i64; RATIOS] {
    let mut unders = [0; RATIOS];
    let mut k = 0;
    while k < RATIOS {
        unders[k] = log2_floor(GRID[k].under);
        k += 1;
    }
    unders
}

impl std::fmt::Display for Ratio {
    /// `75`, or `75/4` where it is no whole number.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.under {
            1 => write!(f, "{}", self.over),
            under => write!(f, "{}/{under}", self.over),
        }
    }
}
