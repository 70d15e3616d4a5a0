//! Decision records, out.

use tidegate_proto::v1 as pb;

use super::timestamp;
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
    }
}
