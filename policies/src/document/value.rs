//! What may a key's value be? Text, a number of hosts, a share, a length of time, a list, a table.

use std::ops::RangeInclusive;

use toml::de::{DeInteger, DeTable, DeValue};

use super::duration::{self, NotADuration};
use super::error::DocumentError;
use super::place::{Place, plain};
use super::table::{Field, Table};
use crate::coverage::{Day, Month};
use crate::share::{Quantity, Share};
use crate::time::Millis;

/// Characters that the name of a policy or tier has at most.
const MAX_NAME_CHARS: usize = 63;

/// A value in a document, where it is, and an example of the line it is on.
#[derive(Clone, Debug)]
pub struct Value<'d> {
    place: Place<'d>,
    value: &'d DeValue<'d>,
    example: &'static str,
}

impl<'d> Value<'d> {
    pub(super) const fn new(
        place: Place<'d>,
        value: &'d DeValue<'d>,
        field: &'static Field,
    ) -> Self {
        Self { place, value, example: field.example }
    }

    /// An error in this value.
    pub fn error(&self, problem: String, way_out: String) -> DocumentError {
        self.place.error(problem, way_out)
    }

    /// Any text.
    ///
    /// # Errors
    ///
    /// It is not text.
    pub fn text(&self) -> Result<&'d str, DocumentError> {
        self.value.as_str().ok_or_else(|| self.not_a("text in quotes"))
    }

    /// The name of a policy or tier.
    pub(super) fn name(&self) -> Result<String, DocumentError> {
        let text = self.text()?;
        if is_name(text) {
            return Ok(text.to_owned());
        }
        Err(self.error(
            format!("`{}` is not a name", plain(text)),
            format!("Write 1 to {MAX_NAME_CHARS} of the characters a-z, 0-9 and -"),
        ))
    }

    /// One of the words that have a meaning here.
    ///
    /// # Errors
    ///
    /// It is another word, or no text.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, DocumentError> {
        let text = self.text()?;
        let meaning = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        meaning.ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            let problem = format!("`{}` means nothing here", plain(text));
            self.error(problem, format!("Write {}", words.join(" or ")))
        })
    }

    /// A number within `range`; `noun` says what is counted.
    ///
    /// # Errors
    ///
    /// It is outside the range, or no whole number.
    pub fn number(&self, noun: &str, range: RangeInclusive<u64>) -> Result<u64, DocumentError> {
        let integer = self.value.as_integer().ok_or_else(|| self.not_a("a whole number"))?;
        let number = whole(integer).filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let (from, to) = (range.start(), range.end());
            let problem = format!("{} is out of range", plain(&integer.to_string()));
            self.error(problem, format!("Write {from} to {to} {noun}"))
        })
    }

    /// `true` or `false`.
    ///
    /// # Errors
    ///
    /// It is neither.
    pub fn flag(&self) -> Result<bool, DocumentError> {
        self.value.as_bool().ok_or_else(|| self.not_a("true or false, without quotes,"))
    }

    /// A number of hosts from 1 to `most`; `nothing` says what none would do.
    pub(super) fn some_hosts(&self, most: u64, nothing: &str) -> Result<u64, DocumentError> {
        if self.value.as_integer().and_then(whole) == Some(0) {
            return Err(self.error(nothing.to_owned(), "Write at least 1".to_owned()));
        }
        self.number("hosts", 1..=most)
    }

    /// A share, such as `"12.5%"`.
    pub(super) fn share(&self) -> Result<Share, DocumentError> {
        let text = self.value.as_str().ok_or_else(|| self.not_a("a percentage in quotes"))?;
        text.parse().map_err(|_| {
            self.error(
                format!("`{}` is not a percentage", plain(text)),
                "Write 0% to 100% with at most 4 decimals, such as \"12.5%\"".to_owned(),
            )
        })
    }

    /// A share that is not nothing; `nothing` says what nothing would do.
    pub(super) fn share_of_some(&self, nothing: &str) -> Result<Share, DocumentError> {
        let share = self.share()?;
        if share == Share::default() {
            return Err(self.error(nothing.to_owned(), "Write more than 0%".to_owned()));
        }
        Ok(share)
    }

    /// A number of hosts up to `most`, or a share; `nothing` says what none would do.
    pub(super) fn quantity(&self, most: u64, nothing: &str) -> Result<Quantity, DocumentError> {
        match (self.value.as_str(), self.value.as_integer()) {
            (Some(_), _) => self.share_of_some(nothing).map(Quantity::Share),
            (None, Some(_)) => self.some_hosts(most, nothing).map(Quantity::Hosts),
            (None, None) => Err(self.not_a("a number of hosts or a percentage in quotes")),
        }
    }

    /// A length of time.
    pub(super) fn any_millis(&self) -> Result<Millis, DocumentError> {
        let written = match (self.value.as_str(), self.value.as_integer()) {
            (Some(text), _) => text.to_owned(),
            (None, Some(integer)) => integer.to_string(),
            (None, None) => return Err(self.not_a("a length of time in quotes")),
        };
        duration::parse(&written).map_err(|error| {
            let shown = plain(&written);
            let way_out = match error {
                NotADuration::NoUnit => {
                    format!("Write which: \"{shown}s\", \"{shown}m\" or \"{shown}h\"")
                }
                NotADuration::Malformed
                | NotADuration::UnknownUnit { .. }
                | NotADuration::OutOfOrder { .. }
                | NotADuration::TooLong => "Write whole numbers with the units w, d, h, m, s, ms, \
                    the largest first, such as \"30s\" or \"1h30m\""
                    .to_owned(),
            };
            self.error(format!("`{shown}` {}", plain(&error.to_string())), way_out)
        })
    }

    /// A length of time within `range`.
    ///
    /// # Errors
    ///
    /// It is outside the range, or no length of time.
    pub fn millis(&self, range: RangeInclusive<Millis>) -> Result<Millis, DocumentError> {
        let millis = self.any_millis()?;
        if range.contains(&millis) {
            return Ok(millis);
        }
        let problem = format!("{millis} is out of range");
        Err(self.error(problem, format!("Write {} to {}", range.start(), range.end())))
    }

    /// A day, such as `2024-02-07`, with or without quotes.
    pub(super) fn day(&self) -> Result<Day, DocumentError> {
        let written = match (self.value.as_str(), self.value.as_datetime()) {
            (Some(text), _) => text.to_owned(),
            (None, Some(at)) => at.to_string(),
            (None, None) => return Err(self.not_a("a day")),
        };
        let day = parts(&written, [4, 2, 2])
            .and_then(|[year, month, day]| Day::of_date(i32::try_from(year).ok()?, month, day));
        day.ok_or_else(|| {
            let problem = format!("`{}` is no day from 1970 on", plain(&written));
            self.error(problem, "Write year, month and day, such as 2024-02-07".to_owned())
        })
    }

    /// A month, such as `"2034-04"`.
    pub(super) fn month(&self) -> Result<Month, DocumentError> {
        let text = self.text()?;
        let month = parts(text, [4, 2])
            .and_then(|[year, month]| Month::of(i32::try_from(year).ok()?, month));
        month.ok_or_else(|| {
            let problem = format!("`{}` is no month from 1970 on", plain(text));
            self.error(problem, "Write year and month in quotes, such as \"2034-04\"".to_owned())
        })
    }

    /// A list of 1 to `most` values; `noun` says of what.
    ///
    /// # Errors
    ///
    /// It has fewer or more values, or is no list.
    pub fn list(&self, noun: &str, most: usize) -> Result<Vec<Self>, DocumentError> {
        let array = self.value.as_array().ok_or_else(|| self.not_a("a list"))?;
        if array.is_empty() || array.len() > most {
            return Err(self.error(
                format!("there are {} {noun}", array.len()),
                format!("Write 1 to {most}, for example `{}`", self.example),
            ));
        }
        let item = |(index, item): (usize, &'d toml::Spanned<DeValue<'d>>)| Self {
            place: self.place.item(&format!("#{}", index + 1), item.span().start),
            value: item.get_ref(),
            example: self.example,
        };
        Ok(array.iter().enumerate().map(item).collect())
    }

    /// A table that may have `fields` and nothing else.
    ///
    /// # Errors
    ///
    /// It is no table, or has another key.
    pub fn table(&self, fields: &'static [Field]) -> Result<Table<'d>, DocumentError> {
        Table::open(self.place.clone(), self.entries()?, fields)
    }

    /// An item of `list` whose place is called by the name it has at `naming`, if it has one.
    pub(super) fn named_table(
        &self,
        list: &Self,
        naming: &'static Field,
        fields: &'static [Field],
    ) -> Result<Table<'d>, DocumentError> {
        let entries = self.entries()?;
        let name = entries.get(naming.key).and_then(|value| value.get_ref().as_str());
        let place = match name {
            Some(name) if is_name(name) => list.place.item(name, self.place.offset()),
            Some(_) | None => self.place.clone(),
        };
        Table::open(place, entries, fields)
    }

    fn entries(&self) -> Result<&'d DeTable<'d>, DocumentError> {
        self.value.as_table().ok_or_else(|| self.not_a("a table"))
    }

    fn not_a(&self, expected: &str) -> DocumentError {
        self.error(
            format!("{expected} belongs here, not the type {}", self.value.type_str()),
            format!("Write for example `{}`", self.example),
        )
    }
}

fn is_name(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_NAME_CHARS).contains(&text.len()) && text.bytes().all(known)
}

/// The numbers of a date with dashes, each of so many digits.
fn parts<const N: usize>(text: &str, digits: [usize; N]) -> Option<[u32; N]> {
    let parts: [&str; N] = text.split('-').collect::<Vec<_>>().try_into().ok()?;
    let fits = |(part, digits): (&&str, usize)| {
        part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let numbers: Vec<u32> = parts.iter().filter_map(|part| part.parse().ok()).collect();
    parts.iter().zip(digits).all(fits).then(|| numbers.try_into().ok())?
}

/// The number, unless it is negative or too large to count with.
fn whole(integer: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
