//! How do records stand in a file that proves itself? One JSON object a line, in one way of writing alone.
//!
//! ```text
//! {"format":"tidegate-audit-1","after":{"sequence":0,"hash":"00…"}}   where in the chain it begins
//! {"sequence":1,"logIndex":1,…,"hash":"4c…"}                          each record, oldest first
//! {"head":{"sequence":1,"hash":"4c…"}}                                where in the chain it ends
//! ```
//!
//! A line that could be written in another way is refused, so that no byte of the file is without meaning.
//! What a file cannot tell is whether the chain went on behind its end, or whether all of it was written anew:
//! for that, compare its head with one that was kept elsewhere.

use std::io::{self, BufRead, Write};

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

use super::{Hash, Head, Link, Misfit, Walk, hex, unhex};

/// The format's name and version.
const FORMAT: &str = "tidegate-audit-1";

/// Longest line, in bytes: many times what a record has.
const MAX_LINE_BYTES: u64 = 1024 * 1024;

/// One record in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Row {
    /// Counts the records up from 1.
    pub sequence: u64,
    /// Log index of the entry.
    pub log_index: u64,
    /// Running time, in milliseconds.
    pub elapsed_ms: u64,
    /// Wall time, in milliseconds since the Unix epoch.
    pub wall_ms: u64,
    /// The same for people, RFC 3339.
    pub time: String,
    /// Who.
    pub actor: String,
    /// What.
    pub event: String,
    /// On what.
    pub subject: String,
    /// Why, and with which numbers.
    pub detail: String,
    /// The request that asked for it.
    pub request_id: String,
    /// BLAKE3 of what a verdict was computed from, in hex; empty: it is no verdict.
    pub basis_hash: String,
    /// BLAKE3 of the verdict, in hex; empty: it is none.
    pub verdict_hash: String,
    /// BLAKE3 over the record before and this one, in hex.
    pub hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    format: String,
    after: Place,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    head: Place,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    sequence: u64,
    hash: String,
}

/// What a file holds that proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Behind which place of the chain it begins.
    pub after: Head,
    /// Where it ends.
    pub head: Head,
}

/// A file is not what was exported.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It cannot be read.
    #[error("it could not be read")]
    Unreadable(#[from] io::Error),
    /// A record does not fit.
    #[error("line {line}: {misfit}")]
    Misfit {
        /// The line, from 1.
        line: u64,
        /// Which one, and why.
        misfit: Misfit,
    },
    /// A line is none that an export writes.
    #[error(
        "line {line}, where {expected} belongs, is none that an export writes: it was changed or cut off"
    )]
    Malformed {
        /// The line, from 1.
        line: u64,
        /// What belongs there.
        expected: String,
    },
    /// The last line names another end.
    #[error(
        "line {line} says that the last record is {said}, and it is {found}: records were removed or added at the end"
    )]
    OtherEnd {
        /// The line, from 1.
        line: u64,
        /// The head that it names.
        said: Head,
        /// The head of the records.
        found: Head,
    },
    /// Something follows the last line.
    #[error("line {line} comes behind the end of the file's records")]
    TooLong {
        /// The line, from 1.
        line: u64,
    },
}

impl Row {
    /// What it says; `None` where one of its hashes is none.
    pub fn link(&self) -> Option<(Link<'_>, Hashes)> {
        let optional = |text: &str| match text {
            "" => Some(None),
            text => unhex(text).map(Some),
        };
        let hashes = Hashes {
            basis: optional(&self.basis_hash)?,
            verdict: optional(&self.verdict_hash)?,
            own: unhex(&self.hash)?,
        };
        let link = Link {
            sequence: self.sequence,
            log_index: self.log_index,
            elapsed_ms: self.elapsed_ms,
            wall_ms: self.wall_ms,
            actor: &self.actor,
            event: &self.event,
            subject: &self.subject,
            detail: &self.detail,
            request_id: &self.request_id,
            basis: None,
            verdict: None,
        };
        Some((link, hashes))
    }

    /// Goes on to this record.
    ///
    /// # Errors
    ///
    /// [`Misfit`].
    pub fn step(&self, walk: &mut Walk) -> Result<(), Misfit> {
        let Self { sequence, log_index, .. } = *self;
        let (link, hashes) = self.link().ok_or(Misfit::Changed { sequence, log_index })?;
        let Hashes { basis, verdict, own } = &hashes;
        walk.step(&Link { basis: basis.as_ref(), verdict: verdict.as_ref(), ..link }, own)
    }
}

/// The hashes of a record.
#[derive(Clone, Copy, Debug)]
pub struct Hashes {
    basis: Option<Hash>,
    verdict: Option<Hash>,
    own: Hash,
}

/// A moment as it stands in a file.
pub fn time(wall_ms: u64) -> String {
    let time = i64::try_from(wall_ms).ok().and_then(DateTime::from_timestamp_millis);
    time.map_or_else(String::new, |time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Writes a file, and checks what it writes.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
    walk: Walk,
}

impl<W: Write> Writer<W> {
    /// Begins a file with the records behind `after`.
    ///
    /// # Errors
    ///
    /// The system's word.
    pub fn begin(mut to: W, after: Head) -> io::Result<Self> {
        let first = First { format: FORMAT.to_owned(), after: place(after) };
        line(&mut to, &first)?;
        Ok(Self { to, walk: Walk::from(after, None) })
    }

    /// Writes one record.
    ///
    /// # Errors
    ///
    /// [`BadFile`]: it does not follow from the one before, or the system's word.
    pub fn write(&mut self, row: &Row) -> Result<(), BadFile> {
        let misfit = |misfit| BadFile::Misfit { line: row.sequence, misfit };
        row.step(&mut self.walk).map_err(misfit)?;
        Ok(line(&mut self.to, row)?)
    }

    /// Ends the file, and answers with where it ends and what it was written to.
    ///
    /// # Errors
    ///
    /// The system's word.
    pub fn finish(mut self) -> io::Result<(Head, W)> {
        let head = self.walk.at();
        line(&mut self.to, &Last { head: place(head) })?;
        self.to.flush()?;
        Ok((head, self.to))
    }
}

/// Reads a file from end to end; where it comes by `seen`, it must hold it.
///
/// # Errors
///
/// [`BadFile`] says which is the first line that does not fit.
pub fn verify(from: impl BufRead, seen: Option<Head>) -> Result<Held, BadFile> {
    let mut lines = Lines { from, number: 0 };
    let first: First = lines.next("the first line")?;
    let after = head(&first.after).filter(|_| first.format == FORMAT);
    let after = after.ok_or_else(|| lines.malformed("the first line"))?;
    if let Some(seen) = seen.filter(|seen| seen.sequence == after.sequence && *seen != after) {
        let misfit = Misfit::Rewritten { sequence: seen.sequence, log_index: 0 };
        return Err(BadFile::Misfit { line: 1, misfit });
    }
    let mut walk = Walk::from(after, seen);
    loop {
        let expected = format!("record {} or the end", walk.at().sequence.saturating_add(1));
        let text = lines.text(&expected)?;
        if let Some(last) = canonical::<Last>(&text) {
            let said = head(&last.head).ok_or_else(|| lines.malformed(&expected))?;
            if said != walk.at() {
                return Err(BadFile::OtherEnd { line: lines.number, said, found: walk.at() });
            }
            lines.end()?;
            return Ok(Held { after, head: said });
        }
        let row: Row = canonical(&text).ok_or_else(|| lines.malformed(&expected))?;
        let line = lines.number;
        row.step(&mut walk).map_err(|misfit| BadFile::Misfit { line, misfit })?;
        if row.time != time(row.wall_ms) {
            return Err(lines.malformed(&format!("record {} with its own time", row.sequence)));
        }
    }
}

struct Lines<R> {
    from: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next line without its end.
    fn text(&mut self, expected: &str) -> Result<String, BadFile> {
        use io::Read as _;
        self.number += 1;
        let mut bytes = Vec::new();
        self.from.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)?;
        if bytes.pop() != Some(b'\n') {
            return Err(self.malformed(expected));
        }
        String::from_utf8(bytes).map_err(|_| self.malformed(expected))
    }

    fn next<T: Serialize + for<'d> Deserialize<'d>>(
        &mut self,
        expected: &str,
    ) -> Result<T, BadFile> {
        let text = self.text(expected)?;
        canonical(&text).ok_or_else(|| self.malformed(expected))
    }

    fn end(&mut self) -> Result<(), BadFile> {
        let ends = self.from.fill_buf()?.is_empty();
        if ends { Ok(()) } else { Err(BadFile::TooLong { line: self.number + 1 }) }
    }

    fn malformed(&self, expected: &str) -> BadFile {
        BadFile::Malformed { line: self.number, expected: expected.to_owned() }
    }
}

/// What the line says, if there is no other way to write it.
fn canonical<T: Serialize + for<'d> Deserialize<'d>>(text: &str) -> Option<T> {
    let said: T = serde_json::from_str(text).ok()?;
    (serde_json::to_string(&said).ok()? == text).then_some(said)
}

fn line(to: &mut impl Write, said: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(said)?;
    text.push('\n');
    to.write_all(text.as_bytes())
}

fn place(head: Head) -> Place {
    Place { sequence: head.sequence, hash: hex(&head.hash) }
}

fn head(place: &Place) -> Option<Head> {
    Some(Head { sequence: place.sequence, hash: unhex(&place.hash)? })
}
