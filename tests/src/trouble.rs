//! What does a system test say when the world around it fails? One chain of words.

use std::error::Error;
use std::fmt;

/// Something that kept a test from doing what it has to. A test returns it and fails with its words.
pub struct Trouble(String);

/// What a step of a system test gives.
pub type Outcome<T> = Result<T, Trouble>;

impl Trouble {
    /// Says what was attempted and what is wrong.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// Says, in front, what was attempted.
    #[must_use]
    pub fn while_trying_to(self, what: &str) -> Self {
        Self(format!("could not {what}: {}", self.0))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words.push_str(": ");
            words.push_str(&error.to_string());
            cause = error.source();
        }
        Self(words)
    }
}
