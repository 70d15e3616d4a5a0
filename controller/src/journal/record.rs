//! How is one fact stored? Keys, and the frame around each value.
//!
//! sled neither reports a flipped bit nor a value that landed under another key. So each value but
//! a piece carries the CRC-32 of its key and content, and its own log index:
//!
//! ```text
//! crc32 of all that follows, preceded by the key   4 bytes, little endian
//! log index; 0 outside format 1's log                     8 bytes, big endian
//! content
//! ```

use super::{MAX_RECORD_BYTES, PieceHash, Violation};

/// Where the identity and the format version are.
pub(super) const IDENTITY: &[u8] = b"mi";
/// Where the newest checkpoint is.
pub(super) const NEWEST: &[u8] = b"cn";
/// Where the checkpoint before it is.
pub(super) const BEFORE: &[u8] = b"cb";
/// Where the term, vote and commit index were in format 1.
pub(super) const HARD_STATE: &[u8] = b"mh";
/// Where the membership was in format 1.
pub(super) const CONF_STATE: &[u8] = b"mc";

/// Begins the key of a log entry in format 1.
pub(super) const LOG_PREFIX: u8 = b'l';
/// Begins the key of a piece. Its value is the piece alone: the hash in the key vouches for it.
pub(super) const PIECE_PREFIX: u8 = b'p';
const CRC_BYTES: usize = 4;
const INDEX_BYTES: usize = 8;
const HASH_BYTES: usize = 32;

/// The log index that `key` is for; `None` where it is no log entry's key.
pub(super) fn entry_index(key: &[u8]) -> Option<u64> {
    let (&LOG_PREFIX, index) = key.split_first()? else { return None };
    Some(u64::from_be_bytes(index.try_into().ok()?))
}

/// The key of a piece.
pub(super) fn piece_key(hash: &PieceHash) -> [u8; 1 + HASH_BYTES] {
    let mut key = [PIECE_PREFIX; 1 + HASH_BYTES];
    key[1..].copy_from_slice(&hash.0);
    key
}

/// The piece that `key` is for; `None` where it is no piece's key.
pub(super) fn piece_hash(key: &[u8]) -> Option<PieceHash> {
    let (&PIECE_PREFIX, hash) = key.split_first()? else { return None };
    Some(PieceHash(hash.try_into().ok()?))
}

/// `content` as it is stored under `key`; `None` where the record would be too large.
pub(super) fn frame(key: &[u8], index: u64, content: &[u8]) -> Option<Vec<u8>> {
    let mut record = vec![0; CRC_BYTES];
    record.extend(index.to_be_bytes());
    record.extend(content);
    let crc = checksum(key, &record[CRC_BYTES..]);
    record[..CRC_BYTES].copy_from_slice(&crc.to_le_bytes());
    (record.len() <= MAX_RECORD_BYTES).then_some(record)
}

/// The content of a record that was stored under `key` with `index`.
pub(super) fn unframe<'r>(key: &[u8], index: u64, record: &'r [u8]) -> Result<&'r [u8], Violation> {
    let damaged = |what| Violation::Damaged { record: name(key), what };
    let (crc, framed) =
        record.split_first_chunk::<CRC_BYTES>().ok_or_else(|| damaged("it is too short"))?;
    if checksum(key, framed) != u32::from_le_bytes(*crc) {
        return Err(damaged("its checksum does not match"));
    }
    let (stored, content) =
        framed.split_first_chunk::<INDEX_BYTES>().ok_or_else(|| damaged("it is too short"))?;
    if u64::from_be_bytes(*stored) != index {
        return Err(damaged("it is the record of another log index"));
    }
    Ok(content)
}

/// A key for a person to read.
pub(super) fn name(key: &[u8]) -> String {
    match entry_index(key) {
        Some(index) => format!("of log entry {index}"),
        None => match piece_hash(key) {
            Some(hash) => format!("of piece {hash}"),
            None => format!("{:?}", String::from_utf8_lossy(key)),
        },
    }
}

fn checksum(key: &[u8], framed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(framed);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_at_most_64_kib() {
        let overhead = CRC_BYTES + INDEX_BYTES;
        let largest = vec![7; MAX_RECORD_BYTES - overhead];
        assert_eq!(frame(b"mh", 0, &largest).map(|record| record.len()), Some(MAX_RECORD_BYTES));
        let larger = vec![7; MAX_RECORD_BYTES - overhead + 1];
        assert_eq!(frame(b"mh", 0, &larger), None);
    }

    #[test]
    fn a_record_under_another_key_is_damaged() {
        let record = frame(b"cn", 7, b"content").unwrap();
        assert_eq!(unframe(b"cn", 7, &record).unwrap(), b"content");
        assert!(unframe(b"cb", 7, &record).is_err());
        assert!(unframe(b"cn", 8, &record).is_err());
        assert!(unframe(b"cn", 7, &record[..11]).is_err());
        assert!(unframe(b"cn", 7, &[]).is_err());
    }

    #[test]
    fn the_largest_piece_stays_below_a_record() {
        const { assert!(1 + HASH_BYTES + crate::journal::MAX_PIECE_BYTES < MAX_RECORD_BYTES) };
    }

    #[test]
    fn a_piece_s_key_is_its_hash() {
        let hash = PieceHash::of(b"piece");
        assert_eq!(piece_hash(&piece_key(&hash)), Some(hash));
        assert_eq!(piece_hash(NEWEST), None);
        assert_eq!(entry_index(b"l\0\0\0\0\0\0\x01\x02"), Some(258));
        assert_eq!(entry_index(NEWEST), None);
    }
}
