//! Whose journal is this, in which format, and which incarnation of its node wrote it?

use super::record::{self, IDENTITY};
use super::{FORMAT_VERSION, Identity, Violation};

/// The format in which the log was kept in the store.
const WITH_ENTRIES: u32 = 1;

/// What the identity record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A journal of format 1, which is to be taken over.
    WithEntries,
    /// A journal of today's format.
    Current {
        /// The random bytes that were drawn when it was made.
        incarnation: [u8; 16],
    },
}

/// The identity record: format version, node id, incarnation, cluster name.
pub(super) fn encode(identity: &Identity, incarnation: [u8; 16]) -> Result<Vec<u8>, Violation> {
    let mut content = FORMAT_VERSION.to_be_bytes().to_vec();
    content.extend(identity.node_id.to_be_bytes());
    content.extend(incarnation);
    content.extend(identity.cluster.as_bytes());
    let too_long = || damaged("the cluster's name is longer than a record");
    record::frame(IDENTITY, 0, &content).ok_or_else(too_long)
}

/// Checks a stored identity record against the node that wants the journal.
pub(super) fn check(stored: &[u8], expected: &Identity) -> Result<Found, Violation> {
    let short = || damaged("it is too short");
    let content = record::unframe(IDENTITY, 0, stored)?;
    // The version comes first for ever: whatever follows may mean something else in a newer one.
    let (version, rest) = content.split_first_chunk::<4>().ok_or_else(short)?;
    let found = u32::from_be_bytes(*version);
    if found > FORMAT_VERSION {
        return Err(Violation::NewerFormat { found });
    }
    let (node_id, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
    let (found, cluster) = if found == WITH_ENTRIES {
        (Found::WithEntries, rest)
    } else {
        let (incarnation, cluster) = rest.split_first_chunk::<16>().ok_or_else(short)?;
        (Found::Current { incarnation: *incarnation }, cluster)
    };
    if cluster != expected.cluster.as_bytes() {
        let found = String::from_utf8_lossy(cluster).into_owned();
        return Err(Violation::OtherCluster { found, expected: expected.cluster.clone() });
    }
    let node_id = u64::from_be_bytes(*node_id);
    if node_id != expected.node_id {
        return Err(Violation::OtherNode { found: node_id, expected: expected.node_id });
    }
    Ok(found)
}

fn damaged(what: &'static str) -> Violation {
    Violation::Damaged { record: record::name(IDENTITY), what }
}
