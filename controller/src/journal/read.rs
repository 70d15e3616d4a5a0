//! How do other threads read pieces while the node writes? By a reader of their own.

use std::sync::{Arc, Weak};

use super::store::Store;
use super::{JournalFailed, PieceHash};

/// Reads pieces. Cloned freely, used on any thread; it does not keep the journal open.
#[derive(Clone, Debug)]
pub struct PieceReader {
    store: Weak<Store>,
}

impl PieceReader {
    pub(super) fn new(store: &Arc<Store>) -> Self {
        Self { store: Arc::downgrade(store) }
    }

    /// A stored piece, checked against its hash; `None` if it is not here, or the journal was
    /// closed. Blocks for a read of the disk.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]: it is damaged, or the disk refused. The node must stop.
    pub fn piece(&self, hash: &PieceHash) -> Result<Option<Arc<[u8]>>, JournalFailed> {
        let Some(store) = self.store.upgrade() else { return Ok(None) };
        store.piece(hash).map_err(|cause| JournalFailed::new("read a piece", cause))
    }
}
