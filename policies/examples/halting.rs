//! How often is a good patch halted, and how many hosts does a bad one harm before it is? The detector
//! beside other rules that see the same reports, and what a failure and a clean report cost.
//!
//! `cargo run --release -p tidegate-policies --example halting -- [seeds] [hosts]`

#[path = "../tests/world/mod.rs"]
#[expect(unreachable_pub, reason = "shared with the tests")]
mod world;

use std::hint::black_box;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use tidegate_policies::credit::CreditRule;
use tidegate_policies::detector::place::DomainId;
use tidegate_policies::detector::stream::{Cohort, Symptom, Window, Windows};
use tidegate_policies::detector::{Detector, Subject};
use tidegate_policies::time::Elapsed;

use world::{Fleet, Outcome, Setup, credit_rollout, waves};

const BASES: [f64; 3] = [1e-4, 1e-3, 1e-2];

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1).filter_map(|arg| arg.parse::<u64>().ok());
    let seeds = args.next().unwrap_or(20);
    let hosts = args.next().and_then(|n| usize::try_from(n).ok()).unwrap_or(100_000);
    let fleet = Fleet::new(hosts);
    costs(&fleet)?;
    good(&fleet, seeds)?;
    bad(&fleet, seeds)
}

/// What a failure, a ruling, and a clean host cost.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn timed(n: u32, mut work: impl FnMut(usize)) -> Duration {
    let start = Instant::now();
    for i in 0..n {
        work(usize::try_from(i).unwrap_or(0));
    }
    start.elapsed() / n
}

fn costs(fleet: &Fleet) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let n = 20_000.min(u32::try_from(fleet.hosts.len() / 2).unwrap_or(1));
    let half = fleet.hosts.len() / 2;
    let own = |host: &Subject| {
        let mut host = *host;
        host.place.domain = DomainId(host.host);
        host
    };
    let hosts: Vec<Subject> = fleet.hosts.iter().map(own).collect();
    let mut detector: Detector = fleet.detector.clone();
    let control = timed(n, |i| detector.enter_control(&hosts[half + i]));
    let begin = timed(n, |i| detector.begin(&hosts[i]));
    let outlive = timed(n, |i| detector.outlive(&hosts[i], Window::Early));
    let windows = Windows::EVERY.without(Window::Early);
    let early = timed(n / 2, |i| {
        let at = Elapsed(i as u64 * 200_000);
        detector.fail(&hosts[half + i], Cohort::Control, Symptom::Hard, at);
    });
    let late = timed(200, |i| {
        let at = Elapsed((1 << 40) + i as u64 * 200_000);
        detector.fail(&hosts[i], Cohort::Treated(windows), Symptom::Silence, at);
    });
    let ruling = timed(2_000, |_| {
        black_box(detector.ruling());
    });
    let slices = detector.slices().count();
    writeln!(out, "{slices} slices, 3 streams, 3 windows, 8 hazard ratios; 8 slices a host")?;
    writeln!(out, "a failure: {early:?} (control), {late:?} (patched); a ruling: {ruling:?}")?;
    writeln!(
        out,
        "a clean host: enters control {control:?}, begins {begin:?}, outlives {outlive:?}"
    )?;
    let bytes = |encoded: Result<Vec<u8>, postcard::Error>| encoded.map_or(0, |bytes| bytes.len());
    writeln!(
        out,
        "encoded: the state {} bytes, of them sums {}, hosts at risk {}, domains {}, trail {}; a record {}",
        bytes(postcard::to_stdvec(&detector)),
        bytes(postcard::to_stdvec(detector.ledger())),
        bytes(postcard::to_stdvec(detector.risk())),
        bytes(postcard::to_stdvec(detector.domains())),
        bytes(postcard::to_stdvec(detector.trail())),
        bytes(postcard::to_stdvec(&detector.record())),
    )
}

fn good(fleet: &Fleet, seeds: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "\ngood patches halted, of {seeds} rollouts of {} hosts", fleet.hosts.len())?;
    for base in BASES {
        let mut halted: Vec<(&str, u64)> = Vec::new();
        let (mut credit, mut held) = (0, 0);
        for seed in 0..seeds {
            let setup = Setup { base, fault: 0.0, rare_only: false, seed };
            for (n, (name, outcome)) in waves(fleet, setup).into_iter().enumerate() {
                if halted.len() <= n {
                    halted.push((name, 0));
                }
                halted[n].1 += u64::from(outcome.halted);
            }
            let outcome = credit_rollout(fleet, setup, CreditRule::STANDARD);
            credit += u64::from(outcome.halted);
            held += u64::from(outcome.held);
        }
        write!(out, "base {base:e}: detector with credit {credit} (held {held})")?;
        for (name, n) in halted {
            write!(out, "; {name} {n}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn bad(fleet: &Fleet, seeds: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "\nhosts harmed before the halt, mean (95th of 100), and halts in percent")?;
    let faults =
        [(0.001, false), (0.005, false), (0.01, false), (0.05, false), (0.5, false), (0.3, true)];
    for base in BASES {
        for (fault, rare_only) in faults {
            let mut rows: Vec<(&str, Vec<Outcome>)> = vec![("detector with credit", Vec::new())];
            for seed in 0..seeds {
                let setup = Setup { base, fault, rare_only, seed };
                rows[0].1.push(credit_rollout(fleet, setup, CreditRule::STANDARD));
                for (n, (name, outcome)) in waves(fleet, setup).into_iter().enumerate() {
                    if rows.len() <= n + 1 {
                        rows.push((name, Vec::new()));
                    }
                    rows[n + 1].1.push(outcome);
                }
            }
            let model = if rare_only { " of one CPU model (2 %)" } else { "" };
            writeln!(out, "base {base:e}, fault {} %{model}", fault * 100.0)?;
            for (name, outcomes) in rows {
                row(&mut out, name, &outcomes)?;
            }
        }
    }
    Ok(())
}

fn row(out: &mut impl io::Write, name: &str, outcomes: &[Outcome]) -> io::Result<()> {
    let n = outcomes.len().max(1);
    let mut harmed: Vec<u32> = outcomes.iter().map(|outcome| outcome.harmed).collect();
    harmed.sort_unstable();
    let mean = f64::from(harmed.iter().sum::<u32>()) / n as f64;
    let most = harmed.get(n * 95 / 100).or_else(|| harmed.last()).copied().unwrap_or(0);
    let exposed: u64 = outcomes.iter().map(|outcome| u64::from(outcome.exposed)).sum();
    let halted = outcomes.iter().filter(|outcome| outcome.halted).count();
    let minutes: u64 = outcomes.iter().map(|outcome| outcome.minutes).sum();
    writeln!(
        out,
        "  {name:22} {mean:8.1} ({most:5})  halts {:3} %  exposed {:6}  after {:5} min",
        halted * 100 / n,
        exposed / n as u64,
        minutes / n as u64
    )
}
