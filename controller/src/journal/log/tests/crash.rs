//! Does a power cut at any moment, with any part of what was not synced, lose or invent anything?

use raft::eraftpb::HardState;

use super::super::Contents;
use super::memory::{Fault, Image, Op};
use super::trace::{Luck, Trace, after, batch, entry, open, record};

const SECTOR: usize = 512;

/// A sector that was written and not synced: its file, its place, its content.
type Unsynced = (u64, usize, Vec<u8>);

/// The disk at one moment.
#[derive(Clone, Default)]
struct Disk {
    durable: Image,
    unsynced: Vec<Unsynced>,
    given: usize,
    promised: Option<usize>,
    compacted: u64,
}

impl Disk {
    fn take(&mut self, op: &Op) {
        match op {
            Op::Make { number, bytes } => {
                self.unsynced.retain(|(file, ..)| file != number);
                self.durable.insert(*number, vec![0; usize::try_from(*bytes).unwrap()]);
            }
            Op::Write { number, at, content } => {
                let begin = usize::try_from(*at).unwrap();
                let sectors = content.chunks(SECTOR).zip((begin..).step_by(SECTOR));
                let sectors = sectors.map(|(sector, at)| (*number, at, sector.to_vec()));
                self.unsynced.extend(sectors);
            }
            Op::Sync { number } => {
                let all = std::mem::take(&mut self.unsynced);
                let (synced, unsynced) = all.into_iter().partition(|(file, ..)| file == number);
                self.unsynced = unsynced;
                put(&mut self.durable, &synced);
            }
            Op::Remove { number } => {
                self.unsynced.retain(|(file, ..)| file != number);
                self.durable.remove(number);
            }
            Op::Given(state) => self.given = *state,
            Op::Promised(state) => self.promised = Some(*state),
            Op::Compacted(index) => self.compacted = *index,
        }
    }

    /// What may be on the disk after the power went: nothing of what was not synced, all of it,
    /// each sector alone, all but each, and some by chance.
    fn cuts(&self, luck: &mut Luck) -> Vec<Image> {
        let sectors = self.unsynced.len();
        let mut kept: Vec<Vec<bool>> = vec![vec![false; sectors]];
        if sectors > 0 {
            kept.push(vec![true; sectors]);
        }
        for one in 0..sectors {
            kept.push((0..sectors).map(|sector| sector == one).collect());
            kept.push((0..sectors).map(|sector| sector != one).collect());
        }
        if sectors > 1 {
            let by_chance = |_| (0..sectors).map(|_| luck.below(2) == 0).collect();
            kept.extend((0..8).map(by_chance));
        }
        kept.into_iter().map(|kept| self.image(&kept)).collect()
    }

    fn image(&self, kept: &[bool]) -> Image {
        let mut image = self.durable.clone();
        let kept = self.unsynced.iter().zip(kept).filter(|(_, kept)| **kept);
        put(&mut image, &kept.map(|(sector, _)| sector.clone()).collect::<Vec<_>>());
        image
    }
}

fn put(image: &mut Image, sectors: &[Unsynced]) {
    for (number, at, sector) in sectors {
        image.get_mut(number).unwrap()[*at..at + sector.len()].copy_from_slice(sector);
    }
}

/// Which state a log that was opened holds; it must be one that was given, and no older one than
/// was promised.
fn state_of(trace: &Trace, disk: &Disk, found: &Contents) -> Result<usize, String> {
    let promised = disk.promised.unwrap_or(0);
    let is_state = |state: &Contents| {
        let entries = state.entries.iter().filter(|entry| entry.index > found.begin);
        let may_begin =
            found.begin >= state.begin && found.begin <= disk.compacted.max(state.begin);
        may_begin
            && found.last() == state.last()
            && found.hard_state == state.hard_state
            && found.entries.iter().eq(entries)
    };
    let mut states = trace.states[promised..=disk.given].iter();
    let state = states.position(is_state);
    state.map(|state| state + promised).ok_or_else(|| {
        format!(
            "states {promised} to {} were possible; it holds {} to {}, {:?}",
            disk.given,
            found.begin,
            found.last(),
            found.hard_state
        )
    })
}

/// Opens what a power cut left, checks it, and sees whether the log goes on.
fn check(trace: &Trace, disk: &Disk, image: &Image) -> Result<Vec<Op>, String> {
    let (folder, mut log, contents) = open(image).map_err(|violation| violation.to_string())?;
    let recovery = folder.ops();
    let state = state_of(trace, disk, &contents)?;
    let hard_state = HardState { term: 1 << 40, ..contents.hard_state.clone() };
    let batch = batch(vec![entry(contents.last() + 1, 1 << 40, 700)], Some(hard_state));
    log.append(&batch).map_err(|failed| failed.to_string())?;
    log.sync().map_err(|failed| failed.to_string())?;
    drop(log);
    let (_, _, again) = open(&folder.image()).map_err(|violation| violation.to_string())?;
    if again != after(&contents, &batch) {
        return Err(format!("state {state} and one batch more is not what comes back"));
    }
    Ok(recovery)
}

/// Every moment of `trace`. How many cuts were checked; the first that went wrong, otherwise.
fn check_all(trace: &Trace, cut_twice: u64) -> Result<(usize, usize), String> {
    let (mut disk, mut luck) = (Disk::default(), Luck(5));
    let (mut cuts, mut second_cuts) = (0, 0);
    for (moment, op) in trace.ops.iter().enumerate() {
        disk.take(op);
        if disk.promised.is_none() {
            continue; // Before there is a log, nothing was promised.
        }
        for image in disk.cuts(&mut luck) {
            let said = |what| format!("after operation {moment}: {what}");
            let recovery = check(trace, &disk, &image).map_err(said)?;
            cuts += 1;
            if luck.below(cut_twice) > 0 {
                continue;
            }
            let mut again = Disk { durable: image, unsynced: Vec::new(), ..disk.clone() };
            for op in &recovery {
                again.take(op);
                for image in again.cuts(&mut luck) {
                    check(trace, &again, &image).map_err(said)?;
                    second_cuts += 1;
                }
            }
        }
    }
    Ok((cuts, second_cuts))
}

#[test]
fn no_power_cut_loses_what_was_promised_or_invents_anything() {
    let (mut cuts, mut second_cuts) = (0, 0);
    for seed in 1..=3 {
        let trace = record(seed, 200, Fault::None);
        let (first, second) =
            check_all(&trace, 200).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        cuts += first;
        second_cuts += second;
    }
    println!("{cuts} power cuts, and {second_cuts} in the recovery from one");
    assert!(cuts >= 10_000, "{cuts}");
}

#[test]
fn the_check_objects_to_a_log_that_skips_its_syncs() {
    let objection = check_all(&record(1, 200, Fault::SkippedSyncs), 20).unwrap_err();
    println!("{objection}");
}

#[test]
fn the_check_objects_to_a_log_without_tags() {
    let objection = check_all(&record(1, 200, Fault::NoTags), 20).unwrap_err();
    println!("{objection}");
}
