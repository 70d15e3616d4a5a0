//! What was decided, by whom, when? The newest first.

use ratatui::text::Line;
use tidegate_proto::v1;

use super::board::{NAMES, named};
use super::clipped;
use super::ink::{Ink, Tone};
use crate::client::names::id_of;
use crate::client::output::text::plain;
use crate::client::output::time::ago;
use crate::client::top::app::App;

/// As many records as there are lines.
pub(super) fn lines(app: &App, ink: Ink, (width, height): (usize, usize)) -> Vec<Line<'static>> {
    let records = app.model.records.iter().rev().take(height).enumerate();
    let line = |(at, record): (usize, &v1::DecisionRecord)| {
        let name = if at == 0 { "decided" } else { "" };
        let when = ago(record.time.as_ref(), app.now.wall);
        let event = record.event.trim_start_matches("rollout.");
        let subject = id_of(&record.subject);
        let text = format!("{when:<9} {} {event} {subject}: {}", record.actor, record.detail);
        named(ink, name, (tone(&record.event), clipped(&plain(&text), width.saturating_sub(NAMES))))
    };
    records.map(line).collect()
}

fn tone(event: &str) -> Tone {
    match event {
        "rollout.halted" | "rollout.slice.halted" => Tone::Bad,
        "rollout.verdict" => Tone::Faint,
        _ => Tone::Plain,
    }
}
