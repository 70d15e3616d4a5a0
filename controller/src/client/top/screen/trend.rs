//! How did it go over the last hour? One sign a minute; a minute that nobody has seen is blank.

use std::collections::BTreeMap;

use ratatui::text::Line;
use tidegate_proto::v1;

use super::board::{NAMES, named};
use super::clipped;
use super::ink::{Ink, Tone};
use crate::client::top::app::App;

/// Minutes that are shown at most.
const MINUTES: usize = 60;
const SIGNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Failures, verified hosts, and hosts in flight.
pub(super) fn lines(app: &App, ink: Ink, width: usize) -> Vec<Line<'static>> {
    let history = app.selected().and_then(|name| app.trends.get(name));
    let Some(history) = history.filter(|history| !history.points.is_empty()) else {
        return Vec::new();
    };
    let columns = MINUTES.min(width.saturating_sub(NAMES + 44));
    let line = |name: &str, what: &str, of: &dyn Fn(&v1::HistoryPoint) -> u64| {
        let seen = minutes(history, columns, of);
        let most = seen.iter().flatten().copied().max().unwrap_or(0);
        let now = seen.iter().flatten().copied().next_back().unwrap_or(0);
        let text = format!("{}  {what}: {now} now, {most} at most", signs(&seen, most));
        let tone = if name == "trend" && now > 0 { Tone::Bad } else { Tone::Plain };
        named(ink, name, (tone, clipped(&text, width.saturating_sub(NAMES))))
    };
    vec![
        line("trend", "went wrong a minute", &|point| point.failures),
        line("", "verified a minute", &|point| point.verified),
        line("", "in flight", &|point| point.counts.unwrap_or_default().in_flight),
    ]
}

/// The last minutes up to the newest that was seen; `None`: nobody saw it.
fn minutes(
    history: &v1::History,
    columns: usize,
    of: &dyn Fn(&v1::HistoryPoint) -> u64,
) -> Vec<Option<u64>> {
    let minute = |point: &v1::HistoryPoint| point.minute.map_or(0, |time| time.seconds / 60);
    let seen: BTreeMap<i64, u64> = history.points.iter().map(|p| (minute(p), of(p))).collect();
    let Some((&last, _)) = seen.last_key_value() else { return Vec::new() };
    let first = last - i64::try_from(columns).unwrap_or(0) + 1;
    (first..=last).map(|minute| seen.get(&minute).copied()).collect()
}

fn signs(seen: &[Option<u64>], most: u64) -> String {
    let sign = |value: &Option<u64>| match (value, most) {
        (None, _) => ' ',
        (Some(_), 0) => SIGNS[0],
        (Some(value), most) => {
            let at = usize::try_from(value.saturating_mul(7).div_ceil(most)).unwrap_or(7);
            SIGNS[at.min(7)]
        }
    };
    seen.iter().map(sign).collect()
}
