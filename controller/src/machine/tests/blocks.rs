//! Does what is on the block-list never come in, and never go on?

use expect_test::expect;

use crate::machine::block_event::BlockEvent;
use crate::machine::command::{Action, OfBlock};
use crate::machine::ids::Blocked;

use super::check;
use super::script::{Words, read, run};
use super::world::{World, artifact};

/// An event in the words of transcripts.
pub(super) fn show(event: &BlockEvent) -> String {
    match event {
        BlockEvent::Created(block) => format!("blocked by {}: {}", block.actor, block.reason),
        BlockEvent::Lifted { actor, reason, .. } => format!("unblocked by {actor}: {reason}"),
    }
}

/// `block 113.1 reason=why`, or an artifact of it: `113.1/k1`; `unblock` in the same words.
pub(super) fn action(words: &Words<'_>) -> Action {
    let what = match words.at(0).split_once('/') {
        Some((version, kernel)) => Blocked::Artifact(artifact(version, kernel)),
        None => Blocked::Version(read(words.at(0))),
    };
    let of = OfBlock { what, reason: words.get("reason").unwrap_or_default().to_owned() };
    if words.verb() == "block" { Action::CreateBlock(of) } else { Action::LiftBlock(of) }
}

/// h1 is in flight, h2 has an offer.
const ON_ITS_WAY: &str = "fleet 3
     create r1 113.1
     start r1
     tick 0s
     tick 1s asking=h1,h2
     begin h1
     report h1 applied";

#[test]
fn what_is_on_its_way_is_halted_in_the_entry_that_blocks_it() {
    check(
        &format!(
            "{ON_ITS_WAY}
             ---
             block 113.1 reason=recalled by=eve
             begin h2
             tick 1s heard=h1 asking=h3
             resume r1 reason=sure
             block 113.1 reason=again by=eve
             unblock 113.1
             unblock 113.1 reason=mistaken by=ada
             begin h2
             resume r1 reason=sure
             tick 1s heard=h1 asking=h2"
        ),
        &expect![[r#"
            block 113.1 by=eve reason=recalled
                ok; blocked by eve: recalled; HALT r1 by eve, epoch 2: 113.1 was blocked: recalled; g1 of h2 withdrawn
            begin h2
                no-go Halted, again never
            tick 1s asking=h3 heard=h1
                ok; g2 of h1 heard
            resume r1 reason=sure
                BLOCKED
            block 113.1 by=eve reason=again
                ok
            unblock 113.1
                REASON_MISSING
            unblock 113.1 by=ada reason=mistaken
                ok; unblocked by ada: mistaken
            begin h2
                no-go Halted, again never
            resume r1 reason=sure
                ok; resumed r1, acknowledged []
            tick 1s asking=h2 heard=h1
                ok; g2 of h1 heard; g3 offered to h2, epoch 3
        "#]],
    );
}

#[test]
fn an_artifact_stops_every_patch_set_that_holds_its_bytes() {
    check(
        &format!(
            "{ON_ITS_WAY}
             publish 114.1 k1 holds=113.1
             create r2 114.1
             ---
             block 113.1/k1 reason=miscompiled by=eve
             begin h2
             start r2
             publish 115.1 k1 holds=113.1
             block 113.1/k1 reason=again"
        ),
        &expect![[r#"
            block 113.1/k1 by=eve reason=miscompiled
                ok; blocked by eve: miscompiled; HALT r1 by eve, epoch 2: a9c30bec7a6f4a720111e362f6c8432ed5d91201765772a6842b77258478607b was blocked: miscompiled; g1 of h2 withdrawn
            begin h2
                no-go Halted, again never
            start r2
                BLOCKED
            publish 115.1 k1 holds=113.1
                BLOCKED
            block 113.1/k1 reason=again
                ok
        "#]],
    );
}

#[test]
fn a_version_that_is_not_there_yet_never_comes_in() {
    check(
        "fleet 1
         blob 114.1 k1
         ---
         block 114.1 reason=recalled
         publish 114.1 k1
         unblock 115.1 reason=mistaken
         unblock 114.1 reason=mistaken
         publish 114.1 k1",
        &expect![[r#"
            block 114.1 reason=recalled
                ok; blocked by ada: recalled
            publish 114.1 k1
                BLOCKED
            unblock 115.1 reason=mistaken
                UNKNOWN_BLOCK
            unblock 114.1 reason=mistaken
                ok; unblocked by ada: mistaken
            publish 114.1 k1
                ok; published 114.1
        "#]],
    );
}

#[test]
fn what_is_blocked_is_neither_drafted_nor_started() {
    check(
        "fleet 1
         create r1 113.1
         block 113.1 reason=recalled
         ---
         create r2 113.1
         start r1",
        &expect![[r#"
            create r2 113.1
                BLOCKED
            start r1
                BLOCKED
        "#]],
    );
}

#[test]
fn a_paused_rollout_is_halted_too_and_a_completed_one_serves_nobody_any_more() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         tick 0s
         pause r1 reason=wait
         ---
         block 113.1 reason=recalled",
        &expect![[r#"
            block 113.1 reason=recalled
                ok; blocked by ada: recalled; HALT r1 by ada, epoch 2: 113.1 was blocked: recalled
        "#]],
    );
    check(
        "fleet 1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 applied
         tick 4s heard=h1
         report h1 soaked
         ---
         block 113.1 reason=recalled
         enrol h2 free
         tick 1s heard=h1 asking=h2",
        &expect![[r#"
            block 113.1 reason=recalled
                ok; blocked by ada: recalled; HALT r1 by ada, epoch 2: 113.1 was blocked: recalled
            enrol h2 free
                h2 in free; h2 enrolled with free in free
            tick 1s asking=h2 heard=h1
                ok
        "#]],
    );
}

#[test]
fn a_halt_that_stands_and_a_withdrawal_are_left_as_they_are() {
    check(
        &format!(
            "{ON_ITS_WAY}
             halt r1 reason=odd
             ---
             block 113.1 reason=recalled
             rollback r1 reason=bad
             block 113.1/k1 reason=recalled"
        ),
        &expect![[r#"
            block 113.1 reason=recalled
                ok; blocked by ada: recalled
            rollback r1 reason=bad
                ok; WITHDRAWN 113.1 by ada, epoch 3: bad; r1 rolls back
            block 113.1/k1 reason=recalled
                ok; blocked by ada: recalled
        "#]],
    );
}

#[test]
fn a_full_list_takes_no_more_and_says_so() {
    let mut world = World::new();
    let lines: Vec<String> = (0..1_000).map(|n| format!("block {n}.1 reason=recalled")).collect();
    run(&mut world, &format!("bootstrap free\n{}", lines.join("\n")));
    assert_eq!(world.machine.blocks().len(), 1_000);
    run(&mut world, "block 5000.1 reason=recalled");
    assert_eq!(world.machine.blocks().len(), 1_000, "the list took one more");
    world.finish();
}
