//! What becomes of a host that is evicted, and of one that comes back, moves, or was installed anew?

use expect_test::expect;

use super::check;
use super::script::run;
use super::world::{World, host};

const UNDER_WAY: &str = "bootstrap free paid
     tick 0s
     token free free 4
     token paid paid 1
     enrol h1..h4 free
     blob 113.1 k1
     publish 113.1 k1
     create r1 113.1 free=100% paid=100% crashed=9 failed=9 silent=2
     start r1
     tick 1s asking=h1..h3
     begin h1
     begin h2
     ---
     ";

fn under_way(script: &str) -> String {
    format!("{UNDER_WAY}{script}")
}

#[test]
fn an_evicted_host_gives_its_place_back_and_is_told_so_until_it_enrols_again() {
    check(
        &under_way(
            "enrol h5 free
             evict h4 reason=scrapped
             evict h4 reason=scrapped
             report h4 started
             begin h4
             enrol h5 free
             enrol h4 free
             evict h5 reason=scrapped
             enrol h4 free
             evict h9 reason=none
             evict h4",
        ),
        &expect![[r#"
            enrol h5 free
                TOKEN_HOST_LIMIT
            evict h4 reason=scrapped
                h4 leaves free, silent 0; EVICTED h4 by ada: scrapped
            evict h4 reason=scrapped
                HOST_EVICTED
            report h4 started
                HOST_EVICTED
            begin h4
                HOST_EVICTED
            enrol h5 free
                h5 in free; h5 enrolled with free in free
            enrol h4 free
                TOKEN_HOST_LIMIT
            evict h5 reason=scrapped
                h5 leaves free, silent 0; EVICTED h5 by ada: scrapped
            enrol h4 free
                h4 in free; h4 enrolled with free in free
            evict h9 reason=none
                UNKNOWN_HOST
            evict h4
                REASON_MISSING
        "#]],
    );
}

#[test]
fn what_an_evicted_host_was_offered_is_withdrawn() {
    check(
        &under_way(
            "evict h3 reason=scrapped
             begin h3
             tick 1s asking=h3,h4",
        ),
        &expect![[r#"
            evict h3 reason=scrapped
                h3 leaves free, silent 0; g1 of h3 withdrawn; EVICTED h3 by ada: scrapped
            begin h3
                HOST_EVICTED
            tick 1s asking=h3,h4
                ok; g4 offered to h4, epoch 1
        "#]],
    );
}

#[test]
fn a_host_in_flight_is_evicted_by_force_alone_and_counts_as_silent() {
    check(
        &under_way(
            "evict h1 reason=scrapped
             evict h1 reason=scrapped force=yes
             evict h2 reason=scrapped force=yes",
        ),
        &expect![[r#"
            evict h1 reason=scrapped
                HOST_AWAITED
            evict h1 force=yes reason=scrapped
                h1 leaves free, silent 1; g3 of h1 silent: ada evicted it: scrapped; EVICTED h1 by ada: scrapped
            evict h2 force=yes reason=scrapped
                h2 leaves free, silent 1; g2 of h2 silent: ada evicted it: scrapped; EVICTED h2 by ada: scrapped; verdict halt (guard-rail/silent); HALT r1 by judge, epoch 2: guard-rail/silent was crossed: 2 silent hosts; 2 halt; g1 of h3 withdrawn
        "#]],
    );
}

#[test]
fn evicting_shrinks_no_exposure_and_forgets_no_failure() {
    let mut world = World::new();
    run(&mut world, UNDER_WAY.trim_end().trim_end_matches("---"));
    let counts = |world: &World| {
        let rollout = world.machine.rollouts().values().next().unwrap();
        (rollout.unacknowledged.exposed(), rollout.unacknowledged.begun)
    };
    run(&mut world, "report h1 applied\nreport h1 failed");
    assert_eq!(counts(&world), (2, 2));
    run(&mut world, "evict h1 reason=scrapped\nevict h2 reason=scrapped force=yes");
    assert_eq!(counts(&world), (2, 2));
    world.finish();
}

#[test]
fn a_host_that_a_patch_set_crashed_gets_it_no_second_time_by_being_evicted() {
    check(
        &under_way(
            "report h1 crashed
             evict h1 reason=broken
             enrol h1 free boot=b2
             report h1 started boot=b2
             tick 1s heard=h1 asking=h1,h4",
        ),
        &expect![[r#"
            report h1 crashed
                counted; g3 of h1 crashed: why
            evict h1 reason=broken
                h1 leaves free, silent 0; EVICTED h1 by ada: broken
            enrol h1 free boot=b2
                h1 in free; h1 enrolled with free in free
            report h1 started boot=b2
                counted; h1 runs k1 in b2
            tick 1s asking=h1,h4 heard=h1
                ok; g4 offered to h4, epoch 1
        "#]],
    );
}

#[test]
fn a_host_that_enrols_again_after_its_eviction_cannot_hide_a_reboot_or_report_twice() {
    check(
        &under_way(
            "report h1 applied
             evict h1 reason=lost force=yes
             report h1 health
             enrol h1 free boot=b2
             report h1 applied seq=1
             report h1 started boot=b2 marker=h1 evidence=oops",
        ),
        &expect![[r#"
            report h1 applied
                counted; g3 of h1 applied
            evict h1 force=yes reason=lost
                h1 leaves free, silent 1; g3 of h1 silent: ada evicted it: lost; EVICTED h1 by ada: lost
            report h1 health
                HOST_EVICTED
            enrol h1 free boot=b2
                h1 in free; h1 enrolled with free in free
            report h1 applied seq=1
                counted
            report h1 started boot=b2 evidence=oops marker=h1
                counted; g3 of h1 crashed: oops; h1 runs k1 in b2
        "#]],
    );
}

#[test]
fn an_evicted_hosts_failure_stays_in_the_halted_slice_that_it_happened_in() {
    check(
        "fleet 4
         create r1 113.1 free=100% failed=2
         start r1
         tick 0s
         tick 1s asking=h1..h4
         begin h1..h4
         report h1 started zone=z1
         report h1 failed
         halt r1 slice=zone=z1 reason=odd
         ---
         evict h1 reason=broken
         report h2 failed
         halt r1 slice=zone=z9 reason=odd
         resume r1 slice=zone=z1 reason=known",
        &expect![[r#"
            evict h1 reason=broken
                h1 leaves free, silent 0; EVICTED h1 by ada: broken
            report h2 failed
                counted; g2 of h2 failed: why; verdict continue (soak)
            halt r1 reason=odd slice=zone=z9
                ok; HALT r1 zone=z9 alone by ada: odd
            resume r1 reason=known slice=zone=z1
                ok; resumed r1 zone=z1, acknowledged [h1]
        "#]],
    );
}

#[test]
fn a_host_moves_to_a_token_that_has_a_place_and_to_the_tier_of_that() {
    check(
        &under_way(
            "move h4 paid
             move h3 paid
             move h4 paid
             move h4 gold
             move h9 paid
             enrol h5 free
             move h4 free
             evict h5 reason=test
             move h4 free
             update paid max=2
             move h1 paid reason=upgraded
             report h1 applied",
        ),
        &expect![[r#"
            move h4 paid
                h4 in paid; h4 from free to paid in paid
            move h3 paid
                TOKEN_HOST_LIMIT
            move h4 paid
                h4 in paid
            move h4 gold
                UNKNOWN_TOKEN
            move h9 paid
                UNKNOWN_HOST
            enrol h5 free
                h5 in free; h5 enrolled with free in free
            move h4 free
                TOKEN_HOST_LIMIT
            evict h5 reason=test
                h5 leaves free, silent 0; EVICTED h5 by ada: test
            move h4 free
                h4 in free; h4 from paid to free in free
            update paid max=2
                ok; token paid: 0 of 2, for ever
            move h1 paid reason=upgraded
                h1 in paid; h1 from free to paid in paid
            report h1 applied
                counted; g3 of h1 applied
        "#]],
    );
}

#[test]
fn a_machine_installed_anew_keeps_its_row_and_a_new_machine_is_a_new_host() {
    check(
        &under_way(
            "enrol h1 free boot=b9
             report h1 started boot=b9 spool=77
             enrol h5 free
             evict h4 reason=reinstalled
             enrol h5 free",
        ),
        &expect![[r#"
            enrol h1 free boot=b9
                h1 in free; h1 enrolled with free in free
            report h1 started boot=b9 spool=77
                counted; g3 of h1 crashed: the host rebooted without a goodbye, and left no kernel evidence; h1 runs k1 in b9
            enrol h5 free
                TOKEN_HOST_LIMIT
            evict h4 reason=reinstalled
                h4 leaves free, silent 0; EVICTED h4 by ada: reinstalled
            enrol h5 free
                h5 in free; h5 enrolled with free in free
        "#]],
    );
}

/// A judged rollout: hosts that are verified are watched, and may be missed.
const JUDGED: &str = "bootstrap free
     tick 0s
     token free free 40
     enrol h1..h40 free
     blob 113.1 k1
     publish 113.1 k1
     create r1 113.1 free=100% judged=9,3,9 silent=9 soak=60s
     start r1
     tick 1s heard=h1..h40
     tick 1s heard=h1..h40 asking=h1..h3
     begin h1..h3
     report h1..h3 applied
     ";

#[test]
fn a_forced_eviction_is_evidence_like_any_silence() {
    let mut world = World::new();
    run(&mut world, JUDGED);
    let seen = |world: &World| {
        let (_, trial) = world.machine.trials().next().unwrap();
        (trial.silences().count(), trial.detector().trail().iter().count())
    };
    let before = seen(&world);
    let grant = world.newest_grant(host("h1"));
    let flying = world.machine.grants().get(&grant).unwrap().host;
    assert_eq!(flying, host("h1"));
    run(&mut world, "evict h1 reason=lost force=yes");
    let after = seen(&world);
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1), "silent, and in the trail");
    world.finish();
}
