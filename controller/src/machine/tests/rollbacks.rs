//! Is what was withdrawn taken back from every host, and does it never come back by itself?

use expect_test::expect;

use crate::machine::ids::{RolloutId, Version};
use crate::machine::incidents::IncidentState;
use crate::machine::rollouts::{Rollout, State};

use super::check;
use super::script::run;
use super::world::{World, host};

/// Of six hosts h1 is verified, h2 soaks, h3 has begun, h4 has failed, h5 has an offer, h6 nothing.
const FLEET: &str = "fleet 6
     create r1 113.1 failed=9
     start r1
     tick 0s
     tick 1s asking=h1..h5
     begin h1..h4
     report h1,h2 applied
     report h4 degraded
     tick 5s heard=h1..h3
     tick 5s heard=h1..h3
     report h1 soaked
     tick 1s heard=h1..h3 asking=h5";

fn world() -> World {
    let mut world = World::new();
    run(&mut world, FLEET);
    world
}

fn rollout(world: &World) -> &Rollout {
    &world.machine.rollouts()[&"r1".parse::<RolloutId>().unwrap()]
}

/// Hosts told to revert, and hosts owed a reboot.
fn owing(world: &World) -> (u64, u64) {
    let version: Version = "113.1".parse().unwrap();
    let withdrawn = world.machine.patch_sets()[&version].withdrawn.as_ref();
    withdrawn.map_or((0, 0), |of| (of.owing.reverts, of.owing.reboots))
}

#[test]
fn a_rollback_withdraws_every_offer_in_its_entry_and_nobody_begins_after_it() {
    check(
        &format!(
            "{FLEET}
             ---
             rollback r1 reason=bad by=eve
             begin h5
             begin h3
             tick 1s heard=h1..h3 asking=h1..h6"
        ),
        &expect![[r#"
            rollback r1 by=eve reason=bad
                ok; WITHDRAWN 113.1 by eve, epoch 2: bad; g6 of h5 withdrawn; r1 rolls back
            begin h5
                no-go Withdrawn, again never
            begin h3
                no-go Withdrawn, again never
            tick 1s asking=h1..h6 heard=h1..h3
                ok; g2 of h2 heard; g1 of h3 heard
        "#]],
    );
}

#[test]
fn whoever_may_run_it_in_the_present_boot_is_on_the_ledger() {
    let mut world = world();
    assert_eq!(owing(&world), (0, 0));
    run(&mut world, "rollback r1 reason=bad");
    let owes = |name: &str| world.machine.owed_by(host(name)).count();
    assert_eq!(["h1", "h2", "h3", "h4", "h5", "h6"].map(owes), [1, 1, 1, 1, 0, 0]);
    assert_eq!(owing(&world), (4, 0));
    world.finish();
}

#[test]
fn a_host_leaves_the_ledger_by_its_word_or_by_another_boot_and_with_the_last_it_is_rolled_back() {
    check(
        &format!(
            "{FLEET}
             rollback r1 reason=bad
             ---
             report h1 reverted
             report h2 reverted
             report h1 reverted
             report h3 not-reverted
             report h4 started boot=b2
             report h3 started boot=b2"
        ),
        &expect![[r#"
            report h1 reverted
                counted; g5 of h1 reverted
            report h2 reverted
                counted; g2 of h2 reverted
            report h1 reverted
                counted
            report h3 not-reverted
                counted; h3 owes a reboot for 113.1
            report h4 started boot=b2
                counted; h4 runs k1 in b2
            report h3 started boot=b2
                counted; g1 of h3 crashed: the host rebooted without a goodbye, and left no kernel evidence; h3 runs k1 in b2; r1 is rolled back
        "#]],
    );
}

#[test]
fn hosts_that_revert_on_command_are_no_failures_and_failures_stay_counted() {
    let mut world = world();
    run(&mut world, "rollback r1 reason=bad\nreport h1,h2,h3,h4 reverted");
    let counts = rollout(&world).counts;
    assert_eq!((counts.begun, counts.reverted, counts.failed), (4, 3, 1));
    assert_eq!((counts.verified, counts.in_flight), (0, 0));
    assert_eq!(rollout(&world).unacknowledged.exposed(), 1);
    assert_eq!(rollout(&world).state, State::RolledBack);
    world.finish();
}

#[test]
fn a_revert_that_nobody_asked_for_is_a_failure_as_ever() {
    check(
        &format!(
            "{FLEET}
             ---
             report h2 reverted"
        ),
        &expect![[r#"
            report h2 reverted
                counted; g2 of h2 failed: the livepatch was reverted on the host
        "#]],
    );
}

#[test]
fn a_host_that_cannot_revert_is_owed_a_reboot_until_it_boots_or_can_after_all() {
    let mut world = world();
    run(&mut world, "rollback r1 reason=bad\nreport h1,h2 not-reverted");
    assert_eq!(owing(&world), (2, 2));
    run(&mut world, "report h1 reverted\nreport h2 started boot=b2");
    assert_eq!(owing(&world), (2, 0));
    world.finish();
}

#[test]
fn what_was_never_in_the_kernel_is_on_no_ledger() {
    let mut world = World::new();
    run(
        &mut world,
        "fleet 5
         create r1 113.1 failed=9 stalled=9
         start r1
         tick 0s
         tick 1s asking=h1..h5
         begin h1..h5
         report h1 failed
         report h2 refused
         report h3 turned-back
         report h4 stalled
         report h5 applied goodbye
         rollback r1 reason=bad",
    );
    let owes = |name: &str| world.machine.owed_by(host(name)).count();
    assert_eq!(["h1", "h2", "h3", "h4", "h5"].map(owes), [0, 0, 0, 1, 1]);
    world.finish();
}

#[test]
fn a_stall_that_was_turned_back_later_stays_a_stall_and_leaves_nothing_in_the_kernel() {
    let mut world = World::new();
    run(
        &mut world,
        "fleet 2
         create r1 113.1 stalled=9
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 stalled reverted
         rollback r1 reason=bad",
    );
    assert_eq!((rollout(&world).counts.stalled, owing(&world)), (1, (0, 0)));
    assert_eq!(rollout(&world).state, State::RolledBack);
    world.finish();
}

#[test]
fn a_host_in_flight_that_falls_silent_after_the_withdrawal_stays_on_the_ledger_and_is_counted() {
    let mut world = world();
    run(&mut world, "rollback r1 reason=bad\ntick 15s x2\ntick 15s");
    let counts = rollout(&world).counts;
    assert_eq!((counts.in_flight, counts.silent), (0, 2));
    assert_eq!(owing(&world), (4, 0));
    assert_eq!(rollout(&world).state, State::RollingBack);
    world.finish();
}

#[test]
fn nothing_lifts_a_withdrawal() {
    check(
        &format!(
            "{FLEET}
             create r2 113.1
             rollback r1 reason=bad
             ---
             resume r1 reason=sure
             promote r1 force=sure
             pause r1
             halt r1
             start r2
             create r3 113.1
             publish 113.1 k1
             rollback r1 reason=again
             resume r1 slice=kernel=k1 reason=sure
             halt r1 slice=kernel=k1
             rollback r2 reason=bad
             withdraw 113.1 reason=bad"
        ),
        &expect![[r#"
            resume r1 reason=sure
                PATCH_SET_WITHDRAWN
            promote r1 force=sure
                ROLLOUT_NOT_RUNNING
            pause r1
                ok
            halt r1
                ok
            start r2
                PATCH_SET_WITHDRAWN
            create r3 113.1
                PATCH_SET_WITHDRAWN
            publish 113.1 k1
                PATCH_SET_EXISTS
            rollback r1 reason=again
                ok
            resume r1 reason=sure slice=kernel=k1
                PATCH_SET_WITHDRAWN
            halt r1 slice=kernel=k1
                ok
            rollback r2 reason=bad
                ROLLOUT_NOT_RUNNING
            withdraw 113.1 reason=bad
                ok
        "#]],
    );
}

#[test]
fn a_rollback_needs_a_reason_and_a_rollout_that_has_started() {
    check(
        "fleet 2
         create r1 113.1
         ---
         rollback r9 reason=bad
         rollback r1
         rollback r1 reason=bad
         withdraw 114.1 reason=bad
         withdraw 113.1
         withdraw 113.1 reason=bad by=eve
         withdraw 113.1 reason=bad
         start r1",
        &expect![[r#"
            rollback r9 reason=bad
                UNKNOWN_ROLLOUT
            rollback r1
                REASON_MISSING
            rollback r1 reason=bad
                ROLLOUT_NOT_RUNNING
            withdraw 114.1 reason=bad
                UNKNOWN_PATCH_SET
            withdraw 113.1
                REASON_MISSING
            withdraw 113.1 by=eve reason=bad
                ok; WITHDRAWN 113.1 by eve, epoch 2: bad
            withdraw 113.1 reason=bad
                ok
            start r1
                PATCH_SET_WITHDRAWN
        "#]],
    );
}

#[test]
fn a_patch_set_that_a_rollout_has_brought_to_hosts_is_withdrawn_by_rolling_that_back() {
    check(
        &format!(
            "{FLEET}
             ---
             withdraw 113.1 reason=bad"
        ),
        &expect![[r#"
            withdraw 113.1 reason=bad
                PATCH_SET_ROLLED_OUT
        "#]],
    );
}

#[test]
fn every_started_rollout_of_the_patch_set_rolls_back_from_wherever_it_stands() {
    for stands in ["pause r1", "halt r1 reason=odd", "halt r1 slice=kernel=k1 reason=odd"] {
        let mut world = world();
        run(&mut world, &format!("{stands}\nrollback r1 reason=bad"));
        assert_eq!(rollout(&world).state, State::RollingBack, "{stands}");
        let open = |of: &crate::machine::incidents::Incident| of.state == IncidentState::Open;
        assert_eq!(world.machine.incidents().newest_first().filter(open).count(), 0, "{stands}");
        world.finish();
    }
}

#[test]
fn a_completed_rollout_rolls_back_too() {
    let mut world = World::new();
    run(
        &mut world,
        "fleet 1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 applied
         tick 15s heard=h1
         report h1 soaked
         tick 1s",
    );
    assert_eq!(rollout(&world).state, State::Completed);
    run(&mut world, "rollback r1 reason=late");
    assert_eq!((rollout(&world).state, owing(&world)), (State::RollingBack, (1, 0)));
    run(&mut world, "report h1 reverted");
    assert_eq!(rollout(&world).state, State::RolledBack);
    world.finish();
}

/// A host that took the withdrawn version out, and one that booted out of it.
const BACK: &str = "fleet 2
     create r1 113.1
     start r1
     blob 114.1 k1
     publish 114.1 k1
     tick 0s
     halt r1 reason=superseded
     create r2 114.1
     start r2
     tick 0s
     tick 1s asking=h1,h2
     begin h1,h2
     report h1,h2 applied
     tick 15s heard=h1,h2
     report h1,h2 soaked
     rollback r2 reason=bad
     report h1 reverted
     report h2 goodbye
     report h2 started boot=b2
     resume r1 reason=back";

#[test]
fn no_host_goes_back_to_an_older_version_by_itself() {
    check(
        &format!(
            "{BACK}
             ---
             tick 1s asking=h1,h2
             tick 1s asking=h1,h2"
        ),
        &expect![[r#"
            tick 1s asking=h1,h2
                ok
            tick 1s asking=h1,h2
                ok
        "#]],
    );
}

#[test]
fn what_an_older_version_held_goes_out_again_under_a_higher_number_alone() {
    check(
        &format!(
            "{BACK}
             halt r1 reason=again
             blob 113.2 k1
             blob 114.0 k1
             blob 114.10 k1
             blob 113.2 k9
             ---
             publish 113.2 k1
             publish 114.0 k1
             publish 114.1 k1
             publish 114.10 k1
             publish 113.2 k9
             create r3 114.10
             start r3
             tick 0s
             tick 1s asking=h1,h2"
        ),
        &expect![[r#"
            publish 113.2 k1
                VERSION_NOT_ABOVE
            publish 114.0 k1
                VERSION_NOT_ABOVE
            publish 114.1 k1
                PATCH_SET_EXISTS
            publish 114.10 k1
                ok; published 114.10
            publish 113.2 k9
                ok; published 113.2
            create r3 114.10
                ok; drafted r3
            start r3
                ok; started r3, drawn []; free wave 1/1 (100%) by ada: the rollout was started; verdict continue (coverage)
            tick 0s
                ok
            tick 1s asking=h1,h2
                ok; g3 offered to h2, epoch 1; g4 offered to h1, epoch 1
        "#]],
    );
}

#[test]
fn a_host_that_said_goodbye_and_stayed_gets_no_second_grant_for_what_it_runs() {
    check(
        "fleet 1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 applied goodbye
         ---
         tick 1s asking=h1
         report h1 started boot=b2
         tick 1s asking=h1",
        &expect![[r#"
            tick 1s asking=h1
                ok
            report h1 started boot=b2
                counted; h1 runs k1 in b2
            tick 1s asking=h1
                ok; g2 offered to h1, epoch 1
        "#]],
    );
}

#[test]
fn versions_are_compared_part_by_part_and_numbers_as_numbers() {
    let above = |one: &str, other: &str| {
        let version = |text: &str| text.parse::<Version>().unwrap();
        version(one).is_above(&version(other))
    };
    for (higher, lower) in
        [("113.10", "113.9"), ("114.0", "113.99"), ("113.1.1", "113.1"), ("113.rc", "113.2")]
    {
        assert!(above(higher, lower) && !above(lower, higher), "{higher} and {lower}");
    }
    assert!(!above("113.01", "113.1") && !above("113.1", "113.01"), "the same number");
}

#[test]
fn a_restored_cluster_goes_on_rolling_back_and_its_orders_are_newer_than_any_before() {
    let mut world = world();
    run(&mut world, "rollback r1 reason=bad\nrestore 6");
    assert_eq!((rollout(&world).state, owing(&world)), (State::RollingBack, (4, 0)));
    run(&mut world, "report h1,h2,h3,h4 reverted");
    assert_eq!(rollout(&world).state, State::RolledBack);
    world.finish();
}

#[test]
fn a_host_is_evicted_from_a_ledger_by_force_alone_and_is_back_on_it_if_it_enrols_in_the_same_boot()
{
    let mut world = world();
    run(&mut world, "rollback r1 reason=bad");
    let said = run(&mut world, "evict h1 reason=gone");
    assert!(said.ends_with("HOST_AWAITED\n"), "{said}");
    assert_eq!(owing(&world), (4, 0), "a refusal changes nothing");
    run(&mut world, "evict h1 reason=gone force=yes");
    assert_eq!(owing(&world), (3, 0), "nobody waits for it any more");
    run(&mut world, "enrol h1 free");
    assert_eq!(owing(&world), (4, 0), "it may run it yet");
    run(&mut world, "evict h1 reason=gone force=yes");
    run(&mut world, "evict h2 reason=gone force=yes\nevict h3 reason=gone force=yes");
    assert_eq!(rollout(&world).state, State::RollingBack, "h4 is still on it");
    run(&mut world, "evict h4 reason=gone force=yes");
    assert_eq!(rollout(&world).state, State::RolledBack, "the last one is gone");
    world.finish();
}
