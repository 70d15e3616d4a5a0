//! A kernel and a storage that fail when a test says so.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tidegate_proto::v1::{HostFacts, HostReport};

use crate::core::{
    AgentStatus, Digest, Fetched, Heard, Insertion, Marker, ModuleName, Observation,
    PatchSetMemory, Restored,
};
use crate::driver::simulated::SimulatedDriver;
use crate::driver::{Driver, DriverFailed, Dumps, Following, LastWords, Words};
use crate::storage::{MemoryStorage, Seen, Storage, StorageFailed, StoredArtifact};

/// A simulated kernel with a past, that sometimes cannot be looked at.
pub(super) struct TroubledDriver {
    pub(super) kernel: Arc<SimulatedDriver>,
    /// Whether each of the next looks succeeds; all do when this is used up.
    pub(super) looks: Mutex<VecDeque<bool>>,
    pub(super) left: LastWords,
}

impl Driver for TroubledDriver {
    fn boot_id(&self) -> Result<String, DriverFailed> {
        self.kernel.boot_id()
    }

    fn facts(&self) -> Result<HostFacts, DriverFailed> {
        self.kernel.facts()
    }

    fn last_words(&self, _module: Option<&ModuleName>, _known: &Dumps) -> LastWords {
        self.left.clone()
    }

    fn observe(&self) -> Result<Observation, DriverFailed> {
        match self.looks.lock().unwrap().pop_front() {
            Some(false) => {
                Err(DriverFailed::Senseless { path: "enabled".into(), said: String::new() })
            }
            Some(true) | None => self.kernel.observe(),
        }
    }

    fn insert(self: Arc<Self>, insertion: Insertion, artifact: StoredArtifact, words: Words) {
        Arc::clone(&self.kernel).insert(insertion, artifact, words);
    }

    fn follow(self: Arc<Self>, following: Following, words: Words) {
        Arc::clone(&self.kernel).follow(following, words);
    }

    fn revert(self: Arc<Self>, grant_id: u64, module: ModuleName, words: Words) {
        Arc::clone(&self.kernel).revert(grant_id, module, words);
    }
}

/// Storage whose spool is full, or not.
pub(super) struct TroubledStorage {
    pub(super) disk: MemoryStorage,
    pub(super) full: bool,
}

impl Storage for TroubledStorage {
    fn restore(&mut self) -> Result<Restored, StorageFailed> {
        self.disk.restore()
    }

    fn spool(&mut self, report: &HostReport) -> Result<(), StorageFailed> {
        if self.full {
            return Err(StorageFailed::NoSpace("reports.spool".into()));
        }
        self.disk.spool(report)
    }

    fn drop_report(&mut self, sequence: u64) -> Result<(), StorageFailed> {
        self.disk.drop_report(sequence)
    }

    fn trim(&mut self, through: u64) -> Result<(), StorageFailed> {
        self.disk.trim(through)
    }

    fn set_marker(&mut self, marker: Option<&Marker>) -> Result<(), StorageFailed> {
        self.disk.set_marker(marker)
    }

    fn remember(&mut self, patch_set: &str, memory: &PatchSetMemory) -> Result<(), StorageFailed> {
        self.disk.remember(patch_set, memory)
    }

    fn keep_heard(&mut self, heard: Heard) -> Result<(), StorageFailed> {
        self.disk.keep_heard(heard)
    }

    fn seen(&mut self) -> Result<Seen, StorageFailed> {
        self.disk.seen()
    }

    fn note(&mut self, seen: &Seen) -> Result<(), StorageFailed> {
        self.disk.note(seen)
    }

    fn store_artifact(&mut self, bytes: &[u8]) -> Result<Fetched, StorageFailed> {
        self.disk.store_artifact(bytes)
    }

    fn artifact(&self, digest: Digest) -> StoredArtifact {
        self.disk.artifact(digest)
    }

    fn publish(&mut self, status: &AgentStatus) -> Result<(), StorageFailed> {
        self.disk.publish(status)
    }
}
