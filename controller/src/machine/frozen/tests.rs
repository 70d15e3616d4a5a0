//! Does a state come back from its pieces, and does every kind of damage show?

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::machine::Machine;
use crate::machine::command::{Command, RecordReports};
use crate::machine::measure::{Measured, host};
use crate::machine::report::{Body, Outcome, Report};

use super::{Frozen, MAX_PIECE_BYTES, MAX_ROOT_BYTES, PieceHash, ThawError, named_by};

type Store = BTreeMap<PieceHash, Arc<[u8]>>;

/// A fleet with a rollout under way: every section holds something.
fn fleet() -> Measured {
    let mut fleet = Measured::fleet(600).unwrap();
    fleet.roll_out(3).unwrap();
    fleet
}

fn thaw(root: &[u8], store: &Store) -> Result<Machine, ThawError> {
    Machine::thaw(root, &mut |hash| store.get(hash).cloned())
}

fn store(frozen: &Frozen) -> Store {
    frozen.pieces().collect()
}

/// Puts other bytes in the place of a piece, and makes its page and the root name them.
fn replaced(frozen: &Frozen, old: PieceHash, piece: &[u8]) -> (Vec<u8>, Store) {
    let mut store = store(frozen);
    let mut root = frozen.root().to_vec();
    let new = put(&mut store, piece);
    if !rename(&mut root, old, new) {
        let is_page = |bytes: &[u8]| named_by(bytes).is_ok_and(|names| names.contains(&old));
        let (&page, bytes) = store.iter().find(|(_, bytes)| is_page(bytes)).unwrap();
        let mut bytes = bytes.to_vec();
        assert!(rename(&mut bytes, old, new));
        let renamed = put(&mut store, &bytes);
        assert!(rename(&mut root, page, renamed));
    }
    (root, store)
}

fn put(store: &mut Store, piece: &[u8]) -> PieceHash {
    let hash = PieceHash::of(piece);
    store.insert(hash, piece.into());
    hash
}

/// Writes `new` where `old` stands in `bytes`.
fn rename(bytes: &mut [u8], old: PieceHash, new: PieceHash) -> bool {
    let Some(at) = bytes.windows(32).position(|window| *window == old.0) else { return false };
    bytes[at..at + 32].copy_from_slice(&new.0);
    true
}

#[test]
fn a_machine_comes_back_from_its_pieces_and_goes_on_alike() {
    let mut fleet = fleet();
    let frozen = fleet.machine.freeze();
    let mut thawed = fleet.clone();
    thawed.machine = thaw(frozen.root(), &store(&frozen)).unwrap();
    assert!(thawed.machine == fleet.machine);
    assert_eq!(PieceHash::of(frozen.root()).0, fleet.machine.state_hash());
    assert_eq!(frozen.applied(), fleet.machine.applied());
    for nth in 0..600 {
        let Some(report) = fleet.applied_report(nth) else { continue };
        assert_eq!(fleet.apply(&report), thawed.apply(&report));
    }
    assert!(thawed.machine == fleet.machine);
    assert_eq!(thawed.machine.state_hash(), fleet.machine.state_hash());
}

#[test]
fn a_frozen_state_does_not_change_when_the_machine_goes_on() {
    let mut fleet = fleet();
    let (frozen, hash) = (fleet.machine.freeze(), fleet.machine.state_hash());
    let report = fleet.applied_report(3).unwrap();
    fleet.apply(&report);
    assert!(fleet.machine.state_hash() != hash);
    assert_eq!(frozen.state_hash(), hash);
    assert_eq!(thaw(frozen.root(), &store(&frozen)).unwrap().state_hash(), hash);
}

#[test]
fn what_is_too_long_for_a_chunk_comes_back_too() {
    let mut fleet = fleet();
    let known = fleet.machine.hosts().get(&host(3)).unwrap();
    let outcome = Outcome::Crashed { signature: "oops ".repeat(10_000) };
    let body = Body::Outcome { grant: known.live_grant.unwrap(), outcome };
    let reports = vec![Report { sequence: 1, boot: known.boot.to_string(), body }];
    let reports = RecordReports { host: known.id, spool: 9, reports };
    fleet.apply(&Command::RecordReports(reports));
    let detail = |machine: &Machine| {
        let grants: Vec<_> = machine.grants().values().collect();
        grants.iter().map(|grant| grant.phase.detail().len()).max()
    };
    assert_eq!(detail(&fleet.machine), Some(50_000));
    let frozen = fleet.machine.freeze();
    let thawed = thaw(frozen.root(), &store(&frozen)).unwrap();
    assert!(thawed == fleet.machine);
    assert_eq!(detail(&thawed), Some(50_000));
    assert!(frozen.pieces().all(|(_, piece)| piece.len() <= MAX_PIECE_BYTES));
}

#[test]
fn pieces_are_small_and_a_page_comes_after_its_leaves() {
    let frozen = fleet().machine.freeze();
    assert!(frozen.root().len() <= MAX_ROOT_BYTES);
    let mut seen = Store::new();
    for (hash, piece) in frozen.pieces() {
        assert!(piece.len() <= MAX_PIECE_BYTES);
        assert_eq!(PieceHash::of(&piece), hash);
        assert!(named_by(&piece).unwrap().iter().all(|leaf| seen.contains_key(leaf)));
        seen.insert(hash, piece);
    }
    assert!(named_by(frozen.root()).unwrap().iter().all(|page| seen.contains_key(page)));
}

#[test]
fn only_what_was_written_to_is_a_new_piece() {
    let mut fleet = fleet();
    let before = store(&fleet.machine.freeze());
    let report = fleet.applied_report(3).unwrap();
    fleet.apply(&report);
    let frozen = fleet.machine.freeze();
    let new: Vec<_> = frozen.pieces_but(|hash| before.contains_key(hash)).collect();
    let leaves = new.iter().filter(|(_, piece)| piece[0] == super::LEAF);
    // The host's chunk, its grant's, its entry's, the head's core and its rollouts.
    assert!(leaves.count() <= 6, "{:?}", new.iter().map(|(_, piece)| piece[1]).collect::<Vec<_>>());
}

#[test]
fn a_piece_that_is_missing_or_has_a_flipped_bit_is_named() {
    let frozen = fleet().machine.freeze();
    let whole = store(&frozen);
    for (&hash, piece) in &whole {
        let mut store = whole.clone();
        store.remove(&hash);
        assert_eq!(thaw(frozen.root(), &store).unwrap_err(), ThawError::Missing { piece: hash });
        let mut flipped = piece.to_vec();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        store.insert(hash, flipped.into());
        assert_eq!(thaw(frozen.root(), &store).unwrap_err(), ThawError::Damaged { piece: hash });
    }
}

#[test]
fn a_root_with_any_bit_flipped_makes_no_machine_of_the_same_hash() {
    let frozen = fleet().machine.freeze();
    let whole = store(&frozen);
    for bit in 0..frozen.root().len() * 8 {
        let mut root = frozen.root().to_vec();
        root[bit / 8] ^= 1 << (bit % 8);
        // Only the index that it stands at is free: nothing else says it.
        if let Ok(machine) = thaw(&root, &whole) {
            assert!((2..10).contains(&(bit / 8)), "bit {bit}");
            assert!(machine.applied() != frozen.applied());
        }
    }
    for length in 0..frozen.root().len() {
        assert!(thaw(&frozen.root()[..length], &whole).is_err(), "{length} bytes");
    }
}

#[test]
fn pieces_that_lie_under_their_right_hash_never_make_it_panic() {
    let frozen = fleet().machine.freeze();
    let (mut objected, mut flips) = (0, 0);
    for (hash, piece) in frozen.pieces() {
        let step = (piece.len() * 8 / 24).max(1);
        for bit in (0..piece.len() * 8).step_by(step) {
            let mut damaged = piece.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let (root, store) = replaced(&frozen, hash, &damaged);
            flips += 1;
            objected += u32::from(thaw(&root, &store).is_err());
        }
    }
    assert!(flips > 500 && objected > flips / 3, "{objected} of {flips}");
}

#[test]
fn nothing_but_roots_pages_and_leaves_names_anything() {
    assert!(named_by(&[]).is_err());
    assert!(named_by(&[3, 1, 0, 0]).is_err());
    assert!(named_by(&[1, 1, 0, 0]).is_err());
    assert!(named_by(&[1, 1, 1, 0, 9]).is_err());
    assert_eq!(named_by(&[2, 1]), Ok(Vec::new()));
}
