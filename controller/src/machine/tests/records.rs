//! Does the chain of records show who did what, and any change to it?

use expect_test::expect;
use tidegate_policies::decide::VerdictKind;

use super::script::run;
use super::world::World;
use crate::machine::clock::Clock;
use crate::machine::frozen::sections::RECORDS;
use crate::machine::records::{MAX_RECORDS, Note, Record, Records};
use crate::machine::table::Table;
use crate::machine::{Machine, Position};

const STORY: &str = "fleet 2
     create r1 113.1 free=50%,100% crashed=1
     start r1 by=bob
     tick 0s
     tick 1s asking=h1,h2
     promote r1 force=hurry by=eve
     tick 1s asking=h1,h2
     begin h1
     pause r1 by=ada
     resume r1 by=ada
     report h1 crashed
     resume r1 reason=known by=eve";

fn told() -> Machine {
    let mut world = World::new();
    run(&mut world, STORY);
    world.finish();
    world.machine
}

#[test]
fn every_decision_leaves_a_record_with_its_actor_and_reason() {
    let machine = told();
    let mut shown: Vec<String> = machine
        .records()
        .on("rollouts/r1")
        .map(|record| {
            let note = &record.note;
            format!("{} {} {}: {}\n", record.index, note.actor, note.event, note.detail)
        })
        .collect();
    shown.reverse();
    expect![[r#"
        7 ada rollout.created: patch set 113.1, policy test
        8 bob rollout.started: 0 hosts drawn
        8 bob rollout.wave.started: free wave 1/2 (50%): the rollout was started
        8 judge rollout.verdict: hold: fleet-heard: a new leader waits for a full beat interval of reports before silence counts
        10 judge rollout.verdict: continue, waits on coverage: 0 of the wave's 1 hosts have begun and not refused; it needs 1 (100%)
        11 eve rollout.wave.started: free wave 2/2 (100%): forced: hurry
        11 judge rollout.verdict: continue, waits on coverage: 0 of the wave's 2 hosts have begun and not refused; it needs 2 (100%)
        14 ada rollout.paused: 
        15 ada rollout.resumed:  (0 failures acknowledged)
        16 judge rollout.verdict: halt: guard-rail/crashed: 1 crashed host; 1 halt
        16 judge rollout.halted: guard-rail/crashed was crossed: 1 crashed host; 1 halt; 1 crashed, 0 failed, 0 stalled, 0 silent of 1 begun; epoch 2
        17 eve rollout.resumed: known (1 failures acknowledged)
        17 judge rollout.verdict: continue, waits on coverage: 1 of the wave's 2 hosts have begun and not refused; it needs 2 (100%)
    "#]].assert_eq(&shown.concat());
}

#[test]
fn every_recorded_verdict_is_computed_again_from_its_inputs() {
    let machine = told();
    let verdicts = machine.records().newest_first().filter_map(|record| {
        let word = match record.basis.as_ref()?.judge().kind {
            VerdictKind::Continue => "continue",
            VerdictKind::Promote => "promote",
            VerdictKind::Hold => "hold",
            VerdictKind::Halt => "halt",
        };
        assert_eq!(record.note.detail.split([',', ':']).next(), Some(word));
        Some(())
    });
    assert!(verdicts.count() > 3);
}

#[test]
fn a_verdict_is_replayed_from_its_record_to_the_bit() {
    let machine = told();
    let rollout = &machine.rollouts()[&"r1".parse::<crate::machine::ids::RolloutId>().unwrap()];
    let indices: Vec<u64> = machine
        .records()
        .newest_first()
        .filter(|record| record.verdict.is_some())
        .map(|record| record.index)
        .collect();
    assert!(indices.len() > 3);
    for index in &indices {
        let replayed = machine.replay(rollout, *index).unwrap();
        assert!(replayed.is_same(), "{replayed:?}");
        assert_eq!(replayed.index, *index);
    }
    assert_eq!(machine.replay(rollout, 0).map(|newest| newest.index), indices.first().copied());
    assert_eq!(machine.replay(rollout, 1), None);
}

#[test]
fn a_chain_with_any_byte_flipped_is_found() {
    let machine = told();
    assert!(machine.records().first_broken().is_none());
    let bytes = written(machine.records());
    let mut read = 0;
    for at in 0..bytes.len() {
        if let Some(records) = flipped(&bytes, at) {
            assert!(records.first_broken().is_some(), "byte {at} of {}", bytes.len());
            read += 1;
        }
    }
    assert!(read > bytes.len() / 2, "most damage still reads as records");
}

#[test]
fn the_oldest_record_leaves_at_the_limit_and_the_next_is_still_checked() {
    let mut records = Records::default();
    let clock = Clock::default();
    for index in 0..=MAX_RECORDS as u64 {
        let word = |text: &str| text.to_owned();
        let note =
            Note { actor: word("a"), event: word("e"), subject: word("s"), detail: word("") };
        records.write(Position { index, term: 1 }, &clock, note, None);
    }
    assert_eq!(records.newest_first().count(), MAX_RECORDS);
    assert_eq!(records.newest_first().last().map(|record| record.sequence), Some(2));
    assert!(records.first_broken().is_none());
    let bytes = written(&records);
    // Two bytes of length, one of sequence, then the index of the oldest record.
    let damaged = flipped(&bytes, 3).unwrap();
    assert_eq!(damaged.first_broken().map(|record| record.sequence), Some(2));
}

/// The records as bytes, oldest first, and where their chain stands.
fn written(records: &Records) -> Vec<u8> {
    let mut kept: Vec<Record> = records.newest_first().collect();
    kept.reverse();
    postcard::to_stdvec(&(kept, records.chain())).unwrap()
}

/// The records in `bytes` with one bit flipped, where that still reads.
fn flipped(bytes: &[u8], at: usize) -> Option<Records> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    let (kept, chain): (Vec<Record>, _) = postcard::from_bytes(&bytes).ok()?;
    let mut table = Table::new(RECORDS);
    kept.iter().for_each(|record| table.insert(record.sequence, record));
    Some(Records::of_table(table, chain))
}
