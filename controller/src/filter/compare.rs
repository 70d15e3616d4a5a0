//! Does what a row holds fit what a filter asks for?

use std::cmp::Ordering;

use super::fields::Value;

/// How a field is held against an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Has,
}

impl Operator {
    pub(super) fn of(sign: &str) -> Self {
        match sign {
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            ":" => Self::Has,
            _ => Self::Equal,
        }
    }

    fn allows(self, found: Ordering) -> bool {
        match self {
            Self::Equal | Self::Has => found == Ordering::Equal,
            Self::NotEqual => found != Ordering::Equal,
            Self::Less => found == Ordering::Less,
            Self::LessOrEqual => found != Ordering::Greater,
            Self::Greater => found == Ordering::Greater,
            Self::GreaterOrEqual => found != Ordering::Less,
        }
    }
}

/// What a filter holds a field against, read for the field's kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// Anything that is known.
    Anything,
    /// Exactly this text.
    Exactly(String),
    /// A text with this in it, at its beginning, at its end, or anywhere.
    Part { text: String, place: Place },
    /// A number, or a moment in milliseconds since 1970.
    Number(i128),
}

/// Where a part of a text has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Beginning,
    End,
    Anywhere,
}

impl Operand {
    /// What `:` asks of a text.
    pub(super) fn part(text: &str) -> Self {
        let (ends, begins) = (text.starts_with('*'), text.ends_with('*'));
        let bare = text.trim_start_matches('*').trim_end_matches('*');
        if bare.is_empty() {
            return Self::Anything;
        }
        let place = match (begins, ends) {
            (true, false) => Place::Beginning,
            (false, true) => Place::End,
            (true, true) | (false, false) => Place::Anywhere,
        };
        Self::Part { text: bare.to_owned(), place }
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Exactly(wanted) => wanted == text,
            Self::Part { text: part, place } => match place {
                Place::Beginning => text.starts_with(part.as_str()),
                Place::End => text.ends_with(part.as_str()),
                Place::Anywhere => text.contains(part.as_str()),
            },
            Self::Number(_) => false,
        }
    }
}

/// Whether `value` stands to `operand` as the operator says.
pub(super) fn holds(value: &Value<'_>, operator: Operator, operand: &Operand) -> bool {
    let is_there = |fits: bool| fits != (operator == Operator::NotEqual);
    match value {
        Value::Unknown => operator == Operator::NotEqual,
        Value::Text(text) => is_there(operand.fits(text)),
        Value::Texts(texts) => is_there(texts.iter().any(|text| operand.fits(text))),
        Value::Labels(labels) => is_there(labels.keys().any(|key| operand.fits(key))),
        Value::Number(found) | Value::Time(found) => match operand {
            Operand::Number(wanted) => operator.allows(found.cmp(wanted)),
            Operand::Anything => is_there(true),
            Operand::Exactly(_) | Operand::Part { .. } => false,
        },
    }
}
