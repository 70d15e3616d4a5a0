//! Does the patch take whole failure domains down? The same test with domains in place of hosts.
//!
//! A patch that brings down the rack or the hypervisor around a host kills hosts that never had it, and
//! in the test by hosts both cohorts fail alike. Here the unit is the domain: it is *treated* while a
//! patched host inside its soak stands in it, and it *fails* when its reference hosts – sentinels and
//! verified ones – are not heard while the fleet is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bits::Bits;
use super::grid::{AtStake, GAIN, RATIOS, shifts};
use super::place::{Bursts, DomainId};
use super::stream::Stream;
use crate::time::{Elapsed, Millis};

/// For how long after a domain is heard again its silences are no evidence.
pub const AFTERMATH: Millis = Millis::from_secs(1_800);

/// What the grid costs: an eighth a ratio.
pub const GRID_PENALTY: Bits = Bits::whole(3);

/// The domains of a rollout, and what they have shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domains {
    units: BTreeMap<DomainId, Unit>,
    /// Domains at risk.
    at_risk: Pair,
    shown: DomainsShown,
    bursts: Bursts,
}

/// What the domains have shown in one generation of evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainsShown {
    /// The sums of evidence, by ratio.
    pub sums: [Bits; RATIOS],
    /// Treated domains that failed.
    pub treated: u32,
    /// Domains without a patched host in its soak that failed.
    pub control: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Pair {
    treated: u32,
    control: u32,
}

/// One domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Unit {
    /// Patched hosts inside their soak.
    in_soak: u32,
    /// It has enough reference hosts to be heard by itself, and stands in this larger domain.
    around: Option<DomainId>,
    hearing: Hearing,
}

/// Whether a domain is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Hearing {
    /// It always was, in this rollout.
    #[default]
    Heard,
    /// It is not.
    Disrupted,
    /// It is again, since then.
    Recovered(Elapsed),
}

impl Unit {
    /// Whether it is in the risk set: listened to, and without a failure so far.
    const fn is_at_risk(&self) -> bool {
        self.around.is_some() && matches!(self.hearing, Hearing::Heard)
    }
}

impl Domains {
    /// A domain has enough reference hosts to be listened to by itself. `around` is the next larger one,
    /// or itself where nothing larger is known: failures within it at one time count once.
    pub fn watch(&mut self, domain: DomainId, around: DomainId) {
        self.change(domain, |unit| unit.around = Some(around));
    }

    /// A domain has too few reference hosts now.
    pub fn unwatch(&mut self, domain: DomainId) {
        self.change(domain, |unit| unit.around = None);
    }

    /// A patched host begins its soak in this domain.
    pub fn enter(&mut self, domain: DomainId) {
        self.change(domain, |unit| unit.in_soak += 1);
    }

    /// A patched host of this domain has left its soak, one way or another.
    ///
    /// # Panics
    ///
    /// If none was counted: the books are wrong, and going on would hide it.
    #[expect(
        clippy::expect_used,
        reason = "a count below zero is a broken invariant, see # Panics"
    )]
    pub fn leave(&mut self, domain: DomainId) {
        self.change(domain, |unit| {
            let left = unit.in_soak.checked_sub(1);
            unit.in_soak = left.expect("a host leaves only the domain that it entered");
        });
    }

    /// A domain's reference hosts are not heard, while the fleet is. Its first failure is evidence; it is
    /// out of the test for the rest of the rollout.
    pub fn disrupt(&mut self, domain: DomainId, now: Elapsed) {
        let Some(&unit) = self.units.get(&domain) else { return };
        if let (true, Some(around)) = (unit.is_at_risk(), unit.around)
            && self.bursts.is_first(around, Stream::Silence, now)
        {
            self.weigh(unit);
        }
        self.change(domain, |unit| unit.hearing = Hearing::Disrupted);
    }

    /// A disrupted domain is heard again.
    pub fn recover(&mut self, domain: DomainId, now: Elapsed) {
        self.change(domain, |unit| {
            if unit.hearing == Hearing::Disrupted {
                unit.hearing = Hearing::Recovered(now);
            }
        });
    }

    /// Whether silences in this domain say nothing now: it is disrupted, or was until just now.
    pub fn is_disrupted(&self, domain: DomainId, now: Elapsed) -> bool {
        match self.units.get(&domain).map(|unit| unit.hearing) {
            None | Some(Hearing::Heard) => false,
            Some(Hearing::Disrupted) => true,
            Some(Hearing::Recovered(since)) => now.since(since) < AFTERMATH,
        }
    }

    /// What the domains have shown.
    pub const fn shown(&self) -> DomainsShown {
        self.shown
    }

    /// Domains at risk now.
    pub const fn at_risk(&self) -> AtStake {
        AtStake { treated: self.at_risk.treated, control: self.at_risk.control }
    }

    /// A new generation of evidence begins.
    pub(super) fn renew(&mut self) {
        self.shown = DomainsShown::default();
    }

    fn weigh(&mut self, unit: Unit) {
        let treated = unit.in_soak > 0;
        if let Some(shifts) = shifts(self.at_risk()) {
            for (k, sum) in self.shown.sums.iter_mut().enumerate() {
                let gain = if treated { GAIN[k] } else { 0 };
                *sum = sum.plus(Bits(shifts[k] + gain));
            }
        }
        let count = if treated { &mut self.shown.treated } else { &mut self.shown.control };
        *count = count.saturating_add(1);
    }

    /// Changes a domain, and keeps the risk set in step.
    fn change(&mut self, domain: DomainId, change: impl FnOnce(&mut Unit)) {
        let unit = self.units.entry(domain).or_default();
        let before = *unit;
        change(unit);
        let now = *unit;
        if now == Unit::default() {
            self.units.remove(&domain);
        }
        self.at_risk.take(before);
        self.at_risk.put(now);
    }
}

impl Pair {
    fn put(&mut self, unit: Unit) {
        if unit.is_at_risk() {
            *self.side(unit) += 1;
        }
    }

    fn take(&mut self, unit: Unit) {
        if unit.is_at_risk() {
            *self.side(unit) -= 1;
        }
    }

    const fn side(&mut self, unit: Unit) -> &mut u32 {
        if unit.in_soak > 0 { &mut self.treated } else { &mut self.control }
    }
}

impl DomainsShown {
    /// Whether it may halt or hold: two treated domains failed.
    pub const fn counts(&self) -> bool {
        self.treated >= 2
    }

    /// The largest sum and the ratio's place in the grid.
    pub fn strongest(&self) -> (Bits, usize) {
        let each = self.sums.iter().enumerate().map(|(k, sum)| (*sum, k));
        each.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1))).unwrap_or((Bits::LEAST, 0))
    }
}
