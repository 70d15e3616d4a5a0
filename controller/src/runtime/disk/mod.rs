//! How much room is left on the disk, and what may still be asked for?
//!
//! [`DiskState`] says how it is, [`DiskGauge`] holds the latest, `watch` measures it each second, and
//! `gate` knows which commands pass. A node never stops for a full disk before the disk itself
//! refuses, and comes back into full service by itself.

mod gate;
mod reserve;
mod state;
mod watch;

pub(super) use gate::may_pass;
pub use state::{DiskGauge, DiskLimits, DiskState, FreeSpace};
pub use watch::DiskWatch;
