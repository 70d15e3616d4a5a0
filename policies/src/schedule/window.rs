//! What is a window? A cron expression in a time zone, and how long it stays open each time.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::openings::{AHEAD, Openings, Span};
use super::{cron_text, local};
use crate::time::{Millis, WallTime};

/// How far openings are looked for where the next days have none.
const FARTHEST: Millis = Millis::from_secs(5 * 366 * 86_400);

/// Openings that are known beyond the next days at least, where there are so many: for people who ask when it
/// opens next.
const FEWEST: usize = 2;

/// A window that opens at the times that a cron expression names, by the clock of a time zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    cron: String,
    lasts: Millis,
    zone: String,
}

/// Why something is no window, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}. {way_out}.")]
pub struct NotAWindow {
    /// What is wrong.
    pub problem: String,
    /// The way out.
    pub way_out: String,
}

impl Window {
    /// The shortest that a window may last.
    pub const SHORTEST: Millis = Millis::from_secs(600);
    /// The longest that a window may last.
    pub const LONGEST: Millis = Millis::from_secs(7 * 86_400);

    /// A window that opens at the minutes that `cron` names (minute, hour, day of the month, month, day of the
    /// week), by the clock of the IANA time zone `zone`, and lasts that long in real time.
    ///
    /// # Errors
    ///
    /// [`NotAWindow`]: the expression or the zone is unknown, never opens, or lasts less than [`Window::SHORTEST`] or
    /// more than [`Window::LONGEST`].
    pub fn new(cron: &str, lasts: Millis, zone: &str) -> Result<Self, NotAWindow> {
        let schedule = cron_text::parse(cron)?;
        if !(Self::SHORTEST..=Self::LONGEST).contains(&lasts) {
            return Err(NotAWindow {
                problem: format!("a window cannot last {lasts}"),
                way_out: format!("Write {} to {}", Self::SHORTEST, Self::LONGEST),
            });
        }
        if Tz::from_str(zone).is_err() {
            return Err(NotAWindow {
                problem: format!("`{}` is no time zone", zone.escape_debug()),
                way_out: "Write a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\""
                    .to_owned(),
            });
        }
        let beginning = DateTime::<Utc>::from_timestamp(1_700_000_000, 0);
        if beginning.is_none_or(|from| schedule.after(&from).next().is_none()) {
            return Err(NotAWindow {
                problem: format!("`{}` names no day that ever comes", cron.escape_debug()),
                way_out: "Write a day that its month has".to_owned(),
            });
        }
        let cron = cron.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Self { cron, lasts, zone: zone.to_owned() })
    }

    /// Minute, hour, day of the month, month, day of the week.
    pub fn cron(&self) -> &str {
        &self.cron
    }

    /// The IANA time zone.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// How long it stays open.
    pub const fn lasts(&self) -> Millis {
        self.lasts
    }

    /// When it is open from `from` on, as far as [`AHEAD`], by the rules of time zones of this build; `None`: this
    /// build does not know the zone.
    pub fn openings(&self, from: WallTime) -> Option<Openings> {
        let zone = Tz::from_str(&self.zone).ok()?;
        let schedule = cron_text::parse(&self.cron).ok()?;
        let known_until = WallTime(from.0.saturating_add(AHEAD.0));
        let farthest = WallTime(from.0.saturating_add(FARTHEST.0));
        // A day more than it lasts: by how much a local clock may differ.
        let earliest = from.0.saturating_sub(self.lasts.0).saturating_sub(2 * 86_400_000);
        let earliest = DateTime::<Utc>::from_timestamp_millis(i64::try_from(earliest).ok()?)?;
        let mut spans: Vec<Span> = Vec::new();
        // The fields are those of a local clock, whatever the iterator takes them for.
        for named in schedule.after(&earliest) {
            let Some(at) = local::first_instant(zone, named.naive_utc()) else { break };
            let Ok(at) = u64::try_from(at.timestamp_millis()) else { continue };
            let span = Span { from: WallTime(at), until: WallTime(at + self.lasts.0) };
            let ahead = spans.iter().filter(|span| span.from > from).count();
            let enough =
                ahead >= FEWEST || spans.last().is_some_and(|last| last.until >= known_until);
            if span.from > farthest || (span.from >= known_until && enough) {
                break;
            }
            if span.until > from {
                push(&mut spans, span);
            }
        }
        Some(Openings { from, spans, known_until })
    }
}

/// A span after those that there are, or one with the last where they meet.
fn push(spans: &mut Vec<Span>, span: Span) {
    match spans.last_mut() {
        Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
        Some(_) | None => spans.push(span),
    }
}

impl fmt::Display for Window {
    /// `0 22 * * MON-FRI for 6h, Europe/Berlin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}, {}", self.cron, self.lasts, self.zone)
    }
}
