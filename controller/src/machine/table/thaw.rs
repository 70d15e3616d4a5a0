//! How does a table come back from its pieces? Each is checked before it is believed.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::machine::frozen::{Pieces, Section, ThawError};

use super::chunk::Chunk;
use super::key::Key;
use super::page::{Child, Page};
use super::tree::{Leafed, Tree};
use super::{MAX_ROW_BYTES, Table};

/// The values of one table that are too large for its chunks.
type Long = BTreeMap<u128, Arc<[u8]>>;

impl<K: Key, V: Serialize + DeserializeOwned> Table<K, V> {
    /// The table that `section` of a root names.
    ///
    /// # Errors
    ///
    /// [`ThawError`]: a piece is missing or damaged, or the pieces do not make a table together.
    pub(in crate::machine) fn thaw(
        section: &Section,
        long: Long,
        pieces: &mut Pieces<'_>,
    ) -> Result<Self, ThawError> {
        let tree = Tree::thaw(section, K::WIDTH, long, pieces)?;
        for (key, bytes) in tree.iter() {
            let rest = postcard::take_from_bytes::<V>(bytes).map(|(_, rest)| rest);
            if rest.is_ok_and(<[u8]>::is_empty) {
                continue;
            }
            return Err(ThawError::BadRow { table: section.id, key });
        }
        Ok(Self { tree, of: PhantomData })
    }
}

impl Tree {
    fn thaw(
        section: &Section,
        width: usize,
        long: Long,
        pieces: &mut Pieces<'_>,
    ) -> Result<Self, ThawError> {
        let mut tree = Self { long, ..Self::new(section.id, width) };
        let mut last = None;
        for page in &section.pages {
            let mut children = Vec::new();
            for hash in pieces.page(section.id, page)? {
                let bytes = pieces.get(&hash)?;
                let chunk = Chunk::read(&bytes, section.id, width)
                    .map_err(|why| ThawError::BadPiece { piece: hash, why })?;
                if last.is_some_and(|last| last >= chunk.key(0)) {
                    return Err(ThawError::KeysDoNotRise { table: section.id, piece: hash });
                }
                last = Some(chunk.key(chunk.rows() - 1));
                tree.rows += chunk.rows();
                children.push(Child::of(chunk.with_hash(hash)));
            }
            let page = Page::of(section.id, children).with_hash(*page);
            tree.pages.push(Leafed::of(page));
        }
        let named = section.size;
        if u64::try_from(tree.rows) != Ok(named) {
            return Err(ThawError::Count { table: section.id, named, found: tree.rows });
        }
        tree.check_long()?;
        Ok(tree)
    }

    /// Every row that stands for a long value has one, and every long value its row.
    fn check_long(&self) -> Result<(), ThawError> {
        let bad = |key| ThawError::BadRow { table: self.table, key };
        let mut stands_for = 0;
        for (key, bytes) in self.iter() {
            match self.long.get(&key) {
                Some(long) if bytes == &**long && long.len() > MAX_ROW_BYTES => stands_for += 1,
                None if bytes.len() <= MAX_ROW_BYTES => (),
                Some(_) | None => return Err(bad(key)),
            }
        }
        let lost = self.long.keys().find(|&&key| self.get(key).is_none());
        if stands_for == self.long.len() { Ok(()) } else { Err(bad(lost.copied().unwrap_or(0))) }
    }
}
