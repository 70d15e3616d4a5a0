//! What can be set about one agent? Spans and limits; the policy's own numbers come with the offer.

use crate::core::Millis;

/// Spans and limits of one agent. They take effect when the agent starts.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Ceiling of the first wait after a failed call. Default 200 ms.
    pub backoff_base: Millis,
    /// Ceiling of every wait after a failed call. Default 30 s.
    pub backoff_cap: Millis,
    /// After how long a call without an answer counts as failed. Default 10 s.
    pub call_timeout: Millis,
    /// After how long a download without an end counts as failed. Default 120 s.
    pub fetch_timeout: Millis,
    /// The first beat comes within this span after the start, at random. Default 1 s.
    pub start_jitter: Millis,
    /// Shortest time between two beats, and between two `Soaked` reports. Default 100 ms.
    pub shortest_interval: Millis,
    /// How often the kernel is looked at while a livepatch soaks. Default 1 s.
    pub watch_interval: Millis,
    /// Most reports kept until a controller acknowledges them; beyond, the oldest health reports
    /// are dropped, then bare start reports, never outcomes. Default 10,000.
    pub spool_limit: usize,
    /// A defect planted on purpose.
    #[cfg(feature = "sabotage")]
    pub sabotage: Sabotage,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            backoff_base: Millis(200),
            backoff_cap: Millis(30_000),
            call_timeout: Millis(10_000),
            fetch_timeout: Millis(120_000),
            start_jitter: Millis(1_000),
            shortest_interval: Millis(100),
            watch_interval: Millis(1_000),
            spool_limit: 10_000,
            #[cfg(feature = "sabotage")]
            sabotage: Sabotage::None,
        }
    }
}

impl AgentConfig {
    pub(crate) const fn checks_epochs(&self) -> Check {
        #[cfg(feature = "sabotage")]
        if matches!(self.sabotage, Sabotage::SkipEpochCheck) {
            return Check::Skipped;
        }
        Check::Made
    }

    pub(crate) const fn checks_leases(&self) -> Check {
        #[cfg(feature = "sabotage")]
        if matches!(self.sabotage, Sabotage::SkipLeaseCheck) {
            return Check::Skipped;
        }
        Check::Made
    }

    pub(crate) const fn checks_history(&self) -> Check {
        #[cfg(feature = "sabotage")]
        if matches!(self.sabotage, Sabotage::ForgetHistory) {
            return Check::Skipped;
        }
        Check::Made
    }
}

/// Whether a safety check is made. Only a planted defect skips one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Made,
    #[cfg_attr(not(feature = "sabotage"), expect(dead_code, reason = "built by sabotage alone"))]
    Skipped,
}

/// A defect planted on purpose, so that the simulator can prove that it would notice one. Exists
/// with the cargo feature `sabotage` only, which no released binary has.
#[cfg(feature = "sabotage")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sabotage {
    /// The agent as it is.
    #[default]
    None,
    /// Offers and permissions with an old epoch pass.
    SkipEpochCheck,
    /// An insert goes ahead after its lease ran out.
    SkipLeaseCheck,
    /// Answers pass that are of an older generation or revision than one before.
    ForgetHistory,
}
