//! Which boot of a host? The kernel's boot id, in the sixteen bytes that it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A boot. The kernel names it by a random UUID; any other text is kept as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Boot {
    /// A UUID, lower-case, with dashes.
    Uuid([u8; 16]),
    /// Another text, and never one that reads as a UUID.
    Text(String),
}

/// Where a UUID's text has its dashes.
const DASHES: [usize; 4] = [8, 13, 18, 23];

impl From<&str> for Boot {
    fn from(text: &str) -> Self {
        uuid(text).map_or_else(|| Self::Text(text.to_owned()), Self::Uuid)
    }
}

impl From<&String> for Boot {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl PartialEq<str> for Boot {
    fn eq(&self, text: &str) -> bool {
        match self {
            Self::Uuid(bytes) => uuid(text).as_ref() == Some(bytes),
            Self::Text(own) => own == text,
        }
    }
}

impl PartialEq<&str> for Boot {
    fn eq(&self, text: &&str) -> bool {
        *self == **text
    }
}

impl PartialEq<String> for Boot {
    fn eq(&self, text: &String) -> bool {
        *self == *text.as_str()
    }
}

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Uuid(bytes) => {
                for (at, byte) in bytes.iter().enumerate() {
                    let dash = if [4, 6, 8, 10].contains(&at) { "-" } else { "" };
                    write!(f, "{dash}{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

/// The bytes of a UUID that is written as the kernel writes it.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 || DASHES.iter().any(|&at| text[at] != b'-') {
        return None;
    }
    let mut digits = (0..36).filter(|at| !DASHES.contains(at)).map(|at| match text[at] {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    });
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = (digits.next()?? << 4) | digits.next()??;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_shows_the_text_that_it_was_made_of() {
        let uuid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
        assert!(matches!(Boot::from(uuid), Boot::Uuid(_)));
        let upper = uuid.to_uppercase();
        for text in
            [uuid, "", "b1", &upper, &uuid[1..], &uuid.replace('-', "0"), "é".repeat(18).as_str()]
        {
            let boot = Boot::from(text);
            assert_eq!(boot.to_string(), text);
            assert!(boot == *text);
            assert!(boot != *format!("{text}x").as_str());
        }
        assert_ne!(Boot::from(uuid), Boot::from(&upper));
    }
}
