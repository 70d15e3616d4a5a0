//! How does a backup become the folder of a new cluster? Aside first, so that a restore that was cut
//! short leaves no journal that a controller could go on from.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use raft::eraftpb::{ConfState, HardState};

use super::error::{BackupError, failed};
use super::place::{ARTIFACTS, JOURNAL, Place};
use super::reader::Backup;
use crate::artifacts::Store;
use crate::journal::{
    Batch, Checkpoint, DiskJournal, Identity, Journal as _, JournalConfig, PieceHash,
};
use crate::machine::Machine;
use crate::machine::event::Event;
use crate::machine::frozen::{self, Frozen};
use crate::machine::ids::{Digest, NodeId};
use crate::machine::restore::Restoration;

/// By how much a restore moves the log index on: beyond all that was decided after the backup.
pub const INDEX_JUMP: u64 = 1_000_000;

/// The term of the last entry in a restored state. Elections go on from it.
const TERM: u64 = 1;

/// The cluster that a backup becomes.
#[derive(Clone, Debug)]
pub struct NewCluster {
    /// The folder of its only controller: one that is empty, or does not exist.
    pub data_dir: PathBuf,
    /// That controller.
    pub node: u64,
    /// Where it listens, `host:port`.
    pub address: String,
    /// Seconds since 1970 on the wall clock: the generation, where it is above the backup's.
    pub now_seconds: u64,
}

/// What a restore made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The cluster's name.
    pub cluster: String,
    /// Its new id.
    pub id: [u8; 16],
    /// Its generation, above the backup's.
    pub generation: u64,
    /// The log index that it goes on from.
    pub index: u64,
    /// Enrolled hosts.
    pub hosts: usize,
    /// Artifacts in the folder.
    pub artifacts: usize,
    /// The rollouts that were paused by it.
    pub paused: Vec<String>,
}

impl Backup {
    /// The state that it holds, put together and checked.
    ///
    /// # Errors
    ///
    /// [`BackupError::NoState`]: a piece is missing, or this version does not know its form.
    pub fn machine(&self) -> Result<Machine, BackupError> {
        let no_state = |why| BackupError::NoState { path: self.path().to_owned(), why };
        let thawed = Machine::thaw(self.root(), &mut |hash| self.piece(&hash.0));
        let machine = thawed.map_err(|error| no_state(error.to_string()))?;
        if machine.applied() != self.header().index {
            let (held, said) = (machine.applied(), self.header().index);
            return Err(no_state(format!("it is the state at {held}, and it says {said}")));
        }
        Ok(machine)
    }
}

/// Makes the folder of a new cluster of one controller from `backup`.
///
/// # Errors
///
/// [`BackupError`]; there is no such folder then.
pub fn restore(backup: &Backup, new: &NewCluster) -> Result<Restored, BackupError> {
    check_address(&new.address)?;
    let place = Place::look(&new.data_dir)?;
    let mut machine = backup.machine()?;
    let (restoration, paused) = restore_machine(backup, new, &mut machine)?;
    let making = place.begin()?;
    let artifacts = write_artifacts(backup, making.path())?;
    write_journal(backup, new, &machine.freeze(), making.path())?;
    place.put(making)?;
    Ok(Restored {
        cluster: backup.header().cluster.clone(),
        id: restoration.cluster_id,
        generation: restoration.generation,
        index: restoration.index,
        hosts: machine.hosts().len(),
        artifacts,
        paused,
    })
}

fn check_address(address: &str) -> Result<(), BackupError> {
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    let port = port.and_then(|(_, port)| port.parse::<u16>().ok()).filter(|port| *port > 0);
    let refused = || BackupError::Refused(format!("`{address}` is no address: write `host:port`"));
    port.map(drop).ok_or_else(refused)
}

/// Makes the backup's state the beginning of another cluster, and names what was paused.
fn restore_machine(
    backup: &Backup,
    new: &NewCluster,
    machine: &mut Machine,
) -> Result<(Restoration, Vec<String>), BackupError> {
    let header = backup.header();
    let restoration = Restoration {
        cluster_id: random("an id for the cluster")?,
        generation: new.now_seconds.max(header.generation.saturating_add(1)),
        node: NodeId(new.node),
        address: new.address.clone(),
        index: header.index.saturating_add(INDEX_JUMP),
        reason: format!("from the backup of log index {}", header.index),
    };
    let events = machine
        .restore(&restoration)
        .map_err(|refused| BackupError::Refused(refused.to_string()))?;
    let paused = events.iter().filter_map(|event| {
        if let Event::RolloutPaused { rollout, .. } = event {
            return Some(rollout.to_string());
        }
        None
    });
    let paused = paused.collect();
    Ok((restoration, paused))
}

fn write_artifacts(backup: &Backup, dir: &Path) -> Result<usize, BackupError> {
    let store = Store::open(&dir.join(ARTIFACTS))?;
    let mut count = 0;
    for (sha256, size) in backup.artifacts() {
        let mut incoming = store.receive(Digest(sha256), u64::from(size))?;
        let Some(mut bytes) = backup.artifact(&sha256)? else { continue };
        let mut buffer = vec![0; tidegate_proto::CHUNK_BYTES];
        loop {
            match bytes.read(&mut buffer).map_err(failed("read", backup.path()))? {
                0 => break,
                part => incoming = incoming.write(&buffer[..part])?,
            }
        }
        incoming.finish()?;
        count += 1;
    }
    Ok(count)
}

/// Writes a journal that holds nothing but a checkpoint of the restored state.
fn write_journal(
    backup: &Backup,
    new: &NewCluster,
    state: &Frozen,
    dir: &Path,
) -> Result<(), BackupError> {
    let identity = Identity { cluster: backup.header().cluster.clone(), node_id: new.node };
    let config = JournalConfig::new(identity, random("the folder's mark")?, named_by);
    let (mut journal, _) = DiskJournal::open(&dir.join(JOURNAL), &config)
        .map_err(|error| BackupError::Journal(with_cause(&error)))?;
    let refused = |error: crate::journal::JournalFailed| BackupError::Journal(with_cause(&error));
    let pieces: Vec<(PieceHash, Arc<[u8]>)> = state.pieces().collect();
    journal.store(&pieces).map_err(refused)?;
    let index = state.applied();
    let conf_state = ConfState { voters: vec![new.node], ..ConfState::default() };
    let root = Arc::clone(state.root());
    journal.checkpoint(&Checkpoint { index, term: TERM, conf_state, root }).map_err(refused)?;
    journal.reset_log().map_err(refused)?;
    let hard_state = HardState { term: TERM, commit: index, ..HardState::default() };
    let batch = Batch { hard_state: Some(hard_state), ..Batch::default() };
    journal.append(&batch).map_err(refused)?;
    journal.sync().map_err(refused)
}

/// What a root or a piece names, as the journal asks it.
fn named_by(piece: &[u8]) -> Option<Vec<PieceHash>> {
    frozen::named_by(piece).ok()
}

fn random(what: &str) -> Result<[u8; 16], BackupError> {
    let mut bytes = [0; 16];
    let drawn = getrandom::fill(&mut bytes);
    drawn.map_err(|error| {
        BackupError::Refused(format!("the system gave no random bytes for {what}: {error}"))
    })?;
    Ok(bytes)
}

fn with_cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
