//! Which tiers has the ladder, and when may their hosts begin? The tables `[[tier]]` of a ladder document.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};

use super::MAX_DOCUMENT_BYTES;
use super::error::DocumentError;
use super::place::{Place, plain};
use super::table::{Field, Table};
use super::value::Value;
use crate::schedule::Window;
use crate::severity::Severity;
use crate::tiers::{Holdback, Objective, Tier, TierRules};
use crate::time::{Millis, WallTime};

const MAX_TIERS: usize = 16;
const MAX_WINDOWS: usize = 16;

/// The longest that a patch set can be delayed.
pub const MAX_DELAY: Millis = Millis::from_secs(400 * 86_400);

const DELAY_RANGE: RangeInclusive<Millis> = Millis(0)..=MAX_DELAY;

/// How soon a fix can be asked for.
const WITHIN: RangeInclusive<Millis> = Millis::from_secs(60)..=MAX_DELAY;

const TIERS: Field = Field { key: "tier", example: "[[tier]]" };
const NAME: Field = Field { key: "name", example: r#"name = "free""# };
const SAMPLED: Field = Field { key: "sampled", example: "sampled = true" };
const DELAY: Field = Field { key: "delay", example: r#"delay = "7d""# };
const CUTOFF: Field = Field { key: "cut-off", example: r#"cut-off = "2026-12-20T00:00:00Z""# };
const WINDOWS: Field = Field {
    key: "windows",
    example: r#"windows = [{ opens = "0 22 * * MON-FRI", lasts = "6h", zone = "Europe/Berlin" }]"#,
};

const OBJECTIVES: Field = Field {
    key: "objectives",
    example: r#"objectives = [{ severity = "critical", share = "95%", within = "24h" }]"#,
};
const TIER: &[Field] = &[NAME, SAMPLED, DELAY, CUTOFF, WINDOWS, OBJECTIVES];

/// Reads and checks the ladder in `text`; `source` is what messages call the document.
///
/// # Errors
///
/// The first thing that is wrong with the document, where it is, and the way out.
pub fn parse_ladder(source: &str, text: &str) -> Result<Vec<Tier>, DocumentError> {
    let document = Place::document(source, text);
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(document.error(
            format!("the document has {} bytes", text.len()),
            format!("A ladder has at most {MAX_DOCUMENT_BYTES}"),
        ));
    }
    let root = document.parse()?;
    let root = Table::open(document, root.get_ref(), &[TIERS])?;
    let list = root.required(&TIERS)?;
    let tiers = read_tiers(&list)?;
    sampled_draw_from_members(&list, &tiers)?;
    Ok(tiers)
}

/// Reads the tables of a list of tiers.
///
/// # Errors
///
/// The first thing that is wrong with one, where it is, and the way out.
pub fn read_tiers(list: &Value<'_>) -> Result<Vec<Tier>, DocumentError> {
    let mut tiers: Vec<Tier> = Vec::new();
    for item in list.list("tiers", MAX_TIERS)? {
        let table = item.named_table(list, &NAME, TIER)?;
        let tier = read_tier(&table)?;
        if tiers.iter().any(|earlier| earlier.name == tier.name) {
            return Err(table.required(&NAME)?.error(
                format!("the tier `{}` is on the ladder twice", tier.name),
                "Write each tier once".to_owned(),
            ));
        }
        tiers.push(tier);
    }
    Ok(tiers)
}

/// A sampled tier draws from the next one, which must exist and have members of its own.
fn sampled_draw_from_members(list: &Value<'_>, tiers: &[Tier]) -> Result<(), DocumentError> {
    for (at, tier) in tiers.iter().enumerate().filter(|(_, tier)| tier.sampled) {
        let problem = match tiers.get(at + 1) {
            Some(next) if !next.sampled => continue,
            Some(next) => format!(
                "the sampled tier `{}` draws from `{}`, which has no members",
                tier.name, next.name
            ),
            None => format!(
                "the sampled tier `{}` is the last, so there is none to draw from",
                tier.name
            ),
        };
        return Err(list.error(problem, "Put a tier without `sampled` after it".to_owned()));
    }
    Ok(())
}

fn read_tier(table: &Table<'_>) -> Result<Tier, DocumentError> {
    let sampled = table.optional(&SAMPLED).map_or(Ok(false), |value| value.flag())?;
    let delay = table.optional(&DELAY).map_or(Ok(Millis(0)), |value| value.millis(DELAY_RANGE))?;
    let cutoff = table.optional(&CUTOFF).map(|value| read_date(&value)).transpose()?;
    let windows = match table.optional(&WINDOWS) {
        Some(value) => {
            let windows = value.list("windows", MAX_WINDOWS)?;
            windows.iter().map(read_window).collect::<Result<_, _>>()?
        }
        None => Vec::new(),
    };
    let objectives =
        table.optional(&OBJECTIVES).map(|value| read_objectives(&value)).transpose()?;
    let objectives = objectives.unwrap_or_default();
    let rules = TierRules { windows, holdback: Holdback { delay, cutoff }, objectives };
    Ok(Tier { name: table.required(&NAME)?.name()?, sampled, rules })
}

fn read_window(value: &Value<'_>) -> Result<Window, DocumentError> {
    const OPENS: Field = Field { key: "opens", example: r#"opens = "0 22 * * MON-FRI""# };
    const LASTS: Field = Field { key: "lasts", example: r#"lasts = "6h""# };
    const ZONE: Field = Field { key: "zone", example: r#"zone = "Europe/Berlin""# };
    let table = value.table(&[OPENS, LASTS, ZONE])?;
    let opens = table.required(&OPENS)?.text()?;
    let lasts = table.required(&LASTS)?.any_millis()?;
    let zone = table.required(&ZONE)?.text()?;
    Window::new(opens, lasts, zone).map_err(|error| value.error(error.problem, error.way_out))
}

fn read_objectives(value: &Value<'_>) -> Result<Vec<Objective>, DocumentError> {
    const SEVERITY: Field = Field { key: "severity", example: r#"severity = "critical""# };
    const SHARE: Field = Field { key: "share", example: r#"share = "95%""# };
    const WITHIN_FIELD: Field = Field { key: "within", example: r#"within = "24h""# };
    let mut objectives: Vec<Objective> = Vec::new();
    for item in value.list("objectives", Severity::KNOWN.len())? {
        let table = item.table(&[SEVERITY, SHARE, WITHIN_FIELD])?;
        let word = table.required(&SEVERITY)?;
        let Some(severity) = Severity::of_word(word.text()?) else {
            let known: Vec<&str> = Severity::KNOWN.iter().map(|known| known.word()).collect();
            let problem = format!("`{}` is no severity", plain(word.text()?));
            return Err(word.error(problem, format!("Write one of {}", known.join(", "))));
        };
        if objectives.iter().any(|earlier| earlier.severity == severity) {
            let problem = format!("there are two objectives for {} fixes", severity.word());
            return Err(word.error(problem, "Write one for each severity".to_owned()));
        }
        let share = table.required(&SHARE)?.share_of_some("0% of the hosts always have it")?;
        let within = table.required(&WITHIN_FIELD)?.millis(WITHIN)?;
        objectives.push(Objective { severity, share, within });
    }
    Ok(objectives)
}

/// A date and a time of day with their offset from UTC.
fn read_date(value: &Value<'_>) -> Result<WallTime, DocumentError> {
    let text = value.text()?;
    parse_date(text).ok_or_else(|| {
        value.error(
            format!("`{}` is no date with a time and an offset", plain(text)),
            "Write it in quotes, such as \"2026-12-20T00:00:00Z\" or \"2026-12-20T00:00:00+01:00\""
                .to_owned(),
        )
    })
}

/// The instant that an RFC 3339 text names, from 1970 on; `None`: it names none.
pub fn parse_date(text: &str) -> Option<WallTime> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    u64::try_from(at.timestamp_millis()).ok().map(WallTime)
}

/// The text that [`parse_date`] reads as `at`.
pub(super) fn write_date(at: WallTime) -> String {
    match at.0 % 1_000 {
        0 => at.to_string(),
        millis => at.to_string().replace('Z', &format!(".{millis:03}Z")),
    }
}

/// The document that says `tiers`: what [`parse_ladder`] reads as the same.
pub fn write_ladder(tiers: &[Tier]) -> String {
    let mut text = String::new();
    for tier in tiers {
        let mut lines = vec!["[[tier]]".to_owned(), format!("name = \"{}\"", tier.name)];
        if tier.sampled {
            lines.push("sampled = true".to_owned());
        }
        let Holdback { delay, cutoff } = tier.rules.holdback;
        if delay.0 > 0 {
            lines.push(format!("delay = \"{}\"", super::duration::write(delay)));
        }
        lines.extend(cutoff.map(|cutoff| format!("cut-off = \"{}\"", write_date(cutoff))));
        if !tier.rules.windows.is_empty() {
            let windows = tier.rules.windows.iter().map(|window| {
                let lasts = super::duration::write(window.lasts());
                let (opens, zone) = (window.cron(), window.zone());
                format!("  {{ opens = \"{opens}\", lasts = \"{lasts}\", zone = \"{zone}\" }},\n")
            });
            lines.push(format!("windows = [\n{}]", windows.collect::<String>()));
        }
        lines.extend(written_objectives(&tier.rules.objectives));
        text.push_str(&lines.join("\n"));
        text.push_str("\n\n");
    }
    text.trim_end().to_owned() + "\n"
}

fn written_objectives(objectives: &[Objective]) -> Option<String> {
    let line = |of: &Objective| {
        let (severity, within) = (of.severity.word(), super::duration::write(of.within));
        format!(
            "  {{ severity = \"{severity}\", share = \"{}\", within = \"{within}\" }},\n",
            of.share
        )
    };
    let lines: String = objectives.iter().map(line).collect();
    (!lines.is_empty()).then(|| format!("objectives = [\n{lines}]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{LADDERS, ladder_preset};

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = parse_ladder("ladder.toml", text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn every_ladder_that_ships_is_good_and_is_written_as_it_is_read() {
        for preset in LADDERS {
            let tiers = parse_ladder(preset.name, preset.text).unwrap();
            assert_eq!(parse_ladder("again", &write_ladder(&tiers)), Ok(tiers), "{}", preset.name);
        }
        assert_eq!(ladder_preset("nonsense"), None);
    }

    #[test]
    fn a_tier_says_when_its_hosts_may_begin() {
        let text = r#"
            [[tier]]
            name = "canary"
            sampled = true
            [[tier]]
            name = "free"
            delay = "1w2d"
            cut-off = "2026-12-20T00:00:00.250+01:00"
            windows = [{ opens = "0  22 * * 1-5", lasts = "90m", zone = "Europe/Berlin" }]
            objectives = [
              { severity = "critical", share = "95%", within = "24h" },
              { severity = "high", share = "99.5%", within = "1w" },
            ]
        "#;
        let tiers = parse_ladder("ladder.toml", text).unwrap();
        assert!(tiers[0].sampled && tiers[0].rules == TierRules::default());
        let rules = &tiers[1].rules;
        assert_eq!(rules.holdback.delay, Millis::from_secs(9 * 86_400));
        assert_eq!(rules.holdback.cutoff, Some(WallTime(1_797_721_200_250)));
        let again = parse_ladder("again", &write_ladder(&tiers));
        assert_eq!(again.as_ref(), Ok(&tiers));
        assert_eq!(rules.windows[0].to_string(), "0 22 * * 1-5 for 1h30m, Europe/Berlin");
    }

    #[test]
    fn what_is_no_ladder_says_where_and_what_to_write() {
        refused("", "tier");
        refused("[[tier]]\nname = \"a\"\n[[tier]]\nname = \"a\"", "on the ladder twice");
        refused("[[tier]]\nname = \"a\"\nsampled = true", "is the last");
        refused(
            "[[tier]]\nname = \"a\"\nsampled = true\n[[tier]]\nname = \"b\"\nsampled = true",
            "which has no members",
        );
        refused("[[tier]]\nname = \"A\"", "is not a name");
        refused("[[tier]]\nname = \"a\"\nwindow = []", "Did you mean `windows`?");
        refused("[[tier]]\nname = \"a\"\ndelay = \"401d\"", "out of range");
        refused("[[tier]]\nname = \"a\"\ncut-off = \"2026-12-20\"", "is no date");
        refused("[[tier]]\nname = \"a\"\ncut-off = \"1969-12-20T00:00:00Z\"", "is no date");
        let objective = |of: &str| format!("[[tier]]\nname = \"a\"\nobjectives = [{of}]");
        let critical = r#"{ severity = "critical", share = "95%", within = "24h" }"#;
        refused(&objective(&critical.replace("critical", "grave")), "Write one of critical, high");
        refused(&objective(&critical.replace("95", "0")), "0% of the hosts always have it");
        refused(&objective(&critical.replace("24h", "1s")), "out of range");
        refused(&objective(&critical.replace(", within = \"24h\"", "")), "within");
        refused(&objective(&format!("{critical}, {critical}")), "two objectives for critical");
        let window = |opens: &str, zone: &str| {
            format!(
                "[[tier]]\nname = \"a\"\nwindows = [{{ opens = \"{opens}\", lasts = \"1h\", zone = \"{zone}\" }}]"
            )
        };
        refused(&window("0 22 * *", "UTC"), "it has 4 fields, not 5");
        refused(&window("0 22 * * *", "Mars/Olympus"), "is no time zone");
    }
}
