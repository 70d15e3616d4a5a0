//! Who is this host to its cluster?

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{read_document, write_document};
use crate::core::Mode;
use crate::storage::StorageFailed;

const FILE_NAME: &str = "identity.json";

/// What enrolment gave to this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The host's resource name, `hosts/{host}`.
    pub host: String,
    /// The tier that its token gave, `tiers/{tier}`.
    pub tier: String,
    /// Controllers to speak to, `host:port`; each can answer.
    pub controllers: Vec<String>,
    /// Value of the metadata key `tidegate-host`, in development mode.
    pub development_identity: String,
    /// The machine's stable id.
    pub machine_id: String,
    /// Whether the agent may touch this machine's kernel.
    pub mode: Mode,
    /// Addresses beyond loopback that may be spoken to without TLS.
    pub plaintext_to: Vec<String>,
    /// Where the machine stands, in its operator's words.
    pub place: Place,
}

/// Where a machine stands, in its operator's words; empty where unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Availability zone.
    pub zone: String,
    /// Region.
    pub region: String,
    /// Cloud or site.
    pub cloud: String,
    /// Rack or hypervisor.
    pub rack: String,
    /// Free labels.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// Reads the identity in `directory`; `None` where the host is not enrolled.
///
/// # Errors
///
/// Where it is there and cannot be read.
pub fn read_identity(directory: &Path) -> Result<Option<Identity>, StorageFailed> {
    read_document(directory, FILE_NAME)
}

/// Replaces the identity in `directory`.
///
/// # Errors
///
/// Where it is not durable.
pub fn write_identity(directory: &Path, identity: &Identity) -> Result<(), StorageFailed> {
    write_document(directory, FILE_NAME, identity)
}
