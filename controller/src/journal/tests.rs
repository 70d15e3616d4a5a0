//! Does the journal give back what it took, and refuse what it cannot vouch for? On a real disk.

use std::path::Path;

use raft::eraftpb::{ConfState, Entry, HardState};
use tempfile::TempDir;

use super::{Batch, Identity, Journal, JournalOpenFailed, MAX_ENTRY_BYTES, Recovered, SledJournal};
use super::{Violation, marker, record};

fn identity() -> Identity {
    Identity { cluster: "blue".to_owned(), node_id: 1 }
}

fn open(dir: &Path) -> Result<(SledJournal, Recovered), JournalOpenFailed> {
    SledJournal::open(dir, &identity())
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
    for batch in batches {
        journal.append(batch).unwrap();
        journal.sync().unwrap();
    }
    dir
}

/// Changes the store below the journal's back.
fn tamper(dir: &Path, change: impl FnOnce(&sled::Db)) {
    marker::await_release(&dir.join("db")).unwrap();
    let store = sled::Config::new().path(dir).flush_every_ms(None).open().unwrap();
    change(&store);
    store.flush().unwrap();
}

#[test]
fn a_new_directory_holds_nothing_and_stays_ours() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("of").join("node-1");
    assert_eq!(open(&inside).unwrap().1, Recovered::default());
    assert_eq!(open(&inside).unwrap().1, Recovered::default());
}

#[test]
fn what_was_synced_comes_back() {
    let conf_state = ConfState::from((vec![1, 2, 3], vec![]));
    let members = Batch { conf_state: Some(conf_state.clone()), ..Batch::default() };
    let batches = [members, entries(1..=3, 1), committed(2), entries(4..=4, 2)];
    let dir = directory_with(&batches);
    let (_, recovered) = open(dir.path()).unwrap();
    assert_eq!(recovered, Recovered::from_batches(batches));
    let expected: Vec<Entry> = vec![entry(1, 1), entry(2, 1), entry(3, 1), entry(4, 2)];
    assert_eq!(recovered.entries, expected);
    assert_eq!(recovered.hard_state, committed(2).hard_state.unwrap());
    assert_eq!(recovered.conf_state, Some(conf_state));
}

#[test]
fn a_conflicting_suffix_is_replaced_in_one_write() {
    let dir = directory_with(&[entries(1..=9, 1), entries(4..=5, 2)]);
    let (mut journal, recovered) = open(dir.path()).unwrap();
    let kept: Vec<(u64, u64)> =
        recovered.entries.iter().map(|entry| (entry.index, entry.term)).collect();
    assert_eq!(kept, [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)]);
    journal.append(&entries(6..=6, 2)).unwrap();
}

#[test]
fn a_batch_that_would_leave_a_hole_is_refused_and_changes_nothing() {
    let dir = directory_with(&[entries(1..=3, 1)]);
    let (mut journal, before) = open(dir.path()).unwrap();
    let mut gap_inside = entries(4..=6, 1);
    gap_inside.entries.remove(1);
    for wrong in [entries(5..=6, 1), entries(0..=1, 1), gap_inside] {
        assert!(journal.append(&wrong).is_err(), "{wrong:?}");
    }
    drop(journal);
    assert_eq!(open(dir.path()).unwrap().1, before);
}

#[test]
fn the_largest_entry_fits_a_record_and_a_larger_one_is_refused() {
    let dir = directory_with(&[]);
    let (mut journal, _) = open(dir.path()).unwrap();
    let with_data = |bytes: usize| {
        let index = 1;
        let data = vec![7; bytes].into();
        let entry = Entry { index, term: u64::MAX, data, ..Entry::default() };
        Batch { entries: vec![entry], ..Batch::default() }
    };
    journal.append(&with_data(MAX_ENTRY_BYTES)).unwrap();
    assert!(journal.append(&with_data(MAX_ENTRY_BYTES + 1024)).is_err());
}

#[test]
fn every_flipped_bit_of_a_record_is_reported_at_open() {
    let keys = [&record::entry_key(2)[..], record::HARD_STATE, record::IDENTITY];
    for key in keys {
        let dir = directory_with(&[entries(1..=3, 1), committed(2)]);
        let mut bits = 0;
        tamper(dir.path(), |store| bits = store.get(key).unwrap().unwrap().len() * 8);
        for bit in (0..bits).step_by(7) {
            let flip = |store: &sled::Db| {
                let mut value = store.get(key).unwrap().unwrap().to_vec();
                value[bit / 8] ^= 1 << (bit % 8);
                store.insert(key, value).unwrap();
            };
            tamper(dir.path(), flip);
            let found = violation(dir.path());
            assert!(matches!(found, Violation::Damaged { .. }), "bit {bit}: {found}");
            tamper(dir.path(), flip);
        }
        open(dir.path()).unwrap();
    }
}

#[test]
fn a_record_moved_to_another_index_is_reported() {
    let dir = directory_with(&[entries(1..=3, 1)]);
    tamper(dir.path(), |store| {
        let third = store.get(record::entry_key(3)).unwrap().unwrap();
        store.insert(record::entry_key(2), third).unwrap();
    });
    assert!(matches!(violation(dir.path()), Violation::Damaged { .. }));
}

#[test]
fn a_hole_is_reported_wherever_it_is() {
    for (gone, after, next) in [(1, 0, 2), (2, 1, 3)] {
        let dir = directory_with(&[entries(1..=4, 1)]);
        tamper(dir.path(), |store| drop(store.remove(record::entry_key(gone)).unwrap()));
        let found = violation(dir.path());
        assert!(
            matches!(found, Violation::Hole { after: a, next: n } if (a, n) == (after, next)),
            "{found}"
        );
    }
}

#[test]
fn a_log_that_ends_before_its_commit_index_is_reported() {
    let dir = directory_with(&[entries(1..=4, 1), committed(4)]);
    open(dir.path()).unwrap();
    tamper(dir.path(), |store| drop(store.remove(record::entry_key(4)).unwrap()));
    assert!(matches!(violation(dir.path()), Violation::Shortened { last: 3, commit: 4 }));
}

#[test]
fn a_journal_that_lost_everything_is_not_taken_for_a_new_one() {
    let dir = directory_with(&[entries(1..=4, 1), committed(4)]);
    tamper(dir.path(), |store| store.clear().unwrap());
    assert!(matches!(violation(dir.path()), Violation::Lost));
}

#[test]
fn a_journal_without_its_identity_is_reported() {
    let dir = directory_with(&[entries(1..=4, 1)]);
    tamper(dir.path(), |store| drop(store.remove(record::IDENTITY).unwrap()));
    assert!(matches!(violation(dir.path()), Violation::Damaged { .. }));
}

#[test]
fn another_nodes_or_clusters_journal_is_refused() {
    let dir = directory_with(&[]);
    let check = |cluster: &str, node_id, expected: &str| {
        let identity = Identity { cluster: cluster.to_owned(), node_id };
        let refused = SledJournal::open(dir.path(), &identity).unwrap_err();
        assert_eq!(refused.violation.to_string(), expected);
    };
    check("blue", 2, "it belongs to node 1, and this is node 2");
    check("red", 1, r#"it belongs to cluster "blue", and this node is of cluster "red""#);
}

#[test]
fn a_newer_format_is_refused() {
    let dir = directory_with(&[]);
    tamper(dir.path(), |store| {
        let newer = record::frame(record::IDENTITY, 0, &[0, 0, 0, 2, 0xff]).unwrap();
        store.insert(record::IDENTITY, newer).unwrap();
    });
    assert!(matches!(violation(dir.path()), Violation::NewerFormat { found: 2 }));
}

#[test]
fn a_journal_that_is_open_elsewhere_is_refused() {
    let dir = directory_with(&[]);
    let (_first, _) = open(dir.path()).unwrap();
    let refused = open(dir.path()).unwrap_err();
    assert!(matches!(refused.violation, Violation::Locked));
    let message = refused.to_string();
    assert!(message.starts_with("could not open the journal in "), "{message}");
    assert!(message.contains("another process has it open; stop the other process"), "{message}");
}
