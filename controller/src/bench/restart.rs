//! `bench restart`: how long does a machine with so many hosts take to be written and read back, and how
//! much memory does it hold?
//!
//! Each size is measured in two processes of their own, so that memory is the system's figure and nothing
//! is left over from another size: one grows the fleet entry by entry, freezes its state, and makes a
//! checkpoint of it in a journal; the other starts from that journal, as a restarted controller does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use raft::eraftpb::ConfState;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::facts::resident_bytes;
use super::figures::rounded;
use super::process::Process;
use super::show::{Columns, Show};
use super::tidegate::own_program;
use super::{BenchError, Beside, fleet_of};
use crate::journal::{Checkpoint, DiskJournal, Identity, Journal as _, JournalConfig, PieceHash};
use crate::machine::Machine;
use crate::machine::frozen::{Frozen, named_by};
use crate::machine::measure::Measured;
use crate::runtime::Clock;

/// Pause between two looks at a process.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Pieces that are handed to the journal at a time.
const PIECES_AT_ONCE: usize = 32;

/// How restarts are measured.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Sizes of the fleet, each measured by itself.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000", value_name = "N,N,…",
          value_parser = clap::value_parser!(u64).range(100..=20_000_000))]
    hosts: Vec<u64>,
    #[command(flatten)]
    pub(super) beside: Beside,
}

/// One half of a measurement, in a process of its own.
#[derive(Clone, Debug, clap::Args)]
pub struct ProbeArgs {
    /// The size of the fleet to grow; absent: start from the journal.
    #[arg(long)]
    grow: Option<u64>,
    /// The journal's folder.
    #[arg(long)]
    file: PathBuf,
    /// The file for what was measured.
    #[arg(long)]
    tell: PathBuf,
}

/// What a fleet of one size costs.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    hosts: u64,
    /// Reading it from the disk until the state is whole.
    restart_s: f64,
    /// Taking the snapshot, and its hash.
    snapshot_s: f64,
    /// Writing it to the disk.
    write_s: f64,
    snapshot_bytes: u64,
    /// After the restart.
    resident_bytes_per_host: f64,
    /// In the process that applied every entry.
    grown_bytes_per_host: f64,
}

impl Columns for Row {
    const TITLES: &[&str] =
        &["HOSTS", "RESTART S", "SNAPSHOT S", "WRITE S", "SNAPSHOT MIB", "B/HOST", "B/HOST GROWN"];

    fn cells(&self) -> Vec<String> {
        let three = |number: f64| format!("{number:.3}");
        vec![
            self.hosts.to_string(),
            three(self.restart_s),
            three(self.snapshot_s),
            three(self.write_s),
            format!("{:.1}", bytes(self.snapshot_bytes) / f64::from(1 << 20)),
            format!("{:.0}", self.resident_bytes_per_host),
            format!("{:.0}", self.grown_bytes_per_host),
        ]
    }
}

/// What a process tells the one that started it.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    seconds: f64,
    write_seconds: f64,
    bytes: u64,
    resident: u64,
    hash: [u8; 32],
}

/// Measures one row per size of fleet.
pub(super) async fn run(args: &Args, show: &Show) -> Result<Vec<Row>, BenchError> {
    let dir = TempDir::with_prefix_in("tidegate-bench-restart-", args.beside.base())
        .map_err(|error| BenchError::setup("make a folder for snapshots", &error))?;
    let mut rows = Vec::new();
    for &hosts in &args.hosts {
        show.say(&format!("a fleet of {hosts} hosts"));
        let file = dir.path().join(format!("snapshot-{hosts}"));
        let grown = probe(Some(hosts), &file).await?;
        let read = probe(None, &file).await?;
        if grown.hash != read.hash {
            let detail = "the state that was read is not the one that was written".to_owned();
            return Err(BenchError::Setup { what: "restart from a snapshot", detail });
        }
        rows.push(Row {
            hosts,
            restart_s: rounded(read.seconds, 3),
            snapshot_s: rounded(grown.seconds, 3),
            write_s: rounded(grown.write_seconds, 3),
            snapshot_bytes: grown.bytes,
            resident_bytes_per_host: rounded(bytes(read.resident) / bytes(hosts), 1),
            grown_bytes_per_host: rounded(bytes(grown.resident) / bytes(hosts), 1),
        });
    }
    Ok(rows)
}

/// Runs one half in a process of its own, which is killed with this one's future.
async fn probe(grow: Option<u64>, file: &Path) -> Result<Told, BenchError> {
    let what = "run a part of the benchmark";
    let tell = file.with_extension("told");
    let mut command = std::process::Command::new(own_program()?);
    command.args(["bench", "probe", "--file"]).arg(file).arg("--tell").arg(&tell);
    command.args(grow.map(|hosts| format!("--grow={hosts}")));
    let mut process = Process::start(command, file.with_extension("log"))?;
    while !process.has_succeeded()? {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let told = std::fs::read(&tell).map_err(|error| BenchError::setup(what, &error))?;
    serde_json::from_slice(&told).map_err(|error| BenchError::setup(what, &error))
}

/// Does one half, and tells it in a file.
pub(super) fn run_probe(args: &ProbeArgs) -> Result<(), BenchError> {
    let told = match args.grow {
        Some(hosts) => grow(hosts, &args.file)?,
        None => read(&args.file)?,
    };
    let what = "tell what was measured";
    let text = serde_json::to_vec(&told).map_err(|error| BenchError::setup(what, &error))?;
    std::fs::write(&args.tell, text).map_err(|error| BenchError::setup(what, &error))
}

fn grow(hosts: u64, file: &Path) -> Result<Told, BenchError> {
    let before = resident_bytes();
    let Measured { machine, .. } = fleet_of(hosts)?;
    let resident = resident_bytes().saturating_sub(before);
    let clock = Clock::start();
    let frozen = machine.freeze();
    let hash = PieceHash::of(frozen.root()).0;
    let seconds = clock.monotonic().as_secs_f64();
    let bytes = frozen.pieces().map(|(_, piece)| piece.len() as u64).sum();
    let clock = Clock::start();
    write(file, &frozen)?;
    let write_seconds = clock.monotonic().as_secs_f64();
    Ok(Told { seconds, write_seconds, bytes, resident, hash })
}

/// The journal in which the state is kept from one process to the other.
fn journal(dir: &Path) -> Result<(DiskJournal, Option<Checkpoint>), BenchError> {
    let identity = Identity { cluster: "bench".to_owned(), node_id: 1 };
    let config = JournalConfig::new(identity, [1; 16], |piece| named_by(piece).ok());
    let (journal, recovered) = DiskJournal::open(dir, &config)
        .map_err(|error| BenchError::setup("open the journal", &error))?;
    Ok((journal, recovered.checkpoint))
}

fn write(dir: &Path, frozen: &Frozen) -> Result<(), BenchError> {
    let failed = |error| BenchError::setup("make a checkpoint", &error);
    let (mut journal, _) = journal(dir)?;
    let pieces: Vec<_> = frozen.pieces().collect();
    for slice in pieces.chunks(PIECES_AT_ONCE) {
        journal.store(slice).map_err(failed)?;
    }
    let (index, root) = (frozen.applied(), frozen.root().clone());
    let checkpoint = Checkpoint {
        index,
        term: 1,
        conf_state: ConfState { voters: vec![1], ..ConfState::default() },
        root,
    };
    journal.checkpoint(&checkpoint).map_err(failed)
}

fn read(path: &Path) -> Result<Told, BenchError> {
    let before = resident_bytes();
    let clock = Clock::start();
    let machine = thaw(path)?;
    let seconds = clock.monotonic().as_secs_f64();
    let resident = resident_bytes().saturating_sub(before);
    let hash = machine.state_hash();
    Ok(Told { seconds, write_seconds: 0.0, bytes: 0, resident, hash })
}

fn thaw(dir: &Path) -> Result<Machine, BenchError> {
    let (journal, checkpoint) = journal(dir)?;
    let root = checkpoint.map(|checkpoint| checkpoint.root).unwrap_or_default();
    // A piece that cannot be read is one that is not there: the state is refused then.
    Machine::thaw(&root, &mut |hash| journal.piece(hash).ok().flatten())
        .map_err(|error| BenchError::setup("read the state", &error))
}

fn bytes(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
    let count = count as f64;
    count
}
