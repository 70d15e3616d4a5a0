//! What does one failure add, and where does the evidence stand then?

use std::cmp::Reverse;

use super::bits::Bits;
use super::grid::{GAIN, RATIOS, shifts};
use super::ledger::Shown;
use super::risk::Counted;
use super::ruling::{
    AppliesRow, HostsRow, Inputs, MOST_ROWS, Rule, Ruling, Standing, recompute, weighed,
};
use super::slices::{Membership, SliceId};
use super::stream::{Cohort, STREAMS, Stream, Symptom, WINDOWS, Window};
use super::trail::Step;
use super::{Detector, Record, Subject};
use crate::time::Elapsed;

impl Detector {
    /// The ruling now, with all that it was made from. Once the evidence has halted, the record of that
    /// moment, until a person resumes.
    pub fn record(&self) -> Record {
        match &self.halted {
            Some(record) => record.as_ref().clone(),
            None => self.record_now(),
        }
    }

    /// The ruling now.
    pub fn ruling(&self) -> Ruling {
        match &self.halted {
            Some(record) => record.ruling.clone(),
            None => recompute(&self.inputs_now()),
        }
    }

    /// In which streams this failure is the first of a burst, and thus evidence.
    pub(super) fn first_of_burst(
        &mut self,
        host: &Subject,
        symptom: Symptom,
        now: Elapsed,
    ) -> [bool; STREAMS] {
        let mut first = [false; STREAMS];
        for stream in [symptom.stream(), Stream::Union] {
            first[stream.index()] = self.bursts.is_first(host.place.domain, stream, now);
        }
        first
    }

    /// Adds what a failure says to every sum that it is evidence for, with the counts before it, and notes
    /// them.
    pub(super) fn weigh(&mut self, host: &Subject, step: &mut Step) {
        let streams = Stream::ALL.into_iter().filter(|stream| step.evidence[stream.index()]);
        let streams: Vec<Stream> = streams.collect();
        for slice in host.slices.iter() {
            let counted = self.risk.at(host.stratum, slice);
            step.seen.push((slice, counted));
            if streams.is_empty() {
                continue;
            }
            let said = said(counted, step.cohort);
            for stream in &streams {
                let shown = self.ledger.shown_mut(slice, *stream);
                match step.cohort {
                    Cohort::Treated(_) => shown.add_treated(step.domain),
                    Cohort::Control => shown.control = shown.control.saturating_add(1),
                }
                for (sums, said) in shown.sums.iter_mut().zip(&said) {
                    let Some(said) = said else { continue };
                    for (sum, said) in sums.iter_mut().zip(said) {
                        *sum = sum.plus(Bits(*said));
                    }
                }
            }
        }
    }

    /// Keeps the record of the moment at which the hosts' evidence halts. Only these slices have moved.
    pub(super) fn note_hosts(&mut self, moved: &Membership) {
        let (halt_at, _) = self.thresholds();
        let halts = |slice| {
            Stream::ALL.into_iter().any(|stream| {
                let shown = self.ledger.shown(slice, stream);
                shown.counts() && self.weighed(slice, stream, &shown) >= halt_at
            })
        };
        if self.halted.is_none() && moved.iter().any(halts) {
            self.halted = Some(Box::new(self.record_now()));
        }
    }

    /// Keeps the record of the moment at which the evidence of domains or applies halts.
    pub(super) fn note_rest(&mut self) {
        if self.halted.is_none() && recompute(&self.inputs_of_the_rest()).standing == Standing::Halt
        {
            self.halted = Some(Box::new(self.record_now()));
        }
    }

    /// From where on evidence halts, and holds.
    pub fn thresholds(&self) -> (Bits, Bits) {
        let generation = Bits::whole(i32::from(self.generation));
        let halt = Bits::against(self.rule.false_halt).plus(generation);
        let hold = Bits::against(self.rule.false_hold).plus(generation);
        let probes = Bits::whole(i32::from(self.probes));
        (halt, hold.plus(probes).min(halt))
    }

    /// What a ruling is made from. Once the evidence has halted, what it was at that moment.
    pub fn inputs(&self) -> Inputs {
        match &self.halted {
            Some(record) => record.inputs.clone(),
            None => self.inputs_now(),
        }
    }

    pub(super) fn inputs_now(&self) -> Inputs {
        self.suspected(Inputs { hosts: self.hosts_rows(), ..self.inputs_of_the_rest() })
    }

    pub(super) fn record_now(&self) -> Record {
        let inputs = self.inputs_now();
        let ruling = recompute(&inputs);
        let rule = ruling.finding.as_ref().map(|finding| finding.rule);
        let of_finding = |step: &&Step| match rule {
            Some(Rule::Hosts { slice, stream, window, .. }) => {
                let inside = match step.cohort {
                    Cohort::Treated(windows) => windows.contains(window),
                    Cohort::Control => true,
                };
                inside && step.evidence_for(slice, stream).is_some()
            }
            Some(Rule::Domains { .. } | Rule::Applies { .. }) | None => false,
        };
        let steps = match ruling.standing {
            Standing::Go => Vec::new(),
            Standing::Hold | Standing::Halt => {
                self.trail.iter().filter(of_finding).cloned().collect()
            }
        };
        Record { inputs, ruling, steps }
    }

    fn inputs_of_the_rest(&self) -> Inputs {
        let (halt_at, hold_at) = self.thresholds();
        Inputs {
            generation: self.generation,
            halt_at,
            hold_at,
            on_slice: self.rule.on_slice,
            hosts: Vec::new(),
            suspects: Vec::new(),
            domains: self.domains.shown(),
            domains_at_risk: self.domains.at_risk().into(),
            applies: self.applies_rows(),
        }
    }

    fn hosts_rows(&self) -> Vec<HostsRow> {
        let mut strongest: Vec<_> = self
            .ledger
            .counting()
            .map(|(slice, stream, shown)| {
                (Reverse(self.weighed(slice, stream, shown)), slice, stream)
            })
            .collect();
        strongest.sort_unstable();
        strongest.truncate(MOST_ROWS);
        strongest.into_iter().map(|(_, slice, stream)| self.hosts_row(slice, stream)).collect()
    }

    fn hosts_row(&self, slice: SliceId, stream: Stream) -> HostsRow {
        let shown = self.ledger.shown(slice, stream);
        let (_, window, _) = shown.strongest();
        HostsRow {
            slice,
            name: self.slices.name(slice),
            stream,
            penalty: self.penalty(slice),
            shown,
            at_risk: self.risk.of_slice(slice).in_window(window).into(),
        }
    }

    fn applies_rows(&self) -> Vec<AppliesRow> {
        let row = |(slice, applies)| AppliesRow {
            slice,
            name: self.slices.name(slice),
            penalty: self.penalty(slice),
            applies,
        };
        let mut rows: Vec<_> = self.applies.counting().map(row).collect();
        rows.sort_by_cached_key(|row| (Reverse(row.weighed()), row.slice));
        rows.truncate(MOST_ROWS);
        rows
    }

    /// The strongest sum of a slice and stream less all that its weights cost.
    fn weighed(&self, slice: SliceId, stream: Stream, shown: &Shown) -> Bits {
        weighed(shown, self.penalty(slice), stream)
    }
}

/// What one failure says at each ratio, window by window; nothing where the host is not inside of the
/// window or one of the cohorts is empty.
pub(super) fn said(counted: Counted, cohort: Cohort) -> [Option<[i64; RATIOS]>; WINDOWS] {
    Window::ALL.map(|window| match cohort {
        Cohort::Control => shifts(counted.in_window(window)),
        Cohort::Treated(windows) if windows.contains(window) => {
            let mut said = shifts(counted.in_window(window))?;
            for (said, gain) in said.iter_mut().zip(GAIN) {
                *said += gain;
            }
            Some(said)
        }
        Cohort::Treated(_) => None,
    })
}
