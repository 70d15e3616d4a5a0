//! `bench apply`: what does one entry cost the machine, and does it cost more in a larger fleet?
//!
//! In this process, without Raft, disk or network, on a machine that was built by entries: a host's go, a
//! report of the apply, a report of health, a tick that heard many hosts, a tick that heard nobody, and the
//! state hash.

use serde::Serialize;

use super::figures::{ns_each, rounded};
use super::show::{Columns, Show};
use super::{BenchError, fleet_of};
use crate::machine::command::BeginGrant;
use crate::machine::ids::HostId;
use crate::machine::measure::{Measured, host};
use crate::machine::{Applied, Command, Machine};
use crate::runtime::Clock;

/// Hosts that go at most; the others are enrolled and wait.
const GOING: usize = 10_000;
/// Ticks of each kind that are averaged.
const TICKS: usize = 20;
/// Most hosts that one tick names: what one entry of the log can carry.
const HOSTS_PER_TICK: usize = 6_000;

/// How the machine is measured.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Sizes of the fleet, each measured by itself.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000", value_name = "N,N,…",
          value_parser = clap::value_parser!(u64).range(100..=20_000_000))]
    hosts: Vec<u64>,
}

/// What entries cost in a fleet of one size.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    hosts: u64,
    /// Hosts that began and reported.
    going: usize,
    enrol_us: f64,
    begin_us: f64,
    report_applied_us: f64,
    report_health_us: f64,
    /// A tick that heard [`HOSTS_PER_TICK`] hosts, or all that go.
    tick_heard_ms: f64,
    tick_empty_us: f64,
    state_hash_ms: f64,
}

impl Columns for Row {
    const TITLES: &[&str] = &[
        "HOSTS",
        "ENROL US",
        "BEGIN US",
        "APPLIED US",
        "HEALTH US",
        "TICK HEARD MS",
        "TICK EMPTY US",
        "STATE HASH MS",
    ];

    fn cells(&self) -> Vec<String> {
        let two = |number: f64| format!("{number:.2}");
        vec![
            self.hosts.to_string(),
            two(self.enrol_us),
            two(self.begin_us),
            two(self.report_applied_us),
            two(self.report_health_us),
            two(self.tick_heard_ms),
            two(self.tick_empty_us),
            two(self.state_hash_ms),
        ]
    }
}

/// Measures one row per size of fleet, on a thread of its own: whoever interrupts does not wait for it.
pub(super) async fn run(args: &Args, show: &Show) -> Result<Vec<Row>, BenchError> {
    let what = "run the measuring thread";
    let mut rows = Vec::new();
    for &hosts in &args.hosts {
        show.say(&format!("a fleet of {hosts} hosts"));
        let (told, measured) = tokio::sync::oneshot::channel();
        let measuring = std::thread::Builder::new().name("tidegate-bench".to_owned());
        measuring
            // Where nobody waits any more, nobody misses it.
            .spawn(move || drop(told.send(measure(hosts))))
            .map_err(|error| BenchError::setup(what, &error))?;
        rows.push(measured.await.map_err(|error| BenchError::setup(what, &error))??);
    }
    Ok(rows)
}

fn measure(hosts: u64) -> Result<Row, BenchError> {
    let clock = Clock::start();
    let mut fleet = fleet_of(hosts)?;
    let enrol_us = us(ns_each(clock, fleet.machine.hosts().len()));
    // One host of all begins: what is measured needs a rollout that is under way.
    fleet.roll_out(hosts).map_err(|error| BenchError::setup("roll a patch set out", &error))?;
    let going: Vec<u64> = (1..hosts).take(GOING).collect();
    let ids: Vec<HostId> = going.iter().map(|&nth| host(nth)).collect();
    for asking in ids.chunks(HOSTS_PER_TICK) {
        taken(&fleet.tick(Vec::new(), asking.to_vec()))?;
    }
    let begins = of_each(&going, |nth| begin(&fleet.machine, host(nth)))?;
    let applies = of_each(&going, |nth| fleet.applied_report(nth))?;
    let healths = of_each(&going, |nth| fleet.health_report(nth, 2))?;
    let begin_us = each(&mut fleet, &begins)?;
    let report_applied_us = each(&mut fleet, &applies)?;
    let report_health_us = each(&mut fleet, &healths)?;
    let heard = &ids[..ids.len().min(HOSTS_PER_TICK)];
    let tick_heard_ms = rounded(ticks(&mut fleet, heard)? / 1e6, 3);
    let tick_empty_us = us(ticks(&mut fleet, &[])?);
    // The hash of a state that has not changed is known already.
    let news = of_each(&going[..1], |nth| fleet.health_report(nth, 3))?;
    each(&mut fleet, &news)?;
    let clock = Clock::start();
    fleet.machine.state_hash();
    let state_hash_ms = rounded(ns_each(clock, 1) / 1e6, 3);
    let going = going.len();
    Ok(Row {
        hosts,
        going,
        enrol_us,
        begin_us,
        report_applied_us,
        report_health_us,
        tick_heard_ms,
        tick_empty_us,
        state_hash_ms,
    })
}

/// One entry for each of these hosts.
fn of_each(
    going: &[u64],
    entry: impl Fn(u64) -> Option<Command>,
) -> Result<Vec<Command>, BenchError> {
    let no_grant = |nth| BenchError::Setup {
        what: "give a host a grant",
        detail: format!("{} has none", host(nth)),
    };
    going.iter().map(|&nth| entry(nth).ok_or_else(|| no_grant(nth))).collect()
}

/// A host asks to go, with what the machine knows of it.
fn begin(machine: &Machine, host: HostId) -> Option<Command> {
    let of = machine.hosts().get(&host)?;
    let set = machine.patch_sets().values().next()?;
    Some(Command::BeginGrant(BeginGrant {
        host,
        grant: of.live_grant?,
        version: set.version.clone(),
        epoch: set.epoch,
        boot: of.boot.to_string(),
        digest: set.artifacts.get(&of.facts.kernel)?.digest,
    }))
}

/// Applies entries; answers microseconds for one.
fn each(fleet: &mut Measured, commands: &[Command]) -> Result<f64, BenchError> {
    let clock = Clock::start();
    for command in commands {
        taken(&fleet.apply(command))?;
    }
    Ok(us(ns_each(clock, commands.len())))
}

/// Ticks that heard these hosts; answers nanoseconds for one.
fn ticks(fleet: &mut Measured, heard: &[HostId]) -> Result<f64, BenchError> {
    let clock = Clock::start();
    for _ in 0..TICKS {
        taken(&fleet.tick(heard.to_vec(), Vec::new()))?;
    }
    Ok(ns_each(clock, TICKS))
}

/// A refused entry costs something else than one that was taken.
fn taken(applied: &Applied) -> Result<(), BenchError> {
    let taken = applied.outcome.as_ref().map(drop);
    taken.map_err(|rejection| BenchError::setup("apply an entry", rejection))
}

fn us(ns: f64) -> f64 {
    rounded(ns / 1e3, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_that_is_measured_is_taken_and_does_what_it_is_for() {
        let row = measure(100).unwrap();
        assert_eq!((row.hosts, row.going), (100, 99));
        assert!(row.begin_us > 0.0 && row.tick_heard_ms > 0.0);
    }

    #[test]
    fn a_host_without_an_offer_begins_nothing() {
        let mut fleet = fleet_of(100).unwrap();
        fleet.roll_out(100).unwrap();
        let machine = &fleet.machine;
        assert!(begin(machine, host(7)).is_none());
        let refused = of_each(&[7], |nth| begin(machine, host(nth))).unwrap_err().to_string();
        assert!(refused.contains("has none"), "{refused}");
    }
}
