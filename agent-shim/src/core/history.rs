//! Is this answer from before what was heard already? A cluster that was restored from a backup
//! begins a new generation; what an older one says is from a past that no longer holds.

use crate::core::agent::Agent;
use crate::core::config::Check;
use crate::core::input::CallFailed;
use crate::core::memory::Heard;
use crate::core::output::Output;

/// The newest moment of the cluster that one agent has heard of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    newest: Heard,
    /// What is on stable storage.
    kept: Heard,
    check: Check,
}

impl History {
    pub(crate) const fn new(kept: Heard, check: Check) -> Self {
        Self { newest: kept, kept, check }
    }

    pub(crate) const fn newest(&self) -> Heard {
        self.newest
    }

    /// An answer of an older generation is none.
    pub(crate) fn admit_generation(&self, generation: u64) -> Result<(), CallFailed> {
        if generation >= self.newest.generation || self.is_blind() {
            return Ok(());
        }
        Err(CallFailed::unusable(&format!(
            "the answer is of the cluster's generation {generation}, from before it was restored as \
             generation {}",
            self.newest.generation
        )))
    }

    /// Nothing is compared with what was heard: a planted defect.
    fn is_blind(&self) -> bool {
        match self.check {
            Check::Made => false,
            Check::Skipped => true,
        }
    }
}

impl Agent {
    /// Notes the moment that an answer speaks of, and tells whether it is as new as the newest one.
    /// A generation that rises is kept at once.
    pub(crate) fn is_news(&mut self, said: Heard, out: &mut Vec<Output>) -> bool {
        let history = &mut self.history;
        let news = said >= history.newest || history.is_blind();
        history.newest = history.newest.max(said);
        if history.newest.generation > history.kept.generation {
            self.keep_history(out);
        }
        news
    }

    /// Keeps the newest moment, where it is not on stable storage yet.
    pub(crate) fn keep_history(&mut self, out: &mut Vec<Output>) {
        let history = &mut self.history;
        if history.newest > history.kept {
            history.kept = history.newest;
            out.push(Output::KeepHeard(history.newest));
        }
    }
}
