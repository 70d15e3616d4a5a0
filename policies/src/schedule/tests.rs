//! Do windows open when their zone's clock says so, also in the nights in which it is changed?

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use super::{At, Openings, Span, Window};
use crate::time::{Millis, WallTime};

const HOUR: Millis = Millis::from_secs(3_600);

fn wall(text: &str) -> WallTime {
    let at: DateTime<Utc> = text.parse().unwrap();
    WallTime(u64::try_from(at.timestamp_millis()).unwrap())
}

fn told(wall: WallTime) -> String {
    let at = DateTime::<Utc>::from_timestamp_millis(i64::try_from(wall.0).unwrap()).unwrap();
    at.format("%d %H:%M").to_string()
}

/// The openings of a window of two hours in the week from `from` on, in UTC.
#[track_caller]
fn check(cron: &str, zone: &str, from: &str, expected: &str) {
    let window = Window::new(cron, HOUR.times(2), zone).unwrap();
    let openings = window.openings(wall(from)).unwrap();
    let within = |span: &&Span| span.from < openings.known_until;
    let shown: Vec<String> = openings
        .spans
        .iter()
        .filter(within)
        .map(|span| format!("{} to {}", told(span.from), told(span.until)))
        .collect();
    assert_eq!(shown.join("; "), expected);
}

#[test]
fn a_window_opens_by_the_clock_of_its_zone_and_lasts_in_real_time() {
    check("0 22 * * FRI", "Europe/Berlin", "2026-07-01T00:00:00Z", "03 20:00 to 03 22:00");
    check(
        "30 9 * * 1,3",
        "UTC",
        "2026-07-01T00:00:00Z",
        "01 09:30 to 01 11:30; 06 09:30 to 06 11:30; 08 09:30 to 08 11:30",
    );
}

#[test]
fn numbers_count_days_of_the_week_from_sunday() {
    for (number, name) in [("0", "SUN"), ("7", "SUN"), ("1-5", "MON-FRI"), ("6,0", "SAT,SUN")] {
        let of = |days| Window::new(&format!("0 4 * * {days}"), HOUR, "UTC").unwrap();
        let from = wall("2026-03-01T00:00:00Z");
        assert_eq!(of(number).openings(from), of(name).openings(from), "{number}");
    }
}

#[test]
fn a_window_that_is_open_already_is_seen() {
    check(
        "0 22 * * *",
        "UTC",
        "2026-07-01T23:00:00Z",
        &(1..=9)
            .map(|day| format!("{day:02} 22:00 to {:02} 00:00", day + 1))
            .collect::<Vec<_>>()
            .join("; "),
    );
}

#[test]
fn windows_that_meet_are_one() {
    check("0 */2 * * *", "UTC", "2026-07-01T00:30:00Z", "01 00:00 to 09 02:00");
}

#[test]
fn in_a_night_without_the_hour_it_opens_when_the_gap_ends() {
    // Clocks in Berlin jump from 2:00 to 3:00 at 01:00 UTC on 29 March 2026.
    let window = Window::new("30 2 29 3 *", HOUR, "Europe/Berlin").unwrap();
    let openings = window.openings(wall("2026-03-28T00:00:00Z")).unwrap();
    assert_eq!(told(openings.spans[0].from), "29 01:00");
}

#[test]
fn in_a_night_that_has_the_hour_twice_it_opens_once() {
    // Clocks in Berlin fall back from 3:00 to 2:00 at 01:00 UTC on 25 October 2026.
    let window = Window::new("30 2 * * *", Millis::from_secs(600), "Europe/Berlin").unwrap();
    let openings = window.openings(wall("2026-10-24T12:00:00Z")).unwrap();
    let first: Vec<String> = openings.spans.iter().take(2).map(|span| told(span.from)).collect();
    assert_eq!(first, ["25 00:30", "26 01:30"]);
}

#[test]
fn a_zone_that_skips_a_day_opens_at_the_next_ones_beginning() {
    // Samoa had no 30 December 2011.
    let window = Window::new("0 12 30 12 *", HOUR, "Pacific/Apia").unwrap();
    let openings = window.openings(wall("2011-12-29T00:00:00Z")).unwrap();
    assert_eq!(told(openings.spans[0].from), "30 10:00");
}

#[test]
fn a_window_is_open_from_its_first_millisecond_to_its_last() {
    let window = Window::new("0 22 * * *", HOUR, "UTC").unwrap();
    let openings = window.openings(wall("2026-07-01T00:00:00Z")).unwrap();
    let (opens, closes) = (wall("2026-07-01T22:00:00Z"), wall("2026-07-01T23:00:00Z"));
    let at = |wall: u64| openings.at(WallTime(wall));
    assert_eq!(at(opens.0 - 1), At::Closed { opens: Some(opens) });
    assert_eq!(at(opens.0), At::Open { until: closes });
    assert_eq!(at(closes.0 - 1), At::Open { until: closes });
    assert_eq!(at(closes.0), At::Closed { opens: Some(WallTime(opens.0 + 86_400_000)) });
}

#[test]
fn what_nobody_computed_is_unknown() {
    let window = Window::new("* * * * *", HOUR, "UTC").unwrap();
    let from = wall("2026-07-01T00:00:00Z");
    let openings = window.openings(from).unwrap();
    assert_eq!(openings.at(WallTime(from.0 - 1)), At::Unknown);
    assert_eq!(openings.at(openings.known_until), At::Unknown);
    assert!(matches!(openings.at(WallTime(openings.known_until.0 - 1)), At::Open { .. }));
    assert!(!openings.run_out(from));
    assert!(openings.run_out(WallTime(openings.known_until.0 - 1)));
}

#[test]
fn a_rare_window_says_when_it_opens_next() {
    let window = Window::new("0 6 1 1 *", HOUR, "UTC").unwrap();
    let openings = window.openings(wall("2026-07-01T00:00:00Z")).unwrap();
    let next = wall("2027-01-01T06:00:00Z");
    assert_eq!(openings.at(wall("2026-07-02T00:00:00Z")), At::Closed { opens: Some(next) });
}

#[test]
fn of_several_windows_one_that_is_open_is_enough() {
    let (open, later) = (At::Open { until: WallTime(5) }, At::Open { until: WallTime(9) });
    let (closed, never) = (At::Closed { opens: Some(WallTime(7)) }, At::Closed { opens: None });
    assert_eq!(open.or(later), later);
    assert_eq!(At::Unknown.or(open), open);
    assert_eq!(closed.or(At::Unknown), At::Unknown);
    assert_eq!(never.or(closed), closed);
    assert_eq!(
        closed.or(At::Closed { opens: Some(WallTime(6)) }),
        At::Closed { opens: Some(WallTime(6)) }
    );
}

#[test]
fn what_is_no_window_says_what_to_write() {
    let check = |cron: &str, lasts: Millis, zone: &str, expected: &str| {
        let error = Window::new(cron, lasts, zone).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("0 22 * *", HOUR, "UTC", "it has 4 fields, not 5");
    check("0 22 * * * *", HOUR, "UTC", "it has 6 fields, not 5");
    check("0 25 * * *", HOUR, "UTC", "is no cron expression");
    check("0 22 * * 8", HOUR, "UTC", "`8` is no day of the week");
    check("0 22 * * */2", HOUR, "UTC", "is no day of the week");
    check("0 22 1 * MON", HOUR, "UTC", "two windows");
    check("0 22 30 2 *", HOUR, "UTC", "no day that ever comes");
    check("0 22 * * *", Millis::from_secs(599), "UTC", "Write 10m to 7d");
    check("0 22 * * *", Millis(Window::LONGEST.0 + 1), "UTC", "Write 10m to 7d");
    check("0 22 * * *", HOUR, "Berlin", "`Berlin` is no time zone");
    check("0 22 * * *", HOUR, "", "is no time zone");
}

/// Zones of every kind of rule: two hemispheres, half hours, quarters, a gap of half an hour, Ramadan, none.
const ZONES: [&str; 40] = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Europe/Moscow",
    "Europe/Istanbul",
    "Europe/Kyiv",
    "Atlantic/Azores",
    "Atlantic/Reykjavik",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/St_Johns",
    "America/Halifax",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Asuncion",
    "America/Havana",
    "America/Caracas",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Lagos",
    "Asia/Tehran",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Tokyo",
    "Asia/Pyongyang",
    "Asia/Amman",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Fiji",
];

/// Every opening of a window from 2017 to 2026, in the order of time.
fn ten_years(window: &Window) -> Vec<Openings> {
    let mut from = wall("2017-01-01T00:00:00Z");
    let end = wall("2027-01-01T00:00:00Z");
    let mut all = Vec::new();
    while from < end {
        let openings = window.openings(from).unwrap();
        from = openings.known_until;
        all.push(openings);
    }
    all
}

/// The first minute at which a clock in `zone` shows `local` or later: told minute by minute.
fn by_watching(zone: Tz, local: NaiveDateTime) -> WallTime {
    let mut at = local.and_utc() - Duration::hours(16);
    while zone.from_utc_datetime(&at.naive_utc()).naive_local() < local {
        at += Duration::minutes(1);
    }
    WallTime(u64::try_from(at.timestamp_millis()).unwrap())
}

#[test]
fn over_ten_years_in_forty_zones_a_window_opens_once_a_day_when_the_clock_first_shows_its_time() {
    for (n, name) in ZONES.into_iter().enumerate() {
        let zone: Tz = name.parse().unwrap();
        // Around midnight and three o'clock, when clocks are changed.
        let (hour, minute) = [(0, 30), (1, 0), (2, 30), (3, 0)][n % 4];
        let window =
            Window::new(&format!("{minute} {hour} * * *"), Window::SHORTEST, name).unwrap();
        let mut starts: Vec<WallTime> = ten_years(&window)
            .iter()
            .flat_map(|of| of.spans.clone())
            .map(|span| span.from)
            .collect();
        starts.sort_unstable();
        starts.dedup();
        let mut expected = Vec::new();
        let mut date = NaiveDate::from_ymd_opt(2017, 1, 3).unwrap();
        while date.year() < 2026 || date.ordinal() < 360 {
            let local = date.and_hms_opt(hour, minute, 0).unwrap();
            let offset = |hours: i64| {
                let at = local + Duration::hours(hours);
                zone.from_utc_datetime(&at).naive_local() - at
            };
            // Minute by minute only where the clock is changed within a day.
            let steady = [-24, -12, 0, 12].into_iter().all(|hours| offset(hours) == offset(24));
            expected.push(if steady {
                let at = (local - offset(0)).and_utc().timestamp_millis();
                WallTime(u64::try_from(at).unwrap())
            } else {
                by_watching(zone, local)
            });
            date = date.succ_opt().unwrap();
        }
        let (first, last) = (expected[0], *expected.last().unwrap());
        starts.retain(|at| (first..=last).contains(at));
        assert_eq!(starts, expected, "{name}");
        assert!(expected.iter().all(|at| at.0 % 60_000 == 0));
        assert!(local_minutes(zone, &starts).iter().all(|of| *of >= hour * 60 + minute), "{name}");
    }
}

/// What the zone's clock shows at each instant, in minutes of its day.
fn local_minutes(zone: Tz, starts: &[WallTime]) -> Vec<u32> {
    let local = |at: &WallTime| {
        let at = DateTime::<Utc>::from_timestamp_millis(i64::try_from(at.0).unwrap()).unwrap();
        let local = zone.from_utc_datetime(&at.naive_utc()).naive_local();
        local.hour() * 60 + local.minute()
    };
    starts.iter().map(local).collect()
}
