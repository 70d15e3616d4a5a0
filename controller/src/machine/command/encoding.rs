//! How does a command stand in the log, and which builds can read it?
//!
//! An entry is written in the oldest version that can say it, so that a node of the release before
//! reads all that its cluster may propose.

use super::{Action, Command, RecordReports, v1};
use crate::machine::report::{Body, Outcome, Report};

/// The newest version of entries that this build reads and writes.
#[cfg(not(feature = "next-version"))]
pub const ENTRY_VERSION: u16 = 2;
/// The newest version of entries that this build, the stand-in for the next release, reads and writes.
#[cfg(feature = "next-version")]
pub const ENTRY_VERSION: u16 = 3;

/// The version that a cluster begins with: the oldest in which nodes can say what they understand.
pub const FIRST_VERSION: u16 = 2;

/// Bytes that are no entry of a version that this build knows. A node stops rather than guess.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownEntry {
    /// Written by a newer build.
    #[error(
        "the entry has version {found}, and this build reads up to {ENTRY_VERSION}: install a build \
         that is at least as new as the cluster's newest"
    )]
    Newer {
        /// The entry's version.
        found: u16,
    },
    /// No entry at all.
    #[error("{length} bytes that are no entry of version 1 to {ENTRY_VERSION}")]
    Malformed {
        /// How many bytes.
        length: usize,
    },
}

impl Command {
    /// The entry as log bytes: the version that it needs in two bytes, little end first, then the
    /// command.
    ///
    /// # Panics
    ///
    /// Never: a command holds nothing that cannot be written.
    #[expect(clippy::expect_used, reason = "serialising plain data into memory cannot fail")]
    pub fn encode(&self) -> Vec<u8> {
        let bytes = self.needs_version().to_le_bytes().to_vec();
        postcard::to_extend(self, bytes).expect("plain data can be written")
    }

    /// The inverse of [`Command::encode`]. Reads every version up to [`ENTRY_VERSION`].
    ///
    /// # Errors
    ///
    /// [`UnknownEntry`]: the bytes are of a newer build, or no entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnknownEntry> {
        let malformed = UnknownEntry::Malformed { length: bytes.len() };
        let Some((version, body)) = bytes.split_first_chunk::<2>() else { return Err(malformed) };
        let version = u16::from_le_bytes(*version);
        if version > ENTRY_VERSION {
            return Err(UnknownEntry::Newer { found: version });
        }
        let command = match version {
            0 => None,
            1 => v1::decode(body),
            _ => whole(body).filter(|command: &Self| command.needs_version() <= version),
        };
        command.ok_or(malformed)
    }

    /// The oldest version of entries that says it. A cluster proposes it once every node understands
    /// that version: see [`Machine::version`](crate::machine::Machine::version).
    pub fn needs_version(&self) -> u16 {
        match self {
            Self::StoreBlob(_) | Self::EnrollHost(_) | Self::BeginGrant(_) => 1,
            Self::RecordReports(reports) => reports.needs_version(),
            Self::Operate(operate) => operate.action.needs_version(),
            Self::Bootstrap(_)
            | Self::Tick(_)
            | Self::RegisterNode(_)
            | Self::VouchState(_)
            | Self::KnowOpenings(_)
            | Self::SettleNotifications(_)
            | Self::LeaveJoint => 2,
            #[cfg(feature = "next-version")]
            Self::NextProbe(_) => 3,
        }
    }
}

impl RecordReports {
    /// The oldest version of entries that says it.
    pub(super) fn needs_version(&self) -> u16 {
        let needs = |report: &Report| match &report.body {
            Body::Outcome { outcome, .. } => outcome.needs_version(),
            Body::Started(_) | Body::Health { .. } | Body::Goodbye(_) => 1,
        };
        self.reports.iter().map(needs).max().unwrap_or(1)
    }
}

impl Outcome {
    const fn needs_version(&self) -> u16 {
        match self {
            Self::Applied { .. }
            | Self::ApplyFailed { .. }
            | Self::Stalled { .. }
            | Self::Crashed { .. }
            | Self::Degraded { .. }
            | Self::Reverted
            | Self::Refused { .. }
            | Self::Soaked { .. } => 1,
            Self::NotReverted { .. } | Self::StalledAndReverted { .. } => 2,
        }
    }
}

impl Action {
    /// The oldest version of entries that says it.
    pub(super) const fn needs_version(&self) -> u16 {
        match self {
            Self::PublishPatchSet(_)
            | Self::StartRollout(_)
            | Self::PauseRollout(_)
            | Self::ResumeRollout(_)
            | Self::HaltRollout(_)
            | Self::PromoteRollout(_) => 1,
            Self::CreateToken(_)
            | Self::CreateRollout(_)
            | Self::AddMember(_)
            | Self::PromoteMember(_)
            | Self::RemoveMember(_)
            | Self::CheckState
            | Self::HaltSlice(_)
            | Self::ResumeSlice(_)
            | Self::ApplyLadder(_)
            | Self::CreateFreeze(_)
            | Self::LiftFreeze(_)
            | Self::HoldBack(_)
            | Self::ApproveWave(_)
            | Self::ExpediteRollout(_)
            | Self::SupersedeRollout(_)
            | Self::AgreeToProposal(_)
            | Self::RejectProposal(_)
            | Self::IfUnchanged(_)
            | Self::RollBack(_)
            | Self::WithdrawPatchSet(_)
            | Self::UpdateToken(_)
            | Self::RevokeToken(_)
            | Self::EvictHost(_)
            | Self::MoveHost(_)
            | Self::AcknowledgeIncident(_)
            | Self::NoteIncident(_)
            | Self::ResolveIncident(_)
            | Self::CreateBlock(_)
            | Self::LiftBlock(_)
            | Self::ApplyWebhooks(_)
            | Self::TestWebhook(_)
            | Self::ApplyCoverage(_)
            | Self::ResendNotifications(_) => 2,
        }
    }
}

/// The value that `body` is, to its last byte.
pub(super) fn whole<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Some(value),
        Ok(_) | Err(_) => None,
    }
}
