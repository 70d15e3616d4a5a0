//! Is damage ever taken for a power cut's work, or for data?

use super::super::LogScrubber;
use super::memory::{Image, Memory};
use super::trace::{CONFIG, Luck, batch, create, entry, open};
use crate::journal::Violation;

/// A small log with a sealed file, a newest one, and a spare.
fn small() -> Image {
    let folder = Memory::default();
    let mut log = create(&folder);
    for index in 1..=8 {
        log.append(&batch(vec![entry(index, 1, 1100)], None)).unwrap();
        log.sync().unwrap();
    }
    let mut hard_state = raft::eraftpb::HardState { term: 1, vote: 2, ..Default::default() };
    for commit in 1..=3 {
        hard_state.commit = commit;
        log.append(&batch(Vec::new(), Some(hard_state.clone()))).unwrap();
    }
    log.sync().unwrap();
    drop(log);
    folder.image()
}

#[test]
fn every_flipped_bit_is_refused() {
    let whole = small();
    assert_eq!(whole.len(), 3);
    open(&whole).unwrap();
    let mut flips = 0;
    for number in whole.keys() {
        for bit in 0..whole[number].len() * 8 {
            let mut image = whole.clone();
            image.get_mut(number).unwrap()[bit / 8] ^= 1 << (bit % 8);
            let Err(found) = open(&image) else { panic!("bit {bit} of file {number} is silent") };
            assert!(
                matches!(found, Violation::Damaged { .. } | Violation::Lost),
                "bit {bit} of file {number}: {found}"
            );
            flips += 1;
        }
    }
    println!("{flips} flipped bits, all refused");
}

#[test]
fn a_durable_sector_that_became_zero_is_refused_wherever_a_later_frame_knows_better() {
    let whole = small();
    let (_, _, contents) = open(&whole).unwrap();
    let mut silent = 0;
    for number in whole.keys() {
        for at in (0..whole[number].len()).step_by(512) {
            let mut image = whole.clone();
            let sector = &mut image.get_mut(number).unwrap()[at..at + 512];
            let was_blank = sector.iter().all(|byte| *byte == 0);
            sector.fill(0);
            if let Ok((_, _, found)) = open(&image)
                && !was_blank
            {
                // Only the frames of the last sync may look like a power cut.
                assert_eq!(found.entries, contents.entries);
                silent += 1;
            }
        }
    }
    assert!(silent <= 3, "{silent}");
}

#[test]
fn another_journals_file_and_a_missing_file_are_refused() {
    let whole = small();
    let mut image = whole.clone();
    image.remove(&2);
    let found = open(&image).err().unwrap();
    assert!(found.to_string().contains("the file is missing"), "{found}");
    // Without its first file the log begins later: whether a checkpoint reaches that far is the
    // caller's question.
    let mut image = whole.clone();
    image.remove(&1);
    assert!(open(&image).unwrap().2.begin > 0);
    let other = crate::journal::log::LogConfig { incarnation: [8; 16], ..CONFIG };
    let folder = std::sync::Arc::new(Memory::from_image(&whole));
    let found = super::super::Log::open(folder, other).err().unwrap();
    assert!(found.to_string().contains("it belongs to another journal"), "{found}");
}

#[test]
fn the_scrubber_reads_everything_and_finds_every_durable_flip() {
    let whole = small();
    let (folder, log, _) = open(&whole).unwrap();
    let mut scrubber: LogScrubber<Memory> = log.scrubber();
    let mut rounds = 0;
    let mut bytes = 0;
    while rounds < 2 {
        let (read, is_over) = scrubber.scrub(700).unwrap();
        bytes += read;
        rounds += u64::from(is_over);
    }
    assert!(bytes > 2 * 12 * 512, "{bytes}");
    drop(log);
    let mut luck = Luck(3);
    for _ in 0..400 {
        let (_, log, _) = open(&whole).unwrap();
        drop(log);
        let (flipped, log, _) = open(&folder.image()).unwrap();
        let number = 1 + luck.below(2);
        let file = &whole[&number];
        let written = file.iter().rposition(|byte| *byte != 0).unwrap();
        let bit = usize::try_from(luck.below(u64::try_from(written * 8).unwrap())).unwrap();
        flip(&flipped, number, bit);
        let mut scrubber = log.scrubber();
        let found = loop {
            match scrubber.scrub(4096) {
                Ok((_, true)) => break None,
                Ok((_, false)) => (),
                Err(found) => break Some(found),
            }
        };
        assert!(matches!(found, Some(Violation::Damaged { .. })), "bit {bit} of file {number}");
    }
}

fn flip(folder: &Memory, number: u64, bit: usize) {
    use super::super::folder::{Folder as _, SegmentFile as _};
    let file = folder.open(number).unwrap();
    let mut byte = [0];
    let at = u64::try_from(bit / 8).unwrap();
    file.read(at, &mut byte).unwrap();
    byte[0] ^= 1 << (bit % 8);
    file.write(at, &byte).unwrap();
}
