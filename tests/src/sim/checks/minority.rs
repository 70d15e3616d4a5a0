//! I8: does a controller without neighbours commit anything?

use std::collections::BTreeMap;

use super::Violation;

/// How far each controller had applied when it lost its neighbours.
#[derive(Debug, Default)]
pub(super) struct Minority {
    /// The most that each controller has ever applied.
    highest: BTreeMap<u64, u64>,
    /// The same at the moment when it was cut off, while it is.
    mark: BTreeMap<u64, u64>,
    /// Steps of controllers without a neighbour.
    pub(super) steps: u64,
}

impl Minority {
    /// A controller starts from a disk that knows of commits up to `commit`: it learnt of them before
    /// it went down, though it may not have applied the last of them.
    pub(super) fn node_starts(&mut self, node: u64, commit: u64) {
        for known in [self.highest.get_mut(&node), self.mark.get_mut(&node)].into_iter().flatten() {
            *known = commit.max(*known);
        }
    }

    pub(super) fn before_step(&mut self, node: u64, isolated: bool) {
        if isolated {
            let highest = self.highest.get(&node).copied().unwrap_or(0);
            self.mark.entry(node).or_insert(highest);
            self.steps += 1;
        } else {
            self.mark.remove(&node);
        }
    }

    pub(super) fn after_step(
        &mut self,
        now: u64,
        node: u64,
        applied: u64,
    ) -> Result<(), Violation> {
        let highest = self.highest.entry(node).or_default();
        *highest = applied.max(*highest);
        match self.mark.get(&node) {
            Some(&mark) if applied > mark => {
                let what = format!(
                    "node {node} has no neighbour at {now} ms, and went from index {mark} to {applied}"
                );
                Err(Violation::new("I8", what))
            }
            Some(_) | None => Ok(()),
        }
    }
}
