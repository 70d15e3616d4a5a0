//! How does the sans-IO node meet the world? One thread drives it; the rest of the process is
//! async and speaks to it through a [`Handle`].
//!
//! Nothing else in the controller crosses from async to that thread, and nothing else reads the
//! clock ([`Clock`]). What the node wants of others goes through [`Outbound`]; `peers` carries it. Here
//! it is measured whether the disk is full or slow and the clocks agree; what follows from that is one
//! input to the node, or a refusal before it.

mod barrier;
mod beats;
mod carrier;
mod clock;
mod clock_yield;
mod config;
mod disk;
mod error;
mod hand_over;
mod handle;
mod inbox;
mod log_drain;
mod mailbox;
mod node_thread;
mod outbound;
mod pacing;
mod readings;
mod reads;
mod scrub;
mod sights;
mod slow_disk;
mod tap;
#[cfg(test)]
mod tests;
mod timed;

use std::thread::JoinHandle;

use crate::journal::{DiskJournal, Identity, JournalConfig, JournalOpenFailed};
use crate::machine::frozen::named_by;
use crate::node::{Fatal, Node, NodeConfig};
use node_thread::{Kept, NodeThread};
use scrub::Watched;
use timed::Timed;

pub use beats::Beats;
pub use clock::Clock;
pub use clock_yield::{ClockOff, ClockYield};
pub use config::{CheckpointLimits, RuntimeConfig, StorageConfig};
pub use disk::{DiskGauge, DiskLimits, DiskState, DiskWatch, FreeSpace};
pub use error::{
    ProposeError, QueryError, ReadError, Stopped, TransferError, TurnedAway, WaitError,
};
pub use hand_over::{HandOver, successor};
pub use handle::{AppliedEntry, Handle, Stop};
pub use outbound::{Outbound, PiecesWanted, Vouch};
pub use readings::Readings;
pub use slow_disk::{Slow, SlowDisk};

/// A replica was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal cannot be trusted, or is not this node's.
    #[error(transparent)]
    Journal(#[from] JournalOpenFailed),
    /// The node refuses its configuration or its recovered state.
    #[error(transparent)]
    Node(#[from] Fatal),
    /// The system gave no random bytes.
    #[error("could not draw the journal's incarnation; check the system's entropy source")]
    Chance(#[source] getrandom::Error),
    /// The system gave no thread or timer.
    #[error("could not start the node's thread; check the system's limits")]
    Thread(#[source] std::io::Error),
}

/// Starts replicas.
#[derive(Debug)]
pub struct Runtime;

impl Runtime {
    /// Opens the journal, starts the node on a thread of its own, and replays the log there. What
    /// the node sends lands in `outbound`. Blocks while the journal is read and checked.
    ///
    /// The thread ends when [`Handle::stop`] is called, when every handle is gone, or on a
    /// [`Fatal`] error; after the last one the process must stop. See [`Handle::stopped`].
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is wrong and what to do.
    pub fn start(
        config: &RuntimeConfig,
        outbound: Outbound,
    ) -> Result<(Handle, JoinHandle<()>), StartError> {
        let identity = Identity { cluster: config.cluster.clone(), node_id: config.id.0 };
        let mut incarnation = [0; 16];
        getrandom::fill(&mut incarnation).map_err(StartError::Chance)?;
        let journal_config =
            JournalConfig::new(identity, incarnation, |piece| named_by(piece).ok());
        let (journal, recovered) =
            DiskJournal::open(&config.data_dir.join("journal"), &journal_config)?;
        tracing::info!(
            node = config.id.0,
            is_new = recovered.is_new(),
            entries = recovered.entries.len(),
            commit = recovered.hard_state.commit,
            "journal opened"
        );
        let mut node_config =
            NodeConfig::new(config.id, config.voters.iter().copied(), config.seed);
        node_config.checkpoint_entries = config.checkpoint.entries;
        node_config.checkpoint_bytes = config.checkpoint.bytes;
        node_config.logger = log_drain::logger();
        let (incarnation, pieces) = (journal.incarnation(), journal.piece_reader());
        let scrubber = journal.scrubber();
        let clock = Clock::start();
        let journal = Timed::new(journal, clock, config.meters.clone());
        let node = Node::open(node_config, journal, recovered)?;
        let timers = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(StartError::Thread)?;
        let (handle, node_thread) =
            NodeThread::new(node, Kept { incarnation, pieces, clock }, config, outbound);
        let watched =
            Watched { requests: handle.requests.downgrade(), stopped: handle.stopped.clone() };
        let scrub = scrub::start(scrubber, config.scrub_interval, watched);
        let scrub = scrub.map_err(StartError::Thread)?;
        let thread = std::thread::Builder::new()
            .name("tidegate-node".to_owned())
            .spawn(move || {
                node_thread.run(&timers);
                // It broke no promise if it panicked; the node's own end is what counts.
                drop(scrub.join());
            })
            .map_err(StartError::Thread)?;
        Ok((handle, thread))
    }
}
