//! How does a report lie in the spool's file? Framed, so that a torn end is told from damage.
//!
//! The file starts with a header of 28 bytes: the magic, the spool's number, the number of the
//! next report at the time of writing, and a CRC32 of these. Then come frames: the payload's
//! length, a CRC32 of the length, a CRC32 of the payload, and the payload. All numbers are
//! little-endian.

use prost::Message as _;
use tidegate_proto::v1::HostReport;

const MAGIC: &[u8; 8] = b"TGSPOOL1";
pub(super) const HEADER_BYTES: usize = 28;
const FRAME_HEADER_BYTES: usize = 12;

/// What a spool's file holds.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) spool_id: u64,
    pub(super) next_sequence: u64,
    pub(super) reports: Vec<HostReport>,
    /// How many bytes of the file are good; what follows is a torn end.
    pub(super) good_bytes: usize,
}

/// The file is damaged before its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damaged(pub(super) String);

pub(super) fn header(spool_id: u64, next_sequence: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&spool_id.to_le_bytes());
    bytes.extend_from_slice(&next_sequence.to_le_bytes());
    let check = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&check.to_le_bytes());
    bytes
}

pub(super) fn frame(report: &HostReport) -> Vec<u8> {
    let payload = report.encode_to_vec();
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = Vec::with_capacity(FRAME_HEADER_BYTES + payload.len());
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(&crc32fast::hash(&length).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes
}

pub(super) fn parse(bytes: &[u8]) -> Result<Contents, Damaged> {
    let Some((header, mut rest)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err(Damaged(format!("{} bytes are no header", bytes.len())));
    };
    let (body, check) = header.split_at(HEADER_BYTES - 4);
    if number(check) != u64::from(crc32fast::hash(body)) || !body.starts_with(MAGIC) {
        return Err(Damaged("the header's check fails".to_owned()));
    }
    let mut contents = Contents {
        spool_id: number(&body[8..16]),
        next_sequence: number(&body[16..24]),
        reports: Vec::new(),
        good_bytes: HEADER_BYTES,
    };
    while let Some((report, length)) = next_report(rest, contents.good_bytes)? {
        contents.next_sequence = contents.next_sequence.max(report.sequence + 1);
        contents.reports.push(report);
        contents.good_bytes += length;
        rest = &rest[length..];
    }
    Ok(contents)
}

/// The report at the start of `rest` and its frame's length; nothing at the end, torn or not.
fn next_report(rest: &[u8], at: usize) -> Result<Option<(HostReport, usize)>, Damaged> {
    let Some((header, after)) = rest.split_at_checked(FRAME_HEADER_BYTES) else {
        return Ok(None);
    };
    if number(&header[4..8]) != u64::from(crc32fast::hash(&header[..4])) {
        // A file that grew before its bytes came holds zeros.
        let torn = rest.iter().all(|byte| *byte == 0);
        return if torn { Ok(None) } else { Err(Damaged(format!("no frame at byte {at}"))) };
    }
    let length = usize::try_from(number(&header[..4])).unwrap_or(usize::MAX);
    let Some(payload) = after.get(..length) else {
        return Ok(None);
    };
    let whole = number(&header[8..]) == u64::from(crc32fast::hash(payload));
    if !whole && after.len() == length {
        return Ok(None);
    }
    let report = whole.then(|| HostReport::decode(payload).ok()).flatten();
    let report = report.ok_or_else(|| Damaged(format!("no report at byte {at}")))?;
    Ok(Some((report, FRAME_HEADER_BYTES + length)))
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}
