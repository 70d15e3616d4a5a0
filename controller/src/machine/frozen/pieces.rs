//! What does a piece name, and is it what it was asked for as?

use std::sync::Arc;

use crate::machine::table::MAX_CHILDREN;

use super::root::{Root, take};
use super::{LEAF, PAGE, PieceHash, ROOT, ThawError};

/// Where pieces come from while a machine thaws. Each is checked against its hash.
pub(in crate::machine) struct Pieces<'a> {
    pub(in crate::machine) supply: &'a mut dyn FnMut(&PieceHash) -> Option<Arc<[u8]>>,
}

impl Pieces<'_> {
    /// The piece with this hash.
    pub(in crate::machine) fn get(&mut self, hash: &PieceHash) -> Result<Arc<[u8]>, ThawError> {
        let piece = (self.supply)(hash).ok_or(ThawError::Missing { piece: *hash })?;
        if PieceHash::of(&piece) != *hash {
            return Err(ThawError::Damaged { piece: *hash });
        }
        Ok(piece)
    }

    /// The leaves that a page of this section names.
    pub(in crate::machine) fn page(
        &mut self,
        section: u8,
        hash: &PieceHash,
    ) -> Result<Vec<PieceHash>, ThawError> {
        let piece = self.get(hash)?;
        let names = leaves_of(&piece).filter(|_| piece.get(1) == Some(&section));
        names.ok_or(ThawError::BadPage { piece: *hash })
    }
}

/// What a root or a page names: its pages or its leaves. Nothing for a leaf.
///
/// # Errors
///
/// [`ThawError`]: the bytes are neither.
pub fn named_by(piece: &[u8]) -> Result<Vec<PieceHash>, ThawError> {
    let bad = || ThawError::BadPage { piece: PieceHash::of(piece) };
    match piece.first() {
        Some(&ROOT) => {
            Ok(Root::read(piece)?.sections.into_iter().flat_map(|section| section.pages).collect())
        }
        Some(&PAGE) => leaves_of(piece).ok_or_else(bad),
        Some(&LEAF) => Ok(Vec::new()),
        Some(_) | None => Err(bad()),
    }
}

/// The leaves that a page names; `None` if it is none.
fn leaves_of(piece: &[u8]) -> Option<Vec<PieceHash>> {
    let mut rest = piece;
    let [PAGE, _section] = take(&mut rest)? else { return None };
    let count = usize::from(u16::from_le_bytes(take(&mut rest)?));
    if count == 0 || count > MAX_CHILDREN || rest.len() != 32 * count {
        return None;
    }
    (0..count).map(|_| take(&mut rest).map(PieceHash)).collect()
}
