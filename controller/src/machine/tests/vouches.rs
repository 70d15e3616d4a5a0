//! Is a node whose state differs found, and no other?

use std::collections::BTreeSet;

use expect_test::expect;

use super::check;
use super::script::{one, run};
use super::world::World;
use crate::machine::vouches::VOUCH_EVERY;
use crate::machine::{Machine, Position};

/// Three voters and a learner, at index 9.
const FOUR: &str = "bootstrap free nodes=3
     add 4
     register 1
     register 2
     register 3
     register 4
     tick 0s x3";

fn after(vouches: &str) -> Machine {
    let mut world = World::new();
    run(&mut world, FOUR);
    run(&mut world, vouches);
    world.finish();
    world.machine
}

#[test]
fn a_vouch_is_kept_once_and_those_of_the_oldest_index_leave_first() {
    check(
        &format!(
            "{FOUR}
             ---
             vouch 1 index=5
             vouch 1 index=5
             vouch 1 index=5 hash=8
             vouch 2 index=5
             vouch 1 index=4
             vouch 1 index=6
             vouch 1 index=7
             vouch 2 index=3
             vouch 1 index=8
             vouch 3 index=4
             vouch 3 index=5"
        ),
        &expect![[r#"
            vouch 1 index=5
                ok; node 1 vouched for 5
            vouch 1 index=5
                ok
            vouch 1 hash=8 index=5
                ok; node 1 vouched for 5
            vouch 2 index=5
                ok; node 2 vouched for 5
            vouch 1 index=4
                ok; node 1 vouched for 4
            vouch 1 index=6
                ok; node 1 vouched for 6
            vouch 1 index=7
                ok; node 1 vouched for 7
            vouch 2 index=3
                ok
            vouch 1 index=8
                ok; node 1 vouched for 8
            vouch 3 index=4
                ok
            vouch 3 index=5
                ok; node 3 vouched for 5
        "#]],
    );
}

#[test]
fn a_vouch_of_a_stranger_or_for_what_cannot_be_there_yet_is_refused() {
    check(
        &format!(
            "{FOUR}
             ---
             vouch 7 index=5
             vouch 1 index=10
             vouch 1 index=10
             remove 4
             vouch 4 index=5"
        ),
        &expect![[r#"
            vouch 7 index=5
                UNKNOWN_MEMBER
            vouch 1 index=10
                ok; node 1 vouched for 10
            vouch 1 index=10
                ok
            remove 4
                ok; members/4 member.removed by ada: it left for good
            vouch 4 index=5
                MEMBER_REMOVED
        "#]],
    );
}

#[test]
fn a_check_is_recorded_with_who_asked_and_every_node_is_due() {
    let mut world = World::new();
    run(&mut world, FOUR);
    let check = one(&mut world, "check-state by=eve");
    let asked = world.apply(&check);
    assert!(world.machine.vouch_is_due(&asked));
    let tick = one(&mut world, "tick 0s");
    let ticked = world.apply(&tick);
    assert!(!world.machine.vouch_is_due(&ticked));
    let record = world.machine.records().on("cluster").next().unwrap();
    assert_eq!(record.note.actor, "eve");
    let mut due = Vec::new();
    while due.len() < 2 {
        let at = Position { index: world.machine.applied() + 1, term: 1 };
        let ticked = world.machine.apply(at, &tick);
        if world.machine.vouch_is_due(&ticked) {
            due.push(world.machine.applied());
        }
    }
    assert_eq!(due, [VOUCH_EVERY, 2 * VOUCH_EVERY]);
}

#[test]
fn who_differs_from_a_majority_of_the_voters_must_stop_and_nobody_else() {
    let said = |vouches: &str, own: u8| {
        after(vouches).diverged(5, [own; 32]).map(|divergence| divergence.to_string())
    };
    let two = "vouch 1 index=5 hash=7\nvouch 2 index=5 hash=7";
    assert_eq!(said("vouch 1 index=5 hash=7", 8), None, "one voice is no majority");
    assert_eq!(said(two, 7), None);
    expect!["the state at log index 5 has the hash 0808080808080808 here, and 0707070707070707 on the nodes 1, 2, a majority: keep this node's folder for an inquiry, remove the node with `tidegate cluster remove`, and add one with a new id and an empty folder"].assert_eq(&said(two, 8).unwrap());
    let with_learner = "vouch 1 index=5 hash=7\nvouch 4 index=5 hash=7";
    assert_eq!(said(with_learner, 8), None, "a learner has no voice");
    assert_eq!(after(two).diverged(6, [8; 32]), None, "nothing was said of that index");
}

#[test]
fn where_no_majority_can_be_found_everybody_must_stop() {
    let split = "vouch 1 index=5 hash=7\nvouch 2 index=5 hash=8";
    assert_eq!(after(split).diverged(5, [7; 32]), None, "the third may still decide");
    let three = format!("{split}\nvouch 3 index=5 hash=9");
    let said: BTreeSet<String> = [7, 8, 9, 10]
        .map(|own| after(&three).diverged(5, [own; 32]).unwrap().to_string())
        .into_iter()
        .collect();
    expect!["the voters disagree on the state at log index 5 (1: 0707070707070707, 2: 0808080808080808, 3: 0909090909090909), and no majority has the same: keep every folder for an inquiry, and restore a backup with `tidegate cluster restore`"].assert_eq(&said.into_iter().collect::<Vec<_>>().join(
        "
",
    ));
}

#[test]
fn an_index_with_nothing_said_or_before_the_cluster_accuses_nobody() {
    assert_eq!(Machine::new().diverged(1, [7; 32]), None);
    assert_eq!(Machine::new().vouches().iter().count(), 0);
}
