//! How are things named inside the log? Small checked types, one per thing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name of a token, tier, rollout or patch set, in bytes.
pub const MAX_NAME_BYTES: usize = 63;

/// A host: 64 bits of a hash of its machine id. Shown as 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostId(pub u64);

/// A controller. Never zero, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u64);

/// A grant, numbered through the cluster from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GrantId(pub u64);

/// SHA-256 of an artifact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

/// A name that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name: 1 to 63 lower-case letters, digits, `-` or `.`, first a letter or digit"
)]
pub struct NotAName {
    /// The text.
    pub text: String,
}

/// Checks the rule that all names keep.
fn check_name(text: &str) -> Result<(), NotAName> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if text.len() <= MAX_NAME_BYTES && starts_well && text.bytes().all(allowed) {
        return Ok(());
    }
    let text = text.chars().take(80).collect();
    Err(NotAName { text })
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAName;

            fn from_str(text: &str) -> Result<Self, NotAName> {
                check_name(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A token's id.
    TokenId
}
name! {
    /// A tier's name.
    TierName
}
name! {
    /// A patch set's version, e.g. `113.1`.
    Version
}

impl Version {
    /// Whether it is a higher number than `other`: compared part by part, numbers as numbers, so that
    /// `113.10` is above `113.9`.
    pub fn is_above(&self, other: &Self) -> bool {
        parts(self.as_str()) > parts(other.as_str())
    }
}

/// What stands between the dots and dashes of a version. A number is below a word; of two numbers the one
/// with more digits is above.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum VersionPart<'a> {
    Number(usize, &'a str),
    Word(&'a str),
}

fn parts(version: &str) -> Vec<VersionPart<'_>> {
    let parts = version.split(['.', '-']).map(|text| {
        let digits = text.trim_start_matches('0');
        if text.bytes().all(|b| b.is_ascii_digit()) {
            VersionPart::Number(digits.len(), digits)
        } else {
            VersionPart::Word(text)
        }
    });
    parts.collect()
}

/// What a block names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Blocked {
    /// Every patch set of this version, published or not.
    Version(Version),
    /// Every patch set that holds an artifact with this SHA-256.
    Artifact(Digest),
}

impl FromStr for Blocked {
    type Err = NotAName;

    /// A version, or a SHA-256 as 64 hexadecimal digits: no version is as long.
    fn from_str(text: &str) -> Result<Self, NotAName> {
        let mut digest = [0; 32];
        if text.len() == 64 {
            let not_a_name = || NotAName { text: text.to_owned() };
            if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(not_a_name()); // A sign would be read as one.
            }
            for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                let pair = std::str::from_utf8(pair).map_err(|_| not_a_name())?;
                *byte = u8::from_str_radix(pair, 16).map_err(|_| not_a_name())?;
            }
            return Ok(Self::Artifact(Digest(digest)));
        }
        text.parse().map(Self::Version)
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => version.fmt(f),
            Self::Artifact(digest) => digest.fmt(f),
        }
    }
}

name! {
    /// A freeze's name.
    FreezeId
}
name! {
    /// A rollout's id; by default its patch set's version.
    RolloutId
}

name! {
    /// A webhook's name.
    WebhookId
}
name! {
    /// The name of a secret that each controller has in a file.
    SecretName
}

impl HostId {
    /// The host with this machine id: the first 64 bits of a BLAKE3 hash of it.
    pub fn of_machine(machine_id: &str) -> Self {
        let hash = blake3::derive_key("tidegate host id v1", machine_id.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        Self(u64::from_be_bytes(first))
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for HostId {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let not_a_name = || NotAName { text: text.chars().take(80).collect() };
        if text.len() != 16
            || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            return Err(not_a_name());
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| not_a_name())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_to_the_rule() {
        for good in ["a", "113.1", "canary", "eu-2.free", &"x".repeat(63)] {
            assert!(good.parse::<TierName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "A", "a b", "a/b", "ä", &"x".repeat(64)] {
            assert!(bad.parse::<TierName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_block_names_is_a_version_or_64_hexadecimal_digits() {
        let digest = "0f".repeat(32);
        assert_eq!(digest.parse(), Ok(Blocked::Artifact(Digest([15; 32]))));
        assert_eq!(digest.parse::<Blocked>().unwrap().to_string(), digest);
        assert_eq!("113.1".parse(), Ok(Blocked::Version("113.1".parse().unwrap())));
        for bad in ["", "0g".repeat(32).as_str(), "+f".repeat(32).as_str(), "f".repeat(65).as_str()]
        {
            assert!(bad.parse::<Blocked>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_host_id_reads_back_what_it_shows() {
        let host = HostId::of_machine("5a80");
        assert_eq!(host.to_string().parse(), Ok(host));
        for bad in ["", "5a80", "5A80000000000000", "+a80000000000000"] {
            assert!(bad.parse::<HostId>().is_err(), "{bad}");
        }
    }
}
