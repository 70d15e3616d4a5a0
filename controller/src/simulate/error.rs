//! Why was nothing simulated? In words, with the way out.

use tidegate_policies::document::DocumentError;

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub(super) enum SimulateError {
    /// The document is not a good scenario or policy.
    #[error("{0}")]
    Document(#[from] DocumentError),
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}. {way_out}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
        /// What to do.
        way_out: String,
    },
    /// A file cannot be written.
    #[error("cannot write `{path}`: {source}. Name a file in a folder that you may write to")]
    Write {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The scene cannot be set.
    #[error("cannot {what}: {detail}")]
    Scene {
        /// What was attempted.
        what: &'static str,
        /// What is wrong.
        detail: String,
    },
}

impl SimulateError {
    /// The scene cannot be set.
    pub(super) fn scene(what: &'static str, error: &dyn std::error::Error) -> Self {
        Self::Scene { what, detail: error.to_string() }
    }

    /// Whether what the caller gave is not what it should be.
    pub(super) const fn is_usage(&self) -> bool {
        match self {
            Self::Document(_) | Self::Read { .. } => true,
            Self::Write { .. } | Self::Scene { .. } => false,
        }
    }
}
