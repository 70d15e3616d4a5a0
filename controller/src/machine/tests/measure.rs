//! How large and how quick is the state? `cargo test --release -p tidegate-controller --lib -- --ignored
//! --nocapture measure` says so; the test that always runs holds a small fleet to the figures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::machine::command::{Action, Operate, WithReason};
use crate::machine::frozen::PieceHash;
use crate::machine::measure::{Measured, bytes_of_pieces, enroll, host};
use crate::machine::{Command, Machine};

/// What one host may weigh in pieces. The memory of a process has some 10 % more.
const BYTES_PER_HOST: usize = 200;

#[test]
fn a_host_with_a_grant_under_way_weighs_less_than_two_hundred_bytes() {
    const HOSTS: usize = 4_000;
    let mut fleet = Measured::fleet(HOSTS as u64).unwrap();
    // The memory of requests is bounded, and weighs the more the smaller the fleet is.
    let bare = bytes_of_pieces(&fleet.machine) - 100 * HOSTS;
    fleet.roll_out(2).unwrap();
    assert_eq!(fleet.machine.grants().len(), HOSTS / 2);
    let rolled_out = bytes_of_pieces(&fleet.machine) - 100 * HOSTS;
    assert!(bare / HOSTS < 150, "{} B", bare / HOSTS);
    assert!(rolled_out / HOSTS < BYTES_PER_HOST, "{} B", rolled_out / HOSTS);
}

#[test]
fn a_host_of_a_judged_rollout_weighs_less_than_two_hundred_bytes_too() {
    const HOSTS: usize = 4_000;
    let mut fleet = Measured::fleet(HOSTS as u64).unwrap().judged();
    // A quarter in flight, the most that there may be, and everybody else a sentinel.
    fleet.roll_out(4).unwrap();
    fleet.tick((0..HOSTS as u64).map(host).collect(), Vec::new());
    assert!(fleet.machine.subjects().len() > HOSTS * 9 / 10, "{}", fleet.machine.subjects().len());
    let weight = (bytes_of_pieces(&fleet.machine) - 100 * HOSTS) / HOSTS;
    assert!(weight < BYTES_PER_HOST, "{weight} B");
}

/// What evidence costs: the same reports in a fleet that is judged by it and in one that is not.
#[test]
#[ignore = "is worth something in a release build only"]
fn measure_judgement() {
    const HOSTS: u64 = 20_000;
    let plain = Measured::fleet(HOSTS).unwrap();
    for (name, fleet) in [("guard rails", plain.clone()), ("evidence", plain.judged())] {
        let mut fleet = fleet;
        fleet.roll_out(2).unwrap();
        fleet.tick((0..HOSTS).map(host).collect(), Vec::new());
        let all = (0..HOSTS).step_by(2);
        let flying: Vec<u64> =
            all.filter(|nth| fleet.machine.hosts().live_grant(host(*nth)).is_some()).collect();
        let count = u32::try_from(flying.len()).unwrap();
        println!("{name}: {count} in flight");
        let said: Vec<_> = flying.iter().filter_map(|&nth| fleet.applied_report(nth)).collect();
        let ((), took) = timed(|| said.iter().for_each(|report| drop(fleet.apply(report))));
        println!("  applied report {:?} each", took / count);
        let said: Vec<_> = flying.iter().filter_map(|&nth| fleet.health_report(nth, 2)).collect();
        let ((), took) = timed(|| said.iter().for_each(|report| drop(fleet.apply(report))));
        println!("  health report  {:?} each", took / count);
        let reboots: Vec<_> =
            (1..2_001).step_by(2).filter_map(|nth| fleet.reboot_report(nth, 1)).collect();
        let ((), took) = timed(|| reboots.iter().for_each(|report| drop(fleet.apply(report))));
        println!("  reboot         {:?} each, of a host that has not begun", took / 1_000);
        let (_, took) = timed(|| fleet.tick((0..4_000).map(host).collect(), Vec::new()));
        println!("  tick           {took:?}, 4,000 heard");
        let (frozen, took) = timed(|| fleet.machine.freeze());
        println!("  freeze         {took:?}, {} pieces", frozen.pieces().count());
    }
}

/// What it costs the node's thread to say what would become of a halt, while a rollout is under way.
#[test]
#[ignore = "is worth something in a release build only"]
fn measure_foretelling() {
    for hosts in [10_000, 100_000, 1_000_000] {
        let mut fleet = Measured::fleet(hosts).unwrap();
        fleet.roll_out(10).unwrap();
        let (rollout, reason) = ("113.1".parse().unwrap(), "odd".to_owned());
        let action = Action::HaltRollout(WithReason { rollout, reason });
        let (request, actor) = ("1".to_owned(), "ada".to_owned());
        let halt = Command::Operate(Operate { request, actor, action });
        let (copy, took) = timed(|| fleet.machine.clone());
        println!("{hosts} hosts: a copy {took:?}");
        drop(copy);
        let (told, took) = timed(|| fleet.machine.would(std::slice::from_ref(&halt)));
        println!("  told of a halt {took:?}, {}", if told.is_ok() { "taken" } else { "refused" });
        let ((), took) = timed(|| drop(fleet.apply(&halt)));
        println!("  the halt       {took:?}");
    }
}

#[test]
#[ignore = "takes a minute, and is worth something in a release build only"]
fn measure() {
    for hosts in [10_000, 100_000, 1_000_000] {
        measured(hosts);
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let result = what();
    (result, start.elapsed())
}

/// Resident memory, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

fn measured(hosts: u64) {
    let (n, before) = (usize::try_from(hosts).unwrap(), resident());
    let (fleet, took) = timed(|| Measured::fleet(hosts).unwrap());
    let mut fleet = fleet;
    println!("{hosts} hosts");
    println!("  enrol          {:?} each", took / u32::try_from(hosts).unwrap());
    println!("  bare           {} B/host resident", (resident() - before) / n);
    let ((), took) = timed(|| fleet.roll_out(2).unwrap());
    println!("  roll out       {took:?} in all, {} grants", fleet.machine.grants().len());
    println!("  rolled out     {} B/host resident", (resident() - before) / n);
    println!("  pieces         {} B/host", bytes_of_pieces(&fleet.machine) / n);
    let rollout = fleet.machine.rollouts().values().next().unwrap();
    let (parts, took) = timed(|| fleet.machine.parts(rollout).count());
    println!("  census         {took:?} over {parts} hosts");
    let (copy, took) = timed(|| fleet.machine.clone());
    println!("  copy           {took:?}, what a report takes of the node's thread");
    let (open, took) = timed(|| copy.open_fixes(None).open_hosts);
    println!("  report         {took:?} beside it, {open} hosts with something open");
    hashing_and_freezing(&mut fleet);
    applying(&mut fleet, hosts);
    thawing(&fleet.machine, n);
}

fn hashing_and_freezing(fleet: &mut Measured) {
    let (_, took) = timed(|| fleet.machine.state_hash());
    println!("  hash           {took:?} after nothing");
    let reports: Vec<_> = (0..1_000).filter_map(|n| fleet.applied_report(n * 2)).collect();
    let reports_count = u32::try_from(reports.len()).unwrap();
    let ((), took) = timed(|| reports.iter().for_each(|report| drop(fleet.apply(report))));
    println!("  applied report {:?} each", took / reports_count);
    let (_, took) = timed(|| fleet.machine.state_hash());
    println!("  hash           {took:?} after 1,000 reports");
    let (frozen, took) = timed(|| fleet.machine.freeze());
    println!("  freeze         {took:?}");
    let (count, took) = timed(|| frozen.pieces_but(|_| true).count());
    println!("  pieces walked  {took:?}, {count} unknown");
    let frozen = fleet.machine.freeze();
    let healths: Vec<_> = (0..1_000).filter_map(|n| fleet.health_report(n * 2, 2)).collect();
    let ((), took) = timed(|| healths.iter().for_each(|report| drop(fleet.apply(report))));
    println!("  health report  {:?} each, onto frozen chunks", took / reports_count);
    drop(frozen);
}

fn applying(fleet: &mut Measured, hosts: u64) {
    let healths: Vec<_> = (0..1_000).filter_map(|n| fleet.health_report(n * 2, 3)).collect();
    let count = u32::try_from(healths.len()).unwrap();
    let ((), took) = timed(|| healths.iter().for_each(|report| drop(fleet.apply(report))));
    println!("  health report  {:?} each", took / count);
    let ((), took) = timed(|| (0..100).for_each(|_| drop(fleet.tick(Vec::new(), Vec::new()))));
    println!("  tick           {:?}, nobody heard", took / 100);
    let heard: Vec<_> = (0..1_000).map(|n| host(n * 2)).collect();
    let (_, took) = timed(|| fleet.tick(heard, Vec::new()));
    println!("  tick           {took:?}, 1,000 heard");
    let late = (hosts..hosts + 1_000).map(enroll).collect::<Vec<_>>();
    let ((), took) = timed(|| late.iter().for_each(|enroll| drop(fleet.apply(enroll))));
    println!("  enrol late     {:?} each", took / 1_000);
}

fn thawing(machine: &Machine, hosts: usize) {
    let frozen = machine.freeze();
    let pieces: BTreeMap<PieceHash, Arc<[u8]>> = frozen.pieces().collect();
    let before = resident();
    let thaw = || Machine::thaw(frozen.root(), &mut |hash| pieces.get(hash).cloned());
    let (thawed, took) = timed(|| thaw().unwrap());
    println!("  thaw           {took:?}");
    println!("  thawed         {} B/host resident", (resident() - before) / hosts);
    assert!(thawed == *machine);
}
