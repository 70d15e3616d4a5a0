//! Which keys may a table have? Only known ones; the nearest known one is named otherwise.

use toml::de::DeTable;

use super::error::DocumentError;
use super::place::{Place, plain};
use super::value::Value;

/// A key that a table may have.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// A line that has it, for messages.
    pub example: &'static str,
}

/// A table all of whose keys are known.
#[derive(Debug)]
pub struct Table<'d> {
    place: Place<'d>,
    entries: &'d DeTable<'d>,
}

impl<'d> Table<'d> {
    /// The table at `place`, which may have `fields` and nothing else.
    ///
    /// # Errors
    ///
    /// It has another key; the message names the nearest of `fields`.
    pub fn open(
        place: Place<'d>,
        entries: &'d DeTable<'d>,
        fields: &'static [Field],
    ) -> Result<Self, DocumentError> {
        let unknown = entries
            .keys()
            .filter(|key| fields.iter().all(|field| field.key != key.get_ref()))
            .min_by_key(|key| key.span().start);
        if let Some(key) = unknown {
            let way_out = known_instead(key.get_ref(), fields);
            let place = place.key(key.get_ref(), key.span().start);
            return Err(place.error("there is no such key here".to_owned(), way_out));
        }
        Ok(Self { place, entries })
    }

    /// The value of a key that the table must have.
    ///
    /// # Errors
    ///
    /// The table does not have it.
    pub fn required(&self, field: &'static Field) -> Result<Value<'d>, DocumentError> {
        self.optional(field).ok_or_else(|| self.missing(field, "this key is missing"))
    }

    /// The value of a key that the table may have.
    pub fn optional(&self, field: &'static Field) -> Option<Value<'d>> {
        let (key, value) = self.entries.iter().find(|(key, _)| key.get_ref() == field.key)?;
        let offset = if value.get_ref().is_table() { key.span().start } else { value.span().start };
        Some(Value::new(self.place.key(field.key, offset), value.get_ref(), field))
    }

    /// The error that `field` is not in this table, for the reason `problem`.
    pub(super) fn missing(&self, field: &'static Field, problem: &str) -> DocumentError {
        let place = self.place.key(field.key, self.place.offset());
        place.error(
            problem.to_owned(),
            format!("Write for example `{}`: there is no default", field.example),
        )
    }
}

/// What to write instead of the unknown `key`.
fn known_instead(key: &str, fields: &'static [Field]) -> String {
    let written = plain(key).to_lowercase().replace('_', "-");
    let nearest = fields
        .iter()
        .map(|field| (strsim::damerau_levenshtein(&written, field.key), field.key))
        .min();
    match nearest {
        Some((distance, known)) if distance <= known.len().div_ceil(3) => {
            format!("Did you mean `{known}`?")
        }
        Some(_) | None => {
            let known: Vec<_> = fields.iter().map(|field| format!("`{}`", field.key)).collect();
            format!("Known here: {}", known.join(", "))
        }
    }
}
