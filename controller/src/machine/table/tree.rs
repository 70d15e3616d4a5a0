//! Where is a row, and what happens to its chunk when it grows, shrinks or goes?
//!
//! Table → pages → chunks → rows. What is cut where follows from the operations alone, and from the
//! cuts that stand: a replica that read the cuts from a snapshot goes on as one that made them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chunk::Chunk;
use super::page::{Child, MAX_CHILDREN, Page};
use super::{MAX_CHUNK_BYTES, MAX_ROW_BYTES};

/// Rows of bytes by number, in pages of chunks that clones share until one writes.
#[derive(Clone, Debug)]
pub(in crate::machine) struct Tree {
    pub(super) table: u8,
    pub(super) width: usize,
    pub(super) rows: usize,
    pub(super) pages: Vec<Leafed>,
    /// Values that are too large for a chunk; in their rows stands nothing.
    pub(super) long: BTreeMap<u128, Arc<[u8]>>,
}

/// A page and its first key.
#[derive(Clone, Debug)]
pub(super) struct Leafed {
    pub(super) first: u128,
    pub(super) page: Arc<Page>,
}

impl PartialEq for Tree {
    /// The same rows in the same pieces.
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Leafed, &Leafed)| {
            Arc::ptr_eq(&a.page, &b.page) || a.page.chunks().eq(b.page.chunks())
        };
        self.pages.len() == other.pages.len()
            && self.pages.iter().zip(&other.pages).all(same)
            && self.long == other.long
    }
}

impl Eq for Tree {}

impl Tree {
    /// No rows.
    pub(super) const fn new(table: u8, width: usize) -> Self {
        Self { table, width, rows: 0, pages: Vec::new(), long: BTreeMap::new() }
    }

    /// Leaves that hold `content`, one part after the other, and no rows.
    pub(in crate::machine) fn of_content(section: u8, content: &[u8]) -> Self {
        let leaves = content
            .chunks(MAX_CHUNK_BYTES)
            .map(|part| Child { first: 0, chunk: Arc::new(Chunk::of_content(section, part)) });
        let leaves: Vec<Child> = leaves.collect();
        let pages = leaves.chunks(MAX_CHILDREN);
        let pages = pages.map(|leaves| Leafed::of(Page::of(section, leaves.to_vec()))).collect();
        Self { rows: content.len(), pages, ..Self::new(section, 0) }
    }

    /// Whose pieces they are.
    pub(in crate::machine) const fn id(&self) -> u8 {
        self.table
    }

    /// How many rows, or bytes of content.
    pub(in crate::machine) fn size(&self) -> u64 {
        u64::try_from(self.rows).unwrap_or(u64::MAX)
    }

    /// The values that are too large for the chunks.
    pub(in crate::machine) const fn long(&self) -> &BTreeMap<u128, Arc<[u8]>> {
        &self.long
    }

    /// The pages, in order.
    pub(in crate::machine) fn pages(&self) -> impl Iterator<Item = &Arc<Page>> {
        self.pages.iter().map(|leafed| &leafed.page)
    }

    /// The bytes of a row.
    pub(super) fn get(&self, key: u128) -> Option<&[u8]> {
        let (page, child) = self.locate(key)?;
        let chunk = &self.pages[page].page.children[child].chunk;
        chunk.find(key).ok().map(|row| self.whole(key, chunk.value(row)))
    }

    /// Writes a row. No value is empty.
    pub(super) fn put(&mut self, key: u128, value: &[u8]) {
        if value.len() > MAX_ROW_BYTES {
            self.long.insert(key, Arc::from(value));
            self.put_short(key, &[]);
        } else {
            self.long.remove(&key);
            self.put_short(key, value);
        }
    }

    fn put_short(&mut self, key: u128, value: &[u8]) {
        let Some((at, child)) = self.locate(key) else {
            self.rows += 1;
            return self.append(key, value);
        };
        let chunk = &self.pages[at].page.children[child].chunk;
        let found = chunk.find(key);
        let grown = chunk.bytes().len() + self.width + 2 + value.len();
        let is_last = at + 1 == self.pages.len() && child + 1 == self.pages[at].page.children.len();
        if found == Err(chunk.rows()) && is_last && grown > MAX_CHUNK_BYTES {
            self.rows += 1;
            return self.append(key, value); // Keys that only rise leave full chunks behind.
        }
        let page = Arc::make_mut(&mut self.pages[at].page);
        page.touch();
        let child_at = child;
        let child = &mut page.children[child_at];
        let chunk = Arc::make_mut(&mut child.chunk);
        match found {
            Ok(row) => chunk.replace(row, value),
            Err(row) => {
                chunk.insert(row, key, value);
                self.rows += 1;
            }
        }
        child.first = chunk.key(0);
        if chunk.bytes().len() > MAX_CHUNK_BYTES {
            let whole = std::mem::replace(chunk, Chunk::new(self.table, self.width));
            let parts = whole.split().into_iter().map(Child::of);
            page.children.splice(child_at..=child_at, parts);
        }
        self.settle(at);
    }

    /// Takes a row out; whether it was there.
    pub(super) fn remove(&mut self, key: u128) -> bool {
        let Some((at, child_at)) = self.locate(key) else { return false };
        let Ok(row) = self.pages[at].page.children[child_at].chunk.find(key) else { return false };
        let page = Arc::make_mut(&mut self.pages[at].page);
        page.touch();
        let child = &mut page.children[child_at];
        let chunk = Arc::make_mut(&mut child.chunk);
        chunk.remove(row);
        self.rows -= 1;
        self.long.remove(&key);
        if chunk.rows() == 0 {
            page.children.remove(child_at);
        } else {
            child.first = chunk.key(0);
            join_small(page, child_at);
        }
        if page.children.is_empty() {
            self.pages.remove(at);
        } else {
            self.settle(at);
        }
        true
    }

    /// Every row, by key.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u128, &[u8])> {
        let children = self.pages.iter().flat_map(|leafed| leafed.page.children.iter());
        children.flat_map(rows_of).map(|(key, value)| (key, self.whole(key, value)))
    }

    /// The rows from `key` on.
    pub(super) fn iter_from(&self, key: u128) -> impl Iterator<Item = (u128, &[u8])> {
        let (page, child) = self.locate(key).unwrap_or_default();
        let children = self.pages[page.min(self.pages.len())..].iter();
        let children = children.flat_map(|leafed| leafed.page.children.iter()).skip(child);
        let rows = children.flat_map(rows_of).skip_while(move |&(at, _)| at < key);
        rows.map(|(key, value)| (key, self.whole(key, value)))
    }

    /// The value that stands in a row, or that it stands for.
    fn whole<'a>(&'a self, key: u128, value: &'a [u8]) -> &'a [u8] {
        if value.is_empty() { self.long.get(&key).map_or(value, |long| long) } else { value }
    }

    /// The page and the chunk whose keys `key` is among; `None` where there are no rows.
    fn locate(&self, key: u128) -> Option<(usize, usize)> {
        let page = self.pages.partition_point(|leafed| leafed.first <= key).saturating_sub(1);
        let children = &self.pages.get(page)?.page.children;
        let child = children.partition_point(|child| child.first <= key).saturating_sub(1);
        Some((page, child))
    }

    /// A new chunk after all others.
    fn append(&mut self, key: u128, value: &[u8]) {
        let mut chunk = Chunk::new(self.table, self.width);
        chunk.insert(0, key, value);
        let child = Child::of(chunk);
        let last = self.pages.last_mut().filter(|last| last.page.children.len() < MAX_CHILDREN);
        if let Some(last) = last {
            let page = Arc::make_mut(&mut last.page);
            page.touch();
            page.children.push(child);
        } else {
            self.pages.push(Leafed::of(Page::of(self.table, vec![child])));
        }
    }

    /// Keeps what is known of the page true, and cuts it in two where it names too many chunks.
    fn settle(&mut self, at: usize) {
        let leafed = &mut self.pages[at];
        leafed.first = leafed.page.children[0].first;
        let children = leafed.page.children.len();
        if children > MAX_CHILDREN {
            let page = Arc::make_mut(&mut leafed.page);
            let right = page.children.split_off(children / 2);
            self.pages.insert(at + 1, Leafed::of(Page::of(self.table, right)));
        }
    }
}

impl Leafed {
    /// A page that names chunks.
    pub(super) fn of(page: Page) -> Self {
        Self { first: page.children[0].first, page: Arc::new(page) }
    }
}

fn rows_of(child: &Child) -> impl DoubleEndedIterator<Item = (u128, &[u8])> {
    let chunk = &*child.chunk;
    (0..chunk.rows()).map(|row| (chunk.key(row), chunk.value(row)))
}

/// Joins a chunk that became small with a neighbour of its page, where both fill half of one at most.
fn join_small(page: &mut Page, at: usize) {
    let size = |at: usize| page.children.get(at).map(|child| child.chunk.bytes().len());
    let fits = |left: usize| {
        let sum = size(left).zip(size(left + 1)).map(|(left, right)| left + right);
        sum.is_some_and(|sum| sum <= MAX_CHUNK_BYTES / 2)
    };
    if size(at).is_none_or(|size| size > MAX_CHUNK_BYTES / 4) {
        return;
    }
    let left = if fits(at) { Some(at) } else { at.checked_sub(1).filter(|&left| fits(left)) };
    if let Some(left) = left {
        let right = page.children.remove(left + 1);
        let joined = page.children[left].chunk.joined(&right.chunk);
        page.children[left] = Child::of(joined);
    }
}
