//! Does the patch harm hosts? The evidence, summed up failure by failure.
//!
//! Every wave is a randomized experiment: hosts enter by salted hash, so that patched and not yet patched
//! hosts of one stratum differ in nothing but the patch and chance. Whenever a host fails, the detector
//! asks how surprising it is that it was a patched one, with the hosts at risk just before it. It needs no
//! rate from before, and it may look after every failure: the chance that a harmless patch is ever halted
//! stays below the policy's, however long the rollout takes.
//!
//! Nothing here reads a clock or decides by itself. The replicated machine calls, inside `apply` and in the
//! order of the entry:
//!
//! | when | call |
//! | --- | --- |
//! | the rollout starts | [`Slices::freeze`], [`Detector::new`] |
//! | a host's slices are needed first | [`Detector::admit`] |
//! | a sentinel is heard; stops being one, says goodbye, begins | [`Detector::enter_control`]; [`Detector::leave`] |
//! | a grant begins | [`Detector::begin`] |
//! | its apply ends, fails, stalls, is refused | [`Detector::end_apply`] |
//! | a window of a patched host is over | [`Detector::outlive`] |
//! | a patched host says goodbye, reboots on purpose, refuses, fails to apply | [`Detector::leave`] |
//! | a host of either cohort crashes, degrades, falls silent | [`Detector::fail`] |
//! | kernel evidence arrives with it | [`Detector::saw`] |
//! | a domain is listened to by itself, or no more; is not heard; is heard again | [`Detector::watch`], [`Detector::unwatch`]; [`Detector::disrupt`]; [`Detector::recover`] |
//! | a hold is released to try again | [`Detector::probe`] |
//! | a person resumes | [`Detector::renew`] |
//! | a slice is halted by itself; a person lets it go on | [`Detector::set_apart`]; [`Detector::rejoin`] |
//! | any of these happened, and on a tick | [`Detector::inputs`], into [`crate::decide::judge`]; on a change [`Detector::record`] |
//!
//! A host that fails leaves its risk set, whichever cohort it is in; who calls keeps what each host is in.

pub mod applies;
pub mod bits;
pub mod cut;
pub mod domains;
pub mod grid;
pub mod ledger;
pub mod place;
mod quarantine;
pub mod risk;
pub mod ruling;
pub mod signatures;
pub mod slices;
pub mod stream;
pub mod suspects;
pub mod trail;
pub mod words;

#[cfg(test)]
mod tests;
mod weigh;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::applies::{ApplyBook, ApplyEnd};
use self::domains::Domains;
use self::ledger::Ledger;
use self::place::{Bursts, DomainId, Place};
pub use self::quarantine::Apart;
use self::risk::{RiskSets, Stratum};
use self::ruling::{Inputs, OnSlice, Ruling};
use self::signatures::{KernelEvidence, Signatures};
use self::slices::{Dimension, Membership, SLICES_OF_A_HOST, SliceId, Slices};
use self::stream::{Cohort, Symptom, Window, Windows};
use self::trail::{Step, Trail};
use crate::share::Share;
use crate::time::Elapsed;

/// How often evidence may be wrong, and what a halt by one slice stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRule {
    /// How often a harmless patch may be halted, by each of the three tests: 1 %.
    pub false_halt: Share,
    /// How often it may be held: 10 %.
    pub false_hold: Share,
    /// What a halt by one slice stops: everything.
    pub on_slice: OnSlice,
}

/// A host as the detector knows it. Whoever calls keeps it while the host is in a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The caller's number for the host.
    pub host: u64,
    /// Its tier and the stratum of its draw.
    pub stratum: Stratum,
    /// Its slices.
    pub slices: Membership,
    /// Its failure domain.
    pub place: Place,
}

/// The evidence of one rollout. Plain data: a part of the replicated state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detector {
    rule: EvidenceRule,
    slices: Slices,
    risk: RiskSets,
    ledger: Ledger,
    applies: ApplyBook,
    domains: Domains,
    bursts: Bursts,
    signatures: Signatures,
    trail: Trail,
    generation: u16,
    probes: u16,
    /// Slices that are halted by themselves.
    apart: BTreeSet<SliceId>,
    /// How often a person has let a slice go on that was.
    resumed: BTreeMap<SliceId, u16>,
    halted: Option<Box<Record>>,
}

/// A ruling with all that it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What [`ruling::recompute`] makes the ruling from.
    pub inputs: Inputs,
    /// What it says.
    pub ruling: Ruling,
    /// The newest failures that were evidence for the strongest finding, the oldest first; none while
    /// nothing holds or halts.
    pub steps: Vec<Step>,
}

impl EvidenceRule {
    /// 1 %, 10 %, everything.
    pub const STANDARD: Self = Self {
        false_halt: Share::percent(1),
        false_hold: Share::percent(10),
        on_slice: OnSlice::Everything,
    };
}

impl Detector {
    /// No evidence yet.
    pub fn new(rule: EvidenceRule, slices: Slices) -> Self {
        Self {
            rule,
            slices,
            risk: RiskSets::default(),
            ledger: Ledger::default(),
            applies: ApplyBook::default(),
            domains: Domains::default(),
            bursts: Bursts::default(),
            signatures: Signatures::default(),
            trail: Trail::default(),
            generation: 0,
            probes: 0,
            apart: BTreeSet::new(),
            resumed: BTreeMap::new(),
            halted: None,
        }
    }

    /// The slices that a host with these single facts is in.
    pub fn admit(&mut self, facts: &[(Dimension, &str)]) -> Membership {
        self.slices.admit(facts)
    }

    /// A sentinel is heard at the wave's cadence: it is at risk from now on.
    pub fn enter_control(&mut self, host: &Subject) {
        self.risk.enter(host.stratum, &host.slices, Cohort::Control);
    }

    /// A grant begins: the host is at risk in every window, and its apply is charged.
    ///
    /// A sentinel leaves its cohort first.
    pub fn begin(&mut self, host: &Subject) {
        self.risk.enter(host.stratum, &host.slices, Cohort::Treated(Windows::EVERY));
        self.applies.begin(&host.slices);
        if let Some(unit) = host.place.unit {
            self.domains.enter(unit);
        }
    }

    /// The apply of a begun grant has ended. Called once a begin, whatever becomes of the host: a host
    /// that is lost first has no fault of its apply. What a host of a halted slice does is taken back.
    ///
    /// # Panics
    ///
    /// If none is pending.
    pub fn end_apply(&mut self, host: &Subject, end: ApplyEnd) {
        let end = if self.is_apart(&host.slices) { ApplyEnd::Refused } else { end };
        self.applies.end(&host.slices, end);
        if let ApplyEnd::Fault(_) = end {
            self.note_rest();
        }
    }

    /// A patched host has outlived one window. Whoever calls forgets that it is inside of it.
    ///
    /// # Panics
    ///
    /// If it was not inside of it.
    pub fn outlive(&mut self, host: &Subject, window: Window) {
        self.risk.outlive(host.stratum, &host.slices, window);
        if window == Window::Soak {
            self.leave_domain(host);
        }
    }

    /// A host leaves its cohort without having failed.
    ///
    /// # Panics
    ///
    /// If it was not in it.
    pub fn leave(&mut self, host: &Subject, cohort: Cohort) {
        self.risk.leave(host.stratum, &host.slices, cohort);
        match cohort {
            Cohort::Treated(windows) if windows.contains(Window::Soak) => self.leave_domain(host),
            Cohort::Treated(_) | Cohort::Control => (),
        }
    }

    /// A host of either cohort has failed. It leaves its risk set, evidence or not.
    ///
    /// # Panics
    ///
    /// If it was not at risk.
    pub fn fail(&mut self, host: &Subject, cohort: Cohort, symptom: Symptom, now: Elapsed) {
        let disrupted = host.place.unit.is_some_and(|unit| self.domains.is_disrupted(unit, now));
        let evidence = match symptom {
            Symptom::Silence if disrupted => [false; stream::STREAMS],
            Symptom::Hard | Symptom::Silence => self.first_of_burst(host, symptom, now),
        };
        let (at, domain, seen) = (now, host.place.domain, Vec::with_capacity(SLICES_OF_A_HOST));
        let mut step = Step { at, host: host.host, domain, symptom, cohort, evidence, seen };
        self.weigh(host, &mut step);
        self.trail.push(step);
        self.leave(host, cohort);
        if evidence.contains(&true) {
            self.note_hosts(&host.slices);
        }
    }

    /// A failure left kernel evidence.
    pub fn saw(&mut self, host: &Subject, cohort: Cohort, evidence: KernelEvidence) {
        self.signatures.saw(host.place.domain, cohort, evidence);
    }

    /// A domain has enough reference hosts to be listened to by itself, inside of `around`.
    pub fn watch(&mut self, domain: DomainId, around: DomainId) {
        self.domains.watch(domain, around);
    }

    /// A domain has too few reference hosts now.
    pub fn unwatch(&mut self, domain: DomainId) {
        self.domains.unwatch(domain);
    }

    /// A domain's reference hosts are not heard, while the fleet is.
    pub fn disrupt(&mut self, domain: DomainId, now: Elapsed) {
        self.domains.disrupt(domain, now);
        self.note_rest();
    }

    /// A disrupted domain is heard again.
    pub fn recover(&mut self, domain: DomainId, now: Elapsed) {
        self.domains.recover(domain, now);
    }

    /// A hold was released although the evidence stands: it takes one bit more to hold again.
    pub fn probe(&mut self) {
        self.probes = self.probes.saturating_add(1);
    }

    /// A person has resumed: a new generation of evidence from nothing, with half the chance of error.
    /// Hosts at risk stay at risk.
    pub fn renew(&mut self) {
        self.generation = self.generation.saturating_add(1);
        self.probes = 0;
        self.ledger = Ledger::default();
        self.applies.renew();
        self.domains.renew();
        self.signatures = Signatures::default();
        self.trail.clear();
        self.halted = None;
    }

    /// The slices.
    pub const fn slices(&self) -> &Slices {
        &self.slices
    }

    /// The hosts at risk.
    pub const fn risk(&self) -> &RiskSets {
        &self.risk
    }

    /// What was shown so far, in this generation.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The domains.
    pub const fn domains(&self) -> &Domains {
        &self.domains
    }

    /// The applies.
    pub const fn applies(&self) -> &ApplyBook {
        &self.applies
    }

    /// Kernel evidence, by what it names.
    pub const fn signatures(&self) -> &Signatures {
        &self.signatures
    }

    /// The newest failures.
    pub const fn trail(&self) -> &Trail {
        &self.trail
    }

    fn leave_domain(&mut self, host: &Subject) {
        if let Some(unit) = host.place.unit {
            self.domains.leave(unit);
        }
    }
}
