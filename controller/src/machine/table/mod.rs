//! Where are the many small things of the state? In tables: sorted rows of bytes, packed in chunks.
//!
//! A row costs its key, its value as `postcard` writes it, and two bytes. A chunk is a piece of the
//! Merkle state as it lies in memory: freezing clones pointers, and hashing touches only chunks that
//! were written to. Clones share chunks until one of them writes.

mod chunk;
mod key;
mod page;
#[cfg(test)]
mod tests;
mod thaw;
mod tree;

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use chunk::NotAChunk;
pub(in crate::machine) use chunk::{Chunk, HEAD};
pub use key::Key;
pub(in crate::machine) use page::{MAX_CHILDREN, Page};
pub(in crate::machine) use tree::Tree;

/// A chunk that grows larger is cut in the middle.
pub const MAX_CHUNK_BYTES: usize = 16 * 1024;

/// A value that is longer lies outside of the chunks. Two such values lie in one chunk until it is cut,
/// and a chunk counts in 16 bits.
pub const MAX_ROW_BYTES: usize = 24 * 1024;

/// An ordered map whose rows are packed bytes. Values are read by value.
#[derive(Debug)]
pub struct Table<K, V> {
    tree: Tree,
    of: PhantomData<fn(K) -> V>,
}

impl<K, V> Clone for Table<K, V> {
    /// Shares every chunk.
    fn clone(&self) -> Self {
        Self { tree: self.tree.clone(), of: PhantomData }
    }
}

impl<K, V> PartialEq for Table<K, V> {
    /// The same rows, cut in the same places.
    fn eq(&self, other: &Self) -> bool {
        self.tree == other.tree
    }
}

impl<K, V> Eq for Table<K, V> {}

impl<K: Key, V: Serialize + DeserializeOwned> Table<K, V> {
    /// An empty table; `id` tells its pieces from those of other tables.
    pub const fn new(id: u8) -> Self {
        Self { tree: Tree::new(id, K::WIDTH), of: PhantomData }
    }

    /// How many rows.
    pub const fn len(&self) -> usize {
        self.tree.rows
    }

    /// Whether there are no rows.
    pub const fn is_empty(&self) -> bool {
        self.tree.rows == 0
    }

    /// The row of `key`.
    pub fn get(&self, key: K) -> Option<V> {
        self.tree.get(key.number()).map(read)
    }

    /// Whether there is a row of `key`.
    pub fn contains(&self, key: K) -> bool {
        self.tree.get(key.number()).is_some()
    }

    /// The beginning of the row of `key`, where `P` reads what a value begins with.
    pub fn peek<'a, P: Deserialize<'a>>(&'a self, key: K) -> Option<P> {
        self.tree.get(key.number()).map(read)
    }

    /// Writes the row of `key`, whether or not there was one.
    pub fn insert(&mut self, key: K, value: &V) {
        self.tree.put(key.number(), &written(value));
    }

    /// Changes the row of `key`; whether there is one.
    pub fn update(&mut self, key: K, change: impl FnOnce(&mut V)) -> bool {
        self.update_front(key, change)
    }

    /// Changes the beginning of the row of `key`, where `P` reads and writes what a value begins
    /// with; whether there is one.
    pub fn update_front<P>(&mut self, key: K, change: impl FnOnce(&mut P)) -> bool
    where
        P: Serialize + DeserializeOwned,
    {
        let Some(bytes) = self.tree.get(key.number()) else { return false };
        let (mut front, rest) = split_front(bytes);
        change(&mut front);
        let mut after = written(&front);
        after.extend_from_slice(rest);
        if after != bytes {
            self.tree.put(key.number(), &after);
        }
        true
    }

    /// Takes the row of `key` out; whether there was one.
    pub fn remove(&mut self, key: K) -> bool {
        self.tree.remove(key.number())
    }

    /// Every row, by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (K, V)> {
        self.peeks()
    }

    /// Every key, rising.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = K> {
        self.tree.iter().map(|(key, _)| K::of_number(key))
    }

    /// The largest key.
    pub fn last_key(&self) -> Option<K> {
        self.keys().next_back()
    }

    /// The smallest key.
    pub fn first_key(&self) -> Option<K> {
        self.keys().next()
    }

    /// The beginning of every row, by key.
    pub fn peeks<'a, P: Deserialize<'a>>(&'a self) -> impl DoubleEndedIterator<Item = (K, P)> {
        self.tree.iter().map(|(key, bytes)| (K::of_number(key), read(bytes)))
    }

    /// The rows from `from` up to and with `through`.
    pub fn range(&self, from: K, through: K) -> impl Iterator<Item = (K, V)> {
        let rows = self.tree.iter_from(from.number());
        rows.map(|(key, bytes)| (K::of_number(key), bytes))
            .take_while(move |(key, _)| *key <= through)
            .map(|(key, bytes)| (key, read(bytes)))
    }

    /// The rows and their pieces, shared with this table until it is written to.
    pub(in crate::machine) fn tree(&self) -> &Tree {
        &self.tree
    }
}

/// A value as bytes.
#[expect(clippy::expect_used, reason = "serialising plain data into memory cannot fail")]
fn written<V: Serialize>(value: &V) -> Vec<u8> {
    postcard::to_extend(value, Vec::with_capacity(128)).expect("plain data can be written")
}

/// The value that `bytes` are or begin with.
fn read<'a, V: Deserialize<'a>>(bytes: &'a [u8]) -> V {
    split_front(bytes).0
}

#[expect(clippy::expect_used, reason = "a table reads what it wrote, or checked when it thawed")]
fn split_front<'a, V: Deserialize<'a>>(bytes: &'a [u8]) -> (V, &'a [u8]) {
    postcard::take_from_bytes(bytes).expect("a row was written or checked by its table")
}
