//! What does a node make of its disk when one bit of it has turned over? It says so, or the bit meant
//! nothing: it never begins with less, or with something else.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use tempfile::TempDir;
use tidegate_controller::artifacts::Store;
use tidegate_controller::journal::{DiskJournal, Identity, Journal as _, JournalConfig, Recovered};
use tidegate_controller::machine::frozen::named_by;
use tidegate_controller::machine::{Command, Machine, Position};
use tidegate_controller::node::SplitMix64;
use tidegate_tests::clients::{Clients, are_kept};
use tidegate_tests::cluster::{Clocks, Cluster, SMALL_CHECKPOINTS};
use tidegate_tests::door::Door;
use tidegate_tests::often::as_often_as;
use tidegate_tests::processes::{Process, tidegate};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::view::{SOON, eventually, settled};

/// How many bits are turned over; `TIDEGATE_BIT_FLIPS` says another number.
const FLIPS: usize = 200;

/// How many real processes are started on such a disk.
const PROCESSES: usize = 20;

/// What is kept for a full disk; nobody reads it.
const RESERVE: &str = "reserve";

/// Many entries in a short time, and checkpoints in between.
const BUSY: Clocks = Clocks { raft_tick: "20ms", machine_tick: "50ms", idle_sync: "1h" };

/// The folder of a node that has lived a little and was killed.
struct Disk {
    cluster: Cluster,
    tokens: BTreeSet<String>,
}

/// Everything that a node begins with. From which checkpoint is its own affair: a damaged one leaves
/// the one before it, and the log that leads on from there.
#[derive(Clone, Debug, PartialEq)]
struct Begun {
    last_index: u64,
    /// Term, vote and commit index.
    hard_state: (u64, u64, u64),
    incarnation: [u8; 16],
    /// At the commit index.
    state_hash: [u8; 32],
    artifacts: usize,
}

impl Disk {
    async fn make() -> Outcome<Self> {
        let mut cluster = Cluster::prepare_with(1, BUSY, SMALL_CHECKPOINTS)?;
        cluster.start_all()?;
        settled(&cluster).await?;
        let door = Door::of(&cluster.address(1))?;
        door.upload(&[b'p'; 10_000]).await?;
        let clients = Clients::start_thriftily(&cluster, 8)?;
        eventually("two checkpoints and some log", SOON * 4, async || {
            let status = door.status().await.ok()?;
            let behind = status.applied_index - status.checkpoint_index;
            (status.checkpoint_index > 2_000 && behind > 300).then_some(())
        })
        .await?;
        let tokens = clients.acknowledged_so_far();
        cluster.kill_all();
        clients.stop().await?;
        fs::remove_file(cluster.data_dir(1).join(RESERVE))?;
        Ok(Self { cluster, tokens })
    }

    fn folder(&self) -> PathBuf {
        self.cluster.data_dir(1)
    }
}

/// Copies a folder and all that is in it; runs of zeros become holes.
fn copy_folder(from: &Path, to: &Path) -> Outcome<()> {
    let mut copying = process::Command::new("cp");
    let copied = copying.args(["-r", "--sparse=always"]).arg(from).arg(to).status()?;
    if copied.success() { Ok(()) } else { Err(Trouble::new("could not copy the folder")) }
}

/// Every file below `folder` that has something in it.
fn files(folder: &Path, found: &mut Vec<PathBuf>) -> Outcome<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if fs::metadata(&path)?.len() > 0 {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}

/// Turns one bit over, in a file that chance picks: mostly where something was written, now and then
/// in the zeros behind it. Says where.
fn flip(folder: &Path, chance: &mut SplitMix64) -> Outcome<String> {
    let mut found = Vec::new();
    files(folder, &mut found)?;
    let path = &found[usize::try_from(chance.next_u64() % found.len() as u64)?];
    let bytes = fs::read(path)?;
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
    let span = if chance.next_u64().is_multiple_of(8) { bytes.len() } else { written };
    let at = chance.next_u64() % span as u64;
    let bit = chance.next_u64() % 8;
    let byte = bytes[usize::try_from(at)?] ^ (1 << bit);
    File::options().write(true).open(path)?.write_all_at(&[byte], at)?;
    let name = path.strip_prefix(folder).unwrap_or(path).display();
    Ok(format!("bit {bit} of byte {at} of {} in {name}", bytes.len()))
}

/// Begins as a node does: opens the journal, thaws the newest checkpoint's state, replays what was
/// committed after it, reads every artifact.
fn begin(folder: &Path) -> Result<Begun, String> {
    let identity = Identity { cluster: "system-test".to_owned(), node_id: 1 };
    let config = JournalConfig::new(identity, [7; 16], |piece| named_by(piece).ok());
    let opened = DiskJournal::open(&folder.join("journal"), &config);
    let (journal, recovered) = opened.map_err(|failed| failed.to_string())?;
    let incarnation = journal.incarnation();
    let root =
        recovered.checkpoint.as_ref().map_or_else(|| Arc::from([]), |it| Arc::clone(&it.root));
    let machine = Machine::thaw(&root, &mut |hash| journal.piece(hash).ok().flatten());
    let mut machine = machine.map_err(|error| format!("tidegate cluster remove: {error}"))?;
    replay(&mut machine, &recovered)?;
    let store = Store::open(&folder.join("artifacts"));
    let store = store.map_err(|error| format!("artifact: {error}"))?;
    let digests = store.digests().map_err(|error| format!("artifact: {error}"))?;
    let whole =
        digests.iter().filter(|&&digest| matches!(store.verified_path(digest), Ok(Some(_))));
    let artifacts = whole.count();
    let hard = &recovered.hard_state;
    Ok(Begun {
        last_index: recovered.last_index(),
        hard_state: (hard.term, hard.vote, hard.commit),
        incarnation,
        state_hash: machine.state_hash(),
        artifacts,
    })
}

/// Applies what is known to be committed. No member changes here.
fn replay(machine: &mut Machine, recovered: &Recovered) -> Result<(), String> {
    let committed =
        recovered.entries.iter().filter(|entry| entry.index <= recovered.hard_state.commit);
    for entry in committed.filter(|entry| !entry.data.is_empty()) {
        let command = Command::decode(&entry.data).map_err(|error| error.to_string())?;
        machine.apply(Position { index: entry.index, term: entry.term }, &command);
    }
    Ok(())
}

/// Whether these words say what to do next.
fn helps(words: &str) -> bool {
    ["tidegate cluster remove", "artifact", "start the binary", "check the directory"]
        .iter()
        .any(|remedy| words.contains(remedy))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bit_that_turned_over_is_found_or_meant_nothing() -> Outcome<()> {
    let disk = Disk::make().await?;
    let work = TempDir::with_prefix("tidegate-flips-")?;
    let copied = |number: usize| -> Outcome<PathBuf> {
        let copy = work.path().join(format!("copy-{number}"));
        copy_folder(&disk.folder(), &copy)?;
        Ok(copy)
    };
    let whole = begin(&copied(0)?).map_err(Trouble::new)?;
    let flips = as_often_as("TIDEGATE_BIT_FLIPS", FLIPS);
    let (mut refused, mut nothing, mut lost_artifacts) = (0, 0, 0);
    let mut silent = Vec::new();
    for number in 1..=flips {
        let copy = copied(number)?;
        let place = flip(&copy, &mut SplitMix64::new(number as u64))?;
        match catch_unwind(AssertUnwindSafe(|| begin(&copy))) {
            Err(_) => silent.push(format!("{place}: it panicked")),
            Ok(Err(said)) if helps(&said) => refused += 1,
            Ok(Err(said)) => silent.push(format!("{place}: no way out: {said}")),
            Ok(Ok(begun)) if begun == whole => nothing += 1,
            Ok(Ok(begun)) => {
                let with_all = Begun { artifacts: whole.artifacts, ..begun.clone() };
                if with_all == whole && begun.artifacts < whole.artifacts {
                    lost_artifacts += 1; // It is seen to be damaged, and copied from a peer.
                } else {
                    silent.push(format!("{place}: {}", difference(&whole, &begun)));
                }
            }
        }
        fs::remove_dir_all(&copy)?;
    }
    println!(
        "{flips} bits: {refused} refused, {nothing} meant nothing, {lost_artifacts} artifacts not held"
    );
    assert!(silent.is_empty(), "{} not found: {silent:#?}", silent.len());
    assert!(refused > flips / 20, "hardly anything was found: nothing was tried");
    as_processes(&disk, PROCESSES.min(flips)).await
}

fn difference(whole: &Begun, begun: &Begun) -> String {
    let show = |begun: &Begun| {
        let Begun { last_index, hard_state, state_hash, artifacts, .. } = begun;
        format!(
            "last {last_index}, {hard_state:?}, state {:?}, {artifacts} artifacts",
            &state_hash[..4]
        )
    };
    format!("was [{}], is [{}]", show(whole), show(begun))
}

/// The same with the real thing: it ends and says why, or serves everything that was acknowledged.
#[expect(clippy::print_stdout, reason = "a test's helper shows as tests do")]
async fn as_processes(disk: &Disk, count: usize) -> Outcome<()> {
    let (mut refused, mut served) = (0, 0);
    let config = disk.cluster.config(1);
    let original = fs::read_to_string(&config)?;
    for number in 0..count {
        let name = format!("flipped-{number}");
        let copy = disk.cluster.dir().join(&name);
        copy_folder(&disk.folder(), &copy)?;
        let place = flip(&copy, &mut SplitMix64::new(1_000_000 + number as u64))?;
        let text = original.replace("data-dir = \"data-1\"", &format!("data-dir = \"{name}\""));
        let document = disk.cluster.dir().join(format!("{name}.toml"));
        fs::write(&document, text)?;
        match one_process(disk, &document).await? {
            Ended::Served => served += 1,
            Ended::Refused(said) if helps(&said) => refused += 1,
            Ended::Refused(said) => {
                return Err(Trouble::new(format!("{place}: no way out: {said}")));
            }
        }
        fs::remove_dir_all(&copy)?;
    }
    println!("{count} processes: {refused} refused, {served} served everything");
    Ok(())
}

/// What became of a process.
enum Ended {
    /// It ended by itself, with these words.
    Refused(String),
    /// It had everything.
    Served,
}

async fn one_process(disk: &Disk, document: &Path) -> Outcome<Ended> {
    let mut command = process::Command::new(tidegate()?);
    command.current_dir(disk.cluster.dir()).arg("serve").arg("--config").arg(document);
    let mut process = Process::start(command, document.with_extension("log"))?;
    let door = Door::of(&disk.cluster.address(1))?;
    eventually("it serves or ends", SOON, async || {
        if let Some(said) = process.has_ended().transpose() {
            return Some(said.map(Ended::Refused));
        }
        let leads = door.status().await.ok()?.leader_id == 1;
        if !leads {
            return None;
        }
        Some(are_kept(&disk.tokens, &door).await.map(|()| Ended::Served))
    })
    .await?
}
