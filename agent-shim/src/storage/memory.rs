//! Storage of a simulated host: it outlives the agent, not the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use tidegate_proto::v1::HostReport;

use super::{Seen, Storage, StorageFailed, StoredArtifact};
use crate::core::{AgentStatus, Digest, Fetched, Heard, Marker, PatchSetMemory, Restored};

/// Storage in memory. Clones share it, as the same disk before and after a crash.
#[derive(Clone, Debug)]
pub struct MemoryStorage {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    spool_id: u64,
    next_sequence: u64,
    spool: Vec<HostReport>,
    marker: Option<Marker>,
    memory: BTreeMap<String, PatchSetMemory>,
    heard: Heard,
    seen: Seen,
    artifacts: BTreeMap<Digest, Vec<u8>>,
    status: Option<AgentStatus>,
}

impl MemoryStorage {
    /// Empty storage whose spool has the number `spool_id`.
    #[must_use]
    pub fn new(spool_id: u64) -> Self {
        let kept = Kept {
            spool_id,
            next_sequence: 1,
            spool: Vec::new(),
            marker: None,
            memory: BTreeMap::new(),
            heard: Heard::default(),
            seen: Seen::default(),
            artifacts: BTreeMap::new(),
            status: None,
        };
        Self { kept: Arc::new(Mutex::new(kept)) }
    }

    /// The status that was published last.
    #[must_use]
    pub fn status(&self) -> Option<AgentStatus> {
        self.with(|kept| kept.status.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        work(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[expect(clippy::unnecessary_wraps, reason = "memory never fails; the trait's methods may")]
    fn put(&self, work: impl FnOnce(&mut Kept)) -> Result<(), StorageFailed> {
        self.with(work);
        Ok(())
    }
}

impl Storage for MemoryStorage {
    fn restore(&mut self) -> Result<Restored, StorageFailed> {
        Ok(self.with(|kept| Restored {
            spool_id: kept.spool_id,
            next_sequence: kept.next_sequence,
            unacknowledged: kept.spool.clone(),
            marker: kept.marker.clone(),
            memory: kept.memory.clone(),
            heard: kept.heard,
        }))
    }

    fn spool(&mut self, report: &HostReport) -> Result<(), StorageFailed> {
        self.put(|kept| {
            kept.next_sequence = report.sequence + 1;
            kept.spool.push(report.clone());
        })
    }

    fn drop_report(&mut self, sequence: u64) -> Result<(), StorageFailed> {
        self.put(|kept| kept.spool.retain(|report| report.sequence != sequence))
    }

    fn trim(&mut self, through: u64) -> Result<(), StorageFailed> {
        self.put(|kept| kept.spool.retain(|report| report.sequence > through))
    }

    fn set_marker(&mut self, marker: Option<&Marker>) -> Result<(), StorageFailed> {
        self.put(|kept| kept.marker = marker.cloned())
    }

    fn remember(&mut self, patch_set: &str, memory: &PatchSetMemory) -> Result<(), StorageFailed> {
        self.put(|kept| drop(kept.memory.insert(patch_set.to_owned(), memory.clone())))
    }

    fn keep_heard(&mut self, heard: Heard) -> Result<(), StorageFailed> {
        self.put(|kept| kept.heard = heard)
    }

    fn seen(&mut self) -> Result<Seen, StorageFailed> {
        Ok(self.with(|kept| kept.seen.clone()))
    }

    fn note(&mut self, seen: &Seen) -> Result<(), StorageFailed> {
        self.put(|kept| kept.seen.clone_from(seen))
    }

    fn store_artifact(&mut self, bytes: &[u8]) -> Result<Fetched, StorageFailed> {
        let digest = Digest(Sha256::digest(bytes).into());
        self.put(|kept| {
            kept.artifacts.clear();
            kept.artifacts.insert(digest, bytes.to_vec());
        })?;
        Ok(Fetched { digest, size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX) })
    }

    fn artifact(&self, digest: Digest) -> StoredArtifact {
        let bytes = self.with(|kept| kept.artifacts.get(&digest).cloned());
        StoredArtifact::Bytes(bytes.unwrap_or_default())
    }

    fn publish(&mut self, status: &AgentStatus) -> Result<(), StorageFailed> {
        self.put(|kept| kept.status = Some(status.clone()))
    }
}
