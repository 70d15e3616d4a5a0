//! What can stand in the log? Commands: they ask, and may be refused.

mod action;
mod encoding;
mod members;
mod v1;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::schedule::{Openings, Window};
use tidegate_policies::time::{Elapsed, Millis, WallTime};

use super::fleet::{Facts, Mode};
use super::ids::{Digest, GrantId, HostId, NodeId, TierName, Version};
use super::report::Report;
use super::webhook_event::Ending;

pub use action::{
    Action, ApplyCoverage, ApplyLadder, ApplyWebhooks, ApproveWave, CreateFreeze, CreateRollout,
    CreateToken, Evict, EvictHost, Expiry, HoldBack, IfUnchanged, Letters, LiftFreeze, MoveHost,
    OfBlock, OfIncident, OfProposal, OfSlice, Operate, Promote, PromoteRollout, PublishPatchSet,
    ResendNotifications, RevokeToken, SupersedeRollout, UpdateToken, WithReason, WithdrawPatchSet,
};
pub use encoding::{ENTRY_VERSION, FIRST_VERSION, UnknownEntry};
#[cfg(feature = "next-version")]
pub use members::NextProbe;
pub use members::{AddMember, MemberChange, PromoteMember, RegisterNode, RemoveMember, VouchState};

/// One entry of the replicated log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// The first entry: names the cluster, its members and its ladder.
    Bootstrap(Bootstrap),
    /// Time passed, and hosts were heard.
    Tick(Tick),
    /// A node holds an artifact.
    StoreBlob(StoreBlob),
    /// A machine wants to be a member of the fleet.
    EnrollHost(Box<EnrollHost>),
    /// A host asks to go.
    BeginGrant(BeginGrant),
    /// A host delivers reports.
    RecordReports(RecordReports),
    /// A person wants something.
    Operate(Operate),
    /// A node says where it listens, which disk it has, and which entries it understands.
    RegisterNode(RegisterNode),
    /// A node says which state it has at an index.
    VouchState(VouchState),
    /// A leader has computed when a window is open.
    KnowOpenings(KnowOpenings),
    /// A leader says what became of notifications.
    SettleNotifications(SettleNotifications),
    /// A node of the next release asks whether every node understands it.
    #[cfg(feature = "next-version")]
    NextProbe(NextProbe),
    /// The old group of a joint change is left behind. Raft proposes it by itself, as an entry without
    /// bytes: it is never read from any.
    #[serde(skip_deserializing)]
    LeaveJoint,
}

/// A leader has computed when a window is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnowOpenings {
    /// The window.
    pub window: Window,
    /// When it is open.
    pub openings: Openings,
}

/// A leader says what became of notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleNotifications {
    /// Their numbers, and how each ended. What waits no more is passed over.
    pub settled: BTreeMap<u64, Ending>,
    /// How often the webhooks had been declared when the receivers were called.
    pub declared: u64,
}

/// Names the cluster, its members and its ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The cluster's name.
    pub cluster: String,
    /// What tells it from any other of its name: drawn at random by the proposer.
    pub id: [u8; 16],
    /// The voters and where they listen, `host:port`.
    pub members: BTreeMap<NodeId, String>,
    /// The tiers, first to last.
    pub ladder: Vec<TierSpec>,
}

/// A tier as it is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierSpec {
    /// Its name.
    pub name: TierName,
    /// A sampled tier draws its hosts from the next one and has explicit members alone.
    pub sampled: bool,
}

/// Time passed, and hosts were heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// Monotonic time since the leader's tick before in this term; 0 for its first.
    pub step: Millis,
    /// The leader's wall clock. Looked at only where `readings` is empty.
    pub wall: WallTime,
    /// Hosts heard since the tick before, in the boot that their agent spoke of: those in flight, and
    /// reference hosts of whom that is news.
    pub heard: Vec<HostId>,
    /// Hosts that are awake and would take an offer.
    pub asking: Vec<HostId>,
    /// The wall clocks of the nodes that were heard a moment ago, the leader's own among them. Empty in
    /// an entry of version 1, whose leader's clock was the cluster's.
    pub readings: BTreeMap<NodeId, WallTime>,
    /// Reference hosts that counted as heard and are heard no more.
    pub missed: Vec<Missed>,
}

/// A leader hears a reference host no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// The trial, by the log index at which its rollout was created.
    pub trial: u64,
    /// The host.
    pub host: HostId,
    /// When the leader last heard it, in running time.
    pub heard_at: Elapsed,
}

/// A node holds an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreBlob {
    /// The node.
    pub node: NodeId,
    /// The artifact.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// A machine wants to be a member of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollHost {
    /// Makes a retry safe.
    pub request: String,
    /// SHA-256 of the token's secret.
    pub secret: Digest,
    /// BLAKE3 of the machine id.
    pub machine: [u8; 32],
    /// The host that the machine id makes.
    pub host: HostId,
    /// Its facts.
    pub facts: Facts,
    /// Its present boot.
    pub boot: String,
    /// Whether its agent may touch the kernel.
    pub mode: Mode,
}

/// A host asks to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginGrant {
    /// Who asks, by its connection.
    pub host: HostId,
    /// The grant.
    pub grant: GrantId,
    /// The patch set that it thinks the grant is for.
    pub version: Version,
    /// The epoch of its offer.
    pub epoch: u64,
    /// Its present boot.
    pub boot: String,
    /// The artifact that it verified.
    pub digest: Digest,
}

/// A host delivers reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordReports {
    /// Who reports, by its connection.
    pub host: HostId,
    /// The spool that numbers the reports.
    pub spool: u64,
    /// The reports, sequence rising.
    pub reports: Vec<Report>,
}
