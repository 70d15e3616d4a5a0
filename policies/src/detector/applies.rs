//! Do too many applies fail? A test of its own, since a control host cannot fail to apply.
//!
//! Each begin is held against a chance of 1 in 100. The success is charged when the grant *begins* and
//! corrected when it fails: charged at its end, failures would come early and successes late, and
//! every good rollout would look bad. A refusal is taken back, since the host's reasons are its own.
//! Evidence is a function of three numbers, so they are all that is kept.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::bits::{Bits, log2_ceil, log2_floor};
use super::slices::{Membership, SliceId};

/// How an apply may fail; each is a test by itself, with half of the weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ApplyFault {
    /// Not applied, or not what it says it is.
    Failed,
    /// The transition does not end.
    Stalled,
}

/// What became of an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ApplyEnd {
    /// It is applied, or the host was lost before it said: no fault of the apply.
    Ended,
    /// It went wrong.
    Fault(ApplyFault),
    /// The host refused for a reason of its own.
    Refused,
}

/// How many shares of failing applies are looked for.
pub const SHARES: usize = 6;

/// The shares that are looked for, in percent. 1 % is not called harm.
pub const PERCENT: [u64; SHARES] = [2, 4, 8, 16, 32, 64];

/// Applies of one slice in one generation of evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applies {
    /// Begins that are charged: all but the refused ones.
    pub begun: u64,
    /// Of them, those that have not ended.
    pub pending: u64,
    /// Failed.
    pub failed: u64,
    /// Stalled.
    pub stalled: u64,
}

/// The applies of every slice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyBook {
    slices: Vec<Applies>,
}

impl ApplyFault {
    /// Every way.
    pub const ALL: [Self; 2] = [Self::Failed, Self::Stalled];

    /// The word for it on screens.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stalled => "stalled",
        }
    }
}

/// What the weights of a share and a fault cost: a twelfth.
pub const PENALTY: Bits = Bits(log2_ceil(12));

/// What a begin says for the share `k`: `log2((1 - p) / 0.99)`, less than nothing, rounded down.
pub(super) const fn charge(k: usize) -> Bits {
    const CHARGES: [i64; SHARES] = {
        let mut charges = [0; SHARES];
        let mut k = 0;
        while k < SHARES {
            charges[k] = log2_floor(100 - PERCENT[k]) - log2_ceil(99);
            k += 1;
        }
        charges
    };
    Bits(CHARGES[k])
}

/// What a failure says for the share `k` besides: `log2(p / 0.01)` less the charge, rounded down.
pub(super) const fn correction(k: usize) -> Bits {
    const CORRECTIONS: [i64; SHARES] = {
        let mut corrections = [0; SHARES];
        let mut k = 0;
        while k < SHARES {
            let success = log2_ceil(100 - PERCENT[k]) - log2_floor(99);
            corrections[k] = log2_floor(PERCENT[k]) - success;
            k += 1;
        }
        corrections
    };
    Bits(CORRECTIONS[k])
}

impl Applies {
    /// Applies that ended with this fault.
    pub const fn faults(&self, fault: ApplyFault) -> u64 {
        match fault {
            ApplyFault::Failed => self.failed,
            ApplyFault::Stalled => self.stalled,
        }
    }

    /// The evidence that applies have this fault as often as the share `k` says.
    pub fn evidence(&self, fault: ApplyFault, k: usize) -> Bits {
        charge(k).times(self.begun).plus(correction(k).times(self.faults(fault)))
    }

    /// The strongest evidence of this fault, and the place of its share in [`PERCENT`].
    pub fn strongest(&self, fault: ApplyFault) -> (Bits, usize) {
        let each = (0..SHARES).map(|k| (self.evidence(fault, k), k));
        each.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1))).unwrap_or((Bits::LEAST, 0))
    }

    /// These less those of a slice of them: what the others have done. What is pending stays.
    #[must_use]
    pub const fn without(&self, slice: &Self) -> Self {
        let ended = slice.begun.saturating_sub(slice.pending);
        Self {
            begun: self.begun.saturating_sub(ended),
            pending: self.pending,
            failed: self.failed.saturating_sub(slice.failed),
            stalled: self.stalled.saturating_sub(slice.stalled),
        }
    }

    /// What goes into a new generation of evidence: only what has not ended is charged.
    const fn reborn(&self) -> Self {
        Self { begun: self.pending, pending: self.pending, failed: 0, stalled: 0 }
    }
}

impl ApplyBook {
    /// A grant of a host in these slices begins.
    pub fn begin(&mut self, slices: &Membership) {
        for slice in slices.iter() {
            let index = usize::from(slice.0);
            if index >= self.slices.len() {
                self.slices.resize(index + 1, Applies::default());
            }
            self.slices[index].begun += 1;
            self.slices[index].pending += 1;
        }
    }

    /// An apply that began has ended.
    ///
    /// # Panics
    ///
    /// If none is pending: the books are wrong, and going on would hide it.
    #[expect(
        clippy::expect_used,
        reason = "a count below zero is a broken invariant, see # Panics"
    )]
    pub fn end(&mut self, slices: &Membership, end: ApplyEnd) {
        for slice in slices.iter() {
            let applies = self.slices.get_mut(usize::from(slice.0));
            let applies = applies.expect("an apply ends in the slices that it began in");
            let left = applies.pending.checked_sub(1);
            applies.pending = left.expect("an apply ends only once, and after it began");
            match end {
                ApplyEnd::Ended => (),
                ApplyEnd::Refused => applies.begun -= 1,
                ApplyEnd::Fault(ApplyFault::Failed) => applies.failed += 1,
                ApplyEnd::Fault(ApplyFault::Stalled) => applies.stalled += 1,
            }
        }
    }

    /// The applies of a slice.
    pub fn of(&self, slice: SliceId) -> Applies {
        self.slices.get(usize::from(slice.0)).copied().unwrap_or_default()
    }

    /// Slices in which two applies or more ended with the same fault.
    pub fn counting(&self) -> impl Iterator<Item = (SliceId, Applies)> {
        let id = |n| SliceId(u16::try_from(n).unwrap_or(u16::MAX));
        let counts = |applies: &Applies| applies.failed.max(applies.stalled) >= 2;
        let all = self.slices.iter().enumerate();
        all.filter(move |(_, applies)| counts(applies)).map(move |(n, applies)| (id(n), *applies))
    }

    /// What `own` has shown is held against nobody else: it is taken from the whole cohort, and the slices
    /// that cross it begin anew, as it does itself.
    pub(super) fn set_apart(&mut self, own: SliceId, crossing: &BTreeSet<SliceId>) {
        let of_slice = self.of(own);
        if let Some(whole) = self.slices.first_mut() {
            *whole = whole.without(&of_slice);
        }
        for slice in crossing.iter().chain(std::iter::once(&own)) {
            if let Some(applies) = self.slices.get_mut(usize::from(slice.0)) {
                *applies = applies.reborn();
            }
        }
    }

    /// A new generation of evidence begins.
    pub(super) fn renew(&mut self) {
        for applies in &mut self.slices {
            *applies = applies.reborn();
        }
    }
}
