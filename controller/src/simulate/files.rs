//! What does a host remember when its agent or its kernel goes? Its files; every write is durable.

use std::collections::BTreeMap;

use tidegate_agent::core::{Heard, Marker, Output, PatchSetMemory, Restored};
use tidegate_proto::v1::HostReport;

/// A host's files.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// The intent marker.
    pub marker: Option<Marker>,
    spool_id: u64,
    next_sequence: u64,
    spool: Vec<HostReport>,
    memory: BTreeMap<String, PatchSetMemory>,
    heard: Heard,
}

impl Files {
    /// Empty files; the spool gets its number.
    pub(super) fn new(spool_id: u64) -> Self {
        Self {
            marker: None,
            spool_id,
            next_sequence: 1,
            spool: Vec::new(),
            memory: BTreeMap::new(),
            heard: Heard::default(),
        }
    }

    /// What an agent finds when it starts.
    pub(super) fn restored(&self) -> Restored {
        Restored {
            spool_id: self.spool_id,
            next_sequence: self.next_sequence,
            unacknowledged: self.spool.clone(),
            marker: self.marker.clone(),
            memory: self.memory.clone(),
            heard: self.heard,
        }
    }

    /// Carries out an output that is about files; gives back any other.
    pub(super) fn keep(&mut self, output: Output) -> Option<Output> {
        match output {
            Output::Spool(report) => {
                self.next_sequence = report.sequence + 1;
                self.spool.push(*report);
            }
            Output::SpoolDrop { sequence } => {
                self.spool.retain(|report| report.sequence != sequence);
            }
            Output::SpoolTrim { through } => {
                self.spool.retain(|report| report.sequence > through);
            }
            Output::WriteMarker(marker) => self.marker = Some(*marker),
            Output::ClearMarker => self.marker = None,
            Output::Remember { patch_set, memory } => {
                self.memory.insert(patch_set, memory);
            }
            Output::KeepHeard(heard) => self.heard = heard,
            other @ (Output::Sync { .. }
            | Output::Begin { .. }
            | Output::Report { .. }
            | Output::Fetch { .. }
            | Output::NextController
            | Output::Insert(_)
            | Output::Follow { .. }
            | Output::Revert { .. }
            | Output::Observe
            | Output::WakeAt(_)
            | Output::Log(_)) => return Some(other),
        }
        None
    }
}
