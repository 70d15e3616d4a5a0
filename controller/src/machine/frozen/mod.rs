//! What is the state at one index, as pieces that anybody may supply? A Merkle tree over its bytes.
//!
//! ```text
//! root → pages (kind 1) → leaves (kind 2): a table's chunk, or a part of the head
//! ```
//!
//! The BLAKE3 of the root is the state hash. Every other piece is named by its own, so it may come from
//! a disk or a peer, in any order. The head is what is small and hot: clocks, members, tokens, patch
//! sets, rollouts; it is written anew for each root. Tables share their chunks with the machine.

mod head;
mod pieces;
mod root;
pub(in crate::machine) mod sections;
#[cfg(test)]
mod tests;
mod thaw;

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::Machine;
use super::table::{Page, Tree};
pub(in crate::machine) use pieces::Pieces;
pub use pieces::named_by;
pub(in crate::machine) use root::Section;
pub use thaw::ThawError;

/// No page and no leaf is larger.
pub const MAX_PIECE_BYTES: usize = 60 * 1024;

/// No root is larger: it has room for the pages of some twenty million hosts.
pub const MAX_ROOT_BYTES: usize = 60 * 1024;

/// First byte of a root.
pub(in crate::machine) const ROOT: u8 = 0;

/// First byte of a page.
pub(in crate::machine) const PAGE: u8 = 1;

/// First byte of a leaf.
pub(in crate::machine) const LEAF: u8 = 2;

/// BLAKE3 of a piece's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PieceHash(pub [u8; 32]);

impl PieceHash {
    /// The hash of `piece`.
    pub fn of(piece: &[u8]) -> Self {
        Self(*blake3::hash(piece).as_bytes())
    }
}

impl fmt::Display for PieceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PieceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The state at one index. It does not change when the machine goes on.
#[derive(Clone, Debug)]
pub struct Frozen {
    applied: u64,
    /// The tables and the parts of the head, by id.
    trees: Vec<Tree>,
    root: OnceLock<Arc<[u8]>>,
}

impl Frozen {
    /// Names the pages. Its BLAKE3 is the state hash. Hashes what was written to since the last root,
    /// when it is asked for the first time.
    pub fn root(&self) -> &Arc<[u8]> {
        self.root.get_or_init(|| root::root(self.applied, &self.trees).into())
    }

    /// Index of the last entry that is in it.
    pub const fn applied(&self) -> u64 {
        self.applied
    }

    /// BLAKE3 of the root.
    pub fn state_hash(&self) -> [u8; 32] {
        PieceHash::of(self.root()).0
    }

    /// Everything below the root: of each page first the leaves that it names, then the page.
    pub fn pieces(&self) -> impl Iterator<Item = (PieceHash, Arc<[u8]>)> + '_ {
        self.pieces_but(|_| false)
    }

    /// The pieces that are not `known` by their hash, in the same order. What is known costs no copy.
    pub fn pieces_but<'a>(
        &'a self,
        mut known: impl FnMut(&PieceHash) -> bool + 'a,
    ) -> impl Iterator<Item = (PieceHash, Arc<[u8]>)> + 'a {
        let pages = self.trees.iter().flat_map(Tree::pages);
        let parts = pages.flat_map(|page| {
            page.chunks().map(|chunk| Part::Leaf(chunk)).chain(std::iter::once(Part::Page(page)))
        });
        parts.filter_map(move |part| {
            let hash = part.hash();
            (!known(&hash)).then(|| (hash, part.bytes()))
        })
    }
}

/// A page or a leaf of a frozen state.
enum Part<'a> {
    Leaf(&'a super::table::Chunk),
    Page(&'a Page),
}

impl Part<'_> {
    fn hash(&self) -> PieceHash {
        match self {
            Self::Leaf(chunk) => chunk.hash(),
            Self::Page(page) => page.hash(),
        }
    }

    fn bytes(&self) -> Arc<[u8]> {
        match self {
            Self::Leaf(chunk) => chunk.bytes().into(),
            Self::Page(page) => page.bytes().into(),
        }
    }
}

impl Machine {
    /// The state as it is now, in pieces. Clones pointers, and writes the head.
    pub fn freeze(&self) -> Frozen {
        let mut trees = self.head();
        trees.extend(self.tables().into_iter().cloned());
        Frozen { applied: self.applied(), trees, root: OnceLock::new() }
    }

    /// BLAKE3 of the whole state: of the root of its pieces. Only chunks that were written to since the
    /// last call are hashed anew.
    pub fn state_hash(&self) -> [u8; 32] {
        self.freeze().state_hash()
    }
}
