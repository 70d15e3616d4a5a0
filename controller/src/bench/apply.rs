//! `bench apply`: what does one entry cost the machine, and does it cost more in a larger fleet?
//!
//! In this process, without Raft, disk or network, on a machine that was built by entries: a host's go, a
//! report of the apply, a report of health, a tick that heard many hosts, a tick that heard nobody, and the
//! state hash.

use serde::Serialize;

use super::BenchError;
use super::figures::rounded;
use super::fleet::{self, Fleet, HOSTS_PER_TICK, ns_each};
use super::show::{Columns, Show};
use crate::machine::Command;
use crate::runtime::Clock;

/// Hosts that go at most; the others are enrolled and wait.
const GOING: usize = 10_000;
/// Ticks of each kind that are averaged.
const TICKS: usize = 20;

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
    let mut fleet = Fleet::enrolled(hosts)?;
    let enrol_us = us(ns_each(clock, fleet.hosts.len()));
    fleet.start_rollout()?;
    let going = fleet.hosts.iter().copied().take(GOING).collect::<Vec<_>>();
    fleet.offer_to(&going)?;
    let (mut begins, mut applies, mut healths) = (Vec::new(), Vec::new(), Vec::new());
    for &host in &going {
        let grant = fleet.grant(host)?;
        begins.push(fleet::begin(host, grant)?);
        applies.push(fleet::applied(host, grant));
        healths.push(fleet::healthy(host, grant, 2));
    }
    let begin_us = each(&mut fleet, &begins)?;
    let report_applied_us = each(&mut fleet, &applies)?;
    let report_health_us = each(&mut fleet, &healths)?;
    let heard = &going[..going.len().min(HOSTS_PER_TICK)];
    let tick_heard_ms = ticks(&mut fleet, heard)? / 1e6;
    let tick_empty_us = us(ticks(&mut fleet, &[])?);
    fleet.apply(&fleet::healthy(going[0], fleet.grant(going[0])?, 3))?;
    let clock = Clock::start();
    fleet.machine.state_hash();
    let state_hash_ms = rounded(ns_each(clock, 1) / 1e6, 3);
    let tick_heard_ms = rounded(tick_heard_ms, 3);
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

/// Applies entries; answers microseconds for one.
fn each(fleet: &mut Fleet, commands: &[Command]) -> Result<f64, BenchError> {
    let clock = Clock::start();
    for command in commands {
        fleet.apply(command)?;
    }
    Ok(us(ns_each(clock, commands.len())))
}

/// Ticks that heard these hosts; answers nanoseconds for one.
fn ticks(fleet: &mut Fleet, heard: &[crate::machine::ids::HostId]) -> Result<f64, BenchError> {
    let clock = Clock::start();
    for _ in 0..TICKS {
        fleet.tick(heard.to_vec(), Vec::new())?;
    }
    Ok(ns_each(clock, TICKS))
}

fn us(ns: f64) -> f64 {
    rounded(ns / 1e3, 3)
}
