//! Storage of a real host: one directory that one agent holds at a time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest as _, Sha256};
use tidegate_proto::v1::HostReport;

use super::{Seen, Storage, StorageFailed, StoredArtifact};
use crate::core::{AgentStatus, Digest, Fetched, Heard, Marker, PatchSetMemory, Restored};
use crate::spool::Spool;
use crate::state::{
    io_failed, read_document, remove_document, replace_file, write_document, write_status,
};

const MARKER: &str = "marker.json";
const MEMORY: &str = "patch-sets.json";
const HEARD: &str = "cluster.json";
const BOOT: &str = "boot.json";
const DUMPS: &str = "dumps.json";
const LOCK: &str = "lock";
const ARTIFACTS: &str = "artifacts";

/// Storage in a directory.
#[derive(Debug)]
pub struct DiskStorage {
    directory: PathBuf,
    spool: Spool,
    memory: BTreeMap<String, PatchSetMemory>,
    boot_id: String,
    /// Held as long as the storage lives.
    _lock: File,
}

impl DiskStorage {
    /// Opens the storage in `directory`, and makes it where there is none. `new_spool_id` must be
    /// random: it numbers a spool that has to be made.
    ///
    /// # Errors
    ///
    /// Where another agent holds the directory, or something in it cannot be read or written.
    pub fn open(directory: &Path, new_spool_id: u64) -> Result<Self, StorageFailed> {
        let artifacts = directory.join(ARTIFACTS);
        fs::create_dir_all(&artifacts).map_err(|e| io_failed("make", &artifacts, e))?;
        let path = directory.join(LOCK);
        let lock = File::create(&path).map_err(|e| io_failed("open", &path, e))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| StorageFailed::Locked(directory.to_owned()))?;
        Ok(Self {
            directory: directory.to_owned(),
            spool: Spool::open(directory, new_spool_id)?,
            memory: read_document(directory, MEMORY)?.unwrap_or_default(),
            boot_id: String::new(),
            _lock: lock,
        })
    }
}

impl Storage for DiskStorage {
    fn restore(&mut self) -> Result<Restored, StorageFailed> {
        Ok(Restored {
            spool_id: self.spool.spool_id(),
            next_sequence: self.spool.next_sequence(),
            unacknowledged: self.spool.reports().to_vec(),
            marker: read_document(&self.directory, MARKER)?,
            memory: self.memory.clone(),
            heard: read_document(&self.directory, HEARD)?.unwrap_or_default(),
        })
    }

    fn spool(&mut self, report: &HostReport) -> Result<(), StorageFailed> {
        self.spool.append(report)
    }

    fn drop_report(&mut self, sequence: u64) -> Result<(), StorageFailed> {
        self.spool.drop_report(sequence)
    }

    fn trim(&mut self, through: u64) -> Result<(), StorageFailed> {
        self.spool.trim(through)
    }

    fn set_marker(&mut self, marker: Option<&Marker>) -> Result<(), StorageFailed> {
        match marker {
            Some(marker) => write_document(&self.directory, MARKER, marker),
            None => remove_document(&self.directory, MARKER),
        }
    }

    fn remember(&mut self, patch_set: &str, memory: &PatchSetMemory) -> Result<(), StorageFailed> {
        self.memory.insert(patch_set.to_owned(), memory.clone());
        write_document(&self.directory, MEMORY, &self.memory)
    }

    fn keep_heard(&mut self, heard: Heard) -> Result<(), StorageFailed> {
        write_document(&self.directory, HEARD, heard)
    }

    fn seen(&mut self) -> Result<Seen, StorageFailed> {
        Ok(Seen {
            boot_id: read_document(&self.directory, BOOT)?,
            dumps: read_document(&self.directory, DUMPS)?.unwrap_or_default(),
        })
    }

    fn note(&mut self, seen: &Seen) -> Result<(), StorageFailed> {
        let before = self.seen()?;
        // The boot comes last: as long as it is not noted, its dumps are looked at again.
        if before.dumps != seen.dumps {
            write_document(&self.directory, DUMPS, &seen.dumps)?;
        }
        if before.boot_id != seen.boot_id {
            write_document(&self.directory, BOOT, &seen.boot_id)?;
        }
        self.boot_id = seen.boot_id.clone().unwrap_or_default();
        Ok(())
    }

    fn store_artifact(&mut self, bytes: &[u8]) -> Result<Fetched, StorageFailed> {
        let directory = self.directory.join(ARTIFACTS);
        let digest = Digest(Sha256::digest(bytes).into());
        let name = digest.to_string();
        let listing = fs::read_dir(&directory).map_err(|e| io_failed("list", &directory, e))?;
        for entry in listing.flatten() {
            if entry.file_name() != name.as_str() {
                fs::remove_file(entry.path()).map_err(|e| io_failed("remove", &entry.path(), e))?;
            }
        }
        replace_file(&directory, &name, bytes)?;
        Ok(Fetched { digest, size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX) })
    }

    fn artifact(&self, digest: Digest) -> StoredArtifact {
        StoredArtifact::File(self.directory.join(ARTIFACTS).join(digest.to_string()))
    }

    fn publish(&mut self, status: &AgentStatus) -> Result<(), StorageFailed> {
        write_status(&self.directory, &self.boot_id, status)
    }
}

#[cfg(test)]
mod tests {
    use super::{DiskStorage, MARKER};
    use crate::core::{Heard, PatchSetMemory};
    use crate::storage::{Seen, Storage as _, StorageFailed, StoredArtifact};

    #[test]
    fn what_was_remembered_survives_and_a_damaged_marker_stops_the_agent() {
        let directory = tempfile::tempdir().unwrap();
        let memory = PatchSetMemory { highest_epoch: 4, ..PatchSetMemory::default() };
        let heard = Heard { generation: 2, revision: 9 };
        let mut storage = DiskStorage::open(directory.path(), 1).unwrap();
        assert_eq!(storage.restore().unwrap().heard, Heard::default());
        storage.remember("patchSets/113.1", &memory).unwrap();
        storage.keep_heard(heard).unwrap();
        drop(storage);
        let mut storage = DiskStorage::open(directory.path(), 2).unwrap();
        assert_eq!(storage.restore().unwrap().memory["patchSets/113.1"], memory);
        assert_eq!(storage.restore().unwrap().heard, heard);
        std::fs::write(directory.path().join(MARKER), "{").unwrap();
        assert!(matches!(storage.restore(), Err(StorageFailed::Damaged { .. })));
    }

    #[test]
    fn the_boot_and_the_dumps_that_were_noted_survive() {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = DiskStorage::open(directory.path(), 1).unwrap();
        assert_eq!(storage.seen().unwrap(), Seen::default());
        let seen = Seen {
            boot_id: Some("boot-1".to_owned()),
            dumps: ["dmesg-ramoops-0 ab".to_owned()].into(),
        };
        storage.note(&seen).unwrap();
        drop(storage);
        let mut storage = DiskStorage::open(directory.path(), 2).unwrap();
        assert_eq!(storage.seen().unwrap(), seen);
    }

    #[test]
    fn a_directory_is_held_by_one_agent_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = DiskStorage::open(directory.path(), 1).unwrap();
        let second = DiskStorage::open(directory.path(), 2);
        assert!(matches!(second, Err(StorageFailed::Locked(_))));
        drop(first);
        DiskStorage::open(directory.path(), 3).unwrap();
    }

    #[test]
    fn only_the_newest_artifact_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = DiskStorage::open(directory.path(), 1).unwrap();
        let old = storage.store_artifact(b"old").unwrap();
        let new = storage.store_artifact(b"new!").unwrap();
        assert_eq!(new.size_bytes, 4);
        let stored = |digest| match storage.artifact(digest) {
            StoredArtifact::File(path) => path.exists(),
            StoredArtifact::Bytes(_) => false,
        };
        assert_eq!((stored(old.digest), stored(new.digest)), (false, true));
    }
}
