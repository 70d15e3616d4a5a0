//! How does the evidence go on when one slice is halted and the rest is not?
//!
//! What the hosts of the slice have shown is taken out of every other sum, so that it is not held against
//! the rest; the rest goes on from what it has shown itself. When a person lifts the halt the slice begins
//! anew with half its weight: however often that happens, its generations together stay below twice what
//! was allowed at first, as they do when everything is resumed.

use std::collections::BTreeSet;

use super::Detector;
use super::bits::Bits;
use super::cut::Cut;
use super::ledger::Shown;
use super::ruling::{Standing, recompute};
use super::slices::{Dimension, Membership, SliceId};
use super::stream::Stream;
use super::suspects::take_back;

/// Hosts that are halted by themselves.
#[derive(Clone, Copy, Debug)]
pub struct Apart<'a> {
    /// The slice by its facts.
    pub cut: &'a Cut,
    /// Those of them that failed lately, by the caller's numbers. They are looked for in the trail, where a
    /// slice that evidence does not know by itself is found by nothing else.
    pub hosts: &'a BTreeSet<u64>,
}

impl Detector {
    /// What it costs to look at this slice: a bit more for each time that a person has resumed it.
    pub fn penalty(&self, slice: SliceId) -> Bits {
        let resumed = self.resumed.get(&slice).copied().unwrap_or_default();
        self.slices.penalty(slice).plus(Bits::whole(i32::from(resumed)))
    }

    /// A slice is halted by itself. Its hosts have left their risk sets, or leave them now: see
    /// [`Detector::leave`]; hosts in flight end as they do, and say nothing of the others.
    pub fn set_apart(&mut self, of: &Apart<'_>) {
        let inside = self.inside(of.cut);
        let steps: Vec<_> = self.trail.take();
        for step in steps {
            if !of.hosts.contains(&step.host) && !inside.iter().any(|slice| step.is_of(*slice)) {
                self.trail.push(step);
                continue;
            }
            for (slice, _) in &step.seen {
                for stream in Stream::ALL {
                    take_back(self.ledger.shown_mut(*slice, stream), &step, (*slice, stream));
                }
            }
        }
        if let Some(own) = self.slices.named(of.cut) {
            let dimensions = self.slices.iter().map(|(slice, of)| (slice, of.dimension));
            let crossing: BTreeSet<SliceId> = dimensions
                .filter(|(_, dimension)| ![Dimension::Whole, of.cut.dimension].contains(dimension))
                .map(|(slice, _)| slice)
                .collect();
            self.applies.set_apart(own, &crossing);
        }
        for &slice in &inside {
            for stream in Stream::ALL {
                *self.ledger.shown_mut(slice, stream) = Shown::default();
            }
        }
        self.apart.extend(inside);
        self.look_again();
    }

    /// A person lets a slice go on that was halted by itself: its evidence begins anew, with half its weight.
    pub fn rejoin(&mut self, cut: &Cut) {
        for slice in self.inside(cut) {
            self.apart.remove(&slice);
            *self.resumed.entry(slice).or_default() += 1;
        }
    }

    /// Whether a host of these slices is halted by itself.
    pub(super) fn is_apart(&self, slices: &Membership) -> bool {
        slices.iter().any(|slice| self.apart.contains(&slice))
    }

    /// The slices all of whose hosts are inside of `cut`.
    fn inside(&self, cut: &Cut) -> BTreeSet<SliceId> {
        let cuts =
            self.slices.iter().filter_map(|(slice, _)| Some((slice, self.slices.cut(slice)?)));
        cuts.filter(|(_, of)| cut.covers(of)).map(|(slice, _)| slice).collect()
    }

    /// What halted may halt no more, and what is left may halt by itself.
    fn look_again(&mut self) {
        self.halted = None;
        if recompute(&self.inputs_now()).standing == Standing::Halt {
            self.halted = Some(Box::new(self.record_now()));
        }
    }
}
