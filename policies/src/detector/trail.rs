//! Which failures was a ruling made from? The newest ones, with the hosts at risk before each.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::place::DomainId;
use super::risk::Counted;
use super::slices::SliceId;
use super::stream::{Cohort, STREAMS, Stream, Symptom};
use crate::time::Elapsed;

/// Failures that are kept.
pub const TRAIL: usize = 64;

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When it was counted.
    pub at: Elapsed,
    /// The host, by the caller's number.
    pub host: u64,
    /// Its failure domain.
    pub domain: DomainId,
    /// How it failed.
    pub symptom: Symptom,
    /// Its cohort, and the windows that it was inside of.
    pub cohort: Cohort,
    /// In which streams it was evidence, by [`Stream::index`]; in none of them if it was in a burst.
    pub evidence: [bool; STREAMS],
    /// Its slices, each with the hosts at risk before it.
    pub seen: Vec<(SliceId, Counted)>,
}

/// The newest failures, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    steps: VecDeque<Step>,
}

impl Step {
    /// The hosts at risk before it, if it was evidence for this slice and stream.
    pub fn evidence_for(&self, slice: SliceId, stream: Stream) -> Option<Counted> {
        let seen = self.seen.iter().find(|(of, _)| *of == slice);
        seen.filter(|_| self.evidence[stream.index()]).map(|(_, counted)| *counted)
    }

    /// Whether its host is of this slice.
    pub fn is_of(&self, slice: SliceId) -> bool {
        self.seen.iter().any(|(of, _)| *of == slice)
    }
}

impl Trail {
    /// The failures, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.steps.iter()
    }

    pub(super) fn push(&mut self, step: Step) {
        if self.steps.len() >= TRAIL {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
    }

    /// All of them; none are kept.
    pub(super) fn take(&mut self) -> Vec<Step> {
        self.steps.drain(..).collect()
    }

    pub(super) fn clear(&mut self) {
        self.steps.clear();
    }
}
