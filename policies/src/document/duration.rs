//! How is a length of time written? Whole numbers with units, the largest unit first: `1h30m`.

use crate::time::Millis;

/// What is wrong with a text that is no length of time; shown after the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotADuration {
    /// A number and nothing else.
    #[error("has no unit")]
    NoUnit,
    /// Something other than whole numbers, each with a unit.
    #[error("is no length of time")]
    Malformed,
    /// A unit that does not exist.
    #[error("has the unit `{unit}`, which does not exist")]
    UnknownUnit {
        /// What was written.
        unit: String,
    },
    /// A unit twice, or after a smaller one.
    #[error("has the unit `{unit}` twice, or after a smaller one")]
    OutOfOrder {
        /// The later unit.
        unit: String,
    },
    /// More milliseconds than can be counted.
    #[error("is longer than can be counted")]
    TooLong,
}

/// Reads `250ms`, `30s`, `5m`, `4h`, `7d`, `2w`, or several such in a row, the largest unit first.
pub(super) fn parse(text: &str) -> Result<Millis, NotADuration> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut smallest = u64::MAX;
    loop {
        let (number, after_number) = split_where(rest, |c| !c.is_ascii_digit());
        let (unit, after_unit) = split_where(after_number, |c| !c.is_ascii_alphabetic());
        match (number, unit) {
            ("", _) => return Err(NotADuration::Malformed),
            (_, "") if rest == text && after_unit.is_empty() => return Err(NotADuration::NoUnit),
            (_, "") => return Err(NotADuration::Malformed),
            (_, _) => {}
        }
        let millis =
            unit_millis(unit).ok_or_else(|| NotADuration::UnknownUnit { unit: unit.to_owned() })?;
        if millis >= smallest {
            return Err(NotADuration::OutOfOrder { unit: unit.to_owned() });
        }
        smallest = millis;
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(millis))
            .and_then(|part| part.checked_add(total))
            .ok_or(NotADuration::TooLong)?;
        if after_unit.is_empty() {
            return Ok(Millis(total));
        }
        rest = after_unit;
    }
}

/// The text that [`parse`] reads as `span`.
pub(super) fn write(span: Millis) -> String {
    let Millis(mut rest) = span;
    let mut text = String::new();
    for unit in ["w", "d", "h", "m", "s", "ms"] {
        let millis = unit_millis(unit).unwrap_or(1);
        if rest >= millis {
            text.push_str(&format!("{}{unit}", rest / millis));
            rest %= millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn unit_millis(unit: &str) -> Option<u64> {
    match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        "w" => Some(604_800_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_counts_what_it_says() {
        let check = |text, ms| assert_eq!(parse(text), Ok(Millis(ms)), "{text}");
        check("0s", 0);
        check("250ms", 250);
        check("30s", 30_000);
        check("5m", 300_000);
        check("4h", 14_400_000);
        check("7d", 604_800_000);
        check("2w", 1_209_600_000);
        check("1h30m", 5_400_000);
        check("1d1h1m1s1ms", 90_061_001);
    }

    #[test]
    fn what_is_no_length_of_time_is_refused_with_its_reason() {
        let check = |text, expected| assert_eq!(parse(text), Err(expected), "{text:?}");
        check("30", NotADuration::NoUnit);
        for text in ["", "s", "-5s", "1.5h", "1h 30m", " 30s", "30 s", "1h30", "٣s"] {
            check(text, NotADuration::Malformed);
        }
        check("5min", NotADuration::UnknownUnit { unit: "min".to_owned() });
        check("5M", NotADuration::UnknownUnit { unit: "M".to_owned() });
        check("30m1h", NotADuration::OutOfOrder { unit: "h".to_owned() });
        check("1h1h", NotADuration::OutOfOrder { unit: "h".to_owned() });
    }

    #[test]
    fn a_length_of_time_ends_where_counting_does() {
        assert_eq!(parse("18446744073709551615ms"), Ok(Millis(u64::MAX)));
        assert_eq!(parse("18446744073709551616ms"), Err(NotADuration::TooLong));
        assert_eq!(parse("18446744073709551s616ms"), Err(NotADuration::TooLong));
        assert_eq!(parse("99999999999999w"), Err(NotADuration::TooLong));
    }
}
