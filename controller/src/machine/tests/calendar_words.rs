//! How do scripts speak of the calendar?
//!
//! ```text
//! ladder canary* free windows=free:0_22_*_*_*/2h      a star: sampled; `_` is a space, UTC
//! ladder free delay=free:7d cut-off=free:5000 if=1    also objective=free:critical/95%/86400s
//! openings 0_22_*_*_*/2h from=0                       as a leader computes them
//! freeze f1 tier=free until=5000 reason=why           lift f1 reason=why
//! hold-back free delay=5s cut-off=5000 reason=why     a token, or a host: h1
//! cover k1:22.04:13:2034-04 k1@2024-02-07 reason=why  series:release:months:until, or a release's date
//! ```

use std::collections::BTreeMap;

use tidegate_policies::coverage::{CoverageTable, Day, Kind, Line, Month};
use tidegate_policies::schedule::Window;
use tidegate_policies::severity::Severity;
use tidegate_policies::tiers::{Holdback, Objective, TierRules};
use tidegate_policies::time::{Millis, WallTime};

use crate::machine::calendar::HeldBack;
use crate::machine::calendar_event::CalendarEvent;
use crate::machine::command::{
    Action, ApplyCoverage, ApplyLadder, Command, CreateFreeze, HoldBack, KnowOpenings, LiftFreeze,
    TierSpec,
};
use crate::machine::ids::TierName;

use super::script::{Words, millis, read};
use super::world::host;

/// `0_22_*_*_*/2h`.
fn window(text: &str) -> Window {
    let (cron, lasts) = text.split_once('/').expect("a window is `cron/lasts`");
    let hours = read::<u64>(lasts.trim_end_matches('h'));
    Window::new(&cron.replace('_', " "), Millis::from_secs(hours * 3_600), "UTC").unwrap()
}

fn holdback(delay: Option<&str>, cutoff: Option<u64>) -> Holdback {
    Holdback { delay: delay.map_or(Millis(0), millis), cutoff: cutoff.map(WallTime) }
}

fn ladder(words: &Words<'_>) -> ApplyLadder {
    let names: Vec<&str> = std::iter::once(words.at(0)).chain(words.rest()).collect();
    let tier = |word: &&str| TierSpec {
        name: read(word.trim_end_matches('*')),
        sampled: word.ends_with('*'),
    };
    let mut rules: BTreeMap<TierName, TierRules> = BTreeMap::new();
    let of = |key: &str| words.get(key).and_then(|value| value.split_once(':'));
    if let Some((tier, windows)) = of("windows") {
        let windows = windows.split(',').map(window).collect();
        rules.entry(read(tier)).or_default().windows = windows;
    }
    if let Some((tier, delay)) = of("delay") {
        rules.entry(read(tier)).or_default().holdback.delay = millis(delay);
    }
    if let Some((tier, cutoff)) = of("cut-off") {
        rules.entry(read(tier)).or_default().holdback.cutoff = Some(WallTime(read(cutoff)));
    }
    if let Some((tier, objective)) = of("objective") {
        rules.entry(read(tier)).or_default().objectives.push(objective_of(objective));
    }
    ApplyLadder { tiers: names.iter().map(tier).collect(), rules }
}

/// `critical/95%/24h`.
fn objective_of(text: &str) -> Objective {
    let parts: Vec<&str> = text.split('/').collect();
    let [severity, share, within] = parts[..] else { panic!("`{text}` is no objective") };
    let severity = Severity::of_word(severity).expect("a severity");
    Objective { severity, share: read(share), within: millis(within) }
}

/// `k1:22.04:13:2034-04` for a line, `k1@2024-02-07` for a date.
fn table(words: &Words<'_>) -> CoverageTable {
    let mut table = CoverageTable::default();
    for word in std::iter::once(words.at(0)).chain(words.rest()) {
        if let Some((kernel, day)) = word.split_once('@') {
            table.builds.insert(kernel.to_owned(), self::day(day));
            continue;
        }
        let parts: Vec<&str> = word.split(':').collect();
        let [series, release, every, until] = parts[..] else { panic!("`{word}` is no line") };
        let (year, month) = until.split_once('-').expect("a month");
        table.lines.push(Line {
            series: series.to_owned(),
            kind: Kind::Ga,
            release: release.to_owned(),
            released: Month::of(1970, 1).unwrap(),
            covered_until: Month::of(read(year), read(month)).unwrap(),
            upgrade_every: read(every),
        });
    }
    table
}

/// `2024-02-07`.
pub(super) fn day(text: &str) -> Day {
    let parts: Vec<&str> = text.split('-').collect();
    Day::of_date(read(parts[0]), read(parts[1]), read(parts[2])).unwrap()
}

/// What a person can want of the calendar.
pub(super) fn action(words: &Words<'_>) -> Action {
    let reason = words.get("reason").unwrap_or_default().to_owned();
    match words.verb() {
        "ladder" => Action::ApplyLadder(Box::new(ladder(words))),
        "freeze" => Action::CreateFreeze(CreateFreeze {
            freeze: read(words.at(0)),
            tier: words.read("tier"),
            until: words.read("until").map(WallTime),
            reason,
        }),
        "cover" => Action::ApplyCoverage(Box::new(ApplyCoverage { table: table(words), reason })),
        "lift" => Action::LiftFreeze(LiftFreeze { freeze: read(words.at(0)), reason }),
        "hold-back" => {
            let is_host = words.at(0).strip_prefix('h').is_some_and(|n| n.parse::<u32>().is_ok());
            let of = if is_host {
                HeldBack::Host(host(words.at(0)))
            } else {
                HeldBack::Token(read(words.at(0)))
            };
            let holdback = holdback(words.get("delay"), words.read("cut-off"));
            Action::HoldBack(HoldBack { of, holdback, reason })
        }
        verb => panic!("a script has no `{verb}`"),
    }
}

/// The command of an `openings` line.
pub(super) fn openings(words: &Words<'_>) -> Command {
    let window = window(words.at(0));
    let openings = window.openings(WallTime(words.read("from").unwrap_or(0))).unwrap();
    Command::KnowOpenings(KnowOpenings { window, openings })
}

/// What an event of the calendar is called.
pub(super) fn show(event: &CalendarEvent) -> String {
    match event {
        CalendarEvent::LadderApplied { changes, .. } => format!("ladder: {changes}"),
        CalendarEvent::OpeningsKnown { window, openings } => {
            format!("{} openings of {window}", openings.spans.len())
        }
        CalendarEvent::FreezeBegan(freeze) => format!("freeze {} began", freeze.id),
        CalendarEvent::FreezeLifted { freeze, .. } => format!("freeze {freeze} lifted"),
        CalendarEvent::HeldBack { holdback, .. } => format!("held back: {}", holdback.words()),
        CalendarEvent::CoverageApplied { detail, .. } => format!("coverage: {detail}"),
    }
}
