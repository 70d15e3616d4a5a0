//! Why is there no configuration, and what is to be done?

use std::io;
use std::path::PathBuf;

use tidegate_policies::document::DocumentError;

/// Why a configuration file gave no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration `{}`; check the path, that this user may read it, and that it is UTF-8 text",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What it says is wrong.
    #[error(transparent)]
    Wrong(#[from] DocumentError),
}
