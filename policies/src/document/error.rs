//! What is wrong with a document, where, and what is the way out?

use std::fmt;

/// The first thing that is wrong with a policy document.
///
/// Shown as `source:line:column: key: problem. Way out.`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// What the caller calls the document, e.g. the name of its file.
    pub source_name: String,
    /// The line, from 1. Of a key that is missing: the line where its table begins.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The path of the key, e.g. `ladder[canary].soak`; `None` where the document as a whole is meant.
    pub key: Option<String>,
    /// What is wrong, without a full stop.
    pub problem: String,
    /// What to write instead, without a full stop.
    pub way_out: String,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source_name, line, column, key, problem, way_out } = self;
        write!(f, "{source_name}:{line}:{column}: ")?;
        if let Some(key) = key {
            write!(f, "{key}: ")?;
        }
        let end = if way_out.ends_with('?') { "" } else { "." };
        write!(f, "{problem}. {way_out}{end}")
    }
}

impl std::error::Error for DocumentError {}
