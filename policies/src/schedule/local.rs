//! At which instant does a local clock show a time? The first at which it shows that time or a later one.
//!
//! So what falls into the gap of a spring night begins when the gap ends, and what an autumn night has twice
//! happens once, the first time.

use chrono::{DateTime, Days, Duration, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

/// The first instant at which a clock in `zone` shows `local` or a later time; `None` at the end of the calendar.
pub(super) fn first_instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
        LocalResult::None => end_of_gap(zone, local),
    }
}

/// The instant at which clocks in `zone` jump over `local`. No gap is longer than two days.
fn end_of_gap(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    let guess = local.and_utc();
    let mut before = guess.checked_sub_days(Days::new(3))?;
    let mut after = guess.checked_add_days(Days::new(3))?;
    let shows_less =
        |at: DateTime<Utc>| zone.from_utc_datetime(&at.naive_utc()).naive_local() < local;
    while after - before > Duration::seconds(1) {
        let middle = before + Duration::seconds((after - before).num_seconds() / 2);
        if shows_less(middle) {
            before = middle;
        } else {
            after = middle;
        }
    }
    Some(after)
}
