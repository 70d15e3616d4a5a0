//! Who could have failed just now? The hosts at risk, counted by stratum, slice and window.
//!
//! A host is compared only with hosts of its own stratum: its tier and the stratum of its draw. The
//! caller says who enters and who leaves; a host counts here between the two and nowhere else. Nothing
//! else changes on a clean report.

use serde::{Deserialize, Serialize};

use super::grid::AtStake;
use super::slices::{Membership, SliceId};
use super::stream::{Cohort, WINDOWS, Window, Windows};

/// A tier and a stratum of its draw, as the caller numbers them from 0 without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stratum(pub u16);

/// The hosts at risk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskSets {
    strata: Vec<Vec<Counted>>,
}

/// The hosts at risk of one stratum and slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Patched hosts inside each window.
    pub treated: [u32; WINDOWS],
    /// Control hosts.
    pub control: u32,
}

impl Counted {
    /// Who is at stake when a host fails, as one window sees it.
    pub const fn in_window(&self, window: Window) -> AtStake {
        AtStake { treated: self.treated[window.index()], control: self.control }
    }
}

impl RiskSets {
    /// A host enters its cohort: a treated one every window that it is said to be inside of.
    pub fn enter(&mut self, stratum: Stratum, slices: &Membership, cohort: Cohort) {
        let row = self.row(stratum);
        for slice in slices.iter() {
            let counted = slot(row, slice);
            match cohort {
                Cohort::Control => counted.control += 1,
                Cohort::Treated(windows) => {
                    for window in Window::ALL {
                        let inside = u32::from(windows.contains(window));
                        counted.treated[window.index()] += inside;
                    }
                }
            }
        }
    }

    /// A host leaves its cohort: a treated one every window that it is still inside of.
    ///
    /// # Panics
    ///
    /// If it was not counted: the books are wrong, and going on would hide it.
    pub fn leave(&mut self, stratum: Stratum, slices: &Membership, cohort: Cohort) {
        let row = self.row(stratum);
        for slice in slices.iter() {
            let counted = slot(row, slice);
            match cohort {
                Cohort::Control => counted.control = one_less(counted.control),
                Cohort::Treated(windows) => {
                    for window in Window::ALL.into_iter().filter(|w| windows.contains(*w)) {
                        let count = &mut counted.treated[window.index()];
                        *count = one_less(*count);
                    }
                }
            }
        }
    }

    /// A treated host has outlived one window.
    ///
    /// # Panics
    ///
    /// If it was not counted in it.
    pub fn outlive(&mut self, stratum: Stratum, slices: &Membership, window: Window) {
        let only = Window::ALL
            .into_iter()
            .filter(|other| *other != window)
            .fold(Windows::EVERY, Windows::without);
        self.leave(stratum, slices, Cohort::Treated(only));
    }

    /// The hosts at risk of one stratum and slice.
    pub fn at(&self, stratum: Stratum, slice: SliceId) -> Counted {
        let row = self.strata.get(usize::from(stratum.0));
        row.and_then(|row| row.get(usize::from(slice.0))).copied().unwrap_or_default()
    }

    /// The hosts at risk of a slice in all strata.
    pub fn of_slice(&self, slice: SliceId) -> Counted {
        let mut sum = Counted::default();
        for counted in self.strata.iter().filter_map(|row| row.get(usize::from(slice.0))) {
            sum.control = sum.control.saturating_add(counted.control);
            for (sum, n) in sum.treated.iter_mut().zip(counted.treated) {
                *sum = sum.saturating_add(n);
            }
        }
        sum
    }

    fn row(&mut self, stratum: Stratum) -> &mut Vec<Counted> {
        let index = usize::from(stratum.0);
        if index >= self.strata.len() {
            self.strata.resize_with(index + 1, Vec::new);
        }
        &mut self.strata[index]
    }
}

fn slot(row: &mut Vec<Counted>, slice: SliceId) -> &mut Counted {
    let index = usize::from(slice.0);
    if index >= row.len() {
        row.resize(index + 1, Counted::default());
    }
    &mut row[index]
}

#[expect(clippy::expect_used, reason = "a count below zero is a broken invariant, see # Panics")]
fn one_less(count: u32) -> u32 {
    count.checked_sub(1).expect("a host leaves only the risk set that it entered")
}
