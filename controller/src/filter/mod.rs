//! Which rows of a list does a caller want? A filter in a part of the language of AIP-160, read once, then asked
//! about row after row.
//!
//! ```text
//! tier="free" AND kernel:"6.8*"            both; `:` is "has": a text with `*` at its ends, or an element
//! state=HALTED OR state=PAUSED             either; mixed with AND it needs parentheses
//! NOT (phase=SOAKED OR phase=BEGUN)
//! exposed_hosts>10 AND create_time<"2026-11-03T09:10:00Z"
//! labels.role=db                           a label's value; `labels:role`: has the label
//! zone:*                                   has any zone
//! ```
//!
//! What is not known is equal to nothing, and neither less nor greater than anything.

mod compare;
mod error;
mod expression;
mod fields;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

pub use error::BadFilter;
pub use expression::Filter;
pub use fields::{Field, Filterable, Kind, Value};

/// Longest filter, in bytes.
pub const MAX_BYTES: usize = 4 * 1024;

/// Deepest nesting of parentheses and NOT.
pub const MAX_DEPTH: usize = 16;
