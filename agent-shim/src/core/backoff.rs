//! How long to wait after a failure? Exponentially longer, with full jitter, up to a cap.

use crate::core::{AgentConfig, CallFailed, Chance, Millis};

/// Failures in a row of one kind of call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The call went well: the next failure starts small again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// One more failure: how long to wait now. A delay that the controller asked for is obeyed.
    pub(crate) fn after(
        &mut self,
        failed: &CallFailed,
        config: &AgentConfig,
        chance: &mut Chance,
    ) -> Millis {
        let factor = 1_u64.checked_shl(self.failures.min(32)).unwrap_or(u64::MAX);
        self.failures = self.failures.saturating_add(1);
        let ceiling = config.backoff_base.0.saturating_mul(factor).min(config.backoff_cap.0);
        failed.retry_after.unwrap_or_else(|| chance.jitter(Millis(ceiling)))
    }

    /// The host is unknown: asking fast is of no use to anybody.
    pub(crate) fn at_cap(&mut self, config: &AgentConfig, chance: &mut Chance) -> Millis {
        self.failures = self.failures.saturating_add(1);
        let half = config.backoff_cap.0 / 2;
        Millis(half + chance.below(half.max(1)))
    }
}
