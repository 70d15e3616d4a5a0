//! Is every damage to the store seen before the node may vote?

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

/// A directory with a log and a checkpoint of two leaves.
fn with_checkpoint() -> TempDir {
    let dir = directory_with(&[entries(1..=4, 1), committed(4)]);
    let (mut journal, _) = open(dir.path()).unwrap();
    let (root, pieces) = state(&["first", "second"]);
    journal.store(&pieces).unwrap();
    journal.checkpoint(&checkpoint(3, 1, root)).unwrap();
    drop(journal);
    dir
}

fn keys() -> Vec<Vec<u8>> {
    let (_, pieces) = state(&["first", "second"]);
    let pieces = pieces.iter().map(|(hash, _)| record::piece_key(hash).to_vec());
    pieces.chain([record::IDENTITY.to_vec(), record::NEWEST.to_vec()]).collect()
}

#[test]
fn every_flipped_bit_of_a_record_or_a_piece_is_reported_at_open() {
    let dir = with_checkpoint();
    let mut flips = 0;
    for key in keys() {
        let mut whole = Vec::new();
        tamper(dir.path(), |store| whole = store.get(&key).unwrap().unwrap().to_vec());
        for bit in (0..whole.len() * 8).step_by(5) {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            tamper(dir.path(), |store| drop(store.insert(&key, flipped).unwrap()));
            let found = violation(dir.path());
            assert!(matches!(found, Violation::Damaged { .. }), "bit {bit} of {key:?}: {found}");
            flips += 1;
        }
        tamper(dir.path(), |store| drop(store.insert(&key, whole).unwrap()));
        open(dir.path()).unwrap();
    }
    println!("{flips} flipped bits, all refused");
}

#[test]
fn a_flipped_bit_in_the_stores_file_never_changes_what_comes_back_in_silence() {
    let dir = with_checkpoint();
    let (_, whole) = open(dir.path()).unwrap();
    let path = dir.path().join("db");
    marker::await_release(&path).unwrap();
    let db = fs::read(&path).unwrap();
    let used = db.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let (mut refused, mut panicked, mut unharmed) = (0, 0, 0);
    for flip in 0..150 {
        let bit = flip * used * 8 / 150 + flip % 8;
        let copy = tempfile::tempdir().unwrap();
        copy_all(dir.path(), copy.path());
        let mut flipped = db.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(copy.path().join("db"), flipped).unwrap();
        match catch_unwind(AssertUnwindSafe(|| open(copy.path()))) {
            Err(_) => panicked += 1,
            Ok(Err(_)) => refused += 1,
            Ok(Ok((journal, recovered))) => {
                assert_eq!(recovered, whole, "bit {bit}");
                let (_, pieces) = state(&["first", "second"]);
                for (hash, piece) in pieces {
                    assert_eq!(journal.piece(&hash).unwrap(), Some(piece), "bit {bit}");
                }
                unharmed += 1;
            }
        }
    }
    println!("{refused} refused, {panicked} stopped the process, {unharmed} changed nothing");
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for found in fs::read_dir(from).unwrap() {
        let found = found.unwrap();
        let to = to.join(found.file_name());
        if found.file_type().unwrap().is_dir() {
            copy_all(&found.path(), &to);
        } else {
            fs::copy(found.path(), to).unwrap();
        }
    }
}

#[test]
fn a_missing_piece_is_named() {
    let dir = with_checkpoint();
    let leaf = PieceHash::of(b"\x02first");
    tamper(dir.path(), |store| drop(store.remove(record::piece_key(&leaf)).unwrap()));
    let refused = open(dir.path()).unwrap_err();
    assert!(
        matches!(refused.violation, Violation::MissingPiece { index: 3, hash } if hash == leaf)
    );
    assert!(refused.to_string().contains("tidegate cluster remove"), "{refused}");
}

#[test]
fn a_journal_that_lost_everything_or_its_checkpoint_is_not_taken_for_a_new_one() {
    let dir = with_checkpoint();
    tamper(dir.path(), |store| drop(store.remove(record::NEWEST).unwrap()));
    assert!(matches!(violation(dir.path()), Violation::Lost));
    tamper(dir.path(), |store| store.clear().unwrap());
    assert!(matches!(violation(dir.path()), Violation::Lost));
}

#[test]
fn a_journal_without_its_identity_is_reported() {
    let dir = with_checkpoint();
    tamper(dir.path(), |store| drop(store.remove(record::IDENTITY).unwrap()));
    assert!(matches!(violation(dir.path()), Violation::Damaged { .. }));
}

#[test]
fn a_log_that_is_gone_is_not_taken_for_an_empty_one() {
    let dir = with_checkpoint();
    let log = dir.path().join("log");
    fs::remove_dir_all(&log).unwrap();
    assert!(matches!(violation(dir.path()), Violation::Lost));
}

#[test]
fn a_log_that_lost_its_end_since_the_checkpoint_is_reported() {
    let dir = with_checkpoint();
    let (mut journal, _) = open(dir.path()).unwrap();
    for index in 5..=60 {
        write(&mut journal, &[entries(index..=index, 1)]);
    }
    journal.checkpoint(&checkpoint(4, 1, state(&["first", "second"]).0)).unwrap();
    drop(journal);
    let mut files: Vec<_> =
        fs::read_dir(dir.path().join("log")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files[1..].iter().for_each(|file| fs::remove_file(file).unwrap());
    let found = violation(dir.path());
    assert!(found.to_string().contains("the log ends before"), "{found}");
}

#[test]
fn a_log_that_does_not_reach_back_to_the_checkpoint_has_a_hole() {
    let dir = with_checkpoint();
    let (mut journal, _) = open(dir.path()).unwrap();
    for index in 5..=60 {
        write(&mut journal, &[entries(index..=index, 1)]);
    }
    drop(journal);
    fs::remove_file(dir.path().join("log").join("0000000000000001.log")).unwrap();
    assert!(matches!(violation(dir.path()), Violation::Hole { after: 3, .. }));
}

#[test]
fn a_log_that_ends_before_its_commit_index_is_reported() {
    let dir = directory_with(&[entries(1..=4, 1), committed(5)]);
    assert!(matches!(violation(dir.path()), Violation::Shortened { last: 4, commit: 5 }));
}

#[test]
fn the_scrubber_finds_a_piece_that_went_bad() {
    let dir = with_checkpoint();
    let (journal, _) = open(dir.path()).unwrap();
    let key = record::piece_key(&PieceHash::of(b"\x02first"));
    let mut batch = sled::Batch::default();
    batch.insert(key.as_slice(), b"\x02firsT");
    journal.store.apply("damage a piece", batch).unwrap();
    let mut scrubber = journal.scrubber();
    let found = loop {
        match scrubber.scrub_some(4096) {
            Ok(progress) => assert!(!progress.is_round_over),
            Err(found) => break found,
        }
    };
    assert!(matches!(found, Violation::Damaged { .. }), "{found}");
    assert!(journal.piece(&PieceHash::of(b"\x02first")).is_err());
}
