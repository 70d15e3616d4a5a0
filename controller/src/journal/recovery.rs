//! Is what the store gives back a whole log, and ours? Checked at every open, before the node
//! may vote.

use protobuf::Message;
use raft::eraftpb::Entry;

use super::record::{self, CONF_STATE, HARD_STATE, IDENTITY};
use super::{FORMAT_VERSION, Identity, Recovered, Violation};

/// Reads and checks everything. `None` for a store without a single record.
pub(super) fn recover(
    store: &sled::Db,
    expected: &Identity,
) -> Result<Option<Recovered>, Violation> {
    let Some(identity) = store.get(IDENTITY).map_err(Violation::Store)? else {
        return if store.is_empty() { Ok(None) } else { Err(damaged(IDENTITY, "it is missing")) };
    };
    check_identity(record::unframe(IDENTITY, 0, &identity)?, expected)?;
    let mut recovered = Recovered::default();
    for pair in store.iter() {
        let (key, value) = pair.map_err(Violation::Store)?;
        take(&key, &value, &mut recovered)?;
    }
    let commit = recovered.hard_state.commit;
    let last = recovered.entries.last().map_or(0, |entry| entry.index);
    if last < commit {
        return Err(Violation::Shortened { last, commit });
    }
    Ok(Some(recovered))
}

/// The identity record's content: format version, node id, cluster name.
pub(super) fn encode_identity(identity: &Identity) -> Vec<u8> {
    let mut content = FORMAT_VERSION.to_be_bytes().to_vec();
    content.extend(identity.node_id.to_be_bytes());
    content.extend(identity.cluster.as_bytes());
    content
}

/// The version comes first for ever: whatever follows it may mean something else in a newer one.
fn check_identity(content: &[u8], expected: &Identity) -> Result<(), Violation> {
    let short = || damaged(IDENTITY, "it is too short");
    let (version, rest) = content.split_first_chunk::<4>().ok_or_else(short)?;
    let found = u32::from_be_bytes(*version);
    if found > FORMAT_VERSION {
        return Err(Violation::NewerFormat { found });
    }
    let (node_id, cluster) = rest.split_first_chunk::<8>().ok_or_else(short)?;
    if cluster != expected.cluster.as_bytes() {
        let found = String::from_utf8_lossy(cluster).into_owned();
        return Err(Violation::OtherCluster { found, expected: expected.cluster.clone() });
    }
    let found = u64::from_be_bytes(*node_id);
    if found != expected.node_id {
        return Err(Violation::OtherNode { found, expected: expected.node_id });
    }
    Ok(())
}

fn take(key: &[u8], value: &[u8], recovered: &mut Recovered) -> Result<(), Violation> {
    if let Some(index) = record::entry_index(key) {
        let entry = decode_entry(key, index, value)?;
        let after = recovered.entries.last().map_or(0, |entry| entry.index);
        if index != after + 1 {
            return Err(Violation::Hole { after, next: index });
        }
        recovered.entries.push(entry);
        return Ok(());
    }
    let content = record::unframe(key, 0, value)?;
    match key {
        IDENTITY => (),
        HARD_STATE => recovered.hard_state = decode(key, content)?,
        CONF_STATE => recovered.conf_state = Some(decode(key, content)?),
        _ => return Err(damaged(key, "no such record exists in this format")),
    }
    Ok(())
}

fn decode_entry(key: &[u8], index: u64, value: &[u8]) -> Result<Entry, Violation> {
    let entry: Entry = decode(key, record::unframe(key, index, value)?)?;
    if entry.index == index { Ok(entry) } else { Err(damaged(key, "its entry has another index")) }
}

fn decode<M: Message>(key: &[u8], content: &[u8]) -> Result<M, Violation> {
    M::parse_from_bytes(content).map_err(|_| damaged(key, "it does not decode"))
}

fn damaged(key: &[u8], what: &'static str) -> Violation {
    Violation::Damaged { record: record::name(key), what }
}
