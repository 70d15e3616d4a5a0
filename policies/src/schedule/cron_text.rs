//! What does a cron expression of five fields say? Minute, hour, day of the month, month, day of the week.

use std::str::FromStr;

use cron::Schedule;

use super::window::NotAWindow;

const DAYS: [&str; 8] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

/// Reads the five fields.
///
/// Days of the week count from 0, Sunday, as in every crontab; 7 is Sunday, too.
pub(super) fn parse(text: &str) -> Result<Schedule, NotAWindow> {
    let malformed = |why: String| {
        NotAWindow {
        problem: format!("`{}` is no cron expression: {why}", text.escape_debug()),
        way_out: "Write minute, hour, day of the month, month and day of the week, such as \"0 22 * * MON-FRI\""
            .to_owned(),
    }
    };
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(malformed(format!("it has {} fields, not 5", fields.len())));
    };
    if day != "*" && weekday != "*" {
        return Err(NotAWindow {
            problem: format!(
                "`{}` names days of the month and days of the week, and cron programs disagree on what that means",
                text.escape_debug()
            ),
            way_out: "Write `*` for one of the two, or two windows".to_owned(),
        });
    }
    let weekday = named_days(weekday)
        .ok_or_else(|| malformed(format!("`{}` is no day of the week", weekday.escape_debug())))?;
    let whole = format!("0 {minute} {hour} {day} {month} {weekday}");
    Schedule::from_str(&whole).map_err(|error| malformed(one_line(&error.to_string())))
}

/// The field with its numbers as names, which mean the same to everybody.
fn named_days(field: &str) -> Option<String> {
    if field == "*" {
        return Some(field.to_owned());
    }
    let name = |day: &str| match day.parse::<usize>() {
        Ok(number) => DAYS.get(number).map(|day| (*day).to_owned()),
        Err(_) => day.chars().all(|letter| letter.is_ascii_alphabetic()).then(|| day.to_owned()),
    };
    let part = |part: &str| match part.split_once('-') {
        Some((from, to)) => Some(format!("{}-{}", name(from)?, name(to)?)),
        None => name(part),
    };
    let parts: Option<Vec<String>> = field.split(',').map(part).collect();
    parts.map(|parts| parts.join(","))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
