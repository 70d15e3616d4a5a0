//! Does a command stand for what its caller saw, at the index of its own entry?

use expect_test::expect;

use super::check;
use super::script::run;
use super::world::World;
use crate::machine::ids::RolloutId;

fn etag(world: &World) -> String {
    world.machine.rollouts()[&"r1".parse::<RolloutId>().unwrap()].etag().to_string()
}

#[test]
fn a_command_for_a_rollout_as_it_was_is_refused_and_one_for_it_as_it_is_is_taken() {
    let mut world = World::new();
    run(&mut world, "fleet 2\ncreate r1 113.1 free=50%,100% soak=60s");
    let draft = etag(&world);
    run(&mut world, &format!("start r1 if={draft}"));
    let started = etag(&world);
    assert_ne!(draft, started, "a start is a change");
    let said = run(&mut world, &format!("promote r1 force=now if={draft}"));
    assert!(said.ends_with("ETAG_MISMATCH\n"), "{said}");
    assert_eq!(etag(&world), started, "a refusal is none");
    let said = run(&mut world, &format!("promote r1 force=now if={started}"));
    assert!(said.contains("ok; free wave 2/2"), "{said}");
    assert_ne!(etag(&world), started);
    world.finish();
}

#[test]
fn what_hosts_do_between_the_look_and_the_entry_is_a_change_too() {
    let mut world = World::new();
    run(&mut world, "fleet 2\ncreate r1 113.1 free=50%,100%\nstart r1\ntick 0s");
    let seen = etag(&world);
    run(&mut world, "tick 1s asking=h1,h2");
    let said = run(&mut world, &format!("promote r1 force=now if={seen}"));
    assert!(said.ends_with("ETAG_MISMATCH\n"), "{said}");
    world.finish();
}

#[test]
fn a_request_that_was_taken_is_answered_again_although_its_etag_is_old_by_then() {
    check(
        "fleet 1
         create r1 113.1 free=10%,100%
         ---
         start r1 if=6 as=s1
         start r1 if=6 as=s1
         start r1 if=6 as=s2
         resume r1 reason=a if=6 as=s2",
        &expect![[r#"
            start r1 as=s1 if=6
                ok; started r1, drawn []; free wave 1/2 (10%) by ada: the rollout was started; verdict hold (fleet-heard)
            start r1 as=s1 if=6
                ok
            start r1 as=s2 if=6
                ETAG_MISMATCH
            resume r1 as=s2 if=6 reason=a
                ETAG_MISMATCH
        "#]],
    );
}

#[test]
fn nobody_has_seen_what_is_not_there() {
    check(
        "fleet 1
         ---
         start r1 if=1
         token t2 free 3 if=1
         create r1 113.1 if=1
         add 4 if=1",
        &expect![[r#"
            start r1 if=1
                UNKNOWN_ROLLOUT
            token t2 free 3 if=1
                ETAG_MISMATCH
            create r1 113.1
                ETAG_MISMATCH
            add 4 if=1
                ETAG_MISMATCH
        "#]],
    );
}
