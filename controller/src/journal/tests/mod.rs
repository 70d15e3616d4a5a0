//! Does the journal give back what it took, and refuse what it cannot vouch for? On a real disk.

mod checkpoints;
mod damage;
mod entries;
mod speed;
mod takeover;

use std::path::Path;
use std::sync::Arc;

use raft::eraftpb::{ConfState, Entry, HardState};
use tempfile::TempDir;

use super::marker::{self, Mark};
use super::{
    Batch, Checkpoint, DiskJournal, Identity, Journal, JournalConfig, JournalOpenFailed, PieceHash,
    Recovered, Violation, record,
};

const INCARNATION: [u8; 16] = [9; 16];

fn config() -> JournalConfig {
    let identity = Identity { cluster: "blue".to_owned(), node_id: 1 };
    JournalConfig { segment_bytes: 8192, ..JournalConfig::new(identity, INCARNATION, named_by) }
}

/// A root or a page is a 1 and the hashes that it names; a leaf is a 2 and anything.
fn named_by(piece: &[u8]) -> Option<Vec<PieceHash>> {
    match piece.split_first()? {
        (1, hashes) => Some(
            hashes.chunks(32).filter_map(|hash| Some(PieceHash(hash.try_into().ok()?))).collect(),
        ),
        (2, _) => Some(Vec::new()),
        _ => None,
    }
}

fn page(named: &[PieceHash]) -> Arc<[u8]> {
    [vec![1], named.iter().flat_map(|hash| hash.0).collect()].concat().into()
}

type Pieces = Vec<(PieceHash, Arc<[u8]>)>;

/// The root of a state whose leaves are named so, and its pieces: a page and the leaves.
fn state(leaves: &[&str]) -> (Arc<[u8]>, Pieces) {
    let named = |piece: Arc<[u8]>| (PieceHash::of(&piece), piece);
    let leaves = leaves.iter().map(|leaf| named([b"\x02", leaf.as_bytes()].concat().into()));
    let mut pieces: Pieces = leaves.collect();
    let hashes: Vec<PieceHash> = pieces.iter().map(|(hash, _)| *hash).collect();
    pieces.push(named(page(&hashes)));
    (page(&[pieces[hashes.len()].0]), pieces)
}

fn checkpoint(index: u64, term: u64, root: Arc<[u8]>) -> Checkpoint {
    Checkpoint { index, term, conf_state: ConfState::from((vec![1, 2, 3], vec![4])), root }
}

fn open(dir: &Path) -> Result<(DiskJournal, Recovered), JournalOpenFailed> {
    DiskJournal::open(dir, &config())
}

fn violation(dir: &Path) -> Violation {
    open(dir).unwrap_err().violation
}

fn entry(index: u64, term: u64) -> Entry {
    Entry { index, term, data: format!("{index}@{term}").into_bytes().into(), ..Entry::default() }
}

fn entries(indexes: std::ops::RangeInclusive<u64>, term: u64) -> Batch {
    let entries = indexes.map(|index| entry(index, term)).collect();
    Batch { entries, ..Batch::default() }
}

fn committed(commit: u64) -> Batch {
    let hard_state = HardState { term: 2, vote: 1, commit, ..HardState::default() };
    Batch { hard_state: Some(hard_state), ..Batch::default() }
}

/// A directory whose journal synced `batches`.
fn directory_with(batches: &[Batch]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path()).unwrap();
    write(&mut journal, batches);
    dir
}

fn write(journal: &mut DiskJournal, batches: &[Batch]) {
    for batch in batches {
        journal.append(batch).unwrap();
        journal.sync().unwrap();
    }
}

/// Changes the store below the journal's back.
fn tamper(dir: &Path, change: impl FnOnce(&sled::Db)) {
    marker::await_release(&dir.join("db")).unwrap();
    let store = sled::Config::new().path(dir).flush_every_ms(None).open().unwrap();
    change(&store);
    store.flush().unwrap();
}
