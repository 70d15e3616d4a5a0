//! Do the invariants hold when everything goes wrong at once, and would the checks notice?
//!
//! `TIDEGATE_SIM_SEEDS=N` plays N seeds after those of `seeds.txt`; `TIDEGATE_SIM_SEED=n` with the
//! test `replay` plays one of them and shows all of it.

use std::path::Path;

use tidegate_tests::sim::{Plan, PlanError, Report, Sabotage, Show, play};

/// In how many seeds a planted defect must have shown itself.
const SEEDS_TO_CATCH: u64 = 12;

fn plan() -> Result<Plan, PlanError> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds.txt");
    let runs = std::env::var("TIDEGATE_SIM_SEEDS").ok();
    Plan::read(&file, runs.as_deref())
}

#[test]
fn every_invariant_holds_on_every_seed_and_a_seed_plays_the_same_run_twice() {
    for seed in plan().unwrap().seeds {
        let first = play(seed, Sabotage::None, Show::LastLines);
        assert!(first.violation.is_none(), "{first}");
        println!("{first}");
        let again = play(seed, Sabotage::None, Show::LastLines);
        assert_eq!(first, again, "seed {seed} does not play the same run twice");
        assert!(first.stats.inserts > 0, "nothing happened: {first}");
    }
}

/// Plays seeds until the planted defect shows, and checks that it shows as one of `names`.
#[track_caller]
#[expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's helper fails and shows as tests do"
)]
fn is_caught(sabotage: Sabotage, names: &[&str]) {
    let caught: Option<Report> = (1..=SEEDS_TO_CATCH)
        .map(|seed| play(seed, sabotage, Show::LastLines))
        .find(|report| report.violation.is_some());
    let report = caught.unwrap_or_else(|| panic!("{sabotage:?} shows in no seed"));
    println!("{report}");
    let invariant = report.violation.as_ref().map_or("none", |violation| violation.invariant);
    assert!(names.contains(&invariant), "{sabotage:?} shows as {invariant}");
}

#[test]
fn a_disk_that_skips_syncs_is_caught() {
    is_caught(Sabotage::SkippedSync, &["I4", "I5", "ELECTION", "PANIC"]);
}

#[test]
fn an_agent_without_its_lease_check_is_caught() {
    is_caught(Sabotage::NoLeaseCheck, &["I2"]);
}

#[test]
fn an_agent_without_its_epoch_check_is_caught() {
    is_caught(Sabotage::NoEpochCheck, &["FENCE"]);
}

#[test]
fn a_budget_that_is_off_by_one_is_caught() {
    is_caught(Sabotage::BudgetOffByOne, &["I1"]);
}

#[test]
fn replay() {
    let Some(seed) = std::env::var("TIDEGATE_SIM_SEED").ok() else { return };
    let seed = seed.trim().parse().unwrap();
    let sabotage = match std::env::var("TIDEGATE_SIM_SABOTAGE").as_deref() {
        Ok("skipped-sync") => Sabotage::SkippedSync,
        Ok("no-epoch-check") => Sabotage::NoEpochCheck,
        Ok("no-lease-check") => Sabotage::NoLeaseCheck,
        Ok("budget-off-by-one") => Sabotage::BudgetOffByOne,
        Ok(_) | Err(_) => Sabotage::None,
    };
    let report = play(seed, sabotage, Show::Everything);
    assert!(report.violation.is_none(), "{report}");
    println!("{report}");
}
