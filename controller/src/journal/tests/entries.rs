//! Do entries, term and vote come back, to their owner and to nobody else?

use super::*;
use crate::journal::MAX_ENTRY_BYTES;

#[test]
fn a_new_directory_holds_nothing_and_stays_ours() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("of").join("node-1");
    assert_eq!(open(&inside).unwrap().1, Recovered::default());
    assert_eq!(open(&inside).unwrap().1, Recovered::default());
}

#[test]
fn a_journal_keeps_the_incarnation_that_it_was_made_with() {
    let dir = directory_with(&[]);
    let later = JournalConfig { incarnation: [1; 16], ..config() };
    let (journal, _) = DiskJournal::open(dir.path(), &later).unwrap();
    assert_eq!(journal.incarnation(), INCARNATION);
}

#[test]
fn what_was_synced_comes_back() {
    let batches = [entries(1..=3, 1), committed(2), entries(4..=4, 2)];
    let dir = directory_with(&batches);
    let (_, recovered) = open(dir.path()).unwrap();
    assert_eq!(recovered, Recovered::from_batches(batches));
    let expected: Vec<Entry> = vec![entry(1, 1), entry(2, 1), entry(3, 1), entry(4, 2)];
    assert_eq!(recovered.entries, expected);
    assert_eq!(recovered.hard_state, committed(2).hard_state.unwrap());
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
        let entry =
            Entry { index: 1, term: u64::MAX, data: vec![7; bytes].into(), ..Entry::default() };
        Batch { entries: vec![entry], ..Batch::default() }
    };
    journal.append(&with_data(MAX_ENTRY_BYTES)).unwrap();
    assert!(journal.append(&with_data(MAX_ENTRY_BYTES + 1024)).is_err());
}

#[test]
fn another_nodes_or_clusters_journal_is_refused() {
    let dir = directory_with(&[]);
    let check = |cluster: &str, node_id, expected: &str| {
        let identity = Identity { cluster: cluster.to_owned(), node_id };
        let other = JournalConfig { identity, ..config() };
        let refused = DiskJournal::open(dir.path(), &other).unwrap_err();
        assert_eq!(refused.violation.to_string(), expected);
    };
    check("blue", 2, "it belongs to node 1, and this is node 2");
    check("red", 1, r#"it belongs to cluster "blue", and this node is of cluster "red""#);
}

#[test]
fn a_newer_format_is_refused() {
    let dir = directory_with(&[]);
    tamper(dir.path(), |store| {
        let newer = record::frame(record::IDENTITY, 0, &[0, 0, 0, 3, 0xff]).unwrap();
        store.insert(record::IDENTITY, newer).unwrap();
    });
    assert!(matches!(violation(dir.path()), Violation::NewerFormat { found: 3 }));
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
