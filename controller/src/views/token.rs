//! Where does a stream go on, at whichever controller? A token says it: log indexes, which mean the same
//! everywhere, the cluster that they are of, and the stream that they were told on.

use serde::{Deserialize, Serialize};

use crate::api::error::WatchError;

/// The version of the form; a token of another one is asked for anew.
const FORM: u8 = 1;

/// Where a stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    form: u8,
    /// Which cluster's log, and which of its lives.
    pub(super) origin: Origin,
    /// The filter's hash.
    pub(super) filter: [u8; 8],
    /// All records up to this log index were told.
    pub(super) records: u64,
    /// All changes of things up to this one: fewer, while a stream catches up with many records.
    pub(super) things: u64,
}

/// Which cluster a log index is of. A restore makes another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) cluster: [u8; 16],
    pub(super) generation: u64,
}

impl Token {
    pub(super) const fn new(
        origin: Origin,
        filter: [u8; 8],
        (records, things): (u64, u64),
    ) -> Self {
        Self { form: FORM, origin, filter, records, things }
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`WatchError::NotAToken`].
    pub(super) fn parse(text: &str) -> Result<Self, WatchError> {
        let bytes = unhex(text).ok_or(WatchError::NotAToken)?;
        let token: Self = postcard::from_bytes(&bytes).map_err(|_| WatchError::NotAToken)?;
        if token.form == FORM { Ok(token) } else { Err(WatchError::NotAToken) }
    }

    /// The same with so many records told.
    pub(super) const fn through(self, records: u64) -> Self {
        Self { records, ..self }
    }

    /// Writes it.
    #[expect(clippy::expect_used, reason = "serialising plain data into memory cannot fail")]
    pub(super) fn write(&self) -> String {
        let bytes = postcard::to_stdvec(self).expect("plain data can be written");
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    if digits.is_empty() || !pairs.remainder().is_empty() {
        return None;
    }
    Some(pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is_one() {
        let origin = Origin { cluster: [7; 16], generation: 3 };
        let token = Token::new(origin, [9; 8], (4_711, 4_700));
        assert_eq!(Token::parse(&token.write()).unwrap(), token);
        let mut later = token;
        later.form = 2;
        for text in ["", "1", "0g", "zz", "01", "ä", &later.write()] {
            assert!(matches!(Token::parse(text), Err(WatchError::NotAToken)), "{text}");
        }
    }
}
