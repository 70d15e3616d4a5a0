//! Does a halt stop everything, at once, until a person lifts it?

use expect_test::expect;

use super::check;

#[test]
fn no_host_begins_at_the_index_after_a_halt() {
    check(
        "fleet 3
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1..h3
         ---
         begin h1
         halt r1 reason=odd by=eve
         begin h2
         begin h1",
        &expect![[r#"
            begin h1
                go, epoch 1, lease 5s; g3 of h1 begun
            halt r1 by=eve reason=odd
                ok; HALT r1 by eve, epoch 2: odd; g1 of h3 withdrawn; g2 of h2 withdrawn
            begin h2
                no-go Halted, again never
            begin h1
                no-go Halted, again never
        "#]],
    );
}

#[test]
fn the_report_that_crosses_the_guard_rail_is_the_entry_that_halts() {
    check(
        "fleet 4
         create r1 113.1 crashed=2
         start r1
         tick 0s
         tick 1s asking=h1..h4
         begin h1..h3
         ---
         report h1 crashed
         report h2 crashed
         begin h4
         begin h3",
        &expect![[r#"
            report h1 crashed
                counted; g4 of h1 crashed: why
            report h2 crashed
                counted; g2 of h2 crashed: why; verdict halt (guard-rail/crashed); HALT r1 by judge, epoch 2: guard-rail/crashed was crossed: 2 crashed hosts; 2 halt; g3 of h4 withdrawn
            begin h4
                no-go Halted, again never
            begin h3
                no-go Halted, again never
        "#]],
    );
}

#[test]
fn each_guard_rail_halts_at_its_own_number() {
    for (rail, kind) in [("failed", "failed"), ("failed", "degraded"), ("stalled", "stalled")] {
        let script = format!(
            "fleet 2
             create r1 113.1 {rail}=1
             start r1
             tick 0s
             tick 1s asking=h1,h2
             begin h1
             ---
             report h1 {kind}"
        );
        let mut world = super::world::World::new();
        let transcript = super::script::run(&mut world, &script);
        assert!(transcript.contains(&format!("HALT r1 by judge, epoch 2: guard-rail/{rail}")));
    }
}

#[test]
fn a_share_of_failures_holds_first_and_halts_then() {
    check(
        "fleet 5
         create r1 113.1 share=1,30%,60% verified=50%
         start r1
         tick 0s
         tick 1s asking=h1..h4
         begin h1..h4
         report h1 applied
         tick 4s heard=h1..h4
         report h1 soaked
         ---
         report h2 failed
         tick 1s heard=h3,h4 asking=h5
         report h3 failed",
        &expect![[r#"
            report h2 failed
                counted; g2 of h2 failed: why; verdict hold (guard-rail/failure-share)
            tick 1s asking=h5 heard=h3,h4
                ok; g1 of h3 heard; g3 of h4 heard
            report h3 failed
                counted; g1 of h3 failed: why; verdict halt (guard-rail/failure-share); HALT r1 by judge, epoch 2: guard-rail/failure-share was crossed: 2 of 3 resolved hosts went wrong; more than 30% hold, more than 60% halt, from 1 hosts on
        "#]],
    );
}

#[test]
fn a_halted_rollout_is_not_promoted_by_anybody() {
    check(
        "fleet 2
         create r1 113.1 free=50%,100% promotion=manual
         start r1
         tick 0s
         tick 1s
         ---
         halt r1
         promote r1
         promote r1 force=please
         tick 1s asking=h1,h2",
        &expect![[r#"
            halt r1
                ok; HALT r1 by ada, epoch 2: no reason given
            promote r1
                ROLLOUT_NOT_RUNNING
            promote r1 force=please
                ROLLOUT_NOT_RUNNING
            tick 1s asking=h1,h2
                ok
        "#]],
    );
}

#[test]
fn halting_again_is_safe_and_changes_nothing() {
    check(
        "fleet 1
         create r1 113.1
         start r1
         ---
         halt r1
         halt r1 reason=again
         pause r1
         halt r9",
        &expect![[r#"
            halt r1
                ok; HALT r1 by ada, epoch 2: no reason given
            halt r1 reason=again
                ok
            pause r1
                ok
            halt r9
                UNKNOWN_ROLLOUT
        "#]],
    );
}

#[test]
fn a_completed_rollout_can_be_halted_too() {
    check(
        "fleet 2
         create r1 113.1 coverage=50% crashed=1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 applied
         tick 4s heard=h1
         report h1 soaked
         ---
         tick 1s asking=h2
         begin h2
         report h2 crashed
         resume r1 reason=fine
         tick 1s",
        &expect![[r#"
            tick 1s asking=h2
                ok; g2 offered to h2, epoch 1
            begin h2
                go, epoch 1, lease 5s; g2 of h2 begun; verdict continue (soak)
            report h2 crashed
                counted; g2 of h2 crashed: why; verdict halt (guard-rail/crashed); HALT r1 by judge, epoch 2: guard-rail/crashed was crossed: 1 crashed host; 1 halt
            resume r1 reason=fine
                ok; resumed r1, acknowledged [h2]; verdict promote
            tick 1s
                ok
        "#]],
    );
}

#[test]
fn hosts_in_flight_at_a_halt_are_still_counted() {
    check(
        "fleet 3
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1..h3
         begin h1..h3
         halt r1
         ---
         report h1 applied
         tick 1s heard=h1,h2
         report h2 crashed
         tick 3s heard=h1
         report h1 soaked",
        &expect![[r#"
            report h1 applied
                counted; g3 of h1 applied
            tick 1s heard=h1,h2
                ok; g3 of h1 heard; g2 of h2 heard
            report h2 crashed
                counted; g2 of h2 crashed: why
            tick 3s heard=h1
                ok; g3 of h1 heard
            report h1 soaked
                counted; g3 of h1 soaked
        "#]],
    );
}
