//! What really happened on a simulated host? Written by the host itself, for tests and the demo to
//! hold against what the controllers believe.

use crate::core::BootTime;

/// The journal of one simulated host. Times are the machine's `CLOCK_BOOTTIME`, on which the
/// simulated hosts run; every process of the machine reads the same.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// The machine's id.
    pub machine_id: String,
    /// The host's resource name; empty until it is enrolled.
    pub host: String,
    /// The host's tier; empty until it is enrolled.
    pub tier: String,
    /// The kernel release that it runs.
    pub kernel_release: String,
    /// Every lease check before an insert, in order.
    pub lease_checks: Vec<LeaseTruth>,
    /// Every insert, in order.
    pub inserts: Vec<InsertTruth>,
    /// When the kernel went down.
    pub crashes: Vec<BootTime>,
    /// The host is down and does not come back.
    pub dead: bool,
    /// How many boots there were.
    pub boots: u64,
    /// The modules that are loaded and enabled.
    pub enabled: Vec<String>,
}

/// One lease check.
#[derive(Clone, Debug)]
pub struct LeaseTruth {
    /// The grant.
    pub grant_id: u64,
    /// When it was checked.
    pub at: BootTime,
    /// The lease's last millisecond.
    pub not_after: BootTime,
    /// The driver went on.
    pub passed: bool,
}

/// One insert.
#[derive(Clone, Debug)]
pub struct InsertTruth {
    /// The grant.
    pub grant_id: u64,
    /// The patch set, `patchSets/{version}`.
    pub patch_set: String,
    /// The boot that it happened in, from 1.
    pub boot: u64,
    /// When.
    pub at: BootTime,
}
