//! Does a journal that 0.1.0 wrote go on as one of today's, once and whole?

use protobuf::Message;

use super::*;
use crate::journal::record::{CONF_STATE, HARD_STATE, IDENTITY, LOG_PREFIX};

/// The key of a log entry in format 1.
fn entry_key(index: u64) -> Vec<u8> {
    [[LOG_PREFIX].as_slice(), &index.to_be_bytes()].concat()
}

fn insert(store: &sled::Db, key: &[u8], index: u64, content: &[u8]) {
    store.insert(key, record::frame(key, index, content).unwrap()).unwrap();
}

/// What 0.1.0 wrote: everything is a record of the store.
fn written_by_the_old_version(entries: u64, commit: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = sled::Config::new().path(dir.path()).flush_every_ms(None).open().unwrap();
    let identity = [[0, 0, 0, 1].as_slice(), &1_u64.to_be_bytes(), b"blue"].concat();
    insert(&store, IDENTITY, 0, &identity);
    for index in 1..=entries {
        let content = entry(index, 3).write_to_bytes().unwrap();
        insert(&store, &entry_key(index), index, &content);
    }
    let hard_state = HardState { term: 3, vote: 2, commit, ..HardState::default() };
    insert(&store, HARD_STATE, 0, &hard_state.write_to_bytes().unwrap());
    let conf_state = ConfState::from((vec![1, 2, 3], vec![]));
    insert(&store, CONF_STATE, 0, &conf_state.write_to_bytes().unwrap());
    store.flush().unwrap();
    drop(store);
    marker::set(dir.path(), Mark::Made).unwrap();
    dir
}

fn check_whole(recovered: &Recovered, entries: u64, commit: u64) {
    let expected: Vec<Entry> = (1..=entries).map(|index| entry(index, 3)).collect();
    assert_eq!(recovered.entries, expected);
    let hard_state = HardState { term: 3, vote: 2, commit, ..HardState::default() };
    assert_eq!(recovered.hard_state, hard_state);
    let beginning = recovered.checkpoint.as_ref().unwrap();
    assert_eq!((beginning.index, beginning.term, beginning.root.len()), (0, 0, 0));
    assert_eq!(beginning.conf_state, ConfState::from((vec![1, 2, 3], vec![])));
}

#[test]
fn an_old_journal_is_taken_over_once_with_everything_in_it() {
    let dir = written_by_the_old_version(3_000, 2_990);
    let (mut journal, recovered) = open(dir.path()).unwrap();
    check_whole(&recovered, 3_000, 2_990);
    assert_eq!(journal.incarnation(), INCARNATION);
    assert_eq!(journal.store.with_prefix(LOG_PREFIX).count(), 0);
    write(&mut journal, &[entries(3_001..=3_001, 4)]);
    drop(journal);
    let later = JournalConfig { incarnation: [1; 16], ..config() };
    let (journal, recovered) = DiskJournal::open(dir.path(), &later).unwrap();
    assert_eq!(recovered.last_index(), 3_001);
    assert_eq!(journal.incarnation(), INCARNATION);
}

#[test]
fn a_crash_while_it_is_taken_over_begins_again() {
    // A log was begun, and the old records are all there.
    let dir = written_by_the_old_version(20, 20);
    let log = dir.path().join("log");
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join("0000000000000001.log"), [1; 512]).unwrap();
    std::fs::write(log.join("0000000000000002.new"), [0; 100]).unwrap();
    check_whole(&open(dir.path()).unwrap().1, 20, 20);
    // The format was turned over, and some of the old entries are still there.
    tamper(dir.path(), |store| insert(store, &entry_key(20), 20, b"left"));
    let (journal, recovered) = open(dir.path()).unwrap();
    check_whole(&recovered, 20, 20);
    assert_eq!(journal.store.with_prefix(LOG_PREFIX).count(), 0);
}

#[test]
fn a_damaged_old_journal_is_refused_and_left_as_it_is() {
    let dir = written_by_the_old_version(5, 5);
    tamper(dir.path(), |store| drop(store.remove(entry_key(3)).unwrap()));
    assert!(matches!(violation(dir.path()), Violation::Hole { after: 2, next: 4 }));
    let dir = written_by_the_old_version(5, 6);
    assert!(matches!(violation(dir.path()), Violation::Shortened { last: 5, commit: 6 }));
    let dir = written_by_the_old_version(5, 5);
    tamper(dir.path(), |store| {
        let third = store.get(entry_key(3)).unwrap().unwrap();
        store.insert(entry_key(2), third).unwrap();
    });
    assert!(matches!(violation(dir.path()), Violation::Damaged { .. }));
    tamper(dir.path(), |store| {
        assert_eq!(store.scan_prefix([LOG_PREFIX]).count(), 5);
        assert_eq!(store.get(IDENTITY).unwrap().unwrap()[12..16], [0, 0, 0, 1]);
    });
}
