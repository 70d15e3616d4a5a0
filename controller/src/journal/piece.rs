//! What is a piece of a frozen state, as the journal sees it? Bytes that are named by their hash.

pub use crate::machine::frozen::{MAX_PIECE_BYTES, MAX_ROOT_BYTES, PieceHash};

/// Which pieces a root or a piece names; empty for a leaf, `None` for bytes that are neither. The
/// machine knows, the journal asks.
pub type NamedBy = fn(&[u8]) -> Option<Vec<PieceHash>>;
