//! How does a reader tell a sector that was never written from one that was damaged?
//!
//! A disk writes sectors of 512 bytes whole. Files are made of zeros, and each sector of a frame
//! begins with a tag that comes from the frame's sequence number and is never near zero. So after a
//! power cut a sector is all zero or it is ours; anything else was changed behind our back.

/// Bytes that a disk writes whole.
pub(in crate::journal) const SECTOR_BYTES: usize = 512;

/// Bytes of a sector that carry the frame's content.
pub(super) const CONTENT_BYTES: usize = SECTOR_BYTES - TAG_BYTES;

const TAG_BYTES: usize = 4;

/// These bits are set in every tag: a single flipped bit makes no zero of it, nor a tag of zero.
const ALWAYS: u32 = 0x8000_0001;

const ZEROS: &[u8] = &[0; 4096];

/// What is in a sector that a frame should own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It was never written.
    Zero,
    /// It has the frame's tag.
    Ours,
    /// It has neither.
    Other,
}

/// The tag of the sectors of the frame with this sequence number.
pub(super) fn tag(sequence: u64) -> u32 {
    // SplitMix64's finisher: neighbours differ in about half of their bits.
    let mixed = (sequence ^ (sequence >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let [a, b, c, d, ..] = (mixed ^ (mixed >> 31)).to_le_bytes();
    u32::from_le_bytes([a, b, c, d]) | ALWAYS
}

/// `content` cut into tagged sectors; the last one is filled up with zeros.
pub(super) fn cut(sequence: u64, content: &[u8]) -> Vec<u8> {
    let tag = tag(sequence).to_le_bytes();
    let mut sectors = Vec::with_capacity(bytes_for(content.len()));
    for part in content.chunks(CONTENT_BYTES) {
        sectors.extend(tag);
        sectors.extend(part);
    }
    sectors.resize(bytes_for(content.len()), 0);
    sectors
}

/// The content of whole sectors, the zeros at its end included.
pub(super) fn join(sectors: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(sectors.len());
    for sector in sectors.chunks(SECTOR_BYTES) {
        content.extend_from_slice(sector.get(TAG_BYTES..).unwrap_or_default());
    }
    content
}

/// Bytes on disk for that much content.
pub(super) fn bytes_for(content: usize) -> usize {
    content.div_ceil(CONTENT_BYTES) * SECTOR_BYTES
}

/// What is in `sector`, which should be of the frame with this sequence number.
pub(super) fn find(sequence: u64, sector: &[u8]) -> Found {
    if is_zero(sector) {
        Found::Zero
    } else if tag_of(sector) == Some(tag(sequence)) {
        Found::Ours
    } else {
        Found::Other
    }
}

/// The tag that `sector` begins with.
pub(super) fn tag_of(sector: &[u8]) -> Option<u32> {
    sector.first_chunk().map(|tag| u32::from_le_bytes(*tag))
}

/// Whether nothing was ever written to `bytes`.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(ZEROS.len()).all(|part| Some(part) == ZEROS.get(..part.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_single_flipped_bit_makes_zero_of_a_tag_or_a_tag_of_zero() {
        assert!((0..100_000).all(|sequence| tag(sequence).count_ones() >= 2));
    }

    #[test]
    fn what_was_cut_is_joined_and_whole_sectors_long() {
        for length in [1, 507, 508, 509, 1016, 1017, 5000] {
            let content: Vec<u8> = (0..=255).cycle().take(length).collect();
            let sectors = cut(9, &content);
            assert_eq!(sectors.len() % SECTOR_BYTES, 0);
            assert_eq!(sectors.len(), bytes_for(length));
            let joined = join(&sectors);
            assert_eq!(joined[..length], content);
            assert!(is_zero(&joined[length..]));
            let mut sectors = sectors.chunks(SECTOR_BYTES);
            assert!(sectors.all(|sector| find(9, sector) == Found::Ours));
        }
    }

    #[test]
    fn another_frames_sector_is_neither_zero_nor_ours() {
        assert_eq!(find(8, &cut(9, b"content")), Found::Other);
        assert_eq!(find(8, &[0; SECTOR_BYTES]), Found::Zero);
    }
}
