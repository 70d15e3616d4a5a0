//! Do the invariants hold when everything goes wrong at once?
//!
//! `TIDEGATE_SIM_SEEDS=N` plays N seeds after those of `seeds.txt`, `TIDEGATE_SIM_FIRST=n` begins
//! with seed n, `TIDEGATE_SIM_MINUTES=n` has things go wrong for n minutes of each run;
//! `TIDEGATE_SIM_SEED=n` with the test `replay` plays one of them and shows all of it.

use std::path::Path;
use std::process::Command;

use tidegate_tests::sim::{Plan, PlanError, Report, Sabotage, Show, play, play_for};

/// The shipped controller's: the system's took an eighth of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Every so many seeds one is played twice.
const TWICE_EVERY: usize = 6;

fn plan() -> Result<Plan, PlanError> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds.txt");
    let runs = std::env::var("TIDEGATE_SIM_SEEDS").ok();
    let first = std::env::var("TIDEGATE_SIM_FIRST").ok();
    Plan::read(&file, first.as_deref(), runs.as_deref())
}

/// For how many minutes things go wrong, where somebody says so.
#[expect(clippy::unwrap_used, reason = "a test's helper fails as tests do")]
fn minutes() -> Option<u64> {
    std::env::var("TIDEGATE_SIM_MINUTES").ok().map(|value| value.trim().parse().unwrap())
}

/// Plays every second seed of the plan, from the `half`th on, and some of them twice. All of them are
/// played, whatever one shows.
#[track_caller]
#[expect(clippy::print_stdout, reason = "a test's helper shows as tests do")]
fn plays(seeds: &[u64], half: usize) {
    let mut failed = Vec::new();
    for (at, &seed) in seeds.iter().enumerate().skip(half).step_by(2) {
        let report = play_for(seed, Sabotage::None, minutes(), Show::Nothing);
        println!("{report}");
        if report.violation.is_some() {
            println!("{}", record(&report));
            failed.push(seed);
            continue;
        }
        assert!(report.stats.inserts > 0, "nothing happened: {report}");
        if (at / 2).is_multiple_of(TWICE_EVERY) {
            let again = play_for(seed, Sabotage::None, minutes(), Show::Nothing);
            assert_eq!(report, again, "seed {seed} does not play the same run twice");
        }
    }
    assert!(failed.is_empty(), "the seeds {failed:?} fail; see above how to play them again");
}

/// Writes down what a failing run showed; the message that it fails with.
fn record(report: &Report) -> String {
    report.record(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("simulator")).to_string()
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
    assert!(shown.starts_with(&report.trace.join("\n")), "and shows what happened, byte for byte");
    let path = shown.lines().find_map(|line| line.strip_prefix("the whole trace: ")).unwrap();
    let of_replay = std::fs::read_to_string(path).unwrap();
    assert_eq!(of_replay, trace, "it writes the same story");
}

#[test]
fn replay() {
    let Some(seed) = std::env::var("TIDEGATE_SIM_SEED").ok() else { return };
    let seed = seed.trim().parse().unwrap();
    let sabotage = std::env::var("TIDEGATE_SIM_SABOTAGE").unwrap_or_else(|_| "none".to_owned());
    let report = play_for(seed, sabotage.parse().unwrap(), minutes(), Show::Everything);
    assert!(report.violation.is_none(), "{}", record(&report));
    println!("{report}");
}
