//! What did a run show? For a test to judge and for a person to read.

use std::fmt;

use super::checks::{Counted, Violation};
use super::faults::Sabotage;

/// How much of everything there was, so that nobody takes an idle run for a safe one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Things taken from the queue.
    pub happenings: u64,
    /// Crashes of controllers.
    pub node_crashes: u64,
    /// Hosts that went down, for whatever reason.
    pub host_crashes: u64,
    /// Livepatches inserted.
    pub inserts: u64,
    /// Operators' jobs answered.
    pub jobs: u64,
    /// What the checks looked at.
    pub checks: Counted,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The planted defect.
    pub sabotage: Sabotage,
    /// Hosts of the fleet.
    pub hosts: usize,
    /// How long it lasted, in milliseconds of the run.
    pub lasted: u64,
    /// Hash over everything that happened.
    pub hash: u64,
    /// How much of everything there was.
    pub stats: Stats,
    /// Whether the good rollout was completed.
    pub completed: bool,
    /// What the good rollout waits for, if it does.
    pub waits_on: String,
    /// The first thing that must not be.
    pub violation: Option<Violation>,
    /// The last lines of the trace.
    pub last_lines: Vec<String>,
}

impl Report {
    /// The one command that plays this run again and shows all of it.
    #[must_use]
    pub fn replay(&self) -> String {
        let sabotage = match self.sabotage {
            Sabotage::None => "",
            Sabotage::SkippedSync => " TIDEGATE_SIM_SABOTAGE=skipped-sync",
            Sabotage::NoEpochCheck => " TIDEGATE_SIM_SABOTAGE=no-epoch-check",
            Sabotage::NoLeaseCheck => " TIDEGATE_SIM_SABOTAGE=no-lease-check",
            Sabotage::BudgetOffByOne => " TIDEGATE_SIM_SABOTAGE=budget-off-by-one",
        };
        let seed = self.seed;
        format!(
            "TIDEGATE_SIM_SEED={seed}{sabotage} cargo test -p tidegate-tests --test simulator \
             replay -- --nocapture"
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, hosts, stats, .. } = self;
        let checks = stats.checks;
        writeln!(
            f,
            "seed {seed}: {hosts} hosts, {} s, {} happenings, {} inserts, {} entries, {} begins, \
             {} halts, {} jobs, {} node crashes, {} hosts down, {} hashes compared, good rollout {}",
            self.lasted / 1_000,
            stats.happenings,
            stats.inserts,
            checks.entries,
            checks.begins,
            checks.halts,
            stats.jobs,
            stats.node_crashes,
            stats.host_crashes,
            checks.hashes,
            if self.completed { "completed" } else { self.waits_on.as_str() },
        )?;
        let Some(violation) = &self.violation else { return Ok(()) };
        writeln!(f, "VIOLATION {violation}")?;
        for line in &self.last_lines {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "again: {}", self.replay())
    }
}
