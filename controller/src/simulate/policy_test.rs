//! `tidegate policy test`: does a policy do what it should in every scenario that comes with Tidegate?

use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;
use tidegate_policies::document;

use super::error::SimulateError;
use super::figures::{Figures, ratio};
use super::library::{LIBRARY, Shipped};
use super::outcome::{End, Outcome};
use super::scenario::{Expect, Limits, PolicyText};
use super::show::{self, Progress};
use super::world::Beats;
use super::{Runs, play};
use crate::client::{Globals, OutputFormat};

/// What is asked about policies.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum PolicyCommand {
    /// Play a policy in the scenarios that come with Tidegate, and say where it does not do what it
    /// should.
    Test(Test),
}

/// Which policy, in which scenarios.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 every scenario came out as it should, 1 some did not, 2 usage, or a bad policy.")]
pub struct Test {
    /// The policy: a TOML file, or a preset.
    policy: String,
    #[command(flatten)]
    runs: Runs,
    /// Play only these scenarios.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,
}

/// How one scenario came out.
#[derive(Clone, Debug, Serialize)]
struct Tested {
    scenario: &'static str,
    passed: bool,
    /// What did not come out as it should.
    unmet: Vec<String>,
    figures: Figures,
}

/// Plays the scenarios, and says how they came out.
pub(super) fn run(command: &PolicyCommand, globals: &Globals) -> Result<ExitCode, SimulateError> {
    let PolicyCommand::Test(test) = command;
    let policy = read(&test.policy)?;
    let asked = |shipped: &&Shipped| {
        test.only.is_empty() || test.only.iter().any(|name| name == shipped.name)
    };
    let scenarios: Vec<&Shipped> = LIBRARY.iter().filter(asked).collect();
    let runs = u64::try_from(scenarios.len()).unwrap_or(1) * test.runs.seeds;
    let progress = Progress::of(runs, globals);
    let mut tested = Vec::new();
    for shipped in scenarios {
        let scenario = shipped.read(Some(&policy))?;
        let expect = scenario.expect;
        let (_, played) = play(scenario, test.runs, Beats::ThatMatter, &progress)?;
        let figures = Figures::of(&played.outcomes);
        let unmet = unmet(&expect, &played.outcomes, &figures);
        tested.push(Tested { scenario: shipped.name, passed: unmet.is_empty(), unmet, figures });
    }
    progress.done();
    show::print(&text(globals.output, &tested));
    let all = tested.iter().all(|one| one.passed);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The policy in a file, or the preset of that name.
fn read(asked: &str) -> Result<PolicyText, SimulateError> {
    let preset = document::preset(asked).map(|preset| preset.text.to_owned());
    let text = match preset {
        Some(text) => text,
        None => std::fs::read_to_string(asked).map_err(|source| {
            let presets: Vec<&str> = document::PRESETS.iter().map(|preset| preset.name).collect();
            let way_out = format!("Name a TOML file, or one of {}", presets.join(", "));
            SimulateError::Read { path: asked.to_owned(), source, way_out }
        })?,
    };
    let policy = document::parse(asked, &text)?;
    Ok(PolicyText { policy, text })
}

/// What of `expect` did not come out.
fn unmet(expect: &Expect, outcomes: &[Outcome], figures: &Figures) -> Vec<String> {
    let of = |ends: &[End]| outcomes.iter().filter(|one| ends.contains(&one.end)).count();
    let shares = [
        ("halted", expect.halted, outcomes.iter().filter(|one| one.has_halted()).count()),
        ("stopped", expect.stopped, of(&[End::Halted, End::Held])),
        ("completed", expect.completed, of(&[End::Completed])),
    ];
    let broken = outcomes.iter().flat_map(|one| one.broken.first().map(|how| (one.seed, how)));
    let mut unmet: Vec<String> =
        broken.map(|(seed, how)| format!("a promise was broken in seed {seed}: {how}")).collect();
    for (what, limits, runs) in shares {
        let Some(Limits { at_least, at_most }) = limits else { continue };
        let rate = ratio(runs, outcomes.len()) * 1e6;
        if rate < f64::from(at_least.ppm()) || rate > f64::from(at_most.ppm()) {
            let all = outcomes.len();
            unmet.push(format!("{what} {runs}/{all}, not {at_least} to {at_most}"));
        }
    }
    let mean = figures.harmed_mean;
    let too_many = |most: &u64| mean > f64::from(u32::try_from(*most).unwrap_or(u32::MAX));
    if let Some(most) = expect.harmed_mean.filter(too_many) {
        unmet.push(format!("{mean} hosts harmed in the mean, not {most} at most"));
    }
    if let Some(most) = expect.harmed_p95.filter(|&most| figures.harmed_p95 > most) {
        let harmed = figures.harmed_p95;
        unmet.push(format!("{harmed} hosts harmed in 19 of 20 runs at most, not {most}"));
    }
    unmet
}

fn text(format: OutputFormat, tested: &[Tested]) -> String {
    match format {
        OutputFormat::Json | OutputFormat::Yaml => format!("{:#}", serde_json::json!(tested)),
        OutputFormat::Jsonl => {
            let lines = tested.iter().map(|one| serde_json::json!(one).to_string());
            lines.collect::<Vec<_>>().join("\n")
        }
        OutputFormat::Name => {
            let failed = tested.iter().filter(|one| !one.passed).map(|one| one.scenario);
            failed.collect::<Vec<_>>().join("\n")
        }
        OutputFormat::Table | OutputFormat::Wide => table(tested),
    }
}

fn table(tested: &[Tested]) -> String {
    let mut text = format!(
        "{:<20} {:<6} {:>8} {:>8} {:>9} {:>8}  {}\n",
        "SCENARIO", "RESULT", "HALTED", "HARMED", "95TH", "HOURS", "NOT AS IT SHOULD BE"
    );
    for one in tested {
        let result = if one.passed { "passed" } else { "failed" };
        let figures = &one.figures;
        let hours = figures.hours_to_full_median;
        let hours = hours.map_or_else(|| "–".to_owned(), |hours| format!("{hours:.1}"));
        // A string takes whatever is written.
        let _written = writeln!(
            text,
            "{:<20} {result:<6} {:>7.1}% {:>8.1} {:>9} {hours:>8}  {}",
            one.scenario,
            figures.halted_rate * 100.0,
            figures.harmed_mean,
            figures.harmed_p95,
            one.unmet.join("; ")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use tidegate_policies::share::Share;

    use super::*;

    #[test]
    fn a_scenario_that_comes_out_otherwise_is_said_with_its_numbers() {
        let halted = Outcome { end: End::Halted, harmed: 12, ..Outcome::of_seed(1) };
        let outcomes = [halted, Outcome { end: End::Completed, ..Outcome::of_seed(2) }];
        let expect = Expect {
            halted: Some(Limits { at_least: Share::ALL, at_most: Share::ALL }),
            stopped: Some(Limits { at_least: Share::percent(50), at_most: Share::ALL }),
            harmed_mean: Some(5),
            harmed_p95: Some(12),
            ..Expect::default()
        };
        let unmet = unmet(&expect, &outcomes, &Figures::of(&outcomes));
        let expected =
            ["halted 1/2, not 100% to 100%", "6 hosts harmed in the mean, not 5 at most"];
        assert_eq!(unmet, expected);
    }
}
