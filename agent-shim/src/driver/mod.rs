//! Whose kernel is it? The edge between the agent and a kernel: the real one, or a simulated one.

pub mod kernel;
pub mod simulated;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tidegate_proto::v1::{HostFacts, KernelEvidence};
use tokio::sync::mpsc::UnboundedSender;

use crate::core::{BootTime, DriverEvent, Insertion, Millis, ModuleName, Observation};
use crate::storage::StoredArtifact;

/// Where a driver's words on a grant go.
pub type Words = UnboundedSender<(u64, DriverEvent)>;

/// Names dumps of kernels that went down: of each its file's name and the SHA-256 of what it says.
pub type Dumps = BTreeSet<String>;

/// What earlier kernels left behind.
#[derive(Clone, Debug, Default)]
pub struct LastWords {
    /// Evidence of a crash, in a dump that was not known.
    pub evidence: Option<KernelEvidence>,
    /// All dumps that are there now, known and unknown.
    pub dumps: Dumps,
}

/// A kernel.
pub trait Driver: Send + Sync + 'static {
    /// Id of the present boot.
    ///
    /// # Errors
    ///
    /// Where the kernel does not say.
    fn boot_id(&self) -> Result<String, DriverFailed>;

    /// The machine's facts.
    ///
    /// # Errors
    ///
    /// Where the kernel's release or the architecture cannot be told.
    fn facts(&self) -> Result<HostFacts, DriverFailed>;

    /// What the kernel of the boot before said when it went down. `module` is the one that was
    /// being applied, if any; what is among the `known` dumps was told before.
    fn last_words(&self, module: Option<&ModuleName>, known: &Dumps) -> LastWords;

    /// Looks at the kernel. Quick enough to be called where nothing may wait.
    ///
    /// # Errors
    ///
    /// Where the kernel cannot be looked at.
    fn observe(&self) -> Result<Observation, DriverFailed>;

    /// Starts to insert and follow a module, and returns at once. The lease is checked last thing
    /// before the kernel is touched. Runs on the present tokio runtime.
    fn insert(self: Arc<Self>, insertion: Insertion, artifact: StoredArtifact, words: Words);

    /// Starts to follow a module that is in already, and to watch the kernel's log for its name;
    /// returns at once.
    fn follow(self: Arc<Self>, following: Following, words: Words);

    /// Starts to disable and remove a livepatch, and returns at once.
    fn revert(self: Arc<Self>, grant_id: u64, module: ModuleName, words: Words);
}

/// A module to follow through its transition.
#[derive(Clone, Debug)]
pub struct Following {
    /// The grant.
    pub grant_id: u64,
    /// The module.
    pub module: ModuleName,
    /// When it was inserted.
    pub since: BootTime,
    /// After how long, counted from `since`, an unfinished transition counts as stalled.
    pub transition_timeout: Millis,
}

/// The kernel cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum DriverFailed {
    /// A file of the kernel cannot be read.
    #[error("could not read {}: is it mounted, and is the agent root?", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file of the kernel says something that makes no sense.
    #[error("{} says {said:?}, which makes no sense", path.display())]
    Senseless {
        /// The file.
        path: PathBuf,
        /// What it says.
        said: String,
    },
}
