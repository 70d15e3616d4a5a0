//! What can happen to an agent?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_proto::v1::{
    BeginResponse, GoodbyeKind, HostFacts, HostReport, KernelEvidence, LivepatchState,
    ReportResponse, SyncResponse,
};

use crate::core::memory::{Heard, Marker, PatchSetMemory};
use crate::core::offer::Digest;
use crate::core::{AgentConfig, BootTime, CallId, Millis};

/// All that an agent is made from.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Spans and limits.
    pub config: AgentConfig,
    /// Seed of every draw. Must differ between hosts and between starts.
    pub seed: u64,
    /// The machine as it is now.
    pub boot: Boot,
    /// What the host's storage has kept.
    pub restored: Restored,
}

/// The machine as the agent finds it when it starts.
#[derive(Clone, Debug)]
pub struct Boot {
    /// Id of the present boot.
    pub boot_id: String,
    /// The machine's facts.
    pub facts: HostFacts,
    /// Whether the agent may touch its kernel.
    pub mode: Mode,
    /// Evidence of a crash in the boot before.
    pub evidence: Option<KernelEvidence>,
    /// The kernel as it is now.
    pub observation: Observation,
}

/// What the host's storage has kept.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The spool's number: random, made with the spool.
    pub spool_id: u64,
    /// The number of the next report, from 1.
    pub next_sequence: u64,
    /// Reports that no controller has acknowledged, oldest first.
    pub unacknowledged: Vec<HostReport>,
    /// The intent marker, if there is one.
    pub marker: Option<Marker>,
    /// What is remembered of each patch set.
    pub memory: BTreeMap<String, PatchSetMemory>,
    /// The newest moment of the cluster that was kept.
    pub heard: Heard,
}

/// Whether an agent may touch its kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It applies what it is granted.
    Normal,
    /// It reports, and applies nothing.
    NoApply,
}

/// Something that happened. Answers name the call that they answer; an answer to any other call
/// than the outstanding one has no effect.
#[derive(Clone, Debug)]
pub enum Input {
    /// The time of the last `WakeAt` has come. Harmless at any other time.
    Wake,
    /// A `Sync` ended.
    SyncAnswered {
        /// The call.
        call: CallId,
        /// Its end.
        result: Result<SyncResponse, CallFailed>,
    },
    /// A `Begin` ended.
    BeginAnswered {
        /// The call.
        call: CallId,
        /// Its end. A failure means: the answer is unknown.
        result: Result<BeginResponse, CallFailed>,
    },
    /// A `Report` ended.
    ReportAnswered {
        /// The call.
        call: CallId,
        /// Its end.
        result: Result<ReportResponse, CallFailed>,
    },
    /// A download ended.
    ArtifactFetched {
        /// The call.
        call: CallId,
        /// What came, as measured from the bytes that were stored.
        result: Result<Fetched, FetchFailed>,
    },
    /// The driver says how the insert of a grant goes.
    Driver {
        /// The grant.
        grant_id: u64,
        /// What happened.
        event: DriverEvent,
    },
    /// The kernel was looked at, as asked for by `Observe`.
    Observed(Observation),
    /// The host goes down on purpose.
    ShutdownRequested(GoodbyeKind),
}

/// The kernel as it was when it was looked at.
#[derive(Clone, Debug)]
pub struct Observation {
    /// When the looking started.
    pub at: BootTime,
    /// The livepatches that are loaded.
    pub livepatches: Vec<LivepatchState>,
    /// `/proc/sys/kernel/tainted`.
    pub taint: u64,
    /// The kernel's words about trouble since the last insert.
    pub trouble: Option<KernelEvidence>,
}

/// How an insert goes. In order: one of the first three; then, after `Inserted`, one of the rest;
/// `Reverted` only after `Revert`; `Troubled` at any time after `Inserted`.
#[derive(Clone, Debug)]
pub enum DriverEvent {
    /// The kernel was not touched.
    Declined(Decline),
    /// The kernel refused the module.
    InsertFailed {
        /// The kernel's words.
        message: String,
    },
    /// The module is in.
    Inserted,
    /// The module is in, and its livepatch is not enabled.
    NotEnabled,
    /// The transition ended.
    TransitionDone {
        /// From the insert to the end.
        transition: Millis,
    },
    /// The transition did not end in time.
    TransitionStalled {
        /// How long it was waited for.
        waited: Millis,
    },
    /// An asked-for revert ended.
    Reverted(RevertEnd),
    /// Something is wrong with the kernel since the insert.
    Troubled(Trouble),
}

/// Why a driver left the kernel alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decline {
    /// The lease ran out.
    LeaseExpired,
    /// The stored artifact is no longer the one that was verified.
    ArtifactChanged,
}

/// How a revert ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevertEnd {
    /// The livepatch is disabled.
    Done,
    /// The livepatch stays in transition.
    StillInTransition,
    /// The livepatch stays enabled: it was not to be disabled.
    Refused,
}

/// What is wrong with a kernel that still runs.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// It oopsed or locked up.
    Crashed(KernelEvidence),
    /// A probe fails.
    Degraded {
        /// The probe's name, at most 64 bytes.
        probe: String,
        /// What it saw.
        message: String,
    },
}

/// What was downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// SHA-256 of the stored bytes.
    pub digest: Digest,
    /// How many bytes were stored.
    pub size_bytes: u64,
}

/// Why a download did not come to its end.
#[derive(Clone, Debug)]
pub enum FetchFailed {
    /// The controller or the way to it.
    Call(CallFailed),
    /// No room to store it.
    NoSpace,
}

/// A call without an answer. It may have happened all the same.
#[derive(Clone, Debug)]
pub struct CallFailed {
    /// What is known about it.
    pub kind: CallFailure,
    /// How long the controller wants to be left alone (gRPC `RetryInfo`), if it said so.
    pub retry_after: Option<Millis>,
    /// For people.
    pub message: String,
}

/// What is known about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// Nobody answered, or somebody who cannot help; another controller may.
    Unavailable,
    /// The cluster does not know this host.
    UnknownHost,
    /// The request itself is at fault, as any controller would say: the same request will not do.
    Refused,
}

impl CallFailed {
    pub(crate) fn timed_out(after: Millis) -> Self {
        Self {
            kind: CallFailure::Unavailable,
            retry_after: None,
            message: format!("no answer within {} ms", after.0),
        }
    }

    pub(crate) fn unusable(why: &str) -> Self {
        Self { kind: CallFailure::Unavailable, retry_after: None, message: why.to_owned() }
    }
}

impl From<CallFailed> for FetchFailed {
    fn from(failed: CallFailed) -> Self {
        Self::Call(failed)
    }
}
