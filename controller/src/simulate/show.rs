//! What is printed? Figures on stdout, for people or for programs; progress on stderr, and only there.

use std::fmt::Write as _;
use std::io::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::batch::Played;
use super::figures::Figures;
use super::outcome::{End, Outcome};
use super::scenario::Scenario;
use super::timeline::{self, Detail};
use crate::client::{Globals, OutputFormat};

/// A bar on a terminal, and nothing elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar for so many runs.
    pub(super) fn of(runs: u64, globals: &Globals) -> Self {
        let bar = ProgressBar::new(runs);
        let quiet = globals.quiet;
        bar.set_draw_target(if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        });
        let style = "  {msg:24} {bar:24} {pos}/{len} runs, {elapsed} so far, {eta} to go";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Self(bar)
    }

    /// What is played now.
    pub(super) fn plays(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    /// A run has ended.
    pub(super) fn ended(&self) {
        self.0.inc(1);
    }

    /// All runs have ended.
    pub(super) fn done(&self) {
        self.0.finish_and_clear();
    }
}

/// The text of what came out.
pub(super) fn text(format: OutputFormat, scenario: &Scenario, played: &Played) -> String {
    let figures = Figures::of(&played.outcomes);
    match format {
        OutputFormat::Json | OutputFormat::Yaml => format!("{:#}", serde_json::json!(figures)),
        OutputFormat::Jsonl => serde_json::json!(figures).to_string(),
        OutputFormat::Name => scenario.name.clone(),
        OutputFormat::Table => for_people(scenario, played, Detail::WhatChanged),
        OutputFormat::Wide => for_people(scenario, played, Detail::Everything),
    }
}

/// Prints on stdout.
pub(super) fn print(text: &str) {
    // Where stdout is gone, nobody reads.
    let _written = writeln!(std::io::stdout(), "{}", text.trim_end());
}

fn for_people(scenario: &Scenario, played: &Played, detail: Detail) -> String {
    let figures = Figures::of(&played.outcomes);
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // A string takes whatever is written.
        let _written = writeln!(text, "{name:<22} {value}");
    };
    let policy = &scenario.policy.policy.name;
    line("scenario", format!("{}: {}", scenario.name, scenario.about));
    line("policy, fleet", format!("{policy}, {} hosts", scenario.fleet.hosts));
    line("runs", ends(&played.outcomes));
    let percent = |rate: f64| format!("{:.2}%", rate * 100.0);
    let count = played.outcomes.iter().filter(|outcome| outcome.has_halted()).count();
    line("halted", format!("{} ({count}/{})", percent(figures.halted_rate), figures.seeds));
    if figures.halted_by_person_rate > 0.0 {
        line("of them by a person", percent(figures.halted_by_person_rate));
    }
    line("halted falsely", percent(figures.false_halt_rate));
    let harmed = format!(
        "{:.2} in the mean, {} in 19 of 20 runs at most",
        figures.harmed_mean, figures.harmed_p95
    );
    line("hosts harmed", harmed);
    let some = |figure: Option<f64>, unit: &str| {
        figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.1}{unit}"))
    };
    line("exposed at the halt", some(figures.exposed_at_halt_mean, " in the mean"));
    line("from harm to halt", some(figures.minutes_to_halt_median, " min, median"));
    line("from start to full", some(figures.hours_to_full_median, " h, median"));
    line("planned, at the least", some(figures.planned_hours, " h"));
    line("holds in a run", format!("{:.2} in the mean", figures.holds_mean));
    for (scope, runs) in figures.halt_scopes.iter().filter(|(scope, _)| scope.contains('=')) {
        line("halted alone", format!("{scope}: {runs}"));
    }
    for (gates, runs) in halted_by(&played.outcomes) {
        line("halted by", format!("{gates}: {runs}"));
    }
    let broken = played.outcomes.iter().flat_map(|of| of.broken.iter().map(|how| (of.seed, how)));
    for (seed, how) in broken {
        line("PROMISE BROKEN", format!("seed {seed}: {how}"));
    }
    if figures.promises_broken == 0 {
        let kept = "kept: plan, strata, shares, turns, windows, delays; begins looked at";
        line("promises", format!("{kept}: {}", figures.begins));
    }
    if let Some(first) = played.outcomes.first() {
        line("", String::new());
        line(&format!("seed {}", first.seed), "what was decided".to_owned());
        for decision in timeline::lines(&played.course, first, detail) {
            line_of(&mut text, &decision);
        }
    }
    text
}

fn line_of(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// How many runs ended in which way.
fn ends(outcomes: &[Outcome]) -> String {
    let of = |end: End| outcomes.iter().filter(|outcome| outcome.end == end).count();
    let all = [End::Completed, End::Halted, End::Held, End::WentOn];
    let some = all.into_iter().filter(|&end| of(end) > 0);
    let words: Vec<String> = some.map(|end| format!("{} {}", of(end), end.word())).collect();
    format!("{}: {}", outcomes.len(), words.join(", "))
}

/// How many runs were halted by which gates.
fn halted_by(outcomes: &[Outcome]) -> std::collections::BTreeMap<String, u64> {
    let mut by = std::collections::BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.end == End::Halted) {
        let gates = outcome.halted_by.join(", ");
        let whom = if outcome.by_person { "a person, called by a hold".to_owned() } else { gates };
        *by.entry(whom).or_insert(0) += 1;
    }
    by
}
