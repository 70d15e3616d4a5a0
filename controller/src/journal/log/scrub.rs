//! Is the log still what was written? Read again, little by little, by a thread that has the time.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};

use super::Reach;
use super::folder::{Folder, SegmentFile};
use super::frame::{self, Look};
use super::sector::{self, SECTOR_BYTES};
use crate::journal::{Violation, marker};

/// Reads the log from its oldest file to its newest durable frame, and again from the beginning.
pub(in crate::journal) struct LogScrubber<F: Folder> {
    folder: Arc<F>,
    reach: Arc<Mutex<Reach>>,
    place: Option<Place<F::File>>,
}

/// Where it reads next.
struct Place<File> {
    number: u64,
    file: File,
    at: u64,
    /// The frame that should stand there; `None` at the beginning of the oldest file.
    sequence: Option<u64>,
}

impl<F: Folder> LogScrubber<F> {
    pub(super) fn new(folder: Arc<F>, reach: Arc<Mutex<Reach>>) -> Self {
        Self { folder, reach, place: None }
    }

    /// Reads about `budget` bytes, at least one frame. How many it read, and whether that was the
    /// log's end.
    ///
    /// # Errors
    ///
    /// [`Violation::Damaged`], or [`Violation::File`] where the disk could not be read.
    pub(in crate::journal) fn scrub(&mut self, budget: u64) -> Result<(u64, bool), Violation> {
        let mut read = 0;
        while read < budget.max(1) {
            let reach = *self.reach.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(mut place) = self.place(reach)? else { return Ok((read, true)) };
            let end = if place.number == reach.newest { reach.bytes } else { place.bytes()? };
            let left = end.saturating_sub(place.at);
            let bytes = if left == 0 { 0 } else { place.frame(left)? };
            if bytes > 0 {
                read += bytes;
                place.at += bytes;
                self.place = Some(place);
            } else if place.number == reach.newest && left > 0 {
                return Err(place.damaged("a durable frame is gone"));
            } else if place.number == reach.newest {
                return Ok((read, true));
            } else {
                read += place.check_blank(left)?.max(1);
                self.place = self.open(place.number + 1, place.sequence)?;
            }
        }
        Ok((read, false))
    }

    fn place(&mut self, reach: Reach) -> Result<Option<Place<F::File>>, Violation> {
        match self.place.take() {
            Some(place) if place.number >= reach.oldest => Ok(Some(place)),
            Some(_) | None => self.open(reach.oldest, None),
        }
    }

    /// `None` for a file that was removed meanwhile.
    fn open(
        &self,
        number: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Place<F::File>>, Violation> {
        match self.folder.open(number).and_then(|file| file.forget().map(|()| file)) {
            Ok(file) => Ok(Some(Place { number, file, at: 0, sequence })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(marker::failed("open a file of the log")(cause)),
        }
    }
}

impl<File: SegmentFile> Place<File> {
    /// Checks the frame that stands here, within `left` bytes. Its length; 0 where there is none.
    fn frame(&mut self, left: u64) -> Result<u64, Violation> {
        let mut bytes = self.read(SECTOR_BYTES, left)?;
        let expected = match self.sequence {
            Some(sequence) => sequence + 1,
            None => frame::header(&bytes).map_or(0, |header| header.sequence),
        };
        let mut look = frame::look(&bytes, expected);
        if let Look::Longer(needed) = look {
            bytes = self.read(needed, left)?;
            look = frame::look(&bytes, expected);
        }
        match look {
            Look::Whole(_, length) => {
                self.sequence = Some(expected);
                Ok(u64::try_from(length).unwrap_or(left))
            }
            Look::Blank => Ok(0),
            Look::Torn | Look::Longer(_) => Err(self.damaged("a part of a durable frame is gone")),
            Look::Damaged(what) => Err(self.damaged(what)),
        }
    }

    /// Checks that nothing was ever written to the `left` bytes behind the last frame.
    fn check_blank(&self, left: u64) -> Result<u64, Violation> {
        let length = usize::try_from(left).unwrap_or(usize::MAX);
        if !sector::is_zero(&self.read(length, left)?) {
            return Err(self.damaged("something stands behind the last frame"));
        }
        Ok(left)
    }

    fn read(&self, length: usize, left: u64) -> Result<Vec<u8>, Violation> {
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(length).min(length)];
        let read = self.file.read(self.at, &mut bytes);
        read.map_err(marker::failed("read a file of the log"))?;
        Ok(bytes)
    }

    fn bytes(&self) -> Result<u64, Violation> {
        self.file.bytes().map_err(marker::failed("read a file of the log"))
    }

    fn damaged(&self, what: &'static str) -> Violation {
        super::recover::damaged(self.number, self.at, what)
    }
}
