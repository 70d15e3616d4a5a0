//! How does one record follow from the one before? By a hash over everything that it says and the hash before.
//!
//! Whoever has the records can walk the chain: the replicated state that writes it, a client to whom it was
//! streamed, and anybody with an exported [`mod@file`]. None of them has to trust another for it.

pub mod file;
#[cfg(test)]
mod tests;

/// What every hash begins with, so that it is a hash of nothing else.
const DOMAIN: &[u8] = b"tidegate record 1\n";

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// Everything that one record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// Counts the records up from 1.
    pub sequence: u64,
    /// Log index of the entry.
    pub log_index: u64,
    /// Running time, in milliseconds.
    pub elapsed_ms: u64,
    /// Wall time, in milliseconds since the Unix epoch.
    pub wall_ms: u64,
    /// Who.
    pub actor: &'a str,
    /// What.
    pub event: &'a str,
    /// On what.
    pub subject: &'a str,
    /// Why, and with which numbers.
    pub detail: &'a str,
    /// The request that asked for it; empty: nobody's request did.
    pub request_id: &'a str,
    /// What a verdict was computed from.
    pub basis: Option<&'a Hash>,
    /// The verdict, gate by gate.
    pub verdict: Option<&'a Hash>,
}

impl Link<'_> {
    /// The hash of this record behind the one with hash `before`.
    pub fn hash(&self, before: &Hash) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(DOMAIN).update(before);
        for number in [self.sequence, self.log_index, self.elapsed_ms, self.wall_ms] {
            hasher.update(&number.to_le_bytes());
        }
        for text in [self.actor, self.event, self.subject, self.detail, self.request_id] {
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            hasher.update(&length.to_le_bytes()).update(text.as_bytes());
        }
        for hash in [self.basis, self.verdict] {
            match hash {
                Some(hash) => hasher.update(&[1]).update(hash),
                None => hasher.update(&[0]),
            };
        }
        *hasher.finalize().as_bytes()
    }
}

/// A place in the chain: everything up to a record, in one hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The record's sequence number; 0: before the first.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.sequence, hex(&self.hash))
    }
}

impl std::str::FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = text.split_once(':').and_then(|(sequence, hash)| {
            Some(Self { sequence: sequence.parse().ok()?, hash: unhex(hash)? })
        });
        read.ok_or_else(|| {
            "a head is SEQUENCE:HASH, the hash in 64 hex digits, as `tidegate audit verify` prints it"
                .to_owned()
        })
    }
}

/// A record that does not fit behind the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Another one belongs here.
    #[error(
        "record {found} (log index {log_index}) is where record {expected} belongs: a record was removed, \
         added or moved"
    )]
    OutOfOrder {
        /// The sequence number that belongs here.
        expected: u64,
        /// The one that is here.
        found: u64,
        /// Its log index.
        log_index: u64,
    },
    /// What it says is not what was chained.
    #[error(
        "record {sequence} (log index {log_index}) is not what was chained: it, or the record before it, was \
         changed"
    )]
    Changed {
        /// Its sequence number.
        sequence: u64,
        /// Its log index.
        log_index: u64,
    },
    /// It is not the one that was seen at its place before.
    #[error(
        "record {sequence} (log index {log_index}) is another than the one that was seen before: the history \
         up to it was written anew"
    )]
    Rewritten {
        /// Its sequence number.
        sequence: u64,
        /// Its log index.
        log_index: u64,
    },
}

/// A walk along the chain, record by record.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    at: Head,
    seen: Option<Head>,
}

impl Walk {
    /// A walk that begins behind `at`; where it comes by `seen`, it must find it again.
    pub const fn from(at: Head, seen: Option<Head>) -> Self {
        Self { at, seen }
    }

    /// Where the walk is.
    pub const fn at(&self) -> Head {
        self.at
    }

    /// Goes on to the next record, which says that it has this hash.
    ///
    /// # Errors
    ///
    /// [`Misfit`]; the walk stays where it is.
    pub fn step(&mut self, link: &Link<'_>, hash: &Hash) -> Result<(), Misfit> {
        let Link { sequence, log_index, .. } = *link;
        let expected = self.at.sequence.saturating_add(1);
        if sequence != expected {
            return Err(Misfit::OutOfOrder { expected, found: sequence, log_index });
        }
        if link.hash(&self.at.hash) != *hash {
            return Err(Misfit::Changed { sequence, log_index });
        }
        if self.seen.is_some_and(|seen| seen.sequence == sequence && seen.hash != *hash) {
            return Err(Misfit::Rewritten { sequence, log_index });
        }
        self.at = Head { sequence, hash: *hash };
        Ok(())
    }
}

/// As hex digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// From 64 hex digits, lower case.
pub fn unhex(text: &str) -> Option<Hash> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    if text.len() != hash.len() * 2 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?;
    }
    Some(hash)
}
