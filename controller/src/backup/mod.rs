//! What is a backup, and how does a cluster come back from one?
//!
//! One file: the state at one log index, as a root and its pieces, and the artifacts of its patch
//! sets. See [`format`] for its bytes. Who asks for one, and over which wire it travels, is the
//! business of `api` and `client`.

mod arriving;
mod error;
mod format;
mod place;
mod reader;
mod restore;
#[cfg(test)]
mod tests;
mod writer;

pub use arriving::Arriving;
pub use error::BackupError;
pub use format::Header;
pub use reader::Backup;
pub use restore::{INDEX_JUMP, NewCluster, Restored, restore};
pub use writer::Writer;
