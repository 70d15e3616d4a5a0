//! What happened, in order? A hash over everything, and lines for people.

use std::fmt;

/// FNV-1a's start and factor: small, and the same on every platform.
const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;
const HASH_FACTOR: u64 = 0x0000_0100_0000_01b3;

/// The record of one run.
#[derive(Clone, Debug)]
pub struct Trace {
    hash: u64,
    lines: Vec<String>,
    print: bool,
}

/// Whether every line is printed as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Nothing is printed; a failing run's report holds the lines.
    Nothing,
    /// Every line goes to standard error, too.
    Everything,
}

impl Trace {
    /// An empty record.
    #[must_use]
    pub fn new(show: Show) -> Self {
        Self { hash: HASH_START, lines: Vec::new(), print: show == Show::Everything }
    }

    /// Writes a line, at `now` milliseconds of the run.
    #[expect(clippy::print_stderr, reason = "a replayed run shows its whole story on request")]
    pub fn line(&mut self, now: u64, what: fmt::Arguments<'_>) {
        let line = format!("{:>9.3} s  {what}", Seconds(now));
        if self.print {
            eprintln!("{line}");
        }
        self.fold(line.as_bytes());
        self.lines.push(line);
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

    /// Every line, oldest first.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.lines
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
