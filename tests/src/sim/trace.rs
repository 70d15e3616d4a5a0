//! What happened, in order? A hash over everything, and the last lines for people.

use std::collections::VecDeque;
use std::fmt;

/// Lines kept for a failing run's report.
const LINES_KEPT: usize = 60;
/// FNV-1a's start and factor: small, and the same on every platform.
const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;
const HASH_FACTOR: u64 = 0x0000_0100_0000_01b3;

/// The record of one run.
#[derive(Clone, Debug)]
pub struct Trace {
    hash: u64,
    lines: VecDeque<String>,
    print: bool,
}

/// Whether every line is printed as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Only the hash and the last lines are kept.
    LastLines,
    /// Every line goes to standard error, too.
    Everything,
}

impl Trace {
    /// An empty record.
    #[must_use]
    pub fn new(show: Show) -> Self {
        Self { hash: HASH_START, lines: VecDeque::new(), print: show == Show::Everything }
    }

    /// Writes a line, at `now` milliseconds of the run.
    #[expect(clippy::print_stderr, reason = "a replayed run shows its whole story on request")]
    pub fn line(&mut self, now: u64, what: fmt::Arguments<'_>) {
        let line = format!("{:>9.3} s  {what}", Seconds(now));
        if self.print {
            eprintln!("{line}");
        }
        self.fold(line.as_bytes());
        if self.lines.len() == LINES_KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Folds `bytes` into the hash without a line.
    pub fn fold(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold_number(u64::from_le_bytes(word));
        }
    }

    /// Folds a number into the hash without a line.
    pub fn fold_number(&mut self, number: u64) {
        self.hash = (self.hash ^ number).wrapping_mul(HASH_FACTOR).rotate_left(23);
    }

    /// The hash so far: equal for equal runs.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The last lines, oldest first.
    pub fn last(&self, count: usize) -> impl Iterator<Item = &str> {
        let skipped = self.lines.len().saturating_sub(count);
        self.lines.iter().skip(skipped).map(String::as_str)
    }
}

/// Milliseconds shown as seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1_000, self.0 % 1_000);
        f.pad_integral(true, "", &text)
    }
}
