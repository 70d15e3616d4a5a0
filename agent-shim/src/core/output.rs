//! What can an agent ask for?

use std::fmt;

use tidegate_proto::v1::{BeginRequest, HostReport, ReportRequest, SyncRequest};

use crate::core::fact::Fact;
use crate::core::lease::Lease;
use crate::core::memory::{Heard, Marker, PatchSetMemory};
use crate::core::offer::{ModuleName, OfferedArtifact};
use crate::core::{BootTime, Millis};

/// Names one call of one agent. Rises; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Something to do. The shell carries outputs out in order. An output that says *durable* must be
/// on stable storage before any later output is carried out; if it cannot be, the shell stops and
/// carries out nothing more.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a beat.
    Sync {
        /// The call.
        call: CallId,
        /// The request.
        request: SyncRequest,
    },
    /// Ask to go.
    Begin {
        /// The call.
        call: CallId,
        /// The request.
        request: BeginRequest,
    },
    /// Deliver reports.
    Report {
        /// The call.
        call: CallId,
        /// The request.
        request: ReportRequest,
    },
    /// Download an artifact, store it, and measure what was stored.
    Fetch {
        /// The call.
        call: CallId,
        /// The artifact.
        artifact: OfferedArtifact,
    },
    /// Use the next controller for the calls to come.
    NextController,
    /// Append a report to the spool. Durable.
    Spool(Box<HostReport>),
    /// Drop one report from the spool: it is full.
    SpoolDrop {
        /// The report.
        sequence: u64,
    },
    /// Drop every report up to here: a controller has them.
    SpoolTrim {
        /// The last one to drop.
        through: u64,
    },
    /// Write the intent marker, over one that is there. Durable.
    WriteMarker(Box<Marker>),
    /// Remove the intent marker. Durable.
    ClearMarker,
    /// Keep what is known of a patch set. Durable.
    Remember {
        /// The patch set, `patchSets/{version}`.
        patch_set: String,
        /// What to keep.
        memory: PatchSetMemory,
    },
    /// Keep the newest moment of the cluster that was heard of. Durable.
    KeepHeard(Heard),
    /// Insert a module if its lease still holds, and follow its transition.
    Insert(Box<Insertion>),
    /// Follow a module that is in already, and watch the kernel's log for its name: the agent was
    /// restarted.
    Follow {
        /// The grant.
        grant_id: u64,
        /// The module.
        module: ModuleName,
        /// When it was inserted, at the earliest.
        since: BootTime,
        /// After how long, counted from `since`, an unfinished transition counts as stalled.
        transition_timeout: Millis,
    },
    /// Disable a livepatch.
    Revert {
        /// The grant.
        grant_id: u64,
        /// The module.
        module: ModuleName,
    },
    /// Look at the kernel, and answer with `Observed`. At most one is outstanding.
    Observe,
    /// Send `Wake` at this time; replaces the wish before.
    WakeAt(BootTime),
    /// Write a log line.
    Log(Fact),
}

/// One insert.
#[derive(Clone, Debug)]
pub struct Insertion {
    /// The grant that permits it.
    pub grant_id: u64,
    /// Its patch set, `patchSets/{version}`.
    pub patch_set: String,
    /// What to insert; verified and stored.
    pub artifact: OfferedArtifact,
    /// Until when. To be checked last thing before the kernel is touched.
    pub lease: Lease,
    /// After how long an unfinished transition counts as stalled.
    pub transition_timeout: Millis,
}
