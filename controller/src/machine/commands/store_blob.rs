//! `StoreBlob`: a node says that an artifact is on its disk.

use super::Decided;
use crate::machine::command::StoreBlob;
use crate::machine::event::Event;
use crate::machine::{Machine, Reply};

impl Machine {
    pub(super) fn store_blob(&self, stored: &StoreBlob) -> Decided {
        self.not_removed(stored.node)?;
        let known = self.blobs().get(&stored.digest);
        if known.is_some_and(|blob| blob.nodes.contains(&stored.node)) {
            return Ok((Reply::Done, Vec::new()));
        }
        Ok((Reply::Done, vec![Event::BlobStored(stored.clone())]))
    }
}
