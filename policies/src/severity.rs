//! How bad is what a patch set fixes?

use serde::{Deserialize, Serialize};

/// How bad a vulnerability is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Not said.
    Unknown,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// Those that are said, the worst first.
    pub const KNOWN: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// Its word in documents and on screens.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The one that a document means; `None`: it is no word for any.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::KNOWN.into_iter().find(|severity| severity.word() == word)
    }
}
