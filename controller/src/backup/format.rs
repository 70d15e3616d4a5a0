//! How is a backup laid out, byte by byte?
//!
//! ```text
//! magic     16 bytes  "tidegate backup\n"
//! format    u16       1
//! record    kind u8, length u32, hash 32 bytes, then so many bytes
//! …
//! end       kind 5, length 0, hash = BLAKE3 of every byte before this record
//! ```
//!
//! Numbers are little-endian. The records come in this order: one header, one root, the pieces by
//! hash, the artifacts by hash, the end. A record's hash is over its bytes: BLAKE3, and SHA-256 for an
//! artifact, whose name that is.

use serde::{Deserialize, Serialize};

/// What a backup begins with.
pub(super) const MAGIC: &[u8; 16] = b"tidegate backup\n";
/// The layout that is written; the only one that is read.
pub(super) const FORMAT: u16 = 1;
/// Bytes of a record before its content.
pub(super) const HEAD_BYTES: usize = 1 + 4 + 32;
/// Largest header, root or piece, in bytes.
pub(super) const MAX_SMALL_BYTES: u32 = 64 * 1024;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Header,
    Root,
    Piece,
    Artifact,
    End,
}

impl Kind {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Header => 1,
            Self::Root => 2,
            Self::Piece => 3,
            Self::Artifact => 4,
            Self::End => 5,
        }
    }

    pub(super) const fn of(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Header),
            2 => Some(Self::Root),
            3 => Some(Self::Piece),
            4 => Some(Self::Artifact),
            5 => Some(Self::End),
            _ => None,
        }
    }
}

/// What stands before a record's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) length: u32,
    pub(super) hash: [u8; 32],
}

impl Head {
    pub(super) fn encode(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[0] = self.kind.code();
        bytes[1..5].copy_from_slice(&self.length.to_le_bytes());
        bytes[5..].copy_from_slice(&self.hash);
        bytes
    }

    /// `None` for a kind that there is not.
    pub(super) fn decode(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let mut length = [0; 4];
        length.copy_from_slice(&bytes[1..5]);
        let mut hash = [0; 32];
        hash.copy_from_slice(&bytes[5..]);
        Some(Self { kind: Kind::of(bytes[0])?, length: u32::from_le_bytes(length), hash })
    }
}

/// What a backup is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The cluster's name.
    pub cluster: String,
    /// The cluster's own random id; zeros for a cluster that has none.
    pub id: [u8; 16],
    /// Rises with each restore.
    pub generation: u64,
    /// The version of the rules that the state follows.
    pub version: u16,
    /// The last log entry that is in it.
    pub index: u64,
    /// How many pieces follow.
    pub pieces: u64,
    /// How many artifacts follow.
    pub artifacts: u64,
    /// Software version of the node that wrote it.
    pub written_by: String,
}
