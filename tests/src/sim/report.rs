//! What did a run show? For a test to judge and for a person to read and to play again.

use std::fmt;
use std::path::{Path, PathBuf};

use super::checks::{Counted, Violation};
use super::sabotage::Sabotage;

/// How many of the last lines a failing run's report shows.
const LINES_SHOWN: usize = 40;

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
    /// Livepatches that were taken out again.
    pub reverts: u64,
    /// Operators' jobs answered.
    pub jobs: u64,
    /// Linearizable reads answered.
    pub reads: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Pieces of snapshots that travelled.
    pub pieces: u64,
    /// Snapshots installed from another controller.
    pub installs: u64,
    /// Changes of the membership that took effect.
    pub member_changes: u64,
    /// Words on states that controllers gave.
    pub vouches: u64,
    /// States that were tampered with.
    pub tampered: u64,
    /// Controllers that stopped because their state was another.
    pub divergences: u64,
    /// Backups restored on the side.
    pub restores: u64,
    /// Old offers that hosts refused because they had heard something newer.
    pub past_refused: u64,
    /// Writes that a crash left torn.
    pub torn: usize,
    /// Messages that were turned away at the door.
    pub turned_away: u64,
    /// Clocks that went wrong.
    pub clock_troubles: u64,
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
    /// How long things were asked to go wrong, in minutes.
    pub minutes: Option<u64>,
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
    /// The whole trace of a run with a violation; empty otherwise. It begins with what the seed drew.
    pub trace: Vec<String>,
}

/// A run as it is played again: what to say, and where to read.
#[derive(Debug)]
pub struct Failure<'a> {
    report: &'a Report,
    recorded: Result<PathBuf, std::io::Error>,
}

impl Report {
    /// The one command that plays this run again and shows all of it.
    #[must_use]
    pub fn replay(&self) -> String {
        let planted = (self.sabotage != Sabotage::None).then_some(self.sabotage);
        let sabotage =
            planted.map_or_else(String::new, |name| format!(" TIDEGATE_SIM_SABOTAGE={name}"));
        let minutes =
            self.minutes.map_or_else(String::new, |n| format!(" TIDEGATE_SIM_MINUTES={n}"));
        let features = if cfg!(feature = "next-version") { " --features next-version" } else { "" };
        let seed = self.seed;
        format!(
            "TIDEGATE_SIM_SEED={seed}{sabotage}{minutes} cargo test -p tidegate-tests{features} \
             --test simulator replay -- --exact --nocapture"
        )
    }

    /// Writes the trace of a failing run to a file in `folder`, for the message that a test fails
    /// with.
    #[must_use]
    pub fn record(&self, folder: &Path) -> Failure<'_> {
        let path = folder.join(format!("seed-{}-{}.trace", self.seed, self.sabotage));
        let text = format!("{self}again: {}\n\n{}\n", self.replay(), self.trace.join("\n"));
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
        Failure { report: self, recorded: written.map(|()| path) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, hosts, stats, .. } = self;
        let checks = stats.checks;
        writeln!(
            f,
            "seed {seed}: {hosts} hosts, {} s, {} happenings, {} inserts, {} taken out, {} entries, {} begins, \
             {} places taken, {} dates changed, {} waves passed, {} agreed to, {} halts, {} jobs, {} reads, {} node crashes, {} checkpoints, {} pieces, \
             {} snapshots installed, {} member changes, {} vouches, {} of {} tampered states \
             caught, {} clocks wrong, {} writes torn, {} old offers \
             refused, {} hosts down, \
             {} hashes compared, good rollout {}",
            self.lasted / 1_000,
            stats.happenings,
            stats.inserts,
            stats.reverts,
            checks.entries,
            checks.begins,
            checks.places,
            checks.dates,
            checks.promotions,
            checks.agreed,
            checks.halts,
            stats.jobs,
            stats.reads,
            stats.node_crashes,
            stats.checkpoints,
            stats.pieces,
            stats.installs,
            stats.member_changes,
            stats.vouches,
            stats.divergences,
            stats.tampered,
            stats.clock_troubles,
            stats.torn,
            stats.past_refused,
            stats.host_crashes,
            checks.hashes,
            if self.completed { "completed" } else { self.waits_on.as_str() },
        )?;
        let Some(violation) = &self.violation else { return Ok(()) };
        writeln!(f, "VIOLATION {violation}")
    }
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        write!(f, "{report}")?;
        let skipped = report.trace.len().saturating_sub(LINES_SHOWN);
        for line in report.trace.iter().skip(skipped) {
            writeln!(f, "  {line}")?;
        }
        match &self.recorded {
            Ok(path) => writeln!(f, "the whole trace: {}", path.display())?,
            Err(error) => writeln!(f, "the trace could not be written: {error}")?,
        }
        if report.sabotage == Sabotage::None {
            writeln!(f, "keep it: add the line `{}` to tests/seeds.txt", report.seed)?;
        }
        writeln!(f, "again: {}", report.replay())
    }
}
