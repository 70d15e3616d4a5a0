//! Under which id is a request sent? One command has one id, given or random; a command that
//! sends several requests derives theirs from it, so that repeating it repeats all of them.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// A UUID that makes a retry safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// A random one.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self::shaped(bytes))
    }

    /// The id of one of the several requests of a command; always the same for the same `label`.
    pub(crate) fn derive(self, label: &str) -> Self {
        let digest: [u8; 32] =
            Sha256::new().chain_update(self.0).chain_update(label).finalize().into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self::shaped(bytes)
    }

    /// Version and variant bits of a version 4 UUID, the form that request ids have.
    fn shaped(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for RequestId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let advice = || format!("`{text}` is not a UUID such as {EXAMPLE}");
        let dashes_fit = text.len() == EXAMPLE.len()
            && text.bytes().zip(EXAMPLE.bytes()).all(|(a, b)| (a == b'-') == (b == b'-'));
        if !dashes_fit {
            return Err(advice());
        }
        let bytes = from_hex(&text.replace('-', "")).ok_or_else(advice)?;
        bytes.try_into().map(Self).map_err(|_| advice())
    }
}

const EXAMPLE: &str = "1b4e28ba-2fa1-4d2e-883f-0016d3cca427";

/// Bytes as lower-case hex digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hex digits of either case as bytes; `None`: not hex.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_reads_as_it_is_written() {
        let id: RequestId = EXAMPLE.parse().unwrap();
        assert_eq!(id.to_string(), EXAMPLE);
        for text in ["", "1b4e28ba", &EXAMPLE.replace('-', "a"), &EXAMPLE.replace('b', "x")] {
            assert!(text.parse::<RequestId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn derived_ids_are_stable_and_differ_by_label() {
        let id: RequestId = EXAMPLE.parse().unwrap();
        assert_eq!(id.derive("create"), id.derive("create"));
        assert_ne!(id.derive("create"), id.derive("start"));
        assert_ne!(id.derive("create"), id);
    }

    #[test]
    fn random_ids_have_the_form_of_version_4() {
        let text = RequestId::random().unwrap().to_string();
        assert_eq!(&text[14..15], "4");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
    }

    #[test]
    fn hex_goes_there_and_back() {
        assert_eq!(to_hex(&[0, 0xab, 0xff]), "00abff");
        assert_eq!(from_hex("00ABff"), Some(vec![0, 0xab, 0xff]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("0g"), None);
        assert_eq!(from_hex("é"), None);
    }
}
