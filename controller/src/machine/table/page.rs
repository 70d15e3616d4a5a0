//! How do many chunks hang together? A page names them by their hashes, and a root names the pages.

use std::sync::{Arc, OnceLock};

use crate::machine::frozen::{PAGE, PieceHash};

use super::chunk::Chunk;

/// Most chunks that one page names: 8 KiB of hashes.
pub(in crate::machine) const MAX_CHILDREN: usize = 256;

/// Neighbouring chunks of one table, and the BLAKE3 of the page that names them.
#[derive(Clone, Debug)]
pub(in crate::machine) struct Page {
    pub(super) table: u8,
    pub(super) children: Vec<Child>,
    hash: OnceLock<PieceHash>,
}

/// A chunk and its first key.
#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) first: u128,
    pub(super) chunk: Arc<Chunk>,
}

impl Page {
    /// A page of these chunks.
    pub(super) fn of(table: u8, children: Vec<Child>) -> Self {
        Self { table, children, hash: OnceLock::new() }
    }

    /// The page whose piece was checked to have this hash.
    pub(super) fn with_hash(self, hash: PieceHash) -> Self {
        Self { hash: OnceLock::from(hash), ..self }
    }

    /// Whoever changes a page or a chunk of it says so.
    pub(super) fn touch(&mut self) {
        self.hash.take();
    }

    /// The chunks.
    pub(in crate::machine) fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.children.iter().map(|child| &child.chunk)
    }

    /// The piece: `1 | table | chunks u16 | hash, hash, …`.
    pub(in crate::machine) fn bytes(&self) -> Vec<u8> {
        let count = u16::try_from(self.children.len()).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(4 + 32 * self.children.len());
        bytes.extend_from_slice(&[PAGE, self.table]);
        bytes.extend_from_slice(&count.to_le_bytes());
        for chunk in self.chunks() {
            bytes.extend_from_slice(&chunk.hash().0);
        }
        bytes
    }

    /// BLAKE3 of the piece; only chunks that were written to are hashed anew.
    pub(in crate::machine) fn hash(&self) -> PieceHash {
        *self.hash.get_or_init(|| PieceHash::of(&self.bytes()))
    }
}

impl Child {
    /// A chunk that holds rows.
    pub(super) fn of(chunk: Chunk) -> Self {
        Self { first: chunk.key(0), chunk: Arc::new(chunk) }
    }
}
