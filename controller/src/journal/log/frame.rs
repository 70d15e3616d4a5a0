//! How is one batch stored? A frame of whole sectors; see [`super::sector`] for their tags.
//!
//! ```text
//! header, 40 bytes, little endian
//!   magic "TGWL"                                             4
//!   format (1), flags, two zeros                             4
//!   sequence number: 1 higher than the last frame's          8
//!   the highest sequence number that was durable by then     8
//!   length of the body, in bytes                             4
//!   number of entries                                        4
//!   CRC-32 of the body                                       4
//!   CRC-32 of the header up to here                          4
//! body
//!   opening: the journal's incarnation, the next entry's index (16 + 8), in a file's first frame
//!   hard state: term, vote, commit (3 x 8), where the batch has one
//!   each entry: its length (4), the entry as protobuf, which holds its index
//! zeros up to the sector's end
//! ```

use protobuf::Message;
use raft::eraftpb::{Entry, HardState};

use super::sector::{self, CONTENT_BYTES, Found, SECTOR_BYTES};
use crate::journal::{Batch, JournalFailed, MAX_RECORD_BYTES};

const MAGIC: [u8; 4] = *b"TGWL";
const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 40;
const HAS_OPENING: u8 = 1;
const HAS_HARD_STATE: u8 = 2;
const BEGINS_ANEW: u8 = 4;

/// What the first frame of a file says, so that the files before it can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    /// The journal that the file belongs to.
    pub(super) incarnation: [u8; 16],
    /// The index that the next entry would have.
    pub(super) next: u64,
    /// Whether the log up to here is replaced, and begins anew with `next`.
    pub(super) begins_anew: bool,
}

/// A batch, and where in the sequence of writes it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frame {
    /// 1 higher than the last frame's.
    pub(super) sequence: u64,
    /// Frames up to this one were durable when this one was written.
    pub(super) durable: u64,
    /// In a file's first frame.
    pub(super) opening: Option<Opening>,
    /// What was appended.
    pub(super) batch: Batch,
}

/// What stands where a frame is expected.
#[derive(Debug)]
pub(super) enum Look {
    /// The whole frame, and its bytes on disk.
    Whole(Box<Frame>, usize),
    /// Nothing: its first sector was never written.
    Blank,
    /// A part of it: some sectors were never written.
    Torn,
    /// It goes on behind the bytes that were given: this many are needed.
    Longer(usize),
    /// Something that no crash leaves behind.
    Damaged(&'static str),
}

/// The part of a header that a reader needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    flags: u8,
    pub(super) sequence: u64,
    pub(super) durable: u64,
    body_bytes: usize,
    entries: usize,
    body_crc: u32,
}

impl Frame {
    /// The frame as it is written.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`] for an entry or a batch that is too large.
    pub(super) fn encode(&self) -> Result<Vec<u8>, JournalFailed> {
        let mut content = vec![0; HEADER_BYTES];
        if let Some(opening) = &self.opening {
            content.extend(opening.incarnation);
            content.extend(opening.next.to_le_bytes());
        }
        if let Some(HardState { term, vote, commit, .. }) = self.batch.hard_state {
            content.extend([term, vote, commit].map(u64::to_le_bytes).concat());
        }
        for entry in &self.batch.entries {
            let encoded = entry
                .write_to_bytes()
                .map_err(|cause| JournalFailed::new("encode a log entry", cause))?;
            if encoded.len() > MAX_RECORD_BYTES {
                return Err(JournalFailed::refused("a log entry is larger than 64 KiB"));
            }
            content.extend(small(encoded.len())?);
            content.extend(encoded);
        }
        let header = self.header(&content[HEADER_BYTES..])?;
        content[..HEADER_BYTES].copy_from_slice(&header);
        Ok(sector::cut(self.sequence, &content))
    }

    fn header(&self, body: &[u8]) -> Result<Vec<u8>, JournalFailed> {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let begins_anew = self.opening.as_ref().is_some_and(|opening| opening.begins_anew);
        let flags = flag(self.opening.is_some(), HAS_OPENING)
            | flag(self.batch.hard_state.is_some(), HAS_HARD_STATE)
            | flag(begins_anew, BEGINS_ANEW);
        let mut header = MAGIC.to_vec();
        header.extend([FORMAT, flags, 0, 0]);
        header.extend(self.sequence.to_le_bytes());
        header.extend(self.durable.to_le_bytes());
        header.extend(small(body.len())?);
        header.extend(small(self.batch.entries.len())?);
        header.extend(crc32fast::hash(body).to_le_bytes());
        let crc = crc32fast::hash(&header);
        header.extend(crc.to_le_bytes());
        Ok(header)
    }
}

/// Looks for the frame with this sequence number at the beginning of `bytes`, whole sectors.
pub(super) fn look(bytes: &[u8], sequence: u64) -> Look {
    let Some(first) = bytes.get(..SECTOR_BYTES) else { return Look::Longer(SECTOR_BYTES) };
    match sector::find(sequence, first) {
        Found::Zero => return Look::Blank,
        Found::Ours => (),
        Found::Other => return Look::Damaged("its first sector is not its own"),
    }
    let Some(header) = header(first).filter(|header| header.sequence == sequence) else {
        return Look::Damaged("its header is not what was written");
    };
    let length = sector::bytes_for(HEADER_BYTES + header.body_bytes);
    let Some(sectors) = bytes.get(..length) else { return Look::Longer(length) };
    let mut is_torn = false;
    for sector in sectors.chunks(SECTOR_BYTES) {
        match sector::find(sequence, sector) {
            Found::Zero => is_torn = true,
            Found::Ours => (),
            Found::Other => return Look::Damaged("one of its sectors is not its own"),
        }
    }
    if is_torn {
        return Look::Torn;
    }
    match decode(header, &sector::join(sectors)) {
        Ok(frame) => Look::Whole(Box::new(frame), length),
        Err(what) => Look::Damaged(what),
    }
}

/// The header in a frame's first sector; `None` where there is none, or a damaged one.
pub(super) fn header(sector: &[u8]) -> Option<Header> {
    let content = sector.get(SECTOR_BYTES - CONTENT_BYTES..)?;
    let (content, crc) = content.get(..HEADER_BYTES)?.split_last_chunk::<4>()?;
    if crc32fast::hash(content) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut reader = Reader(content);
    if reader.array()? != MAGIC {
        return None;
    }
    let [FORMAT, flags, 0, 0] = reader.array()? else { return None };
    Some(Header {
        flags,
        sequence: reader.number()?,
        durable: reader.number()?,
        body_bytes: reader.small()?,
        entries: reader.small()?,
        body_crc: u32::from_le_bytes(reader.array()?),
    })
}

fn decode(header: Header, content: &[u8]) -> Result<Frame, &'static str> {
    let body = content.get(HEADER_BYTES..).unwrap_or_default();
    let (body, padding) = body.split_at_checked(header.body_bytes).unwrap_or_default();
    if crc32fast::hash(body) != header.body_crc {
        return Err("its checksum does not match");
    }
    if !sector::is_zero(padding) {
        return Err("something stands behind its end");
    }
    let mut reader = Reader(body);
    let parts = reader.parts(header).filter(|_| reader.0.is_empty());
    let (opening, batch) = parts.ok_or("it does not decode")?;
    Ok(Frame { sequence: header.sequence, durable: header.durable, opening, batch })
}

/// What is still to be read of a header or a body. `None` at its end.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn small(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn parts(&mut self, header: Header) -> Option<(Option<Opening>, Batch)> {
        let has = |flag: u8| header.flags & flag != 0;
        let mut opening = None;
        if has(HAS_OPENING) {
            let (incarnation, next) = (self.array()?, self.number()?);
            opening = Some(Opening { incarnation, next, begins_anew: has(BEGINS_ANEW) });
        }
        let mut batch = Batch::default();
        if has(HAS_HARD_STATE) {
            let (term, vote, commit) = (self.number()?, self.number()?, self.number()?);
            batch.hard_state = Some(HardState { term, vote, commit, ..HardState::default() });
        }
        for _ in 0..header.entries {
            let length = self.small()?;
            let (encoded, rest) = self.0.split_at_checked(length)?;
            self.0 = rest;
            batch.entries.push(Entry::parse_from_bytes(encoded).ok()?);
        }
        Some((opening, batch))
    }
}

fn small(number: usize) -> Result<[u8; 4], JournalFailed> {
    let small = u32::try_from(number);
    small.map(u32::to_le_bytes).map_err(|_| JournalFailed::refused("a batch is larger than 4 GiB"))
}
