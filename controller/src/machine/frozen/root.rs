//! How does a root read? It names the pages of each section, and says how much each section holds.
//!
//! ```text
//! 0 | format u8 | applied u64 | sections u8 | section, section, …
//! section: id u8 | size u64 | pages u16 | hash, hash, …
//! ```
//!
//! Numbers are little end first. A section is a table, and its size counts rows; or it is a part of the
//! head, and its size counts bytes.

use crate::machine::table::Tree;

use super::{PieceHash, ROOT, ThawError};

/// The format that this build writes, and the only one that it reads.
const FORMAT: u8 = 1;

/// A table, or a part of the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::machine) struct Section {
    /// Which.
    pub(in crate::machine) id: u8,
    /// Rows of a table, bytes of a part of the head.
    pub(in crate::machine) size: u64,
    /// Its pages.
    pub(in crate::machine) pages: Vec<PieceHash>,
}

/// What a root says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) applied: u64,
    pub(super) sections: Vec<Section>,
}

/// The root of these trees.
pub(super) fn root(applied: u64, trees: &[Tree]) -> Vec<u8> {
    let mut bytes = vec![ROOT, FORMAT];
    bytes.extend_from_slice(&applied.to_le_bytes());
    bytes.push(u8::try_from(trees.len()).unwrap_or(u8::MAX));
    for tree in trees {
        let pages = u16::try_from(tree.pages().count()).unwrap_or(u16::MAX);
        bytes.push(tree.id());
        bytes.extend_from_slice(&tree.size().to_le_bytes());
        bytes.extend_from_slice(&pages.to_le_bytes());
        for page in tree.pages() {
            bytes.extend_from_slice(&page.hash().0);
        }
    }
    bytes
}

impl Root {
    /// Reads a root.
    ///
    /// # Errors
    ///
    /// [`ThawError`]: it is no root, or of another format.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ThawError> {
        let bad = || ThawError::BadRoot { length: bytes.len() };
        let Some(([ROOT, format], mut rest)) = bytes.split_first_chunk::<2>() else {
            return Err(bad());
        };
        if *format != FORMAT {
            return Err(ThawError::OtherFormat { found: *format });
        }
        let applied = u64::from_le_bytes(take(&mut rest).ok_or_else(bad)?);
        let [sections] = take(&mut rest).ok_or_else(bad)?;
        let sections: Option<Vec<Section>> = (0..sections).map(|_| section(&mut rest)).collect();
        let sections = sections.filter(|_| rest.is_empty()).ok_or_else(bad)?;
        Ok(Self { applied, sections })
    }
}

fn section(rest: &mut &[u8]) -> Option<Section> {
    let [id] = take(rest)?;
    let size = u64::from_le_bytes(take(rest)?);
    let pages = u16::from_le_bytes(take(rest)?);
    let pages = (0..pages).map(|_| take(rest).map(PieceHash)).collect::<Option<Vec<_>>>()?;
    Some(Section { id, size, pages })
}

/// The next bytes, if there are so many.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}
