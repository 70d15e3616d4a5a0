//! How many hosts may be under observation at a time? As many as those before them have earned.
//!
//! ```text
//! cap = clamp( start + gain × verified − cost × failed , floor , most )
//! ```
//!
//! For the whole cohort and for each kernel, CPU model and pair of them: the tightest cap wins. A cap may
//! fall below what is in flight; that stops begins and takes nothing back. The floor keeps a trickle, so
//! that a bad slice comes to a verdict instead of starving without one.

pub mod hold;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::detector::slices::{Dimension, Membership, SliceId, Slices};
use crate::time::{Elapsed, Millis};

/// Eligible hosts below which credit that the policy does not write starts at 2 and doubles.
pub const SMALL_FLEET: u64 = 500;

const MINUTE: Millis = Millis::from_secs(60);

/// How credit is earned and lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditRule {
    /// Hosts in flight at the start: 50.
    pub start: u64,
    /// The same for one slice: 20.
    pub slice_start: u64,
    /// What each verified host adds: 3.
    pub gain: u64,
    /// What each failed host takes: 10.
    pub cost: u64,
    /// What is left at least: 10.
    pub floor: u64,
    /// The same for one slice: 4.
    pub slice_floor: u64,
    /// In how long a whole cap's worth of hosts may begin: 30 minutes.
    pub ramp: Millis,
}

/// What one slice has earned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// Begun and neither verified nor gone wrong.
    pub in_flight: u64,
    /// Verified, ever.
    pub verified: u64,
    /// Gone wrong, ever.
    pub failed: u64,
    /// Verified hosts that count no more.
    spent: u64,
    /// Failed hosts that count no more.
    forgiven: u64,
}

impl Credit {
    /// What so many verified hosts have earned, and nobody in flight.
    pub const fn of_verified(verified: u64) -> Self {
        Self { in_flight: 0, verified, failed: 0, spent: 0, forgiven: 0 }
    }
}

/// What every slice has earned, and how fast hosts began lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditBook {
    slices: Vec<Credit>,
    minute: u64,
    begun_in_minute: u64,
}

/// What became of a host in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FlightEnd {
    /// It survived its soak and said so itself.
    Verified,
    /// It went wrong.
    Failed,
    /// It shows nothing: refused, gone, said goodbye.
    Left,
}

/// Why credit lets no further host begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoCredit {
    /// A slice has as many in flight as it may.
    Cap {
        /// The slice; 0 is the whole cohort.
        slice: SliceId,
        /// Hosts in flight and promised.
        in_flight: u64,
        /// Most that may be.
        cap: u64,
    },
    /// As many began in this minute as may.
    Rate {
        /// Hosts that began in it.
        begun: u64,
        /// Most that may.
        most: u64,
    },
}

impl CreditRule {
    /// What a policy has that says nothing else, in a large fleet.
    pub const STANDARD: Self = Self {
        start: 50,
        slice_start: 20,
        gain: 3,
        cost: 10,
        floor: 10,
        slice_floor: 4,
        ramp: Millis::from_secs(1_800),
    };

    /// What a policy has that says nothing else, in a fleet below [`SMALL_FLEET`]: 2, 4, 8, …
    pub const SMALL: Self = Self {
        start: 2,
        slice_start: 2,
        gain: 1,
        cost: 10,
        floor: 1,
        slice_floor: 1,
        ..Self::STANDARD
    };

    /// The rule of a policy that does not write one, for so many eligible hosts.
    pub const fn for_fleet(hosts: u64) -> Self {
        if hosts < SMALL_FLEET { Self::SMALL } else { Self::STANDARD }
    }

    /// Hosts that may be in flight in a slice with this credit, at most `most`; never 0.
    pub fn cap(&self, slice: SliceId, credit: &Credit, most: u64) -> u64 {
        let (start, floor) = self.ends(slice);
        let earned = self.gain.saturating_mul(credit.verified - credit.spent);
        let lost = self.cost.saturating_mul(credit.failed - credit.forgiven);
        start.saturating_add(earned).saturating_sub(lost).max(floor).min(most).max(1)
    }

    /// How the cap comes about, so that it can be computed again by hand.
    pub fn arithmetic(&self, slice: SliceId, credit: &Credit, most: u64) -> String {
        let (start, floor) = self.ends(slice);
        let Self { gain, cost, .. } = self;
        let (verified, failed) = (credit.verified - credit.spent, credit.failed - credit.forgiven);
        let cap = self.cap(slice, credit, most);
        format!(
            "{cap} = {start} + {gain} x {verified} verified - {cost} x {failed} failed, at least {floor}, at \
             most {most}"
        )
    }

    /// What a slice starts with, and what is left at least.
    const fn ends(&self, slice: SliceId) -> (u64, u64) {
        match slice {
            SliceId(0) => (self.start, self.floor),
            SliceId(_) => (self.slice_start, self.slice_floor),
        }
    }

    /// Hosts that may begin in a minute at this cap: at least 1.
    pub fn per_minute(&self, cap: u64) -> u64 {
        let Millis(ramp) = self.ramp;
        cap.saturating_mul(MINUTE.0).checked_div(ramp).unwrap_or(u64::MAX).max(1)
    }
}

impl CreditBook {
    /// A host begins.
    pub fn begin(&mut self, slices: &Membership, now: Elapsed) {
        let minute = now.0 / MINUTE.0;
        if minute != self.minute {
            (self.minute, self.begun_in_minute) = (minute, 0);
        }
        self.begun_in_minute += 1;
        for slice in slices.iter() {
            self.credit(slice).in_flight += 1;
        }
    }

    /// A host in flight is no more.
    ///
    /// # Panics
    ///
    /// If none was: the books are wrong, and going on would hide it.
    #[expect(
        clippy::expect_used,
        reason = "a count below zero is a broken invariant, see # Panics"
    )]
    pub fn end(&mut self, slices: &Membership, end: FlightEnd) {
        for slice in slices.iter() {
            let credit = self.credit(slice);
            let left = credit.in_flight.checked_sub(1);
            credit.in_flight = left.expect("a host leaves only the slices that it began in");
            match end {
                FlightEnd::Verified => credit.verified += 1,
                FlightEnd::Failed => credit.failed += 1,
                FlightEnd::Left => (),
            }
        }
    }

    /// A hold was released although the evidence stands: a quarter of what was proven is left, and the
    /// failures so far cost no more.
    pub fn quarter(&mut self) {
        for credit in &mut self.slices {
            credit.spent = credit.verified - (credit.verified - credit.spent) / 4;
            credit.forgiven = credit.failed;
        }
    }

    /// A person has resumed: credit is at its start.
    pub fn renew(&mut self) {
        for credit in &mut self.slices {
            (credit.spent, credit.forgiven) = (credit.verified, credit.failed);
        }
    }

    /// The credit of a slice.
    pub fn of(&self, slice: SliceId) -> Credit {
        self.slices.get(usize::from(slice.0)).copied().unwrap_or_default()
    }

    /// Whether one more host of these slices may begin, where `reserved` others are promised a place in
    /// the whole cohort and `most` may be in flight there.
    ///
    /// # Errors
    ///
    /// [`NoCredit`]: the first reason, the whole cohort first and the rate last.
    pub fn room(
        &self,
        rule: &CreditRule,
        slices: (&Slices, &Membership),
        (reserved, most): (u64, u64),
        now: Elapsed,
    ) -> Result<(), NoCredit> {
        let (all, of_host) = slices;
        let paced =
            |slice: &SliceId| all.get(*slice).is_some_and(|slice| slice.dimension.has_credit());
        for slice in of_host.iter().filter(paced) {
            let credit = self.of(slice);
            let promised = if slice == SliceId(0) { reserved } else { 0 };
            let (in_flight, cap) = (credit.in_flight + promised, rule.cap(slice, &credit, most));
            if in_flight + 1 > cap {
                return Err(NoCredit::Cap { slice, in_flight, cap });
            }
        }
        let cap = rule.cap(SliceId(0), &self.of(SliceId(0)), most);
        let same = now.0 / MINUTE.0 == self.minute;
        let (begun, most) = (if same { self.begun_in_minute } else { 0 }, rule.per_minute(cap));
        if begun >= most { Err(NoCredit::Rate { begun, most }) } else { Ok(()) }
    }

    /// How many more may be in flight in the whole cohort, with so many promised a place and `most` there.
    pub fn left(&self, rule: &CreditRule, (reserved, most): (u64, u64)) -> u64 {
        let whole = self.of(SliceId(0));
        rule.cap(SliceId(0), &whole, most).saturating_sub(whole.in_flight + reserved)
    }

    /// The slice with the least room, for screens.
    pub fn tightest(&self, rule: &CreditRule, slices: &Slices, most: u64) -> SliceId {
        let paced = slices.iter().filter(|(_, slice)| slice.dimension.has_credit());
        let room = paced.map(|(id, slice)| {
            let credit = self.of(id);
            let cap = rule.cap(id, &credit, most);
            let whole = slice.dimension == Dimension::Whole;
            let idle = credit.in_flight == 0 && !whole;
            ((idle, cap.saturating_sub(credit.in_flight)), id)
        });
        room.min().map_or(SliceId(0), |(_, id)| id)
    }

    fn credit(&mut self, slice: SliceId) -> &mut Credit {
        let index = usize::from(slice.0);
        if index >= self.slices.len() {
            self.slices.resize(index + 1, Credit::default());
        }
        &mut self.slices[index]
    }
}
