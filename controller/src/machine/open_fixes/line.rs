//! What was published for a kernel, in which order, and which fixes came with what?

use tidegate_policies::time::WallTime;

use crate::machine::Machine;
use crate::machine::patch_sets::{Fix, KernelKey, PatchSet};

/// The patch sets for one kernel that were not withdrawn, oldest first, each with the fixes that it was the first
/// to hold.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    sets: Vec<(&'a PatchSet, Vec<&'a Fix>)>,
}

impl<'a> Line<'a> {
    /// The newest of them: what a host should run.
    pub(super) fn newest(&self) -> Option<&'a PatchSet> {
        self.sets.last().map(|(set, _)| *set)
    }

    /// Fixes that came later than the patch set which was published at log index `runs`, or all, each with the time
    /// of its publication.
    pub(super) fn since(&self, runs: Option<u64>) -> impl Iterator<Item = (WallTime, &'a Fix)> {
        let later = move |set: &PatchSet| runs.is_none_or(|runs| set.published_index > runs);
        let sets = self.sets.iter().filter(move |(set, _)| later(set));
        sets.flat_map(|(set, fixes)| fixes.iter().map(|fix| (set.published, *fix)))
    }
}

impl Machine {
    /// What was published for `kernel`.
    pub(super) fn line(&self, kernel: &KernelKey) -> Line<'_> {
        let of_kernel =
            |set: &&PatchSet| set.withdrawn.is_none() && set.artifacts.contains_key(kernel);
        let mut sets: Vec<&PatchSet> = self.patch_sets.values().filter(of_kernel).collect();
        sets.sort_by_key(|set| set.published_index);
        let mut known: Vec<&str> = Vec::new();
        let first = |set| -> (&PatchSet, Vec<&Fix>) {
            let set: &PatchSet = set;
            let mut new: Vec<&Fix> = Vec::new();
            for fix in &set.fixes {
                if !known.contains(&fix.name.as_str()) {
                    known.push(&fix.name);
                    new.push(fix);
                }
            }
            (set, new)
        };
        Line { sets: sets.into_iter().map(first).collect() }
    }
}
