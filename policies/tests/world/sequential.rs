//! When does Wald's test halt, that is told how often hosts fail with a good patch and with this one?

/// The logarithm of how much likelier what was seen is with a bad patch.
pub struct Sequential {
    sum: f64,
    survived: f64,
    failed: f64,
}

impl Sequential {
    /// The chances that a patched host fails: with a good patch, and with the one that is looked for.
    pub fn new(good: f64, bad: f64) -> Self {
        let survived = ((1.0 - bad) / (1.0 - good)).ln();
        Self { sum: 0.0, survived, failed: (bad / good).ln() }
    }

    /// A host begins. That it survives is charged at once, since failures are heard of early and survivals late.
    pub(super) fn begun(&mut self) {
        self.sum += self.survived;
    }

    pub(super) fn failed(&mut self) {
        self.sum += self.failed - self.survived;
    }

    /// One good patch in a hundred.
    pub(super) fn halts(&self) -> bool {
        self.sum >= 100_f64.ln()
    }
}
