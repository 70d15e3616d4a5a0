//! What can be asked of a kind of row? Its fields, by name, each with what kind of thing it holds.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// One field of a kind of row.
#[derive(Debug)]
pub struct Field<R> {
    /// Its name in a filter.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it holds in one row.
    pub of: for<'a> fn(&'a R) -> Value<'a>,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text; and lists of texts, of which any may fit.
    Text,
    /// A resource's name; its collection, here with the slash, may be left out.
    Name(&'static str),
    /// A whole number.
    Number,
    /// A moment.
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Texts by key.
    Labels,
}

/// What a field holds in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing is known.
    Unknown,
    /// A text.
    Text(Cow<'a, str>),
    /// Several texts.
    Texts(Vec<Cow<'a, str>>),
    /// A whole number.
    Number(i128),
    /// A moment, in milliseconds since 1970.
    Time(i128),
    /// Texts by key.
    Labels(&'a BTreeMap<String, String>),
}

impl<'a> Value<'a> {
    /// A text that is known unless it is empty.
    pub fn text(text: &'a str) -> Self {
        if text.is_empty() { Self::Unknown } else { Self::Text(Cow::Borrowed(text)) }
    }

    /// A count.
    pub fn number(number: impl Into<i128>) -> Self {
        Self::Number(number.into())
    }
}

/// A kind of row that can be asked about.
pub trait Filterable: Sized + 'static {
    /// Its fields, by name.
    const FIELDS: &'static [Field<Self>];
}
