//! What does the log hold after a restart, and is its end a power cut's work or damage?
//!
//! Frames that were never synced may be on disk in any part and any order. The first frame that is
//! not whole ends the log if nothing speaks against it: one of its sectors was never written, every
//! sector behind it was never written or belongs to a later frame, and no later frame says that
//! this one was durable. Everything else is damage, and the log is refused.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};

use raft::eraftpb::{Entry, HardState};

use super::folder::{Folder, SegmentFile};
use super::frame::{self, Frame, Look};
use super::sector::{self, SECTOR_BYTES};
use super::{Helper, Log, LogConfig, Reach, Segment};
use crate::journal::{Recovered, Violation, marker};

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::journal) struct Contents {
    /// The index before the first entry.
    pub(in crate::journal) begin: u64,
    /// Contiguous and ascending from `begin + 1`.
    pub(in crate::journal) entries: Vec<Entry>,
    /// The newest one.
    pub(in crate::journal) hard_state: HardState,
}

impl Contents {
    /// The last entry's index, or `begin`.
    pub(in crate::journal) fn last(&self) -> u64 {
        self.entries.last().map_or(self.begin, |entry| entry.index)
    }
}

/// The log as far as it was read.
#[derive(Default)]
struct Replay {
    begin: u64,
    /// Where a log that began anew did so; a suffix that is replaced lies behind it.
    floor: u64,
    held: Recovered,
    segments: VecDeque<Segment>,
    /// Files that a log which begins anew left behind.
    replaced: Vec<u64>,
    /// The last frame's number; `None` before the first one.
    sequence: Option<u64>,
    /// Where the newest file's frames begin, and their numbers.
    starts: Vec<(u64, usize)>,
    /// The frame up to which the last frame's writer was sure of the disk.
    durable: u64,
    /// Where the newest file's frames end.
    end: usize,
}

/// One file, read.
struct Bytes<File> {
    number: u64,
    file: File,
    bytes: Vec<u8>,
}

/// What the files are, by their content.
struct Sorted<File> {
    /// The newest file that holds a whole frame.
    newest: Bytes<File>,
    /// The file behind it, where its first frame is torn.
    torn: Option<Bytes<File>>,
    /// Files behind these that hold nothing yet.
    blank: VecDeque<Bytes<File>>,
}

impl<F: Folder> Log<F> {
    /// Reads and checks everything, cuts off what was never durable, and goes on behind it.
    ///
    /// # Errors
    ///
    /// [`Violation`]: the log is gone or damaged, or the file system refused.
    pub(in crate::journal) fn open(
        folder: Arc<F>,
        config: LogConfig,
    ) -> Result<(Self, Contents), Violation> {
        let mut replay = Replay::default();
        let Sorted { newest, torn, mut blank } = read_all(&*folder, config, &mut replay)?;
        let sequence = replay.sequence.ok_or(Violation::Lost)?;
        if let Some(torn) = torn {
            cut_off(&torn, 0, sequence + 1)?;
            blank.push_front(torn);
        } else {
            cut_off(&newest, replay.end, sequence + 1)?;
        }
        write_again(&newest, &replay).map_err(marker::failed("write the log's end again"))?;
        let spare = keep_spare(&*folder, blank, config)?;
        let helper = Helper::start(Arc::clone(&folder), spare);
        let mut helper = helper.map_err(marker::failed("start the log's helper thread"))?;
        replay.replaced.into_iter().for_each(|number| helper.remove(number));
        let oldest = replay.segments.front().map_or(newest.number, |segment| segment.number);
        let end = wide(replay.end);
        let reach = Reach { oldest, newest: newest.number, bytes: end };
        let Recovered { entries, hard_state, .. } = replay.held;
        let contents = Contents { begin: replay.begin, entries, hard_state };
        let log = Self {
            folder,
            config,
            helper,
            segments: replay.segments,
            file_bytes: wide(newest.bytes.len()),
            file: newest.file,
            end,
            sequence,
            durable: sequence,
            begin: contents.begin,
            last: contents.last(),
            hard_state: contents.hard_state.clone(),
            is_broken: false,
            reach: Arc::new(Mutex::new(reach)),
        };
        Ok((log, contents))
    }
}

impl Replay {
    /// Takes the whole frames of `file`; true where there was one.
    fn read<File>(&mut self, file: &Bytes<File>, config: LogConfig) -> Result<bool, Violation> {
        let mut at = 0;
        while at < file.bytes.len() {
            let rest = file.bytes.get(at..).unwrap_or_default();
            let damaged = |what| damaged(file.number, wide(at), what);
            let expected = match self.sequence {
                Some(sequence) => sequence + 1,
                None => {
                    frame::header(rest)
                        .ok_or_else(|| damaged("the log's first header is not what was written"))?
                        .sequence
                }
            };
            match frame::look(rest, expected) {
                Look::Whole(frame, bytes) => {
                    if at == 0 {
                        self.begin_file(file.number, &frame, config)?;
                    } else if frame.opening.is_some() {
                        return Err(damaged("it is no file's first frame, and says so"));
                    }
                    self.starts.push((expected, at));
                    at += bytes;
                    self.take(*frame)?;
                    self.end = at;
                }
                Look::Blank | Look::Torn => break,
                Look::Longer(_) => return Err(damaged("it does not fit its file")),
                Look::Damaged(what) => return Err(damaged(what)),
            }
        }
        Ok(at > 0)
    }

    fn begin_file(
        &mut self,
        number: u64,
        frame: &Frame,
        config: LogConfig,
    ) -> Result<(), Violation> {
        let damaged = |what| damaged(number, 0, what);
        let opening =
            frame.opening.as_ref().ok_or_else(|| damaged("a file's first frame is gone"))?;
        if opening.incarnation != config.incarnation {
            return Err(damaged("it belongs to another journal"));
        }
        let next = opening.next;
        if next == 0 {
            return Err(damaged("it says that entry 0 comes next"));
        }
        if opening.begins_anew || self.sequence.is_none() {
            self.held.entries.clear();
            self.begin = next - 1;
            self.floor = if opening.begins_anew { self.begin } else { 0 };
            self.replaced.extend(self.segments.drain(..).map(|segment| segment.number));
        } else if self.last() + 1 != next {
            return Err(Violation::Hole { after: self.last(), next });
        }
        self.segments.push_back(Segment { number, next });
        self.starts.clear();
        Ok(())
    }

    fn take(&mut self, frame: Frame) -> Result<(), Violation> {
        if let Some(first) = frame.batch.entries.first() {
            if first.index > self.floor && first.index <= self.begin {
                // It replaces entries whose files were let go since.
                self.begin = first.index - 1;
            }
            let last = self.last();
            let after = if first.index > self.begin { last.min(first.index - 1) } else { last };
            let indexes = frame.batch.entries.iter().map(|entry| entry.index);
            let hole = indexes.zip(after..).find(|(index, after)| *index != after + 1);
            if let Some((next, after)) = hole {
                return Err(Violation::Hole { after, next });
            }
        }
        self.sequence = Some(frame.sequence);
        self.durable = frame.durable;
        self.held.take(frame.batch);
        Ok(())
    }

    fn last(&self) -> u64 {
        self.held.entries.last().map_or(self.begin, |entry| entry.index)
    }
}

fn read_all<F: Folder>(
    folder: &F,
    config: LogConfig,
    replay: &mut Replay,
) -> Result<Sorted<F::File>, Violation> {
    let numbers = folder.numbers().map_err(marker::failed("list the log's files"))?;
    let mut newest: Option<Bytes<F::File>> = None;
    let (mut torn, mut blank) = (None, VecDeque::<Bytes<F::File>>::new());
    let mut expected = numbers.first().copied();
    for number in numbers {
        if let Some(missing) = expected.filter(|expected| *expected != number) {
            return Err(damaged(missing, 0, "the file is missing"));
        }
        expected = number.checked_add(1);
        let file = read(folder, number).map_err(marker::failed("read a file of the log"))?;
        if sector::is_zero(&file.bytes) {
            blank.push_back(file);
            continue;
        }
        // A file is begun when everything before it is durable.
        let is_sealed = newest
            .as_ref()
            .is_none_or(|newest| newest.bytes.get(replay.end..).is_some_and(sector::is_zero));
        if !is_sealed || torn.is_some() || !blank.is_empty() {
            return Err(damaged(
                number - 1,
                wide(replay.end),
                "it is not whole, and a later one was begun",
            ));
        }
        if replay.read(&file, config)? {
            newest = Some(file);
        } else {
            torn = Some(file);
        }
    }
    let newest = newest.ok_or(Violation::Lost)?;
    Ok(Sorted { newest, torn, blank })
}

fn read<F: Folder>(folder: &F, number: u64) -> io::Result<Bytes<F::File>> {
    let file = folder.open(number)?;
    let length = usize::try_from(file.bytes()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read(0, &mut bytes)?;
    Ok(Bytes { number, file, bytes })
}

/// Makes zeros of what stands behind the last whole frame, where only a power cut can have left it.
fn cut_off<File: SegmentFile>(file: &Bytes<File>, at: usize, next: u64) -> Result<(), Violation> {
    let rest = file.bytes.get(at..).unwrap_or_default();
    if let Some((behind, what)) = find_damage(rest, next) {
        return Err(damaged(file.number, wide(at + behind), what));
    }
    let written = rest.chunks(SECTOR_BYTES).rposition(|sector| !sector::is_zero(sector));
    let Some(written) = written else { return Ok(()) };
    let zeros = vec![0; ((written + 1) * SECTOR_BYTES).min(rest.len())];
    let cut = file.file.write(wide(at), &zeros).and_then(|()| file.file.sync());
    cut.map_err(marker::failed("cut off the log's end"))
}

/// What speaks against frame `next`, which should begin `bytes`, having been lost in a power cut.
fn find_damage(bytes: &[u8], next: u64) -> Option<(usize, &'static str)> {
    let sectors = bytes.chunks(SECTOR_BYTES);
    // A frame has a sector at least, so no later one has a higher number than these.
    let tags: BTreeSet<u32> = (next..).map(sector::tag).take(sectors.len()).collect();
    for (sector, at) in sectors.zip((0..).step_by(SECTOR_BYTES)) {
        if sector::is_zero(sector) {
            continue;
        }
        if !sector::tag_of(sector).is_some_and(|tag| tags.contains(&tag)) {
            return Some((at, "a sector belongs to no frame that can stand there"));
        }
        if frame::header(sector).is_some_and(|header| header.durable >= next) {
            return Some((at, "a later frame says that what is missing before it was durable"));
        }
    }
    None
}

/// Writes the frames that nobody saw reach the disk once more, and syncs them: a failed sync may
/// have left them in memory alone, looking like the disk's.
fn write_again<File: SegmentFile>(newest: &Bytes<File>, replay: &Replay) -> io::Result<()> {
    let unsure = replay.starts.iter().find(|(sequence, _)| *sequence > replay.durable);
    if let Some((_, start)) = unsure {
        newest
            .file
            .write(wide(*start), newest.bytes.get(*start..replay.end).unwrap_or_default())?;
    }
    newest.file.sync()
}

/// The next file, where it was made already and has the right size. Others go, the last one first.
fn keep_spare<F: Folder>(
    folder: &F,
    mut blank: VecDeque<Bytes<F::File>>,
    config: LogConfig,
) -> Result<Option<F::File>, Violation> {
    let fits = |file: &Bytes<F::File>| wide(file.bytes.len()) == config.segment_bytes;
    let spare = if blank.front().is_some_and(fits) { blank.pop_front() } else { None };
    for file in blank.into_iter().rev() {
        folder.remove(file.number).map_err(marker::failed("remove an empty file of the log"))?;
    }
    Ok(spare.map(|spare| spare.file))
}

pub(super) fn damaged(number: u64, at: u64, what: &'static str) -> Violation {
    Violation::Damaged { record: format!("at byte {at} of log file {number:016x}"), what }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
