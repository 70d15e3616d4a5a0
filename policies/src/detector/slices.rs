//! Which slices of the fleet are looked at by themselves, and what does looking at each cost?
//!
//! Slices and weights are frozen when the rollout starts, before any evidence: the whole cohort has ½,
//! the single facts 0.35 in all, the pairs of kernel and CPU 0.15 in all. A kind of fact shares its part
//! equally among its values and a reserve; what appears later gets ½, ⅙, ¹⁄₁₂ … of the reserve. So the
//! weights never sum to more than 1, whatever appears.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bits::{Bits, log2_ceil, log2_floor};
use super::cut::Cut;

/// Slices that one host is in at most: the whole cohort, six facts, one pair.
pub const SLICES_OF_A_HOST: usize = 8;

/// Eligible hosts below which a value has no slice of its own and counts as `other`.
pub const FEWEST_HOSTS: u64 = 50;

/// Values of one kind that may still get a slice after the start.
pub const LATE_VALUES: u16 = 8;

/// Slices that a rollout has at most; the values with the fewest hosts count as `other` beyond it.
pub const MOST_SLICES: usize = 256;

/// The value that stands for all that are too few.
pub const OTHER: &str = "other";

/// What stands between the two facts of a pair.
const ON: &str = " on ";

/// A slice, by its place in [`Slices`]. 0 is the whole cohort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SliceId(pub u16);

/// What kind of fact a slice is cut by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Dimension {
    /// No fact: everybody.
    Whole,
    /// The kernel release.
    Kernel,
    /// The CPU's model.
    Cpu,
    /// The architecture.
    Arch,
    /// The kernel's flavour.
    Flavour,
    /// The zone.
    Zone,
    /// What the host is for, e.g. a label that says so.
    Class,
    /// The kernel release and the CPU's model together.
    KernelAndCpu,
}

/// One slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// What it is cut by.
    pub dimension: Dimension,
    /// The value that its hosts have; empty for the whole cohort.
    pub value: String,
    /// What its weight costs: the logarithm of 1 / weight, rounded up.
    pub penalty: Bits,
}

/// The slices that one host is in. Kept with the host while it is in a rollout, so that it leaves the
/// counts that it entered, even if its facts change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    slices: [u16; SLICES_OF_A_HOST],
    len: u8,
}

/// Every slice of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slices {
    slices: Vec<Slice>,
    kinds: BTreeMap<Dimension, Kind>,
}

/// One kind of fact in a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kind {
    /// The slice of each value that was ever seen.
    values: BTreeMap<String, SliceId>,
    /// What the reserve of the kind costs.
    reserve: Bits,
    /// Values that came after the start.
    late: u16,
}

impl Dimension {
    /// The single facts and the pair, in the order of a host's slices.
    pub const CUTS: [Self; SLICES_OF_A_HOST - 1] = [
        Self::Kernel,
        Self::Cpu,
        Self::Arch,
        Self::Flavour,
        Self::Zone,
        Self::Class,
        Self::KernelAndCpu,
    ];

    /// The word for it on screens.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole cohort",
            Self::Kernel => "kernel",
            Self::Cpu => "cpu",
            Self::Arch => "arch",
            Self::Flavour => "flavour",
            Self::Zone => "zone",
            Self::Class => "class",
            Self::KernelAndCpu => "kernel and cpu",
        }
    }

    /// Whether credit is kept for its slices: what a patch can be bad for by itself.
    pub const fn has_credit(self) -> bool {
        match self {
            Self::Whole | Self::Kernel | Self::Cpu | Self::KernelAndCpu => true,
            Self::Arch | Self::Flavour | Self::Zone | Self::Class => false,
        }
    }
}

/// The value of [`Dimension::KernelAndCpu`] for a host with these facts.
pub fn pair(kernel: &str, cpu: &str) -> String {
    format!("{kernel}{ON}{cpu}")
}

/// The kernel and CPU of such a value.
pub fn unpair(value: &str) -> Option<(&str, &str)> {
    value.split_once(ON)
}

/// The value that a host with these single facts has, each of them at most once; `None`: it is not known.
pub fn value_of<'a>(dimension: Dimension, facts: &[(Dimension, &'a str)]) -> Option<Cow<'a, str>> {
    let fact = |wanted| facts.iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| *value);
    match dimension {
        Dimension::Whole => None,
        Dimension::KernelAndCpu => {
            Some(Cow::Owned(pair(fact(Dimension::Kernel)?, fact(Dimension::Cpu)?)))
        }
        Dimension::Kernel
        | Dimension::Cpu
        | Dimension::Arch
        | Dimension::Flavour
        | Dimension::Zone
        | Dimension::Class => fact(dimension).map(Cow::Borrowed),
    }
}

impl Slices {
    /// The slices of a rollout that starts with so many eligible hosts of each value.
    ///
    /// A value that has fewer than [`FEWEST_HOSTS`] counts as [`OTHER`] of its kind. Beyond
    /// [`MOST_SLICES`] those with the fewest hosts do, too. Counts of [`Dimension::Whole`] are ignored.
    pub fn freeze(hosts: &BTreeMap<(Dimension, String), u64>) -> Self {
        let least = least_hosts(hosts);
        let mut kinds: BTreeMap<Dimension, BTreeMap<&str, Vec<&String>>> = BTreeMap::new();
        for ((dimension, value), &n) in hosts {
            if *dimension != Dimension::Whole && n > 0 {
                let slice = if n < least { OTHER } else { value };
                kinds.entry(*dimension).or_default().entry(slice).or_default().push(value);
            }
        }
        let penalty = Bits(log2_ceil(2));
        let whole = Slice { dimension: Dimension::Whole, value: String::new(), penalty };
        let mut slices = Self { slices: vec![whole], kinds: BTreeMap::new() };
        let single = kinds.keys().filter(|kind| **kind != Dimension::KernelAndCpu).count();
        for (dimension, of_kind) in kinds {
            let parts = u64::try_from(of_kind.len()).unwrap_or(u64::MAX).saturating_add(1);
            let penalty = part_of(dimension, single, parts);
            let kind = Kind { values: BTreeMap::new(), reserve: penalty, late: 0 };
            slices.kinds.insert(dimension, kind);
            for (slice, values) in of_kind {
                let id = slices.add(Slice { dimension, value: slice.to_owned(), penalty });
                if let Some(kind) = slices.kinds.get_mut(&dimension) {
                    kind.values.extend(values.into_iter().map(|value| (value.clone(), id)));
                    kind.values.insert(slice.to_owned(), id);
                }
            }
        }
        slices
    }

    /// The slices that a host with these facts is in; `facts` are single facts, each at most once. A value
    /// that was not there at the start gets a slice of its own if the reserve of its kind has one left.
    pub fn admit(&mut self, facts: &[(Dimension, &str)]) -> Membership {
        let mut membership = Membership::WHOLE;
        for dimension in Dimension::CUTS {
            let value = value_of(dimension, facts);
            let slice = value.and_then(|value| self.slice_of(dimension, &value));
            slice.into_iter().for_each(|slice| membership.push(slice));
        }
        membership
    }

    /// The slices that a host with these facts is in today: as [`Slices::admit`], but a value that was not
    /// there before gets no slice of its own.
    pub fn find(&self, facts: &[(Dimension, &str)]) -> Membership {
        let mut membership = Membership::WHOLE;
        let slice_of = |dimension| {
            let (value, kind) = (value_of(dimension, facts)?, self.kinds.get(&dimension)?);
            kind.values.get(&*value).or_else(|| kind.values.get(OTHER)).copied()
        };
        Dimension::CUTS.into_iter().filter_map(slice_of).for_each(|slice| membership.push(slice));
        membership
    }

    /// The slice of this id.
    pub fn get(&self, id: SliceId) -> Option<&Slice> {
        self.slices.get(usize::from(id.0))
    }

    /// What it costs to look at this slice; more than there is for one that does not exist.
    pub fn penalty(&self, id: SliceId) -> Bits {
        self.get(id).map_or(Bits(i64::MAX), |slice| slice.penalty)
    }

    /// The name of a slice on screens, e.g. `kernel 5.15.0-107.117`.
    pub fn name(&self, id: SliceId) -> String {
        match self.get(id) {
            None => format!("slice {}", id.0),
            Some(slice) if slice.dimension == Dimension::Whole => "the whole cohort".to_owned(),
            Some(slice) => format!("{} {}", slice.dimension.word(), slice.value),
        }
    }

    /// The slice by its facts; `None` for the whole cohort, and for one that does not exist.
    pub fn cut(&self, id: SliceId) -> Option<Cut> {
        let Slice { dimension, value, .. } = self.get(id)?;
        let kind = self.kinds.get(dimension)?;
        let of_slice = kind.values.iter().filter(|(_, of)| **of == id);
        let values = of_slice.map(|(value, _)| value.clone()).collect();
        Some(Cut { dimension: *dimension, value: value.clone(), values })
    }

    /// The slice that is looked at by itself and has these facts.
    pub fn named(&self, cut: &Cut) -> Option<SliceId> {
        let same = |of: &Slice| (of.dimension, &of.value) == (cut.dimension, &cut.value);
        self.iter().find(|(_, of)| same(of)).map(|(id, _)| id)
    }

    /// Every slice with its id.
    pub fn iter(&self) -> impl Iterator<Item = (SliceId, &Slice)> {
        let id = |n| SliceId(u16::try_from(n).unwrap_or(u16::MAX));
        self.slices.iter().enumerate().map(move |(n, slice)| (id(n), slice))
    }

    /// How many slices there are; never 0.
    pub const fn count(&self) -> usize {
        self.slices.len()
    }

    /// The slice of a value, a new one from the reserve, or its kind's `other`.
    fn slice_of(&mut self, dimension: Dimension, value: &str) -> Option<SliceId> {
        let full = self.slices.len() >= MOST_SLICES;
        let kind = self.kinds.get_mut(&dimension)?;
        if let Some(&id) = kind.values.get(value) {
            return Some(id);
        }
        if kind.late >= LATE_VALUES || full {
            return kind.values.get(OTHER).copied();
        }
        kind.late += 1;
        let j = u64::from(kind.late);
        let penalty = kind.reserve.plus(Bits(log2_ceil(j * (j + 1))));
        let id = self.add(Slice { dimension, value: value.to_owned(), penalty });
        if let Some(kind) = self.kinds.get_mut(&dimension) {
            kind.values.insert(value.to_owned(), id);
        }
        Some(id)
    }

    fn add(&mut self, slice: Slice) -> SliceId {
        let id = SliceId(u16::try_from(self.slices.len()).unwrap_or(u16::MAX));
        self.slices.push(slice);
        id
    }
}

/// What one of `parts` parts of a kind's weight costs, among `single` kinds of single facts.
fn part_of(dimension: Dimension, single: usize, parts: u64) -> Bits {
    let single = u64::try_from(single).unwrap_or(u64::MAX).max(1);
    match dimension {
        Dimension::KernelAndCpu => Bits(log2_ceil(20 * parts) - log2_floor(3)),
        Dimension::Whole
        | Dimension::Kernel
        | Dimension::Cpu
        | Dimension::Arch
        | Dimension::Flavour
        | Dimension::Zone
        | Dimension::Class => Bits(log2_ceil(20 * single * parts) - log2_floor(7)),
    }
}

/// Hosts that a value needs for a slice of its own: as few as leave room for late values.
fn least_hosts(hosts: &BTreeMap<(Dimension, String), u64>) -> u64 {
    let reserved = Dimension::CUTS.len() * (usize::from(LATE_VALUES) + 1) + 1;
    let mut sizes: Vec<u64> = hosts
        .iter()
        .filter(|((dimension, _), n)| *dimension != Dimension::Whole && **n >= FEWEST_HOSTS)
        .map(|(_, n)| *n)
        .collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    match sizes.get(MOST_SLICES - reserved) {
        Some(too_few) => too_few.saturating_add(1),
        None => FEWEST_HOSTS,
    }
}

impl Membership {
    /// A host of which nothing is known but that it is there.
    pub const WHOLE: Self = Self { slices: [0; SLICES_OF_A_HOST], len: 1 };

    /// The slices, the whole cohort first.
    pub fn iter(&self) -> impl Iterator<Item = SliceId> {
        self.slices[..usize::from(self.len)].iter().map(|&slice| SliceId(slice))
    }

    /// Whether the host is in this slice.
    pub fn contains(&self, slice: SliceId) -> bool {
        self.iter().any(|of| of == slice)
    }

    fn push(&mut self, slice: SliceId) {
        if let Some(place) = self.slices.get_mut(usize::from(self.len)) {
            *place = slice.0;
            self.len += 1;
        }
    }
}
