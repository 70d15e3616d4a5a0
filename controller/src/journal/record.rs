//! How is one fact stored? Keys, and the frame around each value.
//!
//! sled neither reports a flipped bit nor a value that landed under another key. So each value
//! carries the CRC-32 of its key and content, and its own log index:
//!
//! ```text
//! crc32 of all that follows, preceded by the key   4 bytes, little endian
//! log index; 0 outside the log                     8 bytes, big endian
//! content
//! ```

use super::{MAX_RECORD_BYTES, Violation};

/// Where the identity and the format version are.
pub(super) const IDENTITY: &[u8] = b"mi";
/// Where the term, vote and commit index are.
pub(super) const HARD_STATE: &[u8] = b"mh";
/// Where the membership is.
pub(super) const CONF_STATE: &[u8] = b"mc";

const LOG_PREFIX: u8 = b'l';
const CRC_BYTES: usize = 4;
const INDEX_BYTES: usize = 8;

/// The key of the log entry at `index`. Keys sort as indexes do.
pub(super) fn entry_key(index: u64) -> [u8; 1 + INDEX_BYTES] {
    let mut key = [LOG_PREFIX; 1 + INDEX_BYTES];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The log index that `key` is for; `None` where it is no log entry's key.
pub(super) fn entry_index(key: &[u8]) -> Option<u64> {
    let (&LOG_PREFIX, index) = key.split_first()? else { return None };
    Some(u64::from_be_bytes(index.try_into().ok()?))
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
        None => format!("{:?}", String::from_utf8_lossy(key)),
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
        let key = entry_key(7);
        let record = frame(&key, 7, b"content").unwrap();
        assert_eq!(unframe(&key, 7, &record).unwrap(), b"content");
        assert!(unframe(&entry_key(8), 8, &record).is_err());
        assert!(unframe(&key, 7, &record[..11]).is_err());
        assert!(unframe(&key, 7, &[]).is_err());
    }

    #[test]
    fn entry_keys_sort_as_indexes_do() {
        let mut keys: Vec<_> = [1 << 40, 2, 255, 256, 1].map(entry_key).to_vec();
        keys.sort_unstable();
        let indexes: Vec<_> = keys.iter().filter_map(|key| entry_index(key)).collect();
        assert_eq!(indexes, [1, 2, 255, 256, 1 << 40]);
        assert_eq!(entry_index(HARD_STATE), None);
    }
}
