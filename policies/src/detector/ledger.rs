//! What has all evidence come to? One sum for each slice, stream, window and hazard ratio.

use serde::{Deserialize, Serialize};

use super::bits::Bits;
use super::grid::RATIOS;
use super::place::DomainId;
use super::slices::SliceId;
use super::stream::{STREAMS, Stream, WINDOWS, Window};

/// Distinct patched hosts that must have failed before a sum counts.
pub const LEAST_HOSTS: u32 = 2;

/// The sums of one slice and stream, by window and ratio.
pub type Sums = [[Bits; RATIOS]; WINDOWS];

/// What one slice has shown in one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The sums of evidence.
    pub sums: Sums,
    /// Patched hosts whose failure was evidence, each once.
    pub treated: u32,
    /// Control hosts whose failure was evidence.
    pub control: u32,
    /// The first two failure domains of the patched ones.
    pub domains: [Option<DomainId>; 2],
}

/// Everything that was shown in one generation of evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    slices: Vec<[Shown; STREAMS]>,
}

impl Shown {
    /// Whether it may halt or hold: two patched hosts of two failure domains.
    pub const fn counts(&self) -> bool {
        self.treated >= LEAST_HOSTS && self.domains[1].is_some()
    }

    /// The largest sum less what its window costs, with the window and the ratio's place in the grid.
    pub fn strongest(&self) -> (Bits, Window, usize) {
        let mut best = (Bits::LEAST, Window::Early, 0);
        for window in Window::ALL {
            for (k, sum) in self.sums[window.index()].iter().enumerate() {
                let weighed = sum.less(window.penalty());
                if weighed > best.0 {
                    best = (weighed, window, k);
                }
            }
        }
        best
    }

    /// A patched host of this failure domain failed.
    pub(super) fn add_treated(&mut self, domain: DomainId) {
        self.treated = self.treated.saturating_add(1);
        match self.domains {
            [None, _] => self.domains[0] = Some(domain),
            [Some(first), None] if first != domain => self.domains[1] = Some(domain),
            [Some(_), _] => (),
        }
    }
}

impl Ledger {
    /// What a slice has shown in a stream.
    pub fn shown(&self, slice: SliceId, stream: Stream) -> Shown {
        let of_slice = self.slices.get(usize::from(slice.0));
        of_slice.map_or_else(Shown::default, |shown| shown[stream.index()])
    }

    /// Every slice and stream that may halt or hold.
    pub fn counting(&self) -> impl Iterator<Item = (SliceId, Stream, &Shown)> {
        let id = |n| SliceId(u16::try_from(n).unwrap_or(u16::MAX));
        self.slices.iter().enumerate().flat_map(move |(n, shown)| {
            let of_slice = Stream::ALL.into_iter().zip(shown);
            of_slice
                .filter(|(_, shown)| shown.counts())
                .map(move |(stream, shown)| (id(n), stream, shown))
        })
    }

    pub(super) fn shown_mut(&mut self, slice: SliceId, stream: Stream) -> &mut Shown {
        let index = usize::from(slice.0);
        if index >= self.slices.len() {
            self.slices.resize(index + 1, Default::default());
        }
        &mut self.slices[index][stream.index()]
    }
}
