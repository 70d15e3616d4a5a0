//! Does the log go from file to file, let old ones go, and stop where the disk fails?

use super::memory::{Fault, Memory, Op};
use super::trace::{CONFIG, batch, create, entry, open};

/// Waits for the helper's work: it ends before the log is dropped.
fn files(folder: &Memory) -> Vec<u64> {
    folder.image().into_keys().collect()
}

#[test]
fn a_synced_batch_is_one_write_and_one_sync() {
    let folder = Memory::default();
    let mut log = create(&folder);
    let before = folder.ops().len();
    for index in 1..=3 {
        log.append(&batch(vec![entry(index, 1, 256)], None)).unwrap();
        log.sync().unwrap();
        log.sync().unwrap();
    }
    let ops = folder.ops();
    let count = |is: fn(&Op) -> bool| ops[before..].iter().filter(|op| is(op)).count();
    assert_eq!(count(|op| matches!(op, Op::Write { .. })), 3);
    assert_eq!(count(|op| matches!(op, Op::Sync { .. })), 3);
}

#[test]
fn a_batch_that_is_larger_than_a_file_gets_a_larger_file() {
    let folder = Memory::default();
    let mut log = create(&folder);
    let large = batch((1..=3).map(|index| entry(index, 1, 60_000)).collect(), None);
    log.append(&large).unwrap();
    log.append(&batch(vec![entry(4, 1, 10)], None)).unwrap();
    log.sync().unwrap();
    drop(log);
    let (_, _, contents) = open(&folder.image()).unwrap();
    assert_eq!(contents.last(), 4);
    assert_eq!(contents.entries[..3], large.entries);
}

#[test]
fn compaction_removes_whole_files_and_the_rest_comes_back() {
    let folder = Memory::default();
    let mut log = create(&folder);
    for index in 1..=40 {
        log.append(&batch(vec![entry(index, 1, 900)], None)).unwrap();
        log.sync().unwrap();
    }
    log.compact(30).unwrap();
    drop(log);
    let (folder, mut log, contents) = open(&folder.image()).unwrap();
    assert!((20..=30).contains(&contents.begin), "{}", contents.begin);
    assert_eq!(contents.last(), 40);
    log.compact(40).unwrap();
    log.append(&batch(vec![entry(41, 1, 900)], None)).unwrap();
    log.sync().unwrap();
    drop(log);
    let (_, _, contents) = open(&folder.image()).unwrap();
    assert_eq!(contents.last(), 41);
}

#[test]
fn a_log_that_was_reset_begins_anew_and_keeps_term_and_vote() {
    let folder = Memory::default();
    let mut log = create(&folder);
    let hard_state = raft::eraftpb::HardState { term: 5, vote: 2, commit: 1, ..Default::default() };
    let entries = (1..=20).map(|index| entry(index, 1, 900)).collect();
    log.append(&batch(entries, Some(hard_state.clone()))).unwrap();
    log.reset(101).unwrap();
    assert!(log.append(&batch(vec![entry(100, 5, 1)], None)).is_err());
    log.append(&batch(vec![entry(101, 5, 1)], None)).unwrap();
    log.sync().unwrap();
    drop(log);
    assert_eq!(files(&folder).len(), 2, "the log's file and the next one");
    let (_, _, contents) = open(&folder.image()).unwrap();
    assert_eq!((contents.begin, contents.last()), (100, 101));
    assert_eq!(contents.hard_state, raft::eraftpb::HardState { commit: 100, ..hard_state });
}

#[test]
fn a_full_disk_refuses_before_anything_is_written_and_small_writes_go_on_for_a_file() {
    let folder = Memory::default();
    let mut log = create(&folder);
    log.append(&batch(vec![entry(1, 1, 100)], None)).unwrap();
    log.sync().unwrap();
    // The next file exists by the time that the disk is full.
    while files(&folder).len() < 2 {
        std::thread::yield_now();
    }
    folder.set_fault(Fault::Full);
    let mut last = 1;
    let failed = loop {
        let next = batch(vec![entry(last + 1, 1, 100)], None);
        match log.append(&next) {
            Ok(()) => last += 1,
            Err(failed) => break failed,
        }
        log.sync().unwrap();
    };
    let sectors = 2 * CONFIG.segment_bytes / 512;
    assert!(last > sectors - 4, "{last} of {sectors}");
    assert!(failed.found_no_room());
    let before = folder.image();
    assert!(log.append(&batch(vec![entry(last + 1, 1, 100)], None)).is_err());
    assert_eq!(folder.image(), before);
    assert_eq!(open(&before).unwrap().2.last(), last);
    // With room, the same log goes on.
    folder.set_fault(Fault::None);
    log.append(&batch(vec![entry(last + 1, 1, 100)], None)).unwrap();
    log.sync().unwrap();
    drop(log);
    assert_eq!(open(&folder.image()).unwrap().2.last(), last + 1);
}

#[test]
fn after_a_failed_write_or_sync_the_log_takes_nothing_more() {
    for fault in [Fault::Writes, Fault::Syncs] {
        let folder = Memory::default();
        let mut log = create(&folder);
        folder.set_fault(fault);
        let first = batch(vec![entry(1, 1, 2000)], None);
        assert!(log.append(&first).and_then(|()| log.sync()).is_err());
        folder.set_fault(Fault::None);
        let ops = folder.ops().len();
        assert!(log.append(&first).is_err());
        assert!(log.sync().is_err());
        assert!(log.reset(9).is_err());
        let ops = &folder.ops()[ops..];
        assert!(!ops.iter().any(|op| matches!(op, Op::Write { .. } | Op::Sync { .. })), "{ops:?}");
    }
}

#[test]
fn what_nobody_saw_reach_the_disk_is_written_again_at_open() {
    let folder = Memory::default();
    let mut log = create(&folder);
    log.append(&batch(vec![entry(1, 1, 100)], None)).unwrap();
    log.sync().unwrap();
    log.append(&batch(vec![entry(2, 1, 100)], None)).unwrap();
    drop(log);
    let (folder, ..) = open(&folder.image()).unwrap();
    let rewritten: Vec<Op> =
        folder.ops().into_iter().filter(|op| !matches!(op, Op::Make { .. })).collect();
    let [Op::Write { number: 1, at, content }, Op::Sync { number: 1 }] = &rewritten[..] else {
        panic!("{rewritten:?}");
    };
    assert_eq!(
        (*at, content.len()),
        (1024, 512),
        "the third frame, which says that the second was"
    );
}
