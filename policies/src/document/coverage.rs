//! Which kernels are covered, until when? The tables `[[kernel]]` and `[[build]]` of a coverage document.
//!
//! ```toml
//! [[kernel]]
//! series = "5.15"
//! kind = "ga"                     # or "hwe"
//! release = "22.04"               # the distribution release, as hosts tell it
//! released = "2022-04"
//! covered-until = "2034-04"       # to the end of its last day, UTC
//! upgrade-every = "13 months"
//!
//! [[build]]                       # may be left out: then a release counts from when a host was first seen with it
//! kernel = "5.15.0-100.110"
//! published = 2024-02-07
//! ```

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::MAX_DOCUMENT_BYTES;
use super::error::DocumentError;
use super::place::{Place, plain};
use super::table::{Field, Table};
use super::value::Value;
use crate::coverage::{CoverageTable, Day, Kind, Line};
use crate::plural::count;

/// Most `[[kernel]]` tables.
pub const MAX_LINES: usize = 96;

/// Most `[[build]]` tables: with all of them a document has room, and an entry of the log, too.
pub const MAX_BUILDS: usize = 400;

/// Months between two upgrades.
const EVERY: RangeInclusive<u32> = 1..=120;

const MAX_SERIES_BYTES: usize = 16;
const MAX_RELEASE_BYTES: usize = 32;
const MAX_KERNEL_BYTES: usize = 64;

const KERNELS: Field = Field { key: "kernel", example: "[[kernel]]" };
const BUILDS: Field = Field { key: "build", example: "[[build]]" };

const SERIES: Field = Field { key: "series", example: r#"series = "5.15""# };
const KIND: Field = Field { key: "kind", example: r#"kind = "ga""# };
const RELEASE: Field = Field { key: "release", example: r#"release = "22.04""# };
const RELEASED: Field = Field { key: "released", example: r#"released = "2022-04""# };
const COVERED_UNTIL: Field =
    Field { key: "covered-until", example: r#"covered-until = "2034-04""# };
const UPGRADE_EVERY: Field =
    Field { key: "upgrade-every", example: r#"upgrade-every = "13 months""# };

const KERNEL: Field = Field { key: "kernel", example: r#"kernel = "5.15.0-100.110""# };
const PUBLISHED: Field = Field { key: "published", example: "published = 2024-02-07" };

/// Reads and checks the coverage table in `text`; `source` is what messages call the document.
///
/// # Errors
///
/// The first thing that is wrong with the document, where it is, and the way out.
pub fn parse_coverage(source: &str, text: &str) -> Result<CoverageTable, DocumentError> {
    let document = Place::document(source, text);
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(document.error(
            format!("the document has {} bytes", text.len()),
            format!("A coverage table has at most {MAX_DOCUMENT_BYTES}"),
        ));
    }
    let root = document.parse()?;
    let root = Table::open(document, root.get_ref(), &[KERNELS, BUILDS])?;
    let lines = read_lines(&root.required(&KERNELS)?)?;
    let builds = root.optional(&BUILDS).map(|list| read_builds(&list)).transpose()?;
    Ok(CoverageTable { lines, builds: builds.unwrap_or_default() })
}

fn read_lines(list: &Value<'_>) -> Result<Vec<Line>, DocumentError> {
    const FIELDS: &[Field] = &[SERIES, KIND, RELEASE, RELEASED, COVERED_UNTIL, UPGRADE_EVERY];
    let mut lines: Vec<Line> = Vec::new();
    for item in list.list("kernels", MAX_LINES)? {
        let table = item.table(FIELDS)?;
        let line = read_line(&table)?;
        let same = |of: &&Line| (&of.series, &of.release) == (&line.series, &line.release);
        if lines.iter().any(|earlier| same(&earlier)) {
            return Err(table.required(&SERIES)?.error(
                format!("the kernels {} are in the table twice on {}", line.series, line.release),
                "Write each series once for each distribution release".to_owned(),
            ));
        }
        lines.push(line);
    }
    Ok(lines)
}

fn read_line(table: &Table<'_>) -> Result<Line, DocumentError> {
    let series = read_series(&table.required(&SERIES)?)?;
    let kind = table.required(&KIND)?.one_of(&[("ga", Kind::Ga), ("hwe", Kind::Hwe)])?;
    let release =
        read_word(&table.required(&RELEASE)?, ("distribution release", MAX_RELEASE_BYTES))?;
    let released = table.required(&RELEASED)?.month()?;
    let until = table.required(&COVERED_UNTIL)?;
    let covered_until = until.month()?;
    if covered_until < released {
        return Err(until.error(
            format!("the coverage ends in {covered_until}, before the release in {released}"),
            "Write a month that is not before `released`".to_owned(),
        ));
    }
    let upgrade_every = read_months(&table.required(&UPGRADE_EVERY)?)?;
    Ok(Line { series, kind, release, released, covered_until, upgrade_every })
}

fn read_builds(list: &Value<'_>) -> Result<BTreeMap<String, Day>, DocumentError> {
    let mut builds = BTreeMap::new();
    for item in list.list("builds", MAX_BUILDS)? {
        let table = item.table(&[KERNEL, PUBLISHED])?;
        let written = table.required(&KERNEL)?;
        let kernel = read_word(&written, ("kernel release", MAX_KERNEL_BYTES))?;
        let day = table.required(&PUBLISHED)?.day()?;
        if builds.insert(kernel.clone(), day).is_some() {
            return Err(written.error(
                format!("the kernel release {kernel} is in the table twice"),
                "Write each kernel release once, without its flavour".to_owned(),
            ));
        }
    }
    Ok(builds)
}

/// The `major.minor` of kernel releases.
fn read_series(value: &Value<'_>) -> Result<String, DocumentError> {
    let text = value.text()?;
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let two = text.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor));
    if two && text.len() <= MAX_SERIES_BYTES {
        return Ok(text.to_owned());
    }
    Err(value.error(
        format!("`{}` is no kernel series", plain(text)),
        format!("Write the first two numbers of its releases, such as `{}`", SERIES.example),
    ))
}

/// A word of printable characters that stands in a document as it is.
fn read_word(value: &Value<'_>, (noun, most): (&str, usize)) -> Result<String, DocumentError> {
    let text = value.text()?;
    let plain_byte = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if (1..=most).contains(&text.len()) && text.bytes().all(plain_byte) {
        return Ok(text.to_owned());
    }
    Err(value.error(
        format!("`{}` is no {noun}", plain(text)),
        format!("Write 1 to {most} printable characters without spaces, as hosts tell it"),
    ))
}

/// `13 months`.
fn read_months(value: &Value<'_>) -> Result<u32, DocumentError> {
    let text = value.text()?;
    let months = text.strip_suffix(" months").or_else(|| text.strip_suffix(" month"));
    let months = months.and_then(|n| n.parse().ok()).filter(|months| EVERY.contains(months));
    months.ok_or_else(|| {
        let (from, to) = (EVERY.start(), EVERY.end());
        value.error(
            format!("`{}` is no number of months", plain(text)),
            format!("Write {from} to {to} months of the calendar, such as \"13 months\""),
        )
    })
}

/// The document that says `table`: what [`parse_coverage`] reads as the same.
pub fn write_coverage(table: &CoverageTable) -> String {
    let line = |of: &Line| {
        format!(
            "[[kernel]]\nseries = \"{}\"\nkind = \"{}\"\nrelease = \"{}\"\nreleased = \"{}\"\n\
             covered-until = \"{}\"\nupgrade-every = \"{}\"\n",
            of.series,
            of.kind.word(),
            of.release,
            of.released,
            of.covered_until,
            count(of.upgrade_every.into(), "month"),
        )
    };
    let build = |(kernel, day): (&String, &Day)| {
        format!("[[build]]\nkernel = \"{kernel}\"\npublished = {day}\n")
    };
    let lines = table.lines.iter().map(line);
    lines.chain(table.builds.iter().map(build)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{COVERAGES, coverage_preset};

    const GOOD: &str = r#"[[kernel]]
series = "5.15"
kind = "ga"
release = "22.04"
released = "2022-04"
covered-until = "2034-04"
upgrade-every = "13 months"

[[build]]
kernel = "5.15.0-100.110"
published = 2024-02-07
"#;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = parse_coverage("coverage.toml", text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_table_is_written_as_it_is_read() {
        let table = parse_coverage("coverage.toml", GOOD).unwrap();
        assert_eq!(write_coverage(&table), GOOD);
        for preset in COVERAGES {
            let table = parse_coverage(preset.name, preset.text).unwrap();
            assert_eq!(parse_coverage("again", &write_coverage(&table)), Ok(table));
        }
        assert_eq!(coverage_preset("nonsense"), None);
    }

    #[test]
    fn the_preset_ubuntu_is_the_vendors_table() {
        let table = parse_coverage("ubuntu", coverage_preset("ubuntu").unwrap().text).unwrap();
        let row = |of: &Line| {
            let (kind, from, until) = (of.kind.word(), of.released, of.covered_until);
            format!("{} {kind} {} {from} {until} {}", of.series, of.release, of.upgrade_every)
        };
        let rows: Vec<String> = table.lines.iter().map(row).collect();
        assert_eq!(
            rows,
            [
                "4.15 ga 18.04 2018-04 2030-04 13",
                "4.18 hwe 18.04 2019-02 2019-11 9",
                "5.0 hwe 18.04 2019-08 2020-05 9",
                "5.3 hwe 18.04 2020-02 2020-11 9",
                "5.4 hwe 18.04 2020-08 2030-04 13",
                "5.4 ga 20.04 2020-04 2032-04 13",
                "5.8 hwe 20.04 2021-02 2021-11 9",
                "5.11 hwe 20.04 2021-08 2030-04 9",
                "5.13 hwe 20.04 2022-02 2022-11 9",
                "5.15 hwe 20.04 2022-08 2032-04 13",
                "5.15 ga 22.04 2022-04 2034-04 13",
                "5.19 hwe 22.04 2023-02 2033-11 9",
                "6.2 hwe 22.04 2023-08 2024-05 9",
                "6.5 hwe 22.04 2024-02 2024-11 9",
                "6.8 hwe 22.04 2024-09 2034-04 13",
                "6.8 ga 24.04 2024-04 2036-04 13",
            ]
        );
        assert!(table.builds.is_empty());
    }

    #[test]
    fn the_largest_table_can_be_read_again() {
        let kernel = |n: usize| format!("{n:0>MAX_KERNEL_BYTES$}");
        let line = |n: usize| Line {
            series: format!("5.{n:0>14}"),
            kind: Kind::Hwe,
            release: format!("{n:0>MAX_RELEASE_BYTES$}"),
            ..parse_coverage("good", GOOD).unwrap().lines[0].clone()
        };
        let table = CoverageTable {
            lines: (0..MAX_LINES).map(line).collect(),
            builds: (0..MAX_BUILDS).map(|n| (kernel(n), Day(19_000))).collect(),
        };
        let text = write_coverage(&table);
        assert_eq!(parse_coverage("largest", &text), Ok(table.clone()));
        assert!(postcard::to_stdvec(&table).unwrap().len() < 48 * 1024);
        let one_more = |list: &str| format!("{text}\n{list}");
        refused(&one_more(GOOD.split("\n\n").next().unwrap()), "there are 97 kernels");
        refused(&one_more(GOOD.split("\n\n").nth(1).unwrap()), "there are 401 builds");
    }

    #[test]
    fn what_is_no_coverage_table_says_where_and_what_to_write() {
        let with = |old: &str, new: &str| GOOD.replace(old, new);
        let (line, build) = GOOD.split_once("\n\n").unwrap();
        refused("", "kernel");
        refused("kernel = []", "there are 0 kernels");
        refused(&with("ga", "lts"), "coverage.toml:3");
        refused(&with("ga", "lts"), "Write \"ga\" or \"hwe\"");
        refused(&format!("{line}\n{line}"), "in the table twice on 22.04");
        refused(&format!("{GOOD}\n{build}"), "5.15.0-100.110 is in the table twice");
        refused(&with("2034-04", "2022-03"), "ends in 2022-03, before the release in 2022-04");
        refused(&with("2034-04", "2034-13"), "is no month from 1970 on");
        refused(&with("2034-04", "2034-4"), "is no month from 1970 on");
        refused(&with("\"2034-04\"", "2034-04-30"), "Write for example `covered-until");
        refused(&with("2024-02-07", "2023-02-29"), "Mend the TOML");
        refused(&with("2024-02-07", "\"2023-02-29\""), "is no day from 1970 on");
        refused(&with("2024-02-07", "1969-12-31"), "is no day from 1970 on");
        refused(&with("2024-02-07", "2024-02-07T00:00:00Z"), "is no day from 1970 on");
        refused(&with("2024-02-07", "7"), "a day belongs here");
        refused(&with("13 months", "0 months"), "Write 1 to 120 months");
        refused(&with("13 months", "121 months"), "Write 1 to 120 months");
        refused(&with("13 months", "56w"), "is no number of months");
        refused(&with("\"5.15\"", "\"5.15.0\""), "is no kernel series");
        refused(&with("\"5.15\"", "\"5\""), "is no kernel series");
        refused(&with("\"22.04\"", "\"22 04\""), "is no distribution release");
        refused(&with("\"22.04\"", "\"\""), "is no distribution release");
        refused(&with("5.15.0-100.110", "5.15 a"), "is no kernel release");
        refused(&with("covered-until", "covered_until"), "Did you mean `covered-until`?");
        refused(&with("released", "release-date"), "there is no such key here");
        refused(&GOOD.replace("upgrade-every = \"13 months\"", ""), "upgrade-every");
    }
}
