//! How does the dashboard look? Lines from top to bottom: what matters most first, and what does not fit goes.

mod board;
mod feed;
mod health;
mod ink;
mod pages;
mod tiers;
mod trend;

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Text};
use ratatui::widgets::Paragraph;
use tidegate_proto::v1;

use super::app::{App, Ask, Page, clean};
use crate::client::names::id_of;
use crate::client::output::json::word;
use crate::client::output::rollout::standing;
use crate::client::output::time::span;
use ink::{Ink, Tone};

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, app: &App) {
    let area = frame.area();
    let ink = Ink { paint: app.paint, stale: app.model.is_stale(app.now) };
    let mut head = header(app, ink, area.width);
    head.extend(menu(app, ink, area.width));
    head.extend(alarm(app));
    let foot = foot(app, ink, area.width);
    let height = usize::from(area.height).saturating_sub(head.len() + foot.len());
    let body = match &app.page {
        Page::Board => board::lines(app, ink, (area.width, height)),
        Page::Hosts(hosts) => pages::hosts(hosts, ink, height),
        Page::Explain(of) => pages::explanation(of, ink, (area.width, height)),
        Page::Help => pages::help(ink),
    };
    let mut lines = head;
    lines.extend(body.into_iter().take(height));
    let last = usize::from(area.height).saturating_sub(foot.len());
    lines.resize(last, Line::default());
    lines.extend(foot);
    let all = Rect { height: area.height, ..area };
    frame.render_widget(Paragraph::new(Text::from(lines)), all);
}

/// What is shown, where it stands, as of when, and whether a majority stands behind it.
fn header(app: &App, ink: Ink, width: u16) -> Vec<Line<'static>> {
    let mut left = match app.rollout() {
        None => vec![ink.of(Tone::Faint, nothing_to_show(app))],
        Some((rollout, _)) => vec![
            ink.of(Tone::Title, format!("{}  ", id_of(&rollout.name))),
            ink.of(state_tone(rollout), clean(&standing(rollout))),
        ],
    };
    let names = app.model.names();
    if let Some(at) = names.iter().position(|name| Some(*name) == app.selected())
        && names.len() > 1
    {
        left.push(ink.of(Tone::Faint, format!("  ({}/{})", at + 1, names.len())));
    }
    let right = vec![
        ink.of(Tone::Plain, format!("log {}  ", app.model.revision)),
        health::quorum(app, ink),
        ink.of(Tone::Plain, format!("  {}", age(app))),
    ];
    side_by_side(left, right, width)
}

fn nothing_to_show(app: &App) -> String {
    if app.model.age(app.now).is_none() {
        return "waiting for a controller".to_owned();
    }
    "there is no rollout: `tidegate rollout start`".to_owned()
}

fn age(app: &App) -> String {
    match app.model.age(app.now) {
        None => "nothing heard".to_owned(),
        Some(age) => format!("age {}", whole(age)),
    }
}

/// A time to the second.
fn whole(time: Duration) -> String {
    match time.as_secs() {
        0 => "0s".to_owned(),
        seconds => span(seconds * 1_000),
    }
}

fn state_tone(rollout: &v1::Rollout) -> Tone {
    match rollout.state() {
        v1::RolloutState::Running | v1::RolloutState::Completed => Tone::Good,
        v1::RolloutState::RollingBack
        | v1::RolloutState::RolledBack
        | v1::RolloutState::AwaitingApproval
        | v1::RolloutState::Paused
        | v1::RolloutState::Draft
        | v1::RolloutState::Superseded
        | v1::RolloutState::Unspecified => Tone::Waits,
        v1::RolloutState::Halted => Tone::Bad,
    }
}

/// On one line where they fit, else below each other.
fn side_by_side(
    left: Vec<ratatui::text::Span<'static>>,
    right: Vec<ratatui::text::Span<'static>>,
    width: u16,
) -> Vec<Line<'static>> {
    let (left, right) = (Line::from(left), Line::from(right));
    let gap = usize::from(width).saturating_sub(left.width() + right.width());
    if gap < 2 {
        return vec![left, right];
    }
    let mut spans = left.spans;
    spans.push(" ".repeat(gap).into());
    spans.extend(right.spans);
    vec![Line::from(spans)]
}

/// The keys; the one that stops comes first, and is never grey. In a narrow window they take more lines.
fn menu(app: &App, ink: Ink, width: u16) -> Vec<Line<'static>> {
    let page = match &app.page {
        Page::Board => ["enter hosts", "e explain", "tab next"],
        Page::Hosts(_) => ["/ filter", "↓ more", "esc back"],
        Page::Explain(_) => ["↓ more", "e ask again", "esc back"],
        Page::Help => ["", "", "esc back"],
    };
    let keys = ["p pause", "m promote…"].into_iter().chain(page).chain(["? help", "q quit"]);
    let mut lines = vec![Line::from(ink.of(Tone::Stop, " h HALT "))];
    for key in keys.filter(|key| !key.is_empty()) {
        let span = ink.of(Tone::Plain, format!("  {key}"));
        let fits = lines.last().is_some_and(|l| l.width() + span.width() <= usize::from(width));
        match lines.last_mut() {
            Some(last) if fits => last.push_span(span),
            Some(_) | None => lines.push(Line::from(span)),
        }
    }
    lines
}

/// What is wrong with the screen itself.
fn alarm(app: &App) -> Vec<Line<'static>> {
    let ink = Ink { paint: app.paint, stale: false };
    let mut lines = Vec::new();
    if let Some(time) = app.model.leaderless(app.now) {
        let text =
            format!("NO LEADER for {}: nobody begins, and nothing newer is known", whole(time));
        lines.push(ink.line(Tone::Bad, text));
    }
    if app.model.is_stale(app.now)
        && let Some(age) = app.model.age(app.now)
    {
        let revision = app.model.revision;
        let text = format!(
            "STALE: this was so {} ago, at log {revision}. h halts all the same",
            whole(age)
        );
        lines.push(ink.line(Tone::Bad, text));
    }
    if let Some(why) = &app.model.broken {
        lines.push(ink.line(Tone::Bad, format!("NOT CONNECTED: {}", clean(why))));
    }
    lines
}

/// A question, or what became of the last command.
fn foot(app: &App, ink: Ink, width: u16) -> Vec<Line<'static>> {
    let ink = Ink { stale: false, ..ink };
    let typing = |what: &str, typed: &str| {
        let name = app.selected().map_or("", id_of);
        let hint = "enter goes on, esc changes nothing";
        let text = format!("{what} {name}, because: {}█", clean(typed));
        vec![ink.line(Tone::Waits, text), ink.line(Tone::Faint, hint)]
    };
    match &app.ask {
        Ask::HaltReason { typed } => typing("HALT", typed),
        Ask::ResumeReason { typed } => typing("resume", typed),
        Ask::YesNo { stakes, how, .. } => {
            let mut lines: Vec<Line<'static>> = wrapped(&clean(stakes), width)
                .into_iter()
                .map(|line| ink.line(Tone::Waits, line))
                .collect();
            let question = format!("{}: go on? y/N", how.word());
            lines.push(ink.line(Tone::Stop, question));
            lines
        }
        Ask::Nothing => match &app.notice {
            None => Vec::new(),
            Some(Ok(text)) => notice(ink, Tone::Good, text, width),
            Some(Err(text)) => notice(ink, Tone::Bad, text, width),
        },
    }
}

fn notice(ink: Ink, tone: Tone, text: &str, width: u16) -> Vec<Line<'static>> {
    let lines = text.lines().flat_map(|line| wrapped(&clean(line), width));
    lines.map(|line| ink.line(tone, line)).collect()
}

/// Text in lines of at most `width` columns, broken between words.
fn wrapped(text: &str, width: u16) -> Vec<String> {
    let width = usize::from(width).max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Text that ends with an ellipsis where it is longer than `width` columns.
fn clipped(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// A state's word in small letters.
fn small<E: crate::client::output::json::Word>(value: i32) -> String {
    word::<E>(value).to_lowercase().replace('_', " ")
}
