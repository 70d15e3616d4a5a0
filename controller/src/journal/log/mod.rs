//! How do a node's entries, term and vote reach the disk? By a log of our own: one write and one
//! `fdatasync` per batch, into files that were filled with zeros before.
//!
//! A batch is a [`frame`] of tagged [`sector`]s. Files are made ahead by a [`helper`], live in a
//! [`folder`], and are read back by [`recover`], which tells what a power cut leaves behind from
//! damage.

mod folder;
mod frame;
mod helper;
mod recover;
mod scrub;
mod sector;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use raft::eraftpb::HardState;

use super::{Batch, JournalFailed, Violation, marker};
use frame::{Frame, Opening};
use helper::Helper;

pub(super) use folder::{DiskFolder, Folder, SegmentFile};
pub(super) use recover::Contents;
pub(super) use scrub::LogScrubber;
pub(super) use sector::SECTOR_BYTES;

/// What a log needs to know of its journal.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogConfig {
    /// The journal that the files belong to.
    pub(super) incarnation: [u8; 16],
    /// Size of a file, in bytes; a larger batch gets a larger file.
    pub(super) segment_bytes: u64,
}

/// A log of entries and hard states.
pub(super) struct Log<F: Folder> {
    folder: Arc<F>,
    config: LogConfig,
    helper: Helper<F>,
    /// The files that hold the log, oldest first; the last one is written to.
    segments: VecDeque<Segment>,
    file: F::File,
    /// Length of the file that is written to, in bytes.
    file_bytes: u64,
    /// Where its next frame goes, in bytes.
    end: u64,
    /// The last frame's number.
    sequence: u64,
    /// The last frame that is durable.
    durable: u64,
    /// The index before the first entry that the log holds.
    begin: u64,
    /// The last entry's index, or `begin` where there is none.
    last: u64,
    /// The newest hard state, for the first frame of the next file.
    hard_state: HardState,
    /// Set by a failed write or sync: what is on disk is unknown from then on.
    is_broken: bool,
    reach: Arc<Mutex<Reach>>,
}

/// One file of the log.
#[derive(Clone, Copy, Debug)]
struct Segment {
    number: u64,
    /// The index that the next entry had when its first frame was written.
    next: u64,
}

/// Which part of the log is durable, for a scrubber on another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reach {
    /// The oldest file.
    oldest: u64,
    /// The file that is written to.
    newest: u64,
    /// Durable bytes of the newest file.
    bytes: u64,
}

impl<F: Folder> Log<F> {
    /// Makes a new log that begins with entry `next`, in the place of whatever is in the folder.
    ///
    /// # Errors
    ///
    /// [`Violation::File`].
    pub(super) fn create(
        folder: Arc<F>,
        config: LogConfig,
        hard_state: HardState,
        next: u64,
    ) -> Result<Self, Violation> {
        let made = || {
            for number in folder.numbers()?.into_iter().rev() {
                folder.remove(number)?;
            }
            folder.make(1, config.segment_bytes)
        };
        let file = made().map_err(marker::failed("make the log's first file"))?;
        let helper = Helper::start(Arc::clone(&folder), None);
        let mut log = Self {
            helper: helper.map_err(marker::failed("start the log's helper thread"))?,
            folder,
            config,
            segments: VecDeque::from([Segment { number: 1, next }]),
            file_bytes: file.bytes().map_err(marker::failed("read the log's first file"))?,
            file,
            end: 0,
            sequence: 0,
            durable: 0,
            begin: next.saturating_sub(1),
            last: next.saturating_sub(1),
            hard_state,
            is_broken: false,
            reach: Arc::new(Mutex::new(Reach { oldest: 1, newest: 1, bytes: 0 })),
        };
        let opened = log.frame(&Batch::default(), Some(false)).and_then(|frame| {
            log.write(&frame)?;
            log.sync()
        });
        opened.map_err(Violation::Unwritable)?;
        Ok(log)
    }

    /// Appends `batch`, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]. Where no next file could be made, nothing has changed.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<(), JournalFailed> {
        let last = self.check(batch)?;
        let frame = self.frame(batch, None)?;
        if self.end + length(&frame) <= self.file_bytes {
            self.write(&frame)?;
        } else {
            self.roll(batch, false)?;
        }
        self.last = last;
        if let Some(hard_state) = &batch.hard_state {
            self.hard_state = hard_state.clone();
        }
        self.helper.prepare(self.newest() + 1, self.config.segment_bytes);
        Ok(())
    }

    /// Makes every appended batch durable.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]; the log takes nothing any more.
    pub(super) fn sync(&mut self) -> Result<(), JournalFailed> {
        self.check_usable()?;
        if self.durable == self.sequence {
            return Ok(());
        }
        let synced = self.file.sync();
        self.or_break("sync the journal", synced)?;
        self.durable = self.sequence;
        let oldest = self.segments.front().map_or(1, |segment| segment.number);
        let reach = Reach { oldest, newest: self.newest(), bytes: self.end };
        *self.reach.lock().unwrap_or_else(PoisonError::into_inner) = reach;
        Ok(())
    }

    /// Removes files whose entries are all at or below `index`, some time.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]; see [`Log::sync`].
    pub(super) fn compact(&mut self, index: u64) -> Result<(), JournalFailed> {
        self.check_usable()?;
        while let Some(next) = self.segments.get(1).map(|segment| segment.next)
            && next <= index.saturating_add(1)
        {
            // What a later file's first frame repeats must be durable before this one goes.
            self.sync()?;
            self.remove_oldest();
        }
        Ok(())
    }

    /// Replaces the whole log, durably: it begins anew with entry `next`, its commit index at least
    /// the one before.
    ///
    /// # Errors
    ///
    /// [`JournalFailed`]. Where no next file could be made, nothing has changed.
    pub(super) fn reset(&mut self, next: u64) -> Result<(), JournalFailed> {
        self.check_usable()?;
        let begin = next.saturating_sub(1);
        let mut hard_state = self.hard_state.clone();
        hard_state.commit = hard_state.commit.max(begin);
        let (kept_last, kept_begin) = (self.last, self.begin);
        (self.last, self.begin) = (begin, begin);
        let batch = Batch { entries: Vec::new(), hard_state: Some(hard_state.clone()) };
        if let Err(failed) = self.roll(&batch, true) {
            (self.last, self.begin) = (kept_last, kept_begin);
            return Err(failed);
        }
        self.hard_state = hard_state;
        self.sync()?;
        while self.segments.len() > 1 {
            self.remove_oldest();
        }
        self.helper.prepare(self.newest() + 1, self.config.segment_bytes);
        Ok(())
    }

    /// The last frame that is durable.
    pub(super) fn durable(&self) -> u64 {
        self.durable
    }

    /// Something that reads the log again, on another thread.
    pub(super) fn scrubber(&self) -> LogScrubber<F> {
        LogScrubber::new(Arc::clone(&self.folder), Arc::clone(&self.reach))
    }

    /// The log's last index after `batch`, where it fits.
    fn check(&self, batch: &Batch) -> Result<u64, JournalFailed> {
        self.check_usable()?;
        let Some(first) = batch.entries.first() else { return Ok(self.last) };
        if first.index <= self.begin || first.index > self.last + 1 {
            return Err(JournalFailed::refused("the entries would leave a hole in the log"));
        }
        let mut next = first.index;
        for entry in &batch.entries {
            if entry.index != next {
                return Err(JournalFailed::refused("the entries are not contiguous"));
            }
            next += 1;
        }
        Ok(next - 1)
    }

    /// The next frame as it is written; the first one of a file says whether the log begins anew.
    fn frame(&self, batch: &Batch, begins_anew: Option<bool>) -> Result<Vec<u8>, JournalFailed> {
        let mut batch = batch.clone();
        let opening = begins_anew.map(|begins_anew| {
            batch.hard_state.get_or_insert_with(|| self.hard_state.clone());
            Opening { incarnation: self.config.incarnation, next: self.last + 1, begins_anew }
        });
        let (sequence, durable) = (self.sequence + 1, self.durable);
        Frame { sequence, durable, opening, batch }.encode()
    }

    /// Goes on in the next file, whose first frame is `batch`.
    fn roll(&mut self, batch: &Batch, begins_anew: bool) -> Result<(), JournalFailed> {
        // A frame of the next file says that every frame of this one is durable.
        self.sync()?;
        let frame = self.frame(batch, Some(begins_anew))?;
        let number = self.newest() + 1;
        let bytes = self.config.segment_bytes.max(length(&frame));
        let taken = self.helper.take(number, bytes).and_then(|file| Ok((file.bytes()?, file)));
        let (file_bytes, file) =
            taken.map_err(|cause| JournalFailed::new("make the journal's next file", cause))?;
        (self.file, self.file_bytes, self.end) = (file, file_bytes, 0);
        self.segments.push_back(Segment { number, next: self.last + 1 });
        self.write(&frame)
    }

    fn write(&mut self, frame: &[u8]) -> Result<(), JournalFailed> {
        let written = self.file.write(self.end, frame);
        self.or_break("append to the journal", written)?;
        self.end += length(frame);
        self.sequence += 1;
        Ok(())
    }

    fn remove_oldest(&mut self) {
        if let Some(oldest) = self.segments.pop_front() {
            self.helper.remove(oldest.number);
            let mut reach = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
            reach.oldest = oldest.number + 1;
        }
    }

    fn newest(&self) -> u64 {
        self.segments.back().map_or(0, |segment| segment.number)
    }

    fn check_usable(&self) -> Result<(), JournalFailed> {
        if self.is_broken {
            return Err(JournalFailed::refused("an earlier write or sync of it failed"));
        }
        Ok(())
    }

    fn or_break<T>(
        &mut self,
        attempted: &'static str,
        done: std::io::Result<T>,
    ) -> Result<T, JournalFailed> {
        self.is_broken |= done.is_err();
        done.map_err(|cause| JournalFailed::new(attempted, cause))
    }
}

fn length(frame: &[u8]) -> u64 {
    u64::try_from(frame.len()).unwrap_or(u64::MAX)
}
