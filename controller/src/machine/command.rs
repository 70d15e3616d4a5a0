//! What can stand in the log? Commands: they ask, and may be refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::policy::Policy;
use tidegate_policies::time::{Millis, WallTime};

use super::fleet::{Facts, Mode};
use super::ids::{Digest, GrantId, HostId, NodeId, RolloutId, TierName, TokenId, Version};
use super::patch_sets::{Artifact, Fix, KernelKey};
use super::report::Report;

/// The version of the entries that this build writes, and the newest that it reads.
pub const ENTRY_VERSION: u16 = 1;

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
}

/// Names the cluster, its members and its ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The cluster's name.
    pub cluster: String,
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
    /// The leader's wall clock.
    pub wall: WallTime,
    /// Hosts heard since the tick before, in the boot that their agent spoke of.
    pub heard: Vec<HostId>,
    /// Hosts that are awake and would take an offer.
    pub asking: Vec<HostId>,
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

/// A person wants something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operate {
    /// Makes a retry safe.
    pub request: String,
    /// Who, for the record.
    pub actor: String,
    /// What.
    pub action: Action,
}

/// What a person can want.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Let hosts enrol.
    CreateToken(CreateToken),
    /// Publish a release.
    PublishPatchSet(PublishPatchSet),
    /// Create a draft.
    CreateRollout(Box<CreateRollout>),
    /// Start a draft.
    StartRollout(RolloutId),
    /// Stop further begins for a while.
    PauseRollout(WithReason),
    /// Lift a pause or a halt.
    ResumeRollout(WithReason),
    /// Stop for good, until a person lifts it.
    HaltRollout(WithReason),
    /// Go on to the next wave or tier.
    PromoteRollout(PromoteRollout),
}

/// Let hosts enrol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateToken {
    /// The token.
    pub token: TokenId,
    /// The tier of its hosts.
    pub tier: TierName,
    /// Most hosts at a time; at least 1.
    pub max_hosts: u64,
    /// SHA-256 of its secret.
    pub secret: Digest,
}

/// Publish a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishPatchSet {
    /// Its version.
    pub version: Version,
    /// Its notice, e.g. `LSN-0113-1`.
    pub notice: String,
    /// One artifact per kernel.
    pub artifacts: BTreeMap<KernelKey, Artifact>,
    /// What it fixes.
    pub fixes: Vec<Fix>,
}

/// Create a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateRollout {
    /// Its id.
    pub rollout: RolloutId,
    /// Its patch set.
    pub version: Version,
    /// Its policy, parsed and checked.
    pub policy: Policy,
    /// Its policy as it was written.
    pub policy_toml: String,
}

/// A rollout and a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithReason {
    /// The rollout.
    pub rollout: RolloutId,
    /// Why; may be empty where the action allows it.
    pub reason: String,
}

/// Go on to the next wave or tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromoteRollout {
    /// The rollout.
    pub rollout: RolloutId,
    /// How.
    pub how: Promote,
    /// The tier that the caller means to promote from; `None`: whichever it is.
    pub from_tier: Option<TierName>,
    /// The wave that the caller means to promote from, from 1; `None`: whichever it is.
    pub from_wave: Option<u32>,
}

/// How to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Promote {
    /// Once the gates are open.
    WhenOpen,
    /// In spite of shut gates, for this reason.
    Forced {
        /// Why.
        reason: String,
    },
}

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
    #[error("{length} bytes that are no entry of version {ENTRY_VERSION}")]
    Malformed {
        /// How many bytes.
        length: usize,
    },
}

impl Command {
    /// The entry as log bytes: its version in two bytes, little end first, then the command.
    ///
    /// # Panics
    ///
    /// Never: a command holds nothing that cannot be written.
    #[expect(clippy::expect_used, reason = "serialising plain data into memory cannot fail")]
    pub fn encode(&self) -> Vec<u8> {
        let bytes = ENTRY_VERSION.to_le_bytes().to_vec();
        postcard::to_extend(self, bytes).expect("plain data can be written")
    }

    /// The inverse of [`Command::encode`].
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
        match postcard::take_from_bytes(body) {
            Ok((command, [])) if version == ENTRY_VERSION => Ok(command),
            Ok(_) | Err(_) => Err(malformed),
        }
    }
}
