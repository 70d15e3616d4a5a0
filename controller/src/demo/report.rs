//! What came of it? One object for programs, a few lines for people, both from the same numbers.
//!
//! What the hosts went through is counted on the hosts, not asked of the controller.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use serde::Serialize;
use tidegate_agent::driver::simulated::Truth;
use tidegate_proto::v1 as pb;

use super::journey::Journey;
use super::stage::{FleetFacts, Stage};
use super::{Args, DemoError};

/// The demonstration's outcome.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    seed: u64,
    hosts: u64,
    hosts_per_tier: BTreeMap<String, u64>,
    hosts_per_kernel: BTreeMap<String, u64>,
    policy: String,
    good_completed: bool,
    bad_halted: bool,
    /// Grants of the bad patch set that began at a higher log index than the halt's. Must be 0.
    begins_after_halt: u64,
    /// Hosts whose kernel crashed, as the hosts themselves know.
    hosts_harmed: u64,
    /// Hosts that inserted the bad patch set, as the hosts themselves know.
    hosts_exposed_to_bad: u64,
    good: RolloutReport,
    bad: RolloutReport,
    halt: Option<HaltReport>,
    elapsed_seconds: f64,
}

#[derive(Debug, Serialize)]
struct RolloutReport {
    patch_set: String,
    state: String,
    stopped_in: String,
    seconds: f64,
    begun: u64,
    verified: u64,
    crashed: u64,
    failed: u64,
    stalled: u64,
    silent: u64,
    waves: Vec<WaveReport>,
}

#[derive(Debug, Serialize)]
struct WaveReport {
    tier: String,
    wave: usize,
    share_percent: f64,
    hosts: u64,
    state: String,
    seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
struct HaltReport {
    actor: String,
    reason: String,
    log_index: u64,
    epoch: u64,
    tier: String,
    wave: u32,
    bad_kernel: String,
    canaries_on_bad_kernel: u64,
    crashed: u64,
    silent: u64,
    failed: u64,
    stalled: u64,
    witnesses: Vec<WitnessReport>,
}

#[derive(Debug, Serialize)]
struct WitnessReport {
    host: String,
    outcome: String,
    kernel_release: String,
    zone: String,
    detail: String,
}

impl Report {
    /// Gathers what the controller says and what the hosts know.
    pub(super) async fn of(
        args: &Args,
        stage: &mut Stage,
        fleet: &FleetFacts,
        good: Journey,
        bad: Journey,
    ) -> Result<Self, DemoError> {
        let grants = stage.operator.grants(&bad.rollout.name).await?;
        let truths = stage.truths();
        let halted_at = bad.halt().map_or(u64::MAX, |halt| halt.log_index);
        let after = grants.iter().filter(|grant| grant.begun_index > halted_at).count();
        let inserted = |truth: &&Truth| {
            truth.inserts.iter().any(|insert| insert.patch_set == bad.rollout.patch_set)
        };
        Ok(Self {
            seed: args.seed,
            hosts: args.hosts,
            hosts_per_tier: fleet.tiers.clone(),
            hosts_per_kernel: fleet.kernels.clone(),
            policy: format!("{} (for demonstrations only)", bad.rollout.policy_name),
            good_completed: good.is_completed(),
            bad_halted: bad.halt().is_some(),
            begins_after_halt: count(after),
            hosts_harmed: count(truths.iter().filter(|truth| !truth.crashes.is_empty()).count()),
            hosts_exposed_to_bad: count(truths.iter().filter(inserted).count()),
            halt: bad.halt().map(|halt| HaltReport::of(halt, &bad, &grants, &truths)),
            good: RolloutReport::of(&good),
            bad: RolloutReport::of(&bad),
            elapsed_seconds: 0.0,
        })
    }

    /// With the time that everything took.
    pub(super) fn took(self, took: Duration) -> Self {
        Self { elapsed_seconds: seconds(took), ..self }
    }

    /// The good patch set completed, the bad one halted, and nobody began after the halt.
    pub(super) fn is_as_promised(&self) -> bool {
        self.good_completed && self.bad_halted && self.begins_after_halt == 0
    }

    /// Prints it on stdout.
    pub(super) fn print(&self, json: bool) {
        let mut out = std::io::stdout().lock();
        // Where stdout is gone, nobody reads.
        let _written = if json {
            serde_json::to_writer_pretty(&mut out, self)
                .map_err(std::io::Error::from)
                .and_then(|()| writeln!(out))
        } else {
            self.print_lines(&mut out)
        };
    }

    fn print_lines(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        writeln!(out)?;
        writeln!(
            out,
            "good  {}  {} of {} hosts verified in {:.0} s",
            self.good.state, self.good.verified, self.hosts, self.good.seconds
        )?;
        writeln!(
            out,
            "bad   {}  in {} after {:.0} s: {} hosts harmed, {} exposed, of {}",
            self.bad.state,
            self.bad.stopped_in,
            self.bad.seconds,
            self.hosts_harmed,
            self.hosts_exposed_to_bad,
            self.hosts
        )?;
        if let Some(halt) = &self.halt {
            writeln!(
                out,
                "halt  by {} at log index {}: {}",
                halt.actor, halt.log_index, halt.reason
            )?;
            for witness in &halt.witnesses {
                let WitnessReport { host, outcome, kernel_release, zone, detail } = witness;
                writeln!(out, "      {host} {outcome} on {kernel_release} in {zone}: {detail}")?;
            }
        }
        writeln!(out, "begins after the halt: {}", self.begins_after_halt)
    }
}

impl RolloutReport {
    fn of(journey: &Journey) -> Self {
        let rollout = &journey.rollout;
        let counts = rollout.counts.unwrap_or_default();
        let tier = rollout.tier.trim_start_matches("tiers/");
        let waves = rollout.tiers.iter().flat_map(|tier| {
            tier.waves.iter().enumerate().map(|(at, wave)| WaveReport::of(tier, at, wave))
        });
        Self {
            patch_set: rollout.patch_set.clone(),
            state: lower(rollout.state().as_str_name(), "ROLLOUT_STATE_"),
            stopped_in: match rollout.wave {
                0 => String::new(),
                wave => format!("{tier} wave {wave}"),
            },
            seconds: seconds(journey.took),
            begun: counts.begun,
            verified: counts.verified,
            crashed: counts.crashed,
            failed: counts.failed,
            stalled: counts.stalled,
            silent: counts.silent,
            waves: waves.collect(),
        }
    }
}

impl WaveReport {
    fn of(tier: &pb::TierProgress, at: usize, wave: &pb::WaveProgress) -> Self {
        let passed = wave.passed_elapsed_ms.checked_sub(wave.started_elapsed_ms);
        let passed = passed.filter(|_| wave.passed_elapsed_ms > 0);
        Self {
            tier: tier.tier.trim_start_matches("tiers/").to_owned(),
            wave: at + 1,
            share_percent: f64::from(wave.share_ppm) / 10_000.0,
            hosts: wave.hosts,
            state: lower(wave.state().as_str_name(), "STAGE_STATE_"),
            seconds: passed.map(|ms| seconds(Duration::from_millis(ms))),
        }
    }
}

impl HaltReport {
    fn of(halt: &pb::Halt, bad: &Journey, grants: &[pb::Grant], truths: &[Truth]) -> Self {
        let counts = halt.counts.unwrap_or_default();
        let kernel = bad.bad_kernel.clone().unwrap_or_default();
        let on_kernel = |host: &str| {
            truths.iter().any(|truth| truth.host == host && truth.kernel_release == kernel)
        };
        let canaries =
            grants.iter().filter(|grant| grant.tier == "tiers/canary" && on_kernel(&grant.host));
        Self {
            actor: halt.actor.clone(),
            reason: halt.reason.clone(),
            log_index: halt.log_index,
            epoch: halt.epoch,
            tier: bad.rollout.tier.trim_start_matches("tiers/").to_owned(),
            wave: bad.rollout.wave,
            canaries_on_bad_kernel: count(canaries.count()),
            bad_kernel: kernel,
            crashed: counts.crashed,
            silent: counts.silent,
            failed: counts.failed,
            stalled: counts.stalled,
            witnesses: halt.witnesses.iter().map(WitnessReport::of).collect(),
        }
    }
}

impl WitnessReport {
    fn of(witness: &pb::HaltWitness) -> Self {
        Self {
            host: witness.host.clone(),
            outcome: lower(witness.phase().as_str_name(), "GRANT_PHASE_"),
            kernel_release: witness.kernel_release.clone(),
            zone: witness.zone.clone(),
            detail: witness.detail.clone(),
        }
    }
}

fn lower(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase()
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Seconds to the tenth.
fn seconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 10.0).round() / 10.0
}
