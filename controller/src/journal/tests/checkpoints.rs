//! Does a restart begin from the newest checkpoint, with all of its pieces and no others?

use super::*;

/// A journal with 20 entries of term 1, of which 20 are committed, and a checkpoint at 10.
fn at_ten(leaves: &[&str]) -> (TempDir, DiskJournal) {
    let dir = directory_with(&[entries(1..=20, 1), committed(20)]);
    let (mut journal, _) = open(dir.path()).unwrap();
    let (root, pieces) = state(leaves);
    journal.store(&pieces).unwrap();
    journal.checkpoint(&checkpoint(10, 1, root)).unwrap();
    (dir, journal)
}

/// The indexes and terms that a restart finds behind its checkpoint.
fn recovered(dir: &TempDir) -> (u64, Vec<(u64, u64)>, HardState) {
    let Recovered { entries, hard_state, checkpoint } = open(dir.path()).unwrap().1;
    let entries = entries.iter().map(|entry| (entry.index, entry.term)).collect();
    (checkpoint.unwrap().index, entries, hard_state)
}

fn held(journal: &DiskJournal, leaves: &[&str]) -> Vec<bool> {
    let (_, pieces) = state(leaves);
    pieces.iter().map(|(hash, _)| journal.piece(hash).unwrap().is_some()).collect()
}

#[test]
fn a_restart_finds_the_checkpoint_its_pieces_and_the_log_behind_it() {
    let (dir, journal) = at_ten(&["a", "b"]);
    drop(journal);
    let (journal, recovered) = open(dir.path()).unwrap();
    let (root, pieces) = state(&["a", "b"]);
    assert_eq!(recovered.checkpoint, Some(checkpoint(10, 1, root)));
    assert_eq!(recovered.entries.first().unwrap().index, 11);
    assert_eq!(recovered.last_index(), 20);
    let reader = journal.piece_reader();
    for (hash, piece) in pieces {
        assert_eq!(journal.piece(&hash).unwrap(), Some(Arc::clone(&piece)));
        assert_eq!(reader.piece(&hash).unwrap(), Some(piece));
    }
    drop(journal);
    assert_eq!(reader.piece(&PieceHash::of(b"\x02a")).unwrap(), None, "the journal was closed");
    open(dir.path()).unwrap();
}

#[test]
fn the_beginning_needs_no_root_and_every_later_checkpoint_does() {
    let dir = directory_with(&[]);
    let (mut journal, _) = open(dir.path()).unwrap();
    let none: Arc<[u8]> = Arc::from([]);
    journal.checkpoint(&checkpoint(0, 0, Arc::clone(&none))).unwrap();
    assert!(journal.checkpoint(&checkpoint(1, 1, none)).is_err());
    drop(journal);
    let (_, recovered) = open(dir.path()).unwrap();
    assert!(!recovered.is_new());
    assert_eq!(recovered.last_index(), 0);
}

#[test]
fn a_checkpoint_without_a_piece_and_one_that_goes_back_are_refused() {
    let (dir, mut journal) = at_ten(&["a"]);
    let (root, mut pieces) = state(&["a", "b"]);
    pieces.remove(1);
    journal.store(&pieces).unwrap();
    assert!(journal.checkpoint(&checkpoint(11, 1, root)).is_err());
    assert!(journal.checkpoint(&checkpoint(9, 1, state(&["a"]).0)).is_err());
    let (hash, _) = pieces[0];
    assert!(journal.store(&[(hash, Arc::from(*b"\x02other"))]).is_ok(), "it is here already");
    let unknown = PieceHash::of(b"something else");
    assert!(journal.store(&[(unknown, Arc::from(*b"\x02other"))]).is_err());
    drop(journal);
    assert_eq!(recovered(&dir).0, 10);
}

#[test]
fn pieces_stay_for_two_checkpoints_and_go_with_the_third() {
    let (_dir, mut journal) = at_ten(&["a", "b"]);
    for (index, leaves) in [(11, ["b", "c"]), (12, ["c", "d"])] {
        assert_eq!(held(&journal, &["a", "b"]), [true; 3]);
        let (root, pieces) = state(&leaves);
        journal.store(&pieces).unwrap();
        journal.checkpoint(&checkpoint(index, 1, root)).unwrap();
    }
    assert_eq!(held(&journal, &["a", "b"]), [false, true, false]);
    assert_eq!(held(&journal, &["b", "c"]), [true; 3]);
    assert_eq!(held(&journal, &["c", "d"]), [true; 3]);
}

#[test]
fn a_piece_that_nothing_names_outlives_one_checkpoint_and_no_restart() {
    let (dir, mut journal) = at_ten(&["a"]);
    let (_, early) = state(&["x", "y"]);
    journal.store(&early).unwrap();
    journal.checkpoint(&checkpoint(11, 1, state(&["a"]).0)).unwrap();
    assert_eq!(held(&journal, &["x", "y"]), [true; 3]);
    journal.checkpoint(&checkpoint(12, 1, state(&["a"]).0)).unwrap();
    assert_eq!(held(&journal, &["x", "y"]), [false; 3]);
    journal.store(&early).unwrap();
    drop(journal);
    let (journal, _) = open(dir.path()).unwrap();
    assert_eq!(held(&journal, &["x", "y"]), [false; 3]);
    assert_eq!(held(&journal, &["a"]), [true; 2]);
    let pieces = journal.store.with_prefix(record::PIECE_PREFIX).count();
    assert_eq!(pieces, 2, "a leaf and its page");
}

#[test]
fn a_snapshot_replaces_the_log_and_the_next_entry_follows_it() {
    let (dir, mut journal) = at_ten(&["a"]);
    let (root, pieces) = state(&["s"]);
    journal.store(&pieces).unwrap();
    journal.checkpoint(&checkpoint(100, 7, root)).unwrap();
    journal.reset_log().unwrap();
    assert!(journal.append(&entries(21..=21, 7)).is_err());
    write(&mut journal, &[entries(101..=102, 7)]);
    drop(journal);
    let hard_state = HardState { term: 2, vote: 1, commit: 100, ..HardState::default() };
    assert_eq!(recovered(&dir), (100, vec![(101, 7), (102, 7)], hard_state));
}

#[test]
fn a_crash_between_a_snapshot_and_the_logs_reset_drops_the_log_and_keeps_the_vote() {
    let kept = |commit| HardState { term: 2, vote: 1, commit, ..HardState::default() };
    // A log that ends before the snapshot; one that holds its last entry, of another term; the
    // same history.
    for (index, term, expected, commit) in
        [(100, 7, vec![], 100), (15, 7, vec![], 15), (18, 1, vec![(19, 1), (20, 1)], 18)]
    {
        let dir = directory_with(&[entries(1..=20, 1), committed(12)]);
        let (mut journal, _) = open(dir.path()).unwrap();
        let (root, pieces) = state(&["s"]);
        journal.store(&pieces).unwrap();
        journal.checkpoint(&checkpoint(index, term, root)).unwrap();
        drop(journal);
        assert_eq!(recovered(&dir), (index, expected, kept(commit)));
        let (mut journal, again) = open(dir.path()).unwrap();
        let next = again.last_index() + 1;
        write(&mut journal, &[entries(next..=next, 8)]);
        drop(journal);
        assert_eq!(open(dir.path()).unwrap().1.last_index(), next);
    }
}

#[test]
fn compaction_never_goes_beyond_the_checkpoint() {
    let (dir, mut journal) = at_ten(&["a"]);
    assert!(journal.compact(11).is_err());
    for index in 21..=80 {
        write(&mut journal, &[entries(index..=index, 1)]);
    }
    journal.compact(10).unwrap();
    drop(journal);
    assert_eq!(recovered(&dir).1.len(), 70);
}

#[test]
fn the_scrubber_goes_round_and_ends_with_the_journal() {
    let (_dir, journal) = at_ten(&["a", "b", "c"]);
    let mut scrubber = journal.scrubber();
    let mut bytes = 0;
    for _ in 0..2 {
        loop {
            let progress = scrubber.scrub_some(600).unwrap();
            bytes += progress.bytes;
            if progress.is_round_over {
                break;
            }
        }
    }
    assert!(bytes > 2 * 1024, "{bytes}");
    drop(journal);
    assert!(scrubber.scrub_some(1).unwrap().is_round_over);
}
