//! What does a filter say? Tests of fields, put together.

use std::borrow::Cow;

use super::compare::{Operand, Operator, holds};
use super::error::BadFilter;
use super::fields::{Filterable, Value};
use super::parser;

/// A filter on rows of one kind.
#[derive(Debug)]
pub struct Filter<R: 'static> {
    expression: Option<Expression>,
    of: std::marker::PhantomData<fn(&R)>,
}

/// What must be true of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// All of these.
    All(Vec<Self>),
    /// Any of these.
    Any(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// One field.
    Test(Test),
}

/// What must be true of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    /// Its place among the fields of the row.
    pub(super) field: usize,
    /// The label that is meant, where the field has several.
    pub(super) label: Option<String>,
    pub(super) operator: Operator,
    pub(super) operand: Operand,
}

impl<R: Filterable> Filter<R> {
    /// Reads a filter. An empty one lets everything pass.
    ///
    /// # Errors
    ///
    /// [`BadFilter`].
    pub fn parse(text: &str) -> Result<Self, BadFilter> {
        let expression = parser::parse(text, R::FIELDS)?;
        Ok(Self { expression, of: std::marker::PhantomData })
    }

    /// Whether it lets everything pass.
    pub fn is_empty(&self) -> bool {
        self.expression.is_none()
    }

    /// Whether it lets `row` pass.
    pub fn matches(&self, row: &R) -> bool {
        self.expression.as_ref().is_none_or(|expression| is_true(expression, row))
    }
}

fn is_true<R: Filterable>(expression: &Expression, row: &R) -> bool {
    match expression {
        Expression::All(parts) => parts.iter().all(|part| is_true(part, row)),
        Expression::Any(parts) => parts.iter().any(|part| is_true(part, row)),
        Expression::Not(part) => !is_true(part, row),
        Expression::Test(test) => {
            let value = R::FIELDS.get(test.field).map_or(Value::Unknown, |field| (field.of)(row));
            let value = match (&test.label, value) {
                (Some(key), Value::Labels(labels)) => {
                    labels.get(key).map_or(Value::Unknown, |text| Value::Text(Cow::Borrowed(text)))
                }
                (_, value) => value,
            };
            holds(&value, test.operator, &test.operand)
        }
    }
}
