//! Which runs are played? Those that once found something, then as many new ones as are asked for.

use std::path::Path;

/// How many runs there are unless `TIDEGATE_SIM_SEEDS` says otherwise.
const DEFAULT_RUNS: u64 = 60;

/// The seeds to play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The seeds, in order.
    pub seeds: Vec<u64>,
}

/// The seeds cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file cannot be read.
    #[error("could not read {path}; it belongs to the repository")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// Not a seed.
    #[error("`{text}` is not a seed: a whole number, one a line, with `#` before a comment")]
    NotASeed {
        /// The text.
        text: String,
    },
}

impl Plan {
    /// The seeds of the file at `path`, then `runs` of them from `first` on (numbers as text).
    ///
    /// # Errors
    ///
    /// [`PlanError`].
    pub fn read(path: &Path, first: Option<&str>, runs: Option<&str>) -> Result<Self, PlanError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| PlanError::Unreadable { path: path.display().to_string(), cause })?;
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let kept: Result<Vec<u64>, PlanError> =
            lines.filter(|line| !line.is_empty()).map(number).collect();
        let first = first.map_or(Ok(1), number)?;
        let runs = runs.map_or(Ok(DEFAULT_RUNS), number)?;
        let fresh = first..first.saturating_add(runs);
        Ok(Self { seeds: kept?.into_iter().chain(fresh).collect() })
    }
}

fn number(text: &str) -> Result<u64, PlanError> {
    text.trim().parse().map_err(|_| PlanError::NotASeed { text: text.to_owned() })
}
