//! How do a few rows lie in one piece of bytes? A head, the keys, where each value ends, the values.
//!
//! ```text
//! 2 | table | rows u16 | key, key, … | end u16, end u16, … | value, value, …
//! ```
//!
//! Keys are big end first, the other numbers little end first; an end counts from the first value's
//! first byte. These bytes are the piece that a snapshot names, with nothing added.

use std::ops::Range;
use std::sync::OnceLock;

use crate::machine::frozen::{LEAF, PieceHash};

use super::MAX_CHUNK_BYTES;

/// Bytes before the keys: kind, table, number of rows.
pub(in crate::machine) const HEAD: usize = 4;

/// Spare room that a chunk that grows takes along.
const SPARE: usize = 512;

/// A few rows, sorted by key, and the BLAKE3 of their bytes once somebody asked for it.
#[derive(Clone, Debug)]
pub(in crate::machine) struct Chunk {
    bytes: Vec<u8>,
    width: usize,
    hash: OnceLock<PieceHash>,
}

impl PartialEq for Chunk {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Chunk {}

/// Why bytes are no chunk of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAChunk {
    /// Another kind of piece, or of another table.
    #[error("it does not begin like a chunk of this table")]
    Head,
    /// No rows at all.
    #[error("it holds no row")]
    Empty,
    /// The rows do not fill the bytes.
    #[error("its rows do not fill its bytes")]
    Length,
    /// The keys do not rise.
    #[error("its keys do not rise")]
    Order,
    /// Several rows in more bytes than a table leaves together.
    #[error("it is larger than {MAX_CHUNK_BYTES} bytes, and could be cut")]
    Uncut,
}

impl Chunk {
    /// A chunk without rows.
    pub(super) fn new(table: u8, width: usize) -> Self {
        Self { bytes: vec![LEAF, table, 0, 0], width, hash: OnceLock::new() }
    }

    /// A leaf that holds `content` and no rows: a part of what is no table.
    pub(in crate::machine) fn of_content(section: u8, content: &[u8]) -> Self {
        let bytes = [&[LEAF, section, 0, 0], content].concat();
        Self { bytes, width: 0, hash: OnceLock::new() }
    }

    /// The chunk that `bytes` are, checked from end to end.
    ///
    /// # Errors
    ///
    /// [`NotAChunk`] says what is wrong with them.
    pub(super) fn read(bytes: &[u8], table: u8, width: usize) -> Result<Self, NotAChunk> {
        if !bytes.starts_with(&[LEAF, table]) || bytes.len() < HEAD {
            return Err(NotAChunk::Head);
        }
        let chunk = Self { bytes: bytes.to_vec(), width, hash: OnceLock::new() };
        if chunk.rows() == 0 {
            return Err(NotAChunk::Empty);
        }
        if bytes.len() < chunk.values_at() {
            return Err(NotAChunk::Length);
        }
        let mut before = 0;
        for row in 0..chunk.rows() {
            let end = chunk.end(row);
            if end < before {
                return Err(NotAChunk::Length);
            }
            before = end;
        }
        if bytes.len() != chunk.values_at() + before {
            return Err(NotAChunk::Length);
        }
        if (1..chunk.rows()).any(|row| chunk.key(row - 1) >= chunk.key(row)) {
            return Err(NotAChunk::Order);
        }
        if bytes.len() > MAX_CHUNK_BYTES && chunk.rows() > 1 {
            return Err(NotAChunk::Uncut);
        }
        Ok(chunk)
    }

    /// The chunk whose piece was checked to have this hash.
    pub(super) fn with_hash(self, hash: PieceHash) -> Self {
        Self { hash: OnceLock::from(hash), ..self }
    }

    /// The piece.
    pub(in crate::machine) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// BLAKE3 of the piece.
    pub(in crate::machine) fn hash(&self) -> PieceHash {
        *self.hash.get_or_init(|| PieceHash::of(&self.bytes))
    }

    /// How many rows.
    pub(super) fn rows(&self) -> usize {
        usize::from(self.short(2))
    }

    /// The key of `row`.
    pub(super) fn key(&self, row: usize) -> u128 {
        let at = HEAD + row * self.width;
        let bytes = &self.bytes[at..at + self.width];
        // Copies of a length that is known are a third of the price of looking a row up.
        if let Ok(eight) = <[u8; 8]>::try_from(bytes) {
            return u64::from_be_bytes(eight).into();
        }
        if let Ok(sixteen) = <[u8; 16]>::try_from(bytes) {
            return u128::from_be_bytes(sixteen);
        }
        let mut number = [0; 16];
        number[16 - self.width..].copy_from_slice(bytes);
        u128::from_be_bytes(number)
    }

    /// The value of `row`.
    pub(super) fn value(&self, row: usize) -> &[u8] {
        &self.bytes[self.value_span(row)]
    }

    /// The row of `key`, or the row that it would come before.
    pub(super) fn find(&self, key: u128) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.rows());
        while low < high {
            let middle = low.midpoint(high);
            match self.key(middle).cmp(&key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Gives `row` another value.
    pub(super) fn replace(&mut self, row: usize, value: &[u8]) {
        self.hash.take();
        let span = self.value_span(row);
        let (before, after) = (span.len(), value.len());
        if before < after {
            self.make_room(span.end, after - before);
        } else {
            self.bytes.drain(span.start + after..span.end);
        }
        self.bytes[span.start..span.start + after].copy_from_slice(value);
        self.move_ends(row, before, after);
    }

    /// Puts a new row before the row that is now `row`.
    pub(super) fn insert(&mut self, row: usize, key: u128, value: &[u8]) {
        self.hash.take();
        let rows = self.rows();
        let start = row.checked_sub(1).map_or(0, |before| self.end(before));
        let value_at = self.values_at() + start;
        self.make_room(value_at, value.len());
        self.bytes[value_at..value_at + value.len()].copy_from_slice(value);
        self.make_room(HEAD + rows * self.width + row * 2, 2);
        let key_at = HEAD + row * self.width;
        self.make_room(key_at, self.width);
        self.bytes[key_at..key_at + self.width]
            .copy_from_slice(&key.to_be_bytes()[16 - self.width..]);
        self.put_rows(rows + 1);
        self.put_end(row, start + value.len());
        self.move_ends(row + 1, 0, value.len());
    }

    /// Takes `row` out.
    pub(super) fn remove(&mut self, row: usize) {
        self.hash.take();
        let (rows, span) = (self.rows(), self.value_span(row));
        self.move_ends(row + 1, span.len(), 0);
        self.bytes.drain(span);
        let end_at = HEAD + rows * self.width + row * 2;
        self.bytes.drain(end_at..end_at + 2);
        let key_at = HEAD + row * self.width;
        self.bytes.drain(key_at..key_at + self.width);
        self.put_rows(rows - 1);
    }

    /// Cuts the chunk in the middle, by bytes, until no part but a single row is too large.
    pub(super) fn split(self) -> Vec<Self> {
        if self.bytes.len() <= MAX_CHUNK_BYTES || self.rows() < 2 {
            return vec![self];
        }
        let rows = self.rows();
        let per_row = self.width + 2;
        let half = (self.end(rows - 1) + rows * per_row) / 2;
        let middle = (1..rows - 1).find(|row| self.end(row - 1) + row * per_row >= half);
        let middle = middle.unwrap_or(rows - 1);
        let (left, right) = (self.part(0..middle), self.part(middle..rows));
        left.split().into_iter().chain(right.split()).collect()
    }

    /// The rows of this chunk and of the one after it, in one.
    pub(super) fn joined(&self, next: &Self) -> Self {
        let mut joined = self.clone();
        for row in 0..next.rows() {
            joined.insert(joined.rows(), next.key(row), next.value(row));
        }
        joined
    }

    fn part(&self, rows: Range<usize>) -> Self {
        let start = rows.start.checked_sub(1).map_or(0, |before| self.end(before));
        let end = rows.end.checked_sub(1).map_or(0, |last| self.end(last));
        let keys = HEAD + rows.start * self.width..HEAD + rows.end * self.width;
        let size = HEAD + rows.len() * (self.width + 2) + (end - start);
        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(&self.bytes[..HEAD]);
        bytes.extend_from_slice(&self.bytes[keys]);
        bytes.resize(bytes.len() + 2 * rows.len(), 0);
        let values_at = self.values_at();
        bytes.extend_from_slice(&self.bytes[values_at + start..values_at + end]);
        let mut part = Self { bytes, width: self.width, hash: OnceLock::new() };
        part.put_rows(rows.len());
        for (row, of) in rows.enumerate() {
            part.put_end(row, self.end(of) - start);
        }
        part
    }

    fn short(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    #[expect(clippy::expect_used, reason = "a table keeps its chunks below 64 KiB")]
    fn put_short(&mut self, at: usize, number: usize) {
        let number = u16::try_from(number).expect("a chunk has fewer than 65,536 bytes and rows");
        self.bytes[at..at + 2].copy_from_slice(&number.to_le_bytes());
    }

    /// The values before `row` hold `after` bytes where they held `before`: each end from there on moves.
    fn move_ends(&mut self, row: usize, before: usize, after: usize) {
        let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
        let by = short(after).wrapping_sub(short(before));
        let (first, past) = (self.end_at(row), self.end_at(self.rows()));
        for end in self.bytes[first..past].chunks_exact_mut(2) {
            let moved = u16::from_le_bytes([end[0], end[1]]).wrapping_add(by);
            end.copy_from_slice(&moved.to_le_bytes());
        }
    }

    /// Where the end of `row` stands.
    fn end_at(&self, row: usize) -> usize {
        HEAD + self.rows() * self.width + row * 2
    }

    fn put_rows(&mut self, rows: usize) {
        self.put_short(2, rows);
    }

    fn end(&self, row: usize) -> usize {
        usize::from(self.short(self.end_at(row)))
    }

    fn put_end(&mut self, row: usize, end: usize) {
        self.put_short(self.end_at(row), end);
    }

    fn values_at(&self) -> usize {
        HEAD + self.rows() * (self.width + 2)
    }

    fn value_span(&self, row: usize) -> Range<usize> {
        let start = row.checked_sub(1).map_or(0, |before| self.end(before));
        let values_at = self.values_at();
        values_at + start..values_at + self.end(row)
    }

    /// Moves what stands from `at` on by `bytes`.
    fn make_room(&mut self, at: usize, bytes: usize) {
        let before = self.bytes.len();
        if self.bytes.capacity() - before < bytes {
            self.bytes.reserve_exact(bytes.max(SPARE));
        }
        self.bytes.resize(before + bytes, 0);
        self.bytes.copy_within(at..before, at + bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_rows() -> Chunk {
        let mut chunk = Chunk::new(7, 8);
        chunk.insert(0, 20, b"twenty");
        chunk.insert(0, 10, b"ten");
        chunk.insert(2, 30, b"");
        chunk
    }

    #[test]
    fn a_chunk_reads_back_from_its_bytes() {
        let chunk = three_rows();
        let read = Chunk::read(chunk.bytes(), 7, 8).unwrap();
        let rows: Vec<_> = (0..3).map(|row| (read.key(row), read.value(row))).collect();
        assert_eq!(rows, [(10, &b"ten"[..]), (20, b"twenty"), (30, b"")]);
        assert_eq!(Chunk::read(chunk.bytes(), 8, 8), Err(NotAChunk::Head));
        assert_eq!(Chunk::read(&[LEAF, 7, 0, 0], 7, 8), Err(NotAChunk::Empty));
    }

    #[test]
    fn no_bytes_make_the_reader_panic() {
        let good = three_rows().bytes().to_vec();
        for length in 0..good.len() {
            assert!(Chunk::read(&good[..length], 7, 8).is_err(), "{length} bytes");
        }
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(chunk) = Chunk::read(&bytes, 7, 8) {
                (0..chunk.rows()).for_each(|row| assert!(chunk.value(row).len() < 16));
            }
        }
        let mut unsorted = three_rows();
        unsorted.insert(3, 25, b"late");
        assert_eq!(Chunk::read(unsorted.bytes(), 7, 8), Err(NotAChunk::Order));
    }
}
