//! Where wire meets domain: every message is checked here on its way in, and drawn here on its way out.
//!
//! Pure functions. A field that is too long, missing or of a wrong form is refused with its name, its
//! value and the way out.

pub mod begin;
pub mod block;
pub mod calendar;
pub mod check;
pub mod coverage;
pub mod dashboard;
pub mod enroll;
pub mod exposure;
pub mod facts;
pub mod fleet;
pub mod incident;
pub(crate) mod members;
pub mod patch_set;
pub mod people;
pub mod plan;
pub mod records;
pub mod report;
pub mod rollout;
pub mod token;
pub mod verdict;
pub mod webhook;

use prost_types::Timestamp;
use tidegate_policies::time::WallTime;

/// A wall time on the wire.
pub fn timestamp(at: WallTime) -> Timestamp {
    let seconds = i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX);
    let nanos = i32::try_from(at.0 % 1_000 * 1_000_000).unwrap_or(0);
    Timestamp { seconds, nanos }
}

/// A count of things in memory on the wire.
pub fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
