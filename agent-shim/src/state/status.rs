//! What does a running agent tell `tidegate-agent status`?

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{read_document, write_document_lightly};
use crate::core::AgentStatus;
use crate::storage::StorageFailed;

const FILE_NAME: &str = "status.json";

/// The status of an agent as it was last published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedStatus {
    /// The boot that it speaks of.
    pub boot_id: String,
    /// The status.
    pub status: AgentStatus,
}

/// Reads the status in `directory`; `None` where no agent has run.
///
/// # Errors
///
/// Where it is there and cannot be read.
pub fn read_status(directory: &Path) -> Result<Option<PublishedStatus>, StorageFailed> {
    read_document(directory, FILE_NAME)
}

pub(crate) fn write_status(
    directory: &Path,
    boot_id: &str,
    status: &AgentStatus,
) -> Result<(), StorageFailed> {
    let published = PublishedStatus { boot_id: boot_id.to_owned(), status: status.clone() };
    write_document_lightly(directory, FILE_NAME, published)
}
