//! Decision records, out.

use tidegate_proto::v1 as pb;

use super::timestamp;
use crate::chain::Head;
use crate::machine::records::Record;

/// A record for the wire.
pub fn record(record: &Record) -> pb::DecisionRecord {
    pb::DecisionRecord {
        sequence: record.sequence,
        log_index: record.index,
        time: Some(timestamp(record.wall)),
        actor: record.note.actor.clone(),
        event: record.note.event.clone(),
        subject: record.note.subject.clone(),
        detail: record.note.detail.clone(),
        hash: record.hash.to_vec(),
        request_id: record.request.clone(),
        elapsed_ms: record.elapsed.0,
        basis_hash: record.basis_hash().map(Vec::from).unwrap_or_default(),
        verdict_hash: record.verdict.map(Vec::from).unwrap_or_default(),
    }
}

/// A place in the chain for the wire.
pub fn place(head: Head) -> pb::ChainPlace {
    pb::ChainPlace { sequence: head.sequence, hash: head.hash.to_vec() }
}
