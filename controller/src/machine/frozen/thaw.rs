//! How does a machine come back from its pieces, and what can be wrong with them?

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::machine::Machine;
use crate::machine::table::NotAChunk;

use super::head::Reader;
use super::root::Root;
use super::{PieceHash, Pieces};

/// Why pieces make no machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThawError {
    /// The bytes are no root.
    #[error("{length} bytes that are no root of a state: fetch the snapshot again")]
    BadRoot {
        /// How many bytes.
        length: usize,
    },
    /// Another build wrote it.
    #[error(
        "the state has format {found}, which this build does not read: install the build that wrote it"
    )]
    OtherFormat {
        /// Its format.
        found: u8,
    },
    /// Nobody has the piece.
    #[error("piece {piece} is not here: fetch it from a peer")]
    Missing {
        /// The piece.
        piece: PieceHash,
    },
    /// The piece is not what its hash says.
    #[error("the bytes that were supplied as piece {piece} have another hash: fetch it again")]
    Damaged {
        /// The piece.
        piece: PieceHash,
    },
    /// The piece names no leaves of the section that names it.
    #[error("piece {piece} is no page of the section that names it")]
    BadPage {
        /// The piece.
        piece: PieceHash,
    },
    /// The piece is no chunk of the table that names it.
    #[error("piece {piece} is no chunk of the table that names it: {why}")]
    BadPiece {
        /// The piece.
        piece: PieceHash,
        /// What is wrong with it.
        why: NotAChunk,
    },
    /// A chunk begins before the one before it ends.
    #[error(
        "piece {piece} of table {table} begins with a key that does not follow the piece before"
    )]
    KeysDoNotRise {
        /// The table.
        table: u8,
        /// The second of the two.
        piece: PieceHash,
    },
    /// There are not as many rows as the root says.
    #[error("table {table} has {found} rows, and the root says {named}")]
    Count {
        /// The table.
        table: u8,
        /// What the root says.
        named: u64,
        /// What its chunks hold.
        found: usize,
    },
    /// A row does not read.
    #[error("the row {key:x} of table {table} does not read as one of its rows")]
    BadRow {
        /// The table.
        table: u8,
        /// The row's key.
        key: u128,
    },
    /// A section is missing.
    #[error("the root names no section {id}")]
    NoSection {
        /// The section.
        id: u8,
    },
    /// There is a section that this build does not know, or one of them twice.
    #[error("the root names a section {id} that this build does not know, or names it twice")]
    UnknownSection {
        /// The section.
        id: u8,
    },
    /// A part of the head does not read.
    #[error("part {id} of the state's head does not read")]
    BadPart {
        /// The part.
        id: u8,
    },
    /// Its parts do not fit together.
    #[error("the state does not hold together: {what}")]
    Torn {
        /// Which.
        what: String,
    },
}

impl Machine {
    /// The machine whose state `root` names. `piece` supplies what it and its pages name.
    ///
    /// # Errors
    ///
    /// [`ThawError`]: a piece is missing, or is not what its hash, its place or its count says.
    pub fn thaw(
        root: &[u8],
        piece: &mut dyn FnMut(&PieceHash) -> Option<Arc<[u8]>>,
    ) -> Result<Self, ThawError> {
        let hash = PieceHash::of(root);
        let root = Root::read(root)?;
        let mut sections = BTreeMap::new();
        for section in root.sections {
            let id = section.id;
            if sections.insert(id, section).is_some() {
                return Err(ThawError::UnknownSection { id });
            }
        }
        let mut pieces = Pieces { supply: piece };
        let mut reader = Reader::new(sections, &mut pieces);
        let machine = reader.machine(root.applied)?;
        if let Some(&id) = reader.sections.keys().next() {
            return Err(ThawError::UnknownSection { id });
        }
        if machine.state_hash() != hash.0 {
            let what = "written again, it has another root".to_owned();
            return Err(ThawError::Torn { what });
        }
        Ok(machine)
    }
}
