//! How are times written? RFC 3339 in UTC for programs, "3m ago" for people.

use std::sync::OnceLock;

use chrono::{DateTime, Local, SecondsFormat, Utc};
use prost_types::Timestamp;

/// How times are written for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Times {
    /// How long ago.
    #[default]
    Ago,
    /// RFC 3339 in UTC.
    Utc,
    /// RFC 3339 in this machine's time zone.
    Local,
}

/// How this run writes times: said once, before the first is written.
static WRITTEN: OnceLock<Times> = OnceLock::new();

/// From here on times are written like this.
pub(crate) fn write_as(times: Times) {
    // A second word would change the middle of an output.
    let _kept = WRITTEN.set(times);
}

/// A wire timestamp; `None` where it is no time.
pub(crate) fn utc(time: &Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.seconds, u32::try_from(time.nanos).ok()?)
}

/// RFC 3339 in UTC, e.g. `2026-11-03T09:10:00Z`.
pub(crate) fn rfc3339(time: &Timestamp) -> Option<String> {
    utc(time).map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// `3m ago`, or the time itself where the operator wants it; `-` where there is no time.
pub(crate) fn ago(time: Option<&Timestamp>, now: DateTime<Utc>) -> String {
    let Some(time) = time.and_then(utc) else { return "-".to_owned() };
    match WRITTEN.get().copied().unwrap_or_default() {
        Times::Ago => distance(time, now),
        Times::Utc => time.to_rfc3339_opts(SecondsFormat::Secs, true),
        Times::Local => time.with_timezone(&Local).to_rfc3339_opts(SecondsFormat::Secs, false),
    }
}

fn distance(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match u64::try_from((now - time).num_milliseconds()) {
        Ok(elapsed_ms) if elapsed_ms >= 1_000 => format!("{} ago", span_coarse(elapsed_ms)),
        // A clock that is a little ahead of ours is no news.
        Ok(_) | Err(_) => "just now".to_owned(),
    }
}

/// `in 3d`, or `3d ago`; `-` where there is no time.
pub(crate) fn when(time: Option<&Timestamp>, now: DateTime<Utc>) -> String {
    let Some(at) = time.and_then(utc) else { return "-".to_owned() };
    match u64::try_from((at - now).num_milliseconds()) {
        Ok(to_come) => format!("in {}", span_coarse(to_come)),
        Err(_) => ago(time, now),
    }
}

/// A duration in its two largest units: `1h30m`, `45s`, `200ms`.
pub(crate) fn span(ms: u64) -> String {
    if ms < 1_000 {
        return format!("{ms}ms");
    }
    let seconds = ms / 1_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds % 60, "s")];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(parts.len());
    let two = parts.iter().skip(first).take(2).filter(|(count, _)| *count > 0);
    two.map(|(count, unit)| format!("{count}{unit}")).collect()
}

/// A duration in its largest unit: `3m`.
pub(crate) fn span_coarse(ms: u64) -> String {
    let text = span(ms);
    let second = text.find(|c: char| c.is_ascii_alphabetic()).map_or(text.len(), |at| {
        text[at..].find(|c: char| c.is_ascii_digit()).map_or(text.len(), |digit| at + digit)
    });
    text[..second].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, nanos: i32) -> Timestamp {
        Timestamp { seconds, nanos }
    }

    #[test]
    fn programs_get_rfc_3339_in_utc() {
        assert_eq!(rfc3339(&at(0, 0)), Some("1970-01-01T00:00:00Z".to_owned()));
        assert_eq!(
            rfc3339(&at(1_793_697_000, 5_000_000)),
            Some("2026-11-03T09:10:00.005Z".to_owned())
        );
        assert_eq!(rfc3339(&at(i64::MAX, 0)), None);
        assert_eq!(rfc3339(&at(0, -1)), None);
    }

    #[test]
    fn people_get_the_distance() {
        let now = utc(&at(1_000_000, 0)).unwrap();
        let cases = [
            (1_000_000, "just now"),
            (1_000_005, "just now"),
            (999_999, "1s ago"),
            (999_900, "1m ago"),
            (990_000, "2h ago"),
            (0, "11d ago"),
        ];
        for (seconds, text) in cases {
            assert_eq!(ago(Some(&at(seconds, 0)), now), text);
        }
        let cases =
            [(1_000_060, "in 1m"), (1_000_000 + 30 * 86_400, "in 30d"), (990_000, "2h ago")];
        for (seconds, text) in cases {
            assert_eq!(when(Some(&at(seconds, 0)), now), text);
        }
        assert_eq!(when(None, now), "-");
        assert_eq!(ago(None, now), "-");
    }

    #[test]
    fn spans_show_two_units_at_most() {
        let cases = [
            (0, "0ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (60_000, "1m"),
            (90_000, "1m30s"),
            (5_400_000, "1h30m"),
            (3_605_000, "1h"),
            (90_061_000, "1d1h"),
        ];
        for (ms, text) in cases {
            assert_eq!(span(ms), text);
        }
        assert_eq!(span_coarse(90_000), "1m");
        assert_eq!(span_coarse(200), "200ms");
    }
}
