//! Why does the block-list refuse?

use serde::{Deserialize, Serialize};

use super::ids::Version;
use super::patch_sets::KernelKey;

/// Why it was refused. The text says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum BlockRefusal {
    /// The block-list names it, or bytes that it holds.
    #[error(
        "{version} is on the block-list{}: {actor} put {what} there: {reason}. Leave it out, or, if it may come in after \
         all, type `tidegate block lift {what} --reason REASON`",
        kernel.as_ref().map_or_else(String::new, |kernel| format!(" with its artifact for {kernel}"))
    )]
    Blocked {
        /// The version.
        version: Version,
        /// What is on the list: the version, or the artifact's SHA-256.
        what: String,
        /// The kernel of that artifact.
        kernel: Option<Box<KernelKey>>,
        /// Who put it there.
        actor: String,
        /// Why.
        reason: String,
    },
    /// Nothing of that name is on the block-list.
    #[error("`{what}` is not on the block-list: see `tidegate block list`")]
    Unknown {
        /// What was asked for.
        what: String,
    },
}

impl BlockRefusal {
    /// The reason code of the error catalogue.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Blocked { .. } => "BLOCKED",
            Self::Unknown { .. } => "UNKNOWN_BLOCK",
        }
    }
}
