//! What does a host remember when its agent dies or its kernel goes down? The agent's own files.

use std::collections::BTreeMap;

use tidegate_agent::core::{Heard, Marker, PatchSetMemory, Restored};
use tidegate_proto::v1::HostReport;

/// A host's files. Every write is durable when it returns.
#[derive(Clone, Debug)]
pub struct Storage {
    spool_id: u64,
    next_sequence: u64,
    spool: Vec<HostReport>,
    marker: Option<Marker>,
    memory: BTreeMap<String, PatchSetMemory>,
    heard: Heard,
}

impl Storage {
    /// Empty files; the spool gets its number.
    #[must_use]
    pub fn new(spool_id: u64) -> Self {
        Self {
            spool_id,
            next_sequence: 1,
            spool: Vec::new(),
            marker: None,
            memory: BTreeMap::new(),
            heard: Heard::default(),
        }
    }

    /// What an agent finds when it starts.
    #[must_use]
    pub fn restored(&self) -> Restored {
        Restored {
            spool_id: self.spool_id,
            next_sequence: self.next_sequence,
            unacknowledged: self.spool.clone(),
            marker: self.marker.clone(),
            memory: self.memory.clone(),
            heard: self.heard,
        }
    }

    /// The spool's number.
    #[must_use]
    pub fn spool_id(&self) -> u64 {
        self.spool_id
    }

    /// The highest epoch that the host remembers of a patch set.
    #[must_use]
    pub fn highest_epoch(&self, patch_set: &str) -> u64 {
        self.memory.get(patch_set).map_or(0, |memory| memory.highest_epoch)
    }

    /// Keeps the newest moment of the cluster that was heard of.
    pub fn keep_heard(&mut self, heard: Heard) {
        self.heard = heard;
    }

    /// Appends a report.
    pub fn append(&mut self, report: HostReport) {
        self.next_sequence = report.sequence + 1;
        self.spool.push(report);
    }

    /// Drops one report.
    pub fn drop_one(&mut self, sequence: u64) {
        self.spool.retain(|report| report.sequence != sequence);
    }

    /// Drops every report up to `through`.
    pub fn trim(&mut self, through: u64) {
        self.spool.retain(|report| report.sequence > through);
    }

    /// Writes or removes the intent marker.
    pub fn set_marker(&mut self, marker: Option<Marker>) {
        self.marker = marker;
    }

    /// Keeps what is known of a patch set.
    pub fn remember(&mut self, patch_set: String, memory: PatchSetMemory) {
        self.memory.insert(patch_set, memory);
    }
}
