//! What is on the board? Verdict, exposure, waves, slices, trends and what was decided; in a small window the
//! last of these go first.

use chrono::{DateTime, Utc};
use ratatui::text::Line;
use tidegate_proto::v1;
use tidegate_proto::v1::{GateState, VerdictKind};

use super::ink::{Ink, Tone};
use super::{clipped, feed, health, small, tiers, trend, wrapped};
use crate::client::output::rollout::waiting_on;
use crate::client::output::text::plain;
use crate::client::output::time::{rfc3339, utc, when};
use crate::client::top::app::App;

/// Columns that the names of lines take.
pub(super) const NAMES: usize = 10;
/// Fewest records that the feed shows where there is room at all.
const FEW_RECORDS: usize = 3;
/// Lines that the verdict takes at most.
const MOST_LINES: usize = 3;

/// A part of the board. The higher its rank, the sooner it goes where there is no room.
struct Part {
    rank: u8,
    lines: Vec<Line<'static>>,
}

/// The board in a window of so many columns and lines.
pub(super) fn lines(app: &App, ink: Ink, (width, height): (u16, usize)) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let Some((rollout, view)) = app.rollout() else {
        return no_rollout(app, ink, (width, height));
    };
    let mut parts = vec![
        Part { rank: 0, lines: verdict(rollout, ink, (width, app.now.wall)) },
        Part { rank: 1, lines: tiers::exposure(rollout, ink, width) },
        Part { rank: 2, lines: tiers::bars(rollout, ink, width) },
        Part { rank: 4, lines: tiers::waves(rollout, ink, width) },
        Part { rank: 5, lines: limits(rollout, ink, width) },
        Part { rank: 3, lines: health::slices(rollout, view, (ink, width)) },
        Part { rank: 7, lines: trend::lines(app, ink, width) },
        Part { rank: 6, lines: health::fleet(app, ink, width) },
        Part { rank: 6, lines: health::cluster(app, ink, width) },
    ];
    leave_room(&mut parts, height.saturating_sub(FEW_RECORDS));
    let mut all: Vec<Line<'static>> = parts.into_iter().flat_map(|part| part.lines).collect();
    let left = height.saturating_sub(all.len());
    all.extend(feed::lines(app, ink, (width, left)));
    all
}

/// Takes parts away until the others fit.
fn leave_room(parts: &mut [Part], height: usize) {
    let total = |parts: &[Part]| parts.iter().map(|part| part.lines.len()).sum::<usize>();
    while total(parts) > height {
        let last = parts.iter_mut().filter(|part| part.rank > 0 && !part.lines.is_empty());
        let Some(last) = last.max_by_key(|part| part.rank) else { return };
        last.lines.clear();
    }
}

fn no_rollout(app: &App, ink: Ink, (width, height): (usize, usize)) -> Vec<Line<'static>> {
    let mut all = health::fleet(app, ink, width);
    all.extend(health::cluster(app, ink, width));
    let left = height.saturating_sub(all.len());
    all.extend(feed::lines(app, ink, (width, left)));
    all
}

/// What the judge says, what it waits on, and when a gate opens that waits for a date.
fn verdict(
    rollout: &v1::Rollout,
    ink: Ink,
    (width, now): (usize, DateTime<Utc>),
) -> Vec<Line<'static>> {
    let Some(verdict) = &rollout.verdict else {
        let text = waiting_on(rollout);
        return vec![named(
            ink,
            "waits on",
            (Tone::Waits, clipped(&text, width.saturating_sub(NAMES))),
        )];
    };
    let (tone, kind) = match (&rollout.halt, verdict.kind()) {
        (Some(_), _) | (None, VerdictKind::Halt) => (Tone::Bad, "HALT"),
        (None, VerdictKind::Hold) => (Tone::Waits, "HOLD"),
        (None, VerdictKind::Continue) => (Tone::Good, "CONTINUE"),
        (None, VerdictKind::Promote) => (Tone::Good, "PROMOTE"),
        (None, VerdictKind::Unspecified) => (Tone::Faint, "-"),
    };
    let why = plain(&waiting_on(rollout));
    let why = why.trim_start_matches("a person: ");
    let (margin, room) = (NAMES + kind.len() + 2, width.saturating_sub(NAMES + kind.len() + 2));
    let said = wrapped(why, u16::try_from(room).unwrap_or(u16::MAX)).into_iter().take(MOST_LINES);
    let mut lines: Vec<Line<'static>> = said
        .enumerate()
        .map(|(at, text)| {
            let text = clipped(&text, room);
            if at > 0 {
                return ink.line(Tone::Plain, format!("{}{text}", " ".repeat(margin)));
            }
            let mut first = named(ink, "verdict", (tone, kind.to_owned()));
            first.push_span(ink.of(Tone::Plain, format!("  {text}")));
            first
        })
        .collect();
    // What is held or halted waits for no time.
    let runs = matches!(verdict.kind(), VerdictKind::Continue | VerdictKind::Promote);
    let next = next_look(verdict, now).filter(|_| runs && rollout.halt.is_none());
    let next = next
        .map(|next| named(ink, "next", (Tone::Plain, clipped(&next, width.saturating_sub(NAMES)))));
    lines.extend(next);
    lines
}

/// When the last of the gates opens that wait for a date.
fn next_look(verdict: &v1::Verdict, now: DateTime<Utc>) -> Option<String> {
    let dated = verdict.gates.iter().filter(|gate| is_closed(gate));
    let last = dated
        .filter_map(|gate| utc(gate.open_time.as_ref()?).map(|at| (at, gate)))
        .max_by_key(|(at, _)| *at);
    let (_, gate) = last?;
    let time = gate.open_time.as_ref();
    let at = time.and_then(rfc3339)?;
    Some(format!("{} opens {} at the earliest: {at}", plain(&gate.name), when(time, now)))
}

fn is_closed(gate: &v1::Gate) -> bool {
    match gate.state() {
        GateState::Waiting | GateState::Shut => true,
        GateState::Open | GateState::Unspecified => false,
    }
}

/// What went wrong against what halts, or holds.
fn limits(rollout: &v1::Rollout, ink: Ink, width: usize) -> Vec<Line<'static>> {
    let gates = rollout.verdict.as_ref().map_or(&[][..], |verdict| verdict.gates.as_slice());
    let rails =
        gates.iter().filter_map(|gate| Some((gate.name.strip_prefix("guard-rail/")?, gate)));
    let said = rails.map(|(name, gate)| {
        let state = match gate.state() {
            GateState::Open => String::new(),
            GateState::Waiting | GateState::Shut | GateState::Unspecified => {
                format!(" {}", small::<GateState>(gate.state).to_uppercase())
            }
        };
        format!("{name} {} of {}{state}", gate.observed, gate.required)
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() {
        return Vec::new();
    }
    vec![named(
        ink,
        "halts at",
        (Tone::Plain, clipped(&said.join("   "), width.saturating_sub(NAMES))),
    )]
}

/// A line with its name before it.
pub(super) fn named(ink: Ink, name: &str, (tone, text): (Tone, String)) -> Line<'static> {
    Line::from(vec![ink.of(Tone::Title, format!("{name:<NAMES$}")), ink.of(tone, text)])
}
