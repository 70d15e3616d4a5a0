//! How many durable batches does the disk of this machine take in a second? A measurement, to be
//! asked for: `cargo test --release -p tidegate-controller --lib -- --ignored --nocapture speed`.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::journal::SEGMENT_BYTES;

const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

/// Where to measure: a directory on the disk in question.
fn directory() -> TempDir {
    let parent =
        std::env::var_os("TIDEGATE_SPEED_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(parent).unwrap()
}

fn batch(first: u64, entries: u64) -> Batch {
    let entry = |index| Entry { index, term: 1, data: vec![7; 256].into(), ..Entry::default() };
    Batch { entries: (first..first + entries).map(entry).collect(), hard_state: None }
}

/// Durable batches per second.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn rate(mut write: impl FnMut()) -> f64 {
    let (begin, mut batches) = (Instant::now(), 0_u32);
    while begin.elapsed() < ROUND {
        write();
        batches += 1;
    }
    f64::from(batches) / begin.elapsed().as_secs_f64()
}

fn journal(entries: u64) -> f64 {
    let dir = directory();
    let config = JournalConfig { segment_bytes: SEGMENT_BYTES, ..config() };
    let (mut journal, _) = DiskJournal::open(dir.path(), &config).unwrap();
    let mut next = 1;
    rate(|| {
        journal.append(&batch(next, entries)).unwrap();
        journal.sync().unwrap();
        next += entries;
    })
}

/// A file that grows, with nothing around it.
fn bare_file(entries: u64) -> f64 {
    let dir = directory();
    let mut file = File::create(dir.path().join("bare")).unwrap();
    let content = vec![7; 270 * usize::try_from(entries).unwrap()];
    rate(|| {
        file.write_all(&content).unwrap();
        file.sync_data().unwrap();
    })
}

/// What the journal did before: a record per entry in the store, `flush`, `fdatasync`.
fn store_alone(entries: u64) -> f64 {
    let dir = directory();
    let store = crate::journal::store::Store::open(dir.path()).unwrap();
    let mut next = 1;
    rate(|| {
        let mut staged = sled::Batch::default();
        for entry in batch(next, entries).entries {
            let key = [b"l".as_slice(), &entry.index.to_be_bytes()].concat();
            let content = protobuf::Message::write_to_bytes(&entry).unwrap();
            let record = record::frame(&key, entry.index, &content).unwrap();
            staged.insert(key, record);
        }
        store.apply("append to the journal", staged).unwrap();
        store.sync().unwrap();
        next += entries;
    })
}

#[test]
#[ignore = "a measurement of this machine's disk; it takes a minute"]
fn durable_batches_per_second() {
    for entries in [1, 16] {
        for _ in 0..ROUNDS {
            println!(
                "{entries:>2} entries of 256 B: log {:>6.0}/s, store {:>6.0}/s, bare file {:>6.0}/s",
                journal(entries),
                store_alone(entries),
                bare_file(entries)
            );
        }
    }
}
