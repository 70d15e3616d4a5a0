//! Does the harm stand in one slice alone, so that the rest may go on?
//!
//! What crosses first is mostly the whole cohort, since its weight is the largest. Then every slice that
//! would hold by itself is a suspect, and is asked two things. What have the others shown: is that below
//! what holds? And do the failures point at it: how much likelier is it that they all stand in it if it is
//! what is bad, than if everything is? A patched host that fails stands in the slice by chance as often as
//! the slice has of the patched hosts. A slice that most hosts are in is never told from everything.

use serde::{Deserialize, Serialize};

use super::Detector;
use super::applies::{Applies, ApplyFault, PENALTY};
use super::bits::{Bits, log2_ceil, log2_floor};
use super::ledger::{LEAST_HOSTS, Shown};
use super::ruling::{Inputs, OnSlice, Scope, Standing, hosts_and_applies, weighed};
use super::slices::{Dimension, SliceId};
use super::stream::{Cohort, Stream, Window};
use super::trail::Step;
use super::weigh::said;

/// Suspects that a ruling is made from: those that the failures point at most.
pub const MOST_SUSPECTS: usize = 8;

/// A slice that may be what is bad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// The slice.
    pub slice: SliceId,
    /// What it is cut by.
    pub dimension: Dimension,
    /// Its name on screens.
    pub name: String,
    /// The strongest evidence against it less what its weights cost.
    pub weighed: Bits,
    /// The same of all that stand outside of it; `None`: fewer than two of them failed.
    pub outside: Option<Bits>,
    /// Patched hosts, or applies, that failed in it.
    pub failed: u64,
    /// Those that failed outside of it.
    pub failed_outside: u64,
    /// How much likelier its failures are if it is what is bad, less what looking at it costs.
    pub pointed: Bits,
}

impl Suspect {
    /// Whether it is what is bad, and the rest may go on.
    pub fn stands_alone(&self, hold_at: Bits) -> bool {
        self.weighed >= hold_at
            && self.pointed >= hold_at
            && self.outside.is_none_or(|outside| outside < hold_at)
    }

    /// What speaks for it and against it, in numbers.
    pub fn sentence(&self, hold_at: Bits) -> String {
        let Self { name, weighed, failed, failed_outside, pointed, .. } = self;
        let outside = match self.outside {
            None => format!("outside of it {failed_outside} failed, too few to count"),
            Some(outside) if outside < hold_at => {
                format!("outside of it {failed_outside} failed, score {outside}, below {hold_at}")
            }
            Some(outside) => {
                format!(
                    "outside of it {failed_outside} failed, too: score {outside}, {hold_at} holds"
                )
            }
        };
        let alone = if self.stands_alone(hold_at) { "it stands alone" } else { "not it alone" };
        format!(
            "{name}: {failed} failed, score {weighed}; {outside}; that these are all in it is 2^{pointed} \
             times as likely if it is what is bad, 2^{hold_at} is needed: {alone}"
        )
    }

    /// How it compares with other suspects. A pair must be told from both of its facts.
    fn rank(&self, hold_at: Bits) -> Bits {
        match self.dimension {
            Dimension::KernelAndCpu => self.pointed.less(hold_at),
            Dimension::Whole
            | Dimension::Kernel
            | Dimension::Cpu
            | Dimension::Arch
            | Dimension::Flavour
            | Dimension::Zone
            | Dimension::Class => self.pointed,
        }
    }
}

/// Whom a halt stops: the suspect that the failures point at most among those that stand alone, else
/// everybody.
pub(super) fn scope(inputs: &Inputs, standing: Standing) -> Scope {
    if standing != Standing::Halt {
        return Scope::Everything;
    }
    match inputs.on_slice {
        OnSlice::Everything => Scope::Everything,
        OnSlice::Quarantine => {
            let alone = inputs.suspects.iter().filter(|of| of.stands_alone(inputs.hold_at));
            let most =
                alone.max_by_key(|of| (of.rank(inputs.hold_at), std::cmp::Reverse(of.slice)));
            most.map_or(Scope::Everything, |suspect| Scope::Slice(suspect.slice))
        }
    }
}

impl Detector {
    /// Adds the suspects where they are needed: where the evidence of hosts or applies halts, and the policy
    /// would quarantine.
    pub(super) fn suspected(&self, inputs: Inputs) -> Inputs {
        let wanted = inputs.on_slice == OnSlice::Quarantine
            && hosts_and_applies(&inputs).any(|finding| finding.weighed >= inputs.halt_at);
        if !wanted {
            return inputs;
        }
        let mut suspects = self.suspects(inputs.hold_at);
        suspects.sort_by_key(|of| (std::cmp::Reverse(of.rank(inputs.hold_at)), of.slice));
        suspects.truncate(MOST_SUSPECTS);
        Inputs { suspects, ..inputs }
    }

    fn suspects(&self, hold_at: Bits) -> Vec<Suspect> {
        let others = self.slices.iter().skip(1);
        let both = others.flat_map(|(slice, of)| {
            let (dimension, name) = (of.dimension, self.slices.name(slice));
            let blank = Suspect {
                slice,
                dimension,
                name,
                weighed: Bits::LEAST,
                outside: None,
                failed: 0,
                failed_outside: 0,
                pointed: Bits::ZERO.less(self.penalty(slice)),
            };
            let by_hosts = self.by_hosts(blank.clone(), hold_at);
            let by_applies = ApplyFault::ALL.map(|fault| self.by_applies(blank.clone(), fault));
            std::iter::once(by_hosts).chain(by_applies)
        });
        both.flatten().filter(|suspect| suspect.weighed >= hold_at).collect()
    }

    fn by_hosts(&self, blank: Suspect, hold_at: Bits) -> Option<Suspect> {
        let slice = blank.slice;
        let strongest = |stream: Stream| {
            let shown = self.ledger.shown(slice, stream);
            shown.counts().then(|| weighed(&shown, self.penalty(slice), stream))
        };
        let weighed_most = Stream::ALL.into_iter().filter_map(strongest).max();
        let weighed = weighed_most.filter(|weighed| *weighed >= hold_at)?;
        let outside = Stream::ALL.map(|stream| (stream, self.outside(slice, stream)));
        let union = outside[Stream::Union.index()].1;
        let counts = outside.iter().filter(|(_, shown)| shown.treated >= LEAST_HOSTS);
        let of_whole = self.penalty(SliceId(0));
        let outside =
            counts.map(|(stream, shown)| super::ruling::weighed(shown, of_whole, *stream)).max();
        let failed = self.ledger.shown(slice, Stream::Union).treated;
        Some(Suspect {
            weighed,
            outside,
            failed: u64::from(failed),
            failed_outside: u64::from(union.treated),
            pointed: blank.pointed.plus(self.points_at(slice).times(u64::from(failed))),
            ..blank
        })
    }

    /// How much likelier it is that a patched host which failed stands in the slice if the slice is what is
    /// bad: how few of the patched hosts are in it, of all strata, the failed ones included.
    fn points_at(&self, slice: SliceId) -> Bits {
        let patched = |slice| {
            let at_risk = self.risk.of_slice(slice).treated[Window::Soak.index()];
            let failed = self.ledger.shown(slice, Stream::Union).treated;
            (u64::from(at_risk) + u64::from(failed)).max(1)
        };
        Bits(log2_floor(patched(SliceId(0))) - log2_ceil(patched(slice)))
    }

    /// What the whole cohort has shown but for the failures of a slice, as far as the trail knows them.
    fn outside(&self, slice: SliceId, stream: Stream) -> Shown {
        let mut shown = self.ledger.shown(SliceId(0), stream);
        for step in self.trail.iter().filter(|step| step.is_of(slice)) {
            take_back(&mut shown, step, (SliceId(0), stream));
        }
        shown
    }

    fn by_applies(&self, blank: Suspect, fault: ApplyFault) -> Option<Suspect> {
        let (all, of_slice) = (self.applies.of(SliceId(0)), self.applies.of(blank.slice));
        let failed = of_slice.faults(fault);
        if failed < 2 {
            return None;
        }
        let outside = all.without(&of_slice);
        let shown = |applies: &Applies, slice| {
            applies.strongest(fault).0.less(self.penalty(slice)).less(PENALTY)
        };
        let failed_outside = outside.faults(fault);
        let each = Bits(log2_floor(all.begun.max(1)) - log2_ceil(of_slice.begun.max(1)));
        Some(Suspect {
            weighed: shown(&of_slice, blank.slice),
            outside: (failed_outside >= 2).then(|| shown(&outside, SliceId(0))),
            failed,
            failed_outside,
            pointed: blank.pointed.plus(each.times(failed)),
            ..blank
        })
    }
}

/// Takes from a sum what a failure has added to it.
pub(super) fn take_back(shown: &mut Shown, step: &Step, (slice, stream): (SliceId, Stream)) {
    let Some(counted) = step.evidence_for(slice, stream) else { return };
    match step.cohort {
        Cohort::Treated(_) => shown.treated = shown.treated.saturating_sub(1),
        Cohort::Control => shown.control = shown.control.saturating_sub(1),
    }
    for (sums, said) in shown.sums.iter_mut().zip(said(counted, step.cohort)) {
        let Some(said) = said else { continue };
        for (sum, said) in sums.iter_mut().zip(said) {
            *sum = sum.less(Bits(said));
        }
    }
}
