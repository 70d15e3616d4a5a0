//! Do the invariants hold when everything goes wrong at once?
//!
//! `TIDEGATE_SIM_SEEDS=N` plays N seeds after those of `seeds.txt`, `TIDEGATE_SIM_FIRST=n` begins
//! with seed n; `TIDEGATE_SIM_SEED=n` with the test `replay` plays one of them and shows all of it.

use std::path::Path;
use std::process::Command;

use tidegate_tests::sim::{Plan, PlanError, Report, Sabotage, Show, play};

/// Every so many seeds one is played twice.
const TWICE_EVERY: usize = 6;

fn plan() -> Result<Plan, PlanError> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds.txt");
    let runs = std::env::var("TIDEGATE_SIM_SEEDS").ok();
    let first = std::env::var("TIDEGATE_SIM_FIRST").ok();
    Plan::read(&file, first.as_deref(), runs.as_deref())
}

/// Plays every second seed of the plan, from the `half`th on, and some of them twice.
#[track_caller]
#[expect(clippy::print_stdout, reason = "a test's helper shows as tests do")]
fn plays(seeds: &[u64], half: usize) {
    for (at, &seed) in seeds.iter().enumerate().skip(half).step_by(2) {
        let report = play(seed, Sabotage::None, Show::Nothing);
        holds(&report);
        println!("{report}");
        assert!(report.stats.inserts > 0, "nothing happened: {report}");
        if (at / 2).is_multiple_of(TWICE_EVERY) {
            let again = play(seed, Sabotage::None, Show::Nothing);
            assert_eq!(report, again, "seed {seed} does not play the same run twice");
        }
    }
}

#[track_caller]
fn holds(report: &Report) {
    assert!(
        report.violation.is_none(),
        "{}",
        report.record(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("simulator"))
    );
}

#[test]
fn every_invariant_holds_on_every_seed_and_a_seed_plays_the_same_run_twice() {
    plays(&plan().unwrap().seeds, 0);
}

#[test]
fn every_invariant_holds_on_every_other_seed_too() {
    plays(&plan().unwrap().seeds, 1);
}

#[test]
fn the_message_of_a_failing_run_is_all_that_a_newcomer_needs_to_play_it_again() {
    let report = (1..=6)
        .map(|seed| play(seed, Sabotage::BudgetOffByOne, Show::Nothing))
        .find(|report| report.violation.is_some())
        .unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("messages");
    let message = report.record(&folder).to_string();

    let line = |start: &str| message.lines().find_map(|line| line.strip_prefix(start)).unwrap();
    let trace = std::fs::read_to_string(line("the whole trace: ")).unwrap();
    assert!(trace.contains(&format!("seed: {}", report.seed)), "the trace shows what was drawn");
    assert!(trace.contains("VIOLATION I1"), "the trace ends with what broke");

    // What the command says after `--test simulator` goes to that very binary.
    let (variables, arguments) = line("again: ").split_once(" cargo test ").unwrap();
    let (_, arguments) = arguments.split_once("--test simulator ").unwrap();
    let arguments = arguments.split(' ').filter(|argument| *argument != "--");
    let again = Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .envs(variables.split(' ').map(|pair| pair.split_once('=').unwrap()))
        .output()
        .unwrap();
    assert!(!again.status.success(), "the run fails again");
    let shown = String::from_utf8_lossy(&again.stderr);
    let violation = report.violation.as_ref().unwrap().to_string();
    assert!(shown.contains(&violation), "it fails of the same: {violation}");
    assert!(shown.contains("inserts lkp_"), "and shows what happened");
}

#[test]
fn replay() {
    let Some(seed) = std::env::var("TIDEGATE_SIM_SEED").ok() else { return };
    let seed = seed.trim().parse().unwrap();
    let sabotage = std::env::var("TIDEGATE_SIM_SABOTAGE").unwrap_or_else(|_| "none".to_owned());
    let report = play(seed, sabotage.parse().unwrap(), Show::Everything);
    holds(&report);
    println!("{report}");
}
