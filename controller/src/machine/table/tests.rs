//! Does a table do what an ordered map does, and do replicas that thawed cut it like those that did not?

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::machine::frozen::{PieceHash, Pieces, Section, ThawError};
use crate::machine::ids::HostId;

use super::{MAX_CHUNK_BYTES, MAX_ROW_BYTES, Table};

const ID: u8 = 7;

type Key = (u64, HostId);

/// What can be done to a table.
#[derive(Clone, Debug)]
enum Step {
    Insert(u64, usize),
    Append(usize),
    Update(u64, usize),
    Remove(u64),
    RemoveFirst(usize),
    Refreeze,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![
        20 => 0..300usize,
        3 => 1_000..9_000usize,
        1 => MAX_ROW_BYTES - 8..MAX_ROW_BYTES + 8,
    ];
    let key = prop_oneof![0..64u64, any::<u64>()];
    let step = prop_oneof![
        8 => (key.clone(), size.clone()).prop_map(|(key, size)| Step::Insert(key, size)),
        8 => size.clone().prop_map(Step::Append),
        4 => (key.clone(), size).prop_map(|(key, size)| Step::Update(key, size)),
        3 => key.prop_map(Step::Remove),
        1 => (1..40usize).prop_map(Step::RemoveFirst),
        1 => Just(Step::Refreeze),
    ];
    vec(step, 0..400)
}

fn key(n: u64) -> Key {
    (n >> 32, HostId(n & 0xffff_ffff))
}

fn value(n: usize) -> (u32, Vec<u8>) {
    let byte = u8::try_from(n % 251).unwrap();
    (u32::try_from(n).unwrap(), vec![byte; n])
}

/// The table from its own pieces.
fn refrozen(table: &Table<Key, (u32, Vec<u8>)>) -> Result<Table<Key, (u32, Vec<u8>)>, ThawError> {
    let tree = table.tree();
    let pages = tree.pages().map(|page| page.hash()).collect();
    let mut pieces: BTreeMap<PieceHash, Arc<[u8]>> = BTreeMap::new();
    for page in tree.pages() {
        pieces.insert(page.hash(), page.bytes().into());
        pieces.extend(page.chunks().map(|chunk| (chunk.hash(), chunk.bytes().into())));
    }
    let section = Section { id: ID, size: tree.size(), pages };
    let mut supply = |hash: &PieceHash| pieces.get(hash).cloned();
    Table::thaw(&section, tree.long().clone(), &mut Pieces { supply: &mut supply })
}

fn hashes(table: &Table<Key, (u32, Vec<u8>)>) -> Vec<PieceHash> {
    table.tree().pages().map(|page| page.hash()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_is_an_ordered_map_and_thawing_changes_nothing(steps in steps()) {
        let mut model: BTreeMap<Key, (u32, Vec<u8>)> = BTreeMap::new();
        let mut table = Table::new(ID);
        let mut thawed = table.clone();
        for step in steps {
            for table in [&mut table, &mut thawed] {
                match step {
                    Step::Insert(at, size) => table.insert(key(at), &value(size)),
                    Step::Append(size) => {
                        let next = table.keys().next_back().map_or(0, |(_, host)| host.0 + 1);
                        table.insert((u64::MAX, HostId(next)), &value(size));
                    }
                    Step::Update(at, size) => {
                        table.update(key(at), |row| row.1 = value(size).1);
                    }
                    Step::Remove(at) => {
                        table.remove(key(at));
                    }
                    Step::RemoveFirst(rows) => {
                        let first: Vec<Key> = table.keys().take(rows).collect();
                        first.into_iter().for_each(|key| assert!(table.remove(key)));
                    }
                    Step::Refreeze => (),
                }
            }
            match step {
                Step::Insert(at, size) => drop(model.insert(key(at), value(size))),
                Step::Append(size) => {
                    let next = model.keys().next_back().map_or(0, |(_, host)| host.0 + 1);
                    model.insert((u64::MAX, HostId(next)), value(size));
                }
                Step::Update(at, size) => {
                    if let Some(row) = model.get_mut(&key(at)) {
                        row.1 = value(size).1;
                    }
                }
                Step::Remove(at) => drop(model.remove(&key(at))),
                Step::RemoveFirst(rows) => (0..rows).for_each(|_| drop(model.pop_first())),
                Step::Refreeze => thawed = refrozen(&thawed).unwrap(),
            }
        }
        prop_assert!(table == thawed, "cut in other places");
        prop_assert_eq!(hashes(&table), hashes(&thawed));
        prop_assert_eq!(table.len(), model.len());
        prop_assert!(table.iter().eq(model.iter().map(|(key, row)| (*key, row.clone()))));
        prop_assert!(table.iter().rev().eq(model.iter().rev().map(|(key, row)| (*key, row.clone()))));
        for (key, row) in &model {
            prop_assert_eq!(table.get(*key), Some(row.clone()));
            prop_assert_eq!(table.peek::<u32>(*key), Some(row.0));
        }
        let (from, through) = (key(3), (u64::MAX, HostId(5)));
        let range = model.range(from..=through).map(|(key, row)| (*key, row.clone()));
        prop_assert!(table.range(from, through).eq(range));
    }
}

#[test]
fn rows_of_the_greatest_length_fit_side_by_side() {
    let mut table: Table<u64, Vec<u8>> = Table::new(ID);
    for key in [8, 2, 4, 6, 5, 3, 9] {
        table.insert(key, &vec![1; MAX_ROW_BYTES - 3]);
        table.insert(key - 1, &vec![2; MAX_ROW_BYTES - 3]);
    }
    assert_eq!(table.iter().count(), table.len());
}

#[test]
fn chunks_are_small_and_rising_keys_fill_them() {
    let mut table: Table<u64, Vec<u8>> = Table::new(ID);
    for key in 0..20_000u64 {
        table.insert(key, &vec![1; 60]);
    }
    let sizes: Vec<usize> =
        table.tree().pages().flat_map(|page| page.chunks()).map(|c| c.bytes().len()).collect();
    assert!(sizes.iter().all(|&size| size <= MAX_CHUNK_BYTES), "{sizes:?}");
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    assert!(mean > MAX_CHUNK_BYTES * 9 / 10, "{mean} bytes in a chunk of rising keys");
}

#[test]
fn many_rows_make_many_pages_and_go_again_without_a_trace() {
    const ROWS: u64 = 4_000;
    let mut table: Table<u64, (u64, Vec<u8>)> = Table::new(ID);
    let scattered = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for n in 0..ROWS {
        table.insert(scattered(n), &(n, vec![0; 4_000]));
    }
    assert!(table.tree().pages().count() > 2);
    assert!((0..ROWS).all(|n| table.peek(scattered(n)) == Some(n)));
    assert!(table.keys().is_sorted());
    for n in 0..ROWS {
        assert!(table.remove(scattered(n)));
    }
    assert!(table.is_empty());
    assert_eq!(table.tree().pages().count(), 0);
}

#[test]
fn a_clone_keeps_what_it_saw() {
    let mut table: Table<u64, String> = Table::new(ID);
    table.insert(1, &"before".to_owned());
    let clone = table.clone();
    table.insert(1, &"after".to_owned());
    table.insert(2, &"more".to_owned());
    assert_eq!((clone.get(1), clone.len()), (Some("before".to_owned()), 1));
    assert_eq!((table.get(1), table.len()), (Some("after".to_owned()), 2));
    assert!(clone != table);
}

#[test]
fn writing_one_row_leaves_the_hashes_of_other_chunks_alone() {
    let mut table: Table<u64, Vec<u8>> = Table::new(ID);
    for key in 0..5_000 {
        table.insert(key, &vec![1; 100]);
    }
    let hashes = |table: &Table<u64, Vec<u8>>| -> Vec<PieceHash> {
        table.tree().pages().flat_map(|page| page.chunks()).map(|chunk| chunk.hash()).collect()
    };
    let before = hashes(&table);
    table.update(2_500, |row| row[0] = 2);
    let after = hashes(&table);
    let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    assert_eq!((before.len(), changed), (after.len(), 1));
}
