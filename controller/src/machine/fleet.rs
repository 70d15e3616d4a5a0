//! Which hosts are there, and what is known of each?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_policies::time::WallTime;

use super::boot::Boot;
use super::ids::{GrantId, HostId, TierName, TokenId};
use super::patch_sets::KernelKey;

/// Facts about one machine, as its agent read them. Bounded where they enter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The machine's own name, for people.
    pub hostname: String,
    /// Kernel release, flavour and architecture.
    pub kernel: KernelKey,
    /// CPU vendor.
    pub cpu_vendor: String,
    /// CPU family.
    pub cpu_family: String,
    /// CPU model.
    pub cpu_model: String,
    /// Distribution release.
    pub distro_release: String,
    /// Availability zone.
    pub zone: String,
    /// Region.
    pub region: String,
    /// Cloud or site.
    pub cloud: String,
    /// Rack or hypervisor.
    pub rack: String,
    /// The operator's labels.
    pub labels: BTreeMap<String, String>,
    /// The agent's version.
    pub agent_version: String,
}

/// Whether an agent may touch its kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// It applies what it is granted.
    Normal,
    /// It reports, and applies nothing.
    NoApply,
}

/// One machine of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its id.
    pub id: HostId,
    /// BLAKE3 of its machine id.
    pub machine: [u8; 32],
    /// The token that it has a place under: it enrolled with it, or was moved to it.
    pub token: TokenId,
    /// The tier that the token gives.
    pub tier: TierName,
    /// What it is.
    pub facts: Facts,
    /// The boot that is known.
    pub boot: Boot,
    /// Whether its agent may touch the kernel.
    pub mode: Mode,
    /// When it enrolled.
    pub enrolled: WallTime,
    /// The spools that it reported from, at most [`MAX_SPOOLS`], and the last report counted of each;
    /// the present one last.
    pub spools: Vec<SpoolMark>,
    /// The last boot in which it said goodbye.
    pub goodbye: Option<Boot>,
    /// Its grant that is not over, if it has one.
    pub live_grant: Option<GrantId>,
}

/// Spools of a host that are remembered, so that a late copy of an old one's report counts nothing.
pub const MAX_SPOOLS: usize = 4;

/// How far a spool was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolMark {
    /// The spool.
    pub spool: u64,
    /// The last sequence number counted of it.
    pub sequence: u64,
}
