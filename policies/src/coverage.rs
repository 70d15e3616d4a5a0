//! Is a kernel covered, and until when? By a table that an operator applies, and by dates alone.
//!
//! A kernel is covered as long as its series is, on its distribution release, and as long as its host upgrades and
//! boots anew often enough. Days are days in UTC; the last day of a coverage is covered to its last millisecond.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{Datelike as _, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::plural::count;
use crate::time::WallTime;

const DAY_MILLIS: u64 = 86_400_000;

/// A day in UTC: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Day(pub u32);

/// A month: months since January of the year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Month(u32);

/// Which kernels are covered, until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageTable {
    /// The kernel series, in the order of the document; each at most once for one distribution release.
    pub lines: Vec<Line>,
    /// When kernel releases were published, e.g. `5.15.0-107.117`.
    pub builds: BTreeMap<String, Day>,
}

/// How long the kernels of one series are covered on one distribution release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The series, e.g. `5.15`.
    pub series: String,
    /// What kind of kernel it is there.
    pub kind: Kind,
    /// The distribution release, as hosts tell it, e.g. `22.04`.
    pub release: String,
    /// When it was released there.
    pub released: Month,
    /// Its last month.
    pub covered_until: Month,
    /// A host needs a newer kernel release, and a reboot, every so many months.
    pub upgrade_every: u32,
}

/// What kind of kernel a series is on a distribution release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// It came with the release.
    Ga,
    /// It came later, for newer hardware.
    Hwe,
}

/// What a host's kernel is, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Kernel<'a> {
    /// Its series.
    pub series: &'a str,
    /// Its release, without flavour.
    pub release: &'a str,
    /// The host's distribution release; empty: the host does not tell.
    pub distro: &'a str,
}

/// Whether a kernel is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Supported {
    /// It is.
    Supported,
    /// The host should have upgraded by now.
    KernelUpgradeRequired,
    /// Its series is covered no more.
    KernelEndOfLife,
    /// The table does not have it.
    Unsupported,
    /// There is no table.
    Unknown,
}

/// From which day a deadline counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The day on which the table says that the kernel release was published.
    Published(Day),
    /// The day on which a host was first seen with it: the table does not say.
    FirstSeen(Day),
}

/// How a kernel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing<'t> {
    /// Whether it is covered.
    pub supported: Supported,
    /// The line of the table that says so; `None`: no line is about it.
    pub line: Option<&'t Line>,
    /// From when its deadline counts; `None`: nobody knows.
    pub counted: Option<Counted>,
    /// The last day on which it is, or was, covered.
    pub until: Option<Day>,
}

impl Day {
    /// The day of this instant.
    pub fn of(at: WallTime) -> Self {
        Self(u32::try_from(at.0 / DAY_MILLIS).unwrap_or(u32::MAX))
    }

    /// The day of this date; `None`: there is none, or it is before 1970.
    pub fn of_date(year: i32, month: u32, day: u32) -> Option<Self> {
        Self::of_naive(NaiveDate::from_ymd_opt(year, month, day)?)
    }

    /// The first instant after it.
    pub fn ends(self) -> WallTime {
        WallTime((u64::from(self.0) + 1).saturating_mul(DAY_MILLIS))
    }

    /// The same day of the month so many months later, or the last of a month that is shorter; `None`: beyond all
    /// calendars.
    pub fn after_months(self, months: u32) -> Option<Self> {
        Self::of_naive(self.naive()?.checked_add_months(Months::new(months))?)
    }

    fn naive(self) -> Option<NaiveDate> {
        NaiveDate::default().checked_add_days(Days::new(self.0.into()))
    }

    fn of_naive(date: NaiveDate) -> Option<Self> {
        let days = date.signed_duration_since(NaiveDate::default()).num_days();
        u32::try_from(days).ok().map(Self)
    }
}

impl fmt::Display for Day {
    /// `2026-05-02`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.naive() {
            Some(date) => write!(f, "{}", date.format("%Y-%m-%d")),
            None => write!(f, "{} days after 1970", self.0),
        }
    }
}

impl Month {
    /// The `month`, from 1, of a year from 1970 on; `None`: there is none.
    pub fn of(year: i32, month: u32) -> Option<Self> {
        let day = Day::of_date(year, month, 1)?.naive()?;
        let year = u32::try_from(day.year()).ok()?;
        Some(Self(year * 12 + month - 1))
    }

    /// Its last day.
    pub fn last_day(self) -> Day {
        let next = self.0 + 1;
        let first =
            i32::try_from(next / 12).ok().and_then(|year| Day::of_date(year, next % 12 + 1, 1));
        Day(first.map_or(u32::MAX, |Day(first)| first.saturating_sub(1)))
    }
}

impl fmt::Display for Month {
    /// `2026-05`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 12, self.0 % 12 + 1)
    }
}

impl Kind {
    /// Its word in documents and on screens.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ga => "ga",
            Self::Hwe => "hwe",
        }
    }
}

impl Supported {
    /// The name that scripts know.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::KernelUpgradeRequired => "kernel-upgrade-required",
            Self::KernelEndOfLife => "kernel-end-of-life",
            Self::Unsupported => "unsupported",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a host with such a kernel may have patches. Where there is no table, nothing is judged.
    pub const fn lets_patch(self) -> bool {
        match self {
            Self::Supported | Self::Unknown => true,
            Self::KernelUpgradeRequired | Self::KernelEndOfLife | Self::Unsupported => false,
        }
    }
}

impl Counted {
    const fn day(self) -> Day {
        match self {
            Self::Published(day) | Self::FirstSeen(day) => day,
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published(day) => write!(f, "published on {day}"),
            Self::FirstSeen(day) => write!(f, "first seen on {day}"),
        }
    }
}

impl Standing<'_> {
    /// Where there is no table.
    pub const UNKNOWN: Self =
        Self { supported: Supported::Unknown, line: None, counted: None, until: None };

    /// Its word, why in one sentence about `kernel`, and the way out where it is not covered.
    pub fn words(&self, kernel: Kernel<'_>) -> String {
        let (word, release) = (self.supported.word(), kernel.release);
        let of = self.line.map_or_else(String::new, |line| {
            format!("{} {} on {}", line.kind.word().to_uppercase(), line.series, line.release)
        });
        let until =
            self.until.map_or_else(|| "nobody knows when".to_owned(), |day| day.to_string());
        match (self.supported, self.line, self.counted) {
            (Supported::Unknown, _, _) => format!("{word}: no coverage table was applied"),
            (Supported::KernelEndOfLife, _, _) => format!(
                "{word}: the kernels {of} were covered until {until}; install a kernel that is covered, and reboot"
            ),
            (
                Supported::Supported | Supported::KernelUpgradeRequired,
                Some(line),
                Some(counted),
            ) => {
                let every = count(line.upgrade_every.into(), "month");
                let what = format!(
                    "its kernel {release} was {counted}, and the kernels {of} need an upgrade and a reboot within {every}"
                );
                match self.supported.lets_patch() {
                    true => format!("{word}: {what}; it is covered until {until}"),
                    false => format!(
                        "{word}: {what}; it was due on {until}: upgrade the kernel and reboot"
                    ),
                }
            }
            (_, Some(_), _) => format!(
                "{word}: no date of its kernel {release} is known; say when it was published in a `[[build]]` of the \
                 coverage table"
            ),
            (_, None, _) => {
                let on = match kernel.distro {
                    "" => String::new(),
                    distro => format!(" on {distro}"),
                };
                format!(
                    "{word}: the coverage table has no kernels {}{on}; install a kernel that it has, or add a \
                     `[[kernel]]` to it with `tidegate coverage apply`",
                    kernel.series
                )
            }
        }
    }
}

impl CoverageTable {
    /// How `kernel`, which was seen first at `first_seen`, stands at `now`.
    ///
    /// Of a host that does not tell its distribution release, the line counts that ends first.
    pub fn standing(
        &self,
        kernel: Kernel<'_>,
        first_seen: Option<WallTime>,
        now: WallTime,
    ) -> Standing<'_> {
        let published = self.builds.get(kernel.release).map(|&day| Counted::Published(day));
        let counted = published.or_else(|| Some(Counted::FirstSeen(Day::of(first_seen?))));
        let about = |line: &&Line| {
            line.series == kernel.series && ["", &line.release].contains(&kernel.distro)
        };
        let lines = self.lines.iter().filter(about);
        let first = lines.min_by_key(|line| (line.covers(counted), line.covered_until));
        let Some(line) = first else {
            let supported = Supported::Unsupported;
            return Standing { supported, line: None, counted, until: None };
        };
        let until = line.covers(counted);
        let supported = if line.covered_until.last_day().ends() <= now {
            Supported::KernelEndOfLife
        } else if counted.is_none() {
            Supported::Unsupported
        } else if until.ends() <= now {
            Supported::KernelUpgradeRequired
        } else {
            Supported::Supported
        };
        let until = match supported {
            Supported::Unsupported | Supported::Unknown => None,
            Supported::KernelEndOfLife => Some(line.covered_until.last_day()),
            Supported::Supported | Supported::KernelUpgradeRequired => Some(until),
        };
        Standing { supported, line: Some(line), counted, until }
    }
}

impl Line {
    /// The last day on which it covers a kernel release of this date.
    fn covers(&self, counted: Option<Counted>) -> Day {
        let ends = self.covered_until.last_day();
        let due = counted.and_then(|counted| counted.day().after_months(self.upgrade_every));
        due.map_or(ends, |due| due.min(ends))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        let parts: Vec<u32> = text.split('-').map(|part| part.parse().unwrap()).collect();
        Day::of_date(i32::try_from(parts[0]).unwrap(), parts[1], parts[2]).unwrap()
    }

    fn month(text: &str) -> Month {
        let (year, month) = text.split_once('-').unwrap();
        Month::of(year.parse().unwrap(), month.parse().unwrap()).unwrap()
    }

    fn line(release: &str, covered_until: &str, upgrade_every: u32) -> Line {
        Line {
            series: "5.15".to_owned(),
            kind: Kind::Ga,
            release: release.to_owned(),
            released: month("2022-04"),
            covered_until: month(covered_until),
            upgrade_every,
        }
    }

    fn table(lines: &[Line], builds: &[(&str, &str)]) -> CoverageTable {
        let builds = builds.iter().map(|(kernel, at)| ((*kernel).to_owned(), day(at)));
        CoverageTable { lines: lines.to_vec(), builds: builds.collect() }
    }

    const KERNEL: Kernel<'_> =
        Kernel { series: "5.15", release: "5.15.0-100.110", distro: "22.04" };

    /// The word, and the last day, at `now` of a kernel that was first seen on 2024-01-31.
    #[track_caller]
    fn check(table: &CoverageTable, kernel: Kernel<'_>, now: WallTime, expected: &str) {
        let seen = Some(WallTime(day("2024-01-30").ends().0 + 1));
        let standing = table.standing(kernel, seen, now);
        let until = standing.until.map_or_else(|| "-".to_owned(), |day| day.to_string());
        assert_eq!(format!("{} {until}", standing.supported.word()), expected);
    }

    #[test]
    fn months_go_by_the_calendar_and_end_with_a_shorter_month() {
        let check = |from, months, expected: &str| {
            assert_eq!(day(from).after_months(months).unwrap().to_string(), expected);
        };
        check("2024-02-07", 13, "2025-03-07");
        check("2024-01-31", 13, "2025-02-28");
        check("2023-01-31", 13, "2024-02-29");
        check("2024-02-29", 12, "2025-02-28");
        check("2024-02-29", 48, "2028-02-29");
        check("2023-11-30", 9, "2024-08-30");
        check("2024-05-31", 9, "2025-02-28");
        assert_eq!(Day(u32::MAX).after_months(u32::MAX), None);
    }

    #[test]
    fn a_month_ends_with_its_last_day_in_leap_years_too() {
        let check = |of, expected: &str| assert_eq!(month(of).last_day().to_string(), expected);
        check("2034-04", "2034-04-30");
        check("2033-12", "2033-12-31");
        check("2028-02", "2028-02-29");
        check("2100-02", "2100-02-28");
        assert_eq!(month("2033-12").to_string(), "2033-12");
        assert_eq!(
            (Month::of(2024, 13), Month::of(2024, 0), Month::of(1969, 12)),
            (None, None, None)
        );
        assert_eq!(Day::of_date(2023, 2, 29), None);
    }

    #[test]
    fn a_kernel_is_covered_to_the_last_millisecond_of_its_day_and_no_longer() {
        let table = table(&[line("22.04", "2034-04", 13)], &[("5.15.0-100.110", "2024-02-07")]);
        let ends = day("2025-03-07").ends();
        assert_eq!(ends.to_string(), "2025-03-08T00:00:00Z");
        check(&table, KERNEL, WallTime(ends.0 - 1), "supported 2025-03-07");
        check(&table, KERNEL, ends, "kernel-upgrade-required 2025-03-07");
    }

    #[test]
    fn a_release_without_a_date_counts_from_when_it_was_first_seen() {
        let table = table(&[line("22.04", "2034-04", 13)], &[]);
        let ends = day("2025-02-28").ends();
        check(&table, KERNEL, WallTime(ends.0 - 1), "supported 2025-02-28");
        check(&table, KERNEL, ends, "kernel-upgrade-required 2025-02-28");
        let words = table.standing(KERNEL, Some(day("2024-01-31").ends()), ends).words(KERNEL);
        assert_eq!(
            words,
            "supported: its kernel 5.15.0-100.110 was first seen on 2024-02-01, and the kernels GA 5.15 on 22.04 \
             need an upgrade and a reboot within 13 months; it is covered until 2025-03-01"
        );
    }

    #[test]
    fn no_deadline_is_later_than_the_end_of_the_series() {
        let table = table(&[line("22.04", "2024-05", 13)], &[]);
        let ends = day("2024-05-31").ends();
        check(&table, KERNEL, WallTime(ends.0 - 1), "supported 2024-05-31");
        check(&table, KERNEL, ends, "kernel-end-of-life 2024-05-31");
        let words = table.standing(KERNEL, Some(WallTime(0)), ends).words(KERNEL);
        assert!(
            words.starts_with("kernel-end-of-life: the kernels GA 5.15 on 22.04 were"),
            "{words}"
        );
    }

    #[test]
    fn a_host_that_does_not_tell_its_release_has_the_line_that_ends_first() {
        let lines = [line("22.04", "2034-04", 13), line("20.04", "2032-04", 9)];
        let table = table(&lines, &[("5.15.0-100.110", "2024-02-07")]);
        let now = day("2024-06-01").ends();
        let of = |distro| Kernel { distro, ..KERNEL };
        check(&table, KERNEL, now, "supported 2025-03-07");
        check(&table, of("20.04"), now, "supported 2024-11-07");
        check(&table, of(""), now, "supported 2024-11-07");
        check(&table, of("18.04"), now, "unsupported -");
    }

    #[test]
    fn what_no_line_is_about_and_what_has_no_date_is_not_covered() {
        let table = table(&[line("22.04", "2034-04", 13)], &[]);
        let now = day("2024-06-01").ends();
        let other = Kernel { series: "6.99", ..KERNEL };
        check(&table, other, now, "unsupported -");
        let standing = table.standing(KERNEL, None, now);
        assert_eq!((standing.supported, standing.until), (Supported::Unsupported, None));
        assert!(standing.words(KERNEL).contains("say when it was published in a `[[build]]`"));
        let words = table.standing(other, None, now).words(other);
        assert!(words.contains("no kernels 6.99 on 22.04; install"), "{words}");
        assert!(!standing.supported.lets_patch() && Supported::Unknown.lets_patch());
    }
}
