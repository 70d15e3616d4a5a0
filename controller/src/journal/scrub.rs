//! Is everything still what was written, in files that nobody reads? A slow second look.

use std::sync::{Arc, Weak};

use rustix::fs::{Advice, fadvise};

use super::log::{DiskFolder, LogScrubber};
use super::store::{self, Store};
use super::{Violation, record};

/// Reads the log and the pieces again, round after round. It reads no clock: whoever calls it says
/// how much, and how often. It does not keep the journal open.
pub struct Scrubber {
    log: LogScrubber<DiskFolder>,
    store: Weak<Store>,
    stage: Stage,
}

/// What a look has found. It found no damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were read.
    pub bytes: u64,
    /// Whether the round is over: the next look begins with the first byte again.
    pub is_round_over: bool,
}

enum Stage {
    Log,
    /// The key of the last piece that was read.
    Pieces(Vec<u8>),
}

impl Scrubber {
    pub(super) fn new(log: LogScrubber<DiskFolder>, store: &Arc<Store>) -> Self {
        Self { log, store: Arc::downgrade(store), stage: Stage::Log }
    }

    /// Reads and checks about `budget` bytes: durable frames of the log first, then the pieces.
    /// Blocks for the disk. A journal that was closed is a round that is over.
    ///
    /// # Errors
    ///
    /// [`Violation`]: something is damaged or unreadable. The node must stop and stay away.
    pub fn scrub_some(&mut self, budget: u64) -> Result<Progress, Violation> {
        let over = |bytes| Ok(Progress { bytes, is_round_over: true });
        let Some(store) = self.store.upgrade() else { return over(0) };
        let mut bytes = 0;
        if let Stage::Log = self.stage {
            let (read, is_over) = self.log.scrub(budget)?;
            bytes += read;
            if !is_over {
                return Ok(Progress { bytes, is_round_over: false });
            }
            let forgotten = fadvise(store.file(), 0, None, Advice::DontNeed);
            forgotten.map_err(|errno| super::marker::failed("read the store")(errno.into()))?;
            self.stage = Stage::Pieces(vec![record::PIECE_PREFIX]);
        }
        while let Stage::Pieces(last) = &mut self.stage
            && bytes < budget.max(1)
        {
            match store.after(last)? {
                Some((key, piece)) if key.first() == Some(&record::PIECE_PREFIX) => {
                    store::check_piece(&key, &piece)?;
                    bytes += u64::try_from(piece.len()).unwrap_or(budget);
                    *last = key.to_vec();
                }
                Some(_) | None => {
                    self.stage = Stage::Log;
                    return over(bytes);
                }
            }
        }
        Ok(Progress { bytes, is_round_over: false })
    }
}
