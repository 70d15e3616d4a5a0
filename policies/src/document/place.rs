//! Where in a document is something? Its key path, and its line and column.

use toml::Spanned;
use toml::de::DeTable;

use super::error::DocumentError;

/// Characters of a key or text that a message quotes before it says that there are more.
const QUOTED_CHARS: usize = 60;

/// A place in a document, and the name for it.
#[derive(Clone, Debug)]
pub struct Place<'d> {
    source: &'d str,
    text: &'d str,
    /// The key path; empty at the root.
    path: String,
    /// Bytes from the beginning of the text.
    offset: usize,
}

impl<'d> Place<'d> {
    /// The beginning of the document.
    pub const fn document(source: &'d str, text: &'d str) -> Self {
        Self { source, text, path: String::new(), offset: 0 }
    }

    /// Bytes from the beginning of the text.
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// Reads the document's TOML.
    ///
    /// # Errors
    ///
    /// It is not TOML.
    pub fn parse(&self) -> Result<Spanned<DeTable<'d>>, DocumentError> {
        DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let said = error.message().lines().collect::<Vec<_>>().join(": ");
            self.at(at).error(said, "Mend the TOML: see https://toml.io for its rules".to_owned())
        })
    }

    /// This key path, elsewhere in the text.
    pub(super) fn at(&self, offset: usize) -> Self {
        Self { path: self.path.clone(), offset, ..*self }
    }

    /// The place of `key` in the table that is here.
    pub(super) fn key(&self, key: &str, offset: usize) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("{}{dot}{}", self.path, plain(key)), offset, ..*self }
    }

    /// The place of an item, called `label`, of the list that is here.
    pub(super) fn item(&self, label: &str, offset: usize) -> Self {
        Self { path: format!("{}[{label}]", self.path), offset, ..*self }
    }

    /// An error that is found here.
    pub fn error(&self, problem: String, way_out: String) -> DocumentError {
        let before = self.text.get(..self.offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        DocumentError {
            source_name: self.source.to_owned(),
            line: before.bytes().filter(|&byte| byte == b'\n').count() + 1,
            column: before.get(line_start..).map_or(0, |line| line.chars().count()) + 1,
            key: (!self.path.is_empty()).then(|| self.path.clone()),
            problem,
            way_out,
        }
    }
}

/// What somebody wrote, fit for one line of a message: no control characters, not too long.
pub fn plain(written: &str) -> String {
    let mut plain: String =
        written.chars().take(QUOTED_CHARS).flat_map(char::escape_debug).collect();
    if written.chars().nth(QUOTED_CHARS).is_some() {
        plain.push('…');
    }
    plain
}
