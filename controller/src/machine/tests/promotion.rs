//! When does a rollout go on, by itself and by name?

use expect_test::expect;

use super::check;

#[test]
fn a_wave_is_passed_when_its_hosts_said_themselves_that_they_soaked() {
    check(
        "fleet 4
         create r1 113.1 free=50%,100%
         start r1
         tick 0s
         tick 1s asking=h1..h4
         ---
         begin h1..h4
         report h1..h4 applied
         tick 4s heard=h1..h4
         report h1..h4 soaked
         tick 1s asking=h1..h4",
        &expect![[r#"
            begin h1
                no-go Withdrawn, again never
            begin h2
                go, epoch 1, lease 5s; g2 of h2 begun
            begin h3
                go, epoch 1, lease 5s; g1 of h3 begun; verdict continue (soak)
            begin h4
                no-go Withdrawn, again never
            report h1 applied
                refused(NOT_YOUR_GRANT)
            report h2 applied
                counted; g2 of h2 applied
            report h3 applied
                counted; g1 of h3 applied
            report h4 applied
                refused(NOT_YOUR_GRANT)
            tick 4s heard=h1..h4
                ok; g2 of h2 heard; g1 of h3 heard
            report h1 soaked
                refused(NOT_YOUR_GRANT)
            report h2 soaked
                counted; g2 of h2 soaked
            report h3 soaked
                counted; g1 of h3 soaked; verdict promote; free wave 2/2 (100%) by judge: every gate is open
            report h4 soaked
                refused(NOT_YOUR_GRANT)
            tick 1s asking=h1..h4
                ok; g3 offered to h4, epoch 1; g4 offered to h1, epoch 1; verdict continue (coverage)
        "#]],
    );
}

#[test]
fn silence_of_the_soaked_host_promotes_nothing() {
    check(
        "fleet 1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 applied
         ---
         tick 4s heard=h1
         tick 15s heard=h1
         report h1 health
         tick 15s heard=h1",
        &expect![[r#"
            tick 4s heard=h1
                ok; g1 of h1 heard
            tick 15s heard=h1
                ok; g1 of h1 heard
            report h1 health
                counted
            tick 15s heard=h1
                ok; g1 of h1 heard
        "#]],
    );
}

#[test]
fn a_tier_without_a_host_is_not_passed_and_the_last_one_is() {
    check(
        "bootstrap canary* free paid
         token free free 9
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 canary=draw1 free=100% paid=100%
         start r1
         ---
         tick 0s
         tick 1s
         promote r1
         promote r1 force=empty
         tick 1s
         enrol h1 free
         tick 1s asking=h1
         begin h1
         report h1 applied
         tick 4s heard=h1
         report h1 soaked
         tick 1s",
        &expect![[r#"
            tick 0s
                ok
            tick 1s
                ok; verdict continue (min-verified)
            promote r1
                GATES_SHUT
            promote r1 force=empty
                ok; free wave 1/1 (100%) by ada: forced: empty
            tick 1s
                ok
            enrol h1 free
                h1 in free; h1 enrolled with free in free
            tick 1s asking=h1
                ok; g1 offered to h1, epoch 1; verdict continue (coverage)
            begin h1
                go, epoch 1, lease 5s; g1 of h1 begun; verdict continue (soak)
            report h1 applied
                counted; g1 of h1 applied
            tick 4s heard=h1
                ok; g1 of h1 heard
            report h1 soaked
                counted; g1 of h1 soaked; verdict promote; paid wave 1/1 (100%) by judge: every gate is open
            tick 1s
                ok; completed r1 by judge: every gate is open
        "#]],
    );
}

#[test]
fn a_drawn_host_comes_first_and_its_tier_later() {
    check(
        "bootstrap canary* free
         token free free 9
         token canary canary 1
         enrol h1..h3 free
         enrol h4 canary
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 canary=draw1 free=100%
         ---
         start r1
         tick 0s
         tick 1s asking=h1..h4
         begin h1..h4
         report h1..h4 applied
         tick 4s heard=h1..h4
         report h1..h4 soaked
         tick 1s asking=h1..h4",
        &expect![[r#"
            start r1
                ok; started r1, drawn [h3]; canary wave 1/1 (100%) by ada: the rollout was started; verdict hold (fleet-heard)
            tick 0s
                ok
            tick 1s asking=h1..h4
                ok; g1 offered to h3, epoch 1; g2 offered to h4, epoch 1; verdict continue (coverage)
            begin h1
                no-go Withdrawn, again never
            begin h2
                no-go Withdrawn, again never
            begin h3
                go, epoch 1, lease 5s; g1 of h3 begun
            begin h4
                go, epoch 1, lease 5s; g2 of h4 begun; verdict continue (soak)
            report h1 applied
                refused(NOT_YOUR_GRANT)
            report h2 applied
                refused(NOT_YOUR_GRANT)
            report h3 applied
                counted; g1 of h3 applied
            report h4 applied
                counted; g2 of h4 applied
            tick 4s heard=h1..h4
                ok; g1 of h3 heard; g2 of h4 heard
            report h1 soaked
                refused(NOT_YOUR_GRANT)
            report h2 soaked
                refused(NOT_YOUR_GRANT)
            report h3 soaked
                counted; g1 of h3 soaked
            report h4 soaked
                counted; g2 of h4 soaked; verdict promote; free wave 1/1 (100%) by judge: every gate is open
            tick 1s asking=h1..h4
                ok; g3 offered to h2, epoch 1; g4 offered to h1, epoch 1; verdict continue (coverage)
        "#]],
    );
}

#[test]
fn a_tier_short_of_its_minimum_holds_where_the_policy_says_so() {
    check(
        "bootstrap free paid
         token free free 9
         enrol h1 free
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 free=100% paid=100% min=2 fewer=hold
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 applied
         tick 4s heard=h1
         ---
         report h1 soaked
         tick 1s
         promote r1
         promote r1 force=small",
        &expect![[r#"
            report h1 soaked
                counted; g1 of h1 soaked
            tick 1s
                ok
            promote r1
                GATES_SHUT
            promote r1 force=small
                ok; paid wave 1/1 (100%) by ada: forced: small; verdict promote; completed r1 by judge: every gate is open
        "#]],
    );
}

#[test]
fn a_person_promotes_only_with_open_gates_or_with_force_and_a_reason() {
    check(
        "fleet 2
         create r1 113.1 free=50%,100% promotion=manual
         ---
         promote r1
         start r1
         promote r1
         promote r1 force=
         promote r1 force=now by=eve
         promote r9",
        &expect![[r#"
            promote r1
                ROLLOUT_NOT_RUNNING
            start r1
                ok; started r1, drawn []; free wave 1/2 (50%) by ada: the rollout was started; verdict hold (fleet-heard)
            promote r1
                GATES_SHUT
            promote r1 force=
                REASON_MISSING
            promote r1 by=eve force=now
                ok; free wave 2/2 (100%) by eve: forced: now; verdict hold (fleet-heard)
            promote r9
                UNKNOWN_ROLLOUT
        "#]],
    );
}

#[test]
fn a_manual_tier_waits_for_a_person_with_every_other_gate_open() {
    check(
        "fleet 1
         create r1 113.1 promotion=manual
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 applied
         tick 4s heard=h1
         ---
         report h1 soaked
         tick 1s
         promote r1 by=eve
         promote r1",
        &expect![[r#"
            report h1 soaked
                counted; g1 of h1 soaked; verdict continue (approval)
            tick 1s
                ok
            promote r1 by=eve
                ok; approved by eve; verdict promote; completed r1 by judge: every gate is open
            promote r1
                ROLLOUT_NOT_RUNNING
        "#]],
    );
}

#[test]
fn a_promotion_of_another_place_than_the_present_is_refused() {
    check(
        "fleet 1
         create r1 113.1 free=10%,50%,100% soak=60s
         start r1
         ---
         promote r1 force=a tier=free wave=1
         promote r1 force=a tier=free wave=1
         promote r1 force=a tier=paid
         pause r1
         promote r1 force=a",
        &expect![[r#"
            promote r1 force=a tier=free wave=1
                ok; free wave 2/3 (50%) by ada: forced: a
            promote r1 force=a tier=free wave=1
                ROLLOUT_MOVED_ON
            promote r1 force=a tier=paid
                ROLLOUT_MOVED_ON
            pause r1
                ok; paused r1
            promote r1 force=a
                ROLLOUT_NOT_RUNNING
        "#]],
    );
}

#[test]
fn hosts_that_were_acknowledged_need_not_be_verified_and_nobody_else_is_spared() {
    check(
        "fleet 2
         create r1 113.1 crashed=1
         start r1
         tick 0s
         tick 1s asking=h1,h2
         begin h1,h2
         report h1 crashed
         ---
         resume r1 reason=known
         report h2 applied
         tick 1s heard=h2
         tick 3s heard=h2
         report h2 soaked",
        &expect![[r#"
            resume r1 reason=known
                ok; resumed r1, acknowledged [h1]; verdict continue (soak)
            report h2 applied
                counted; g1 of h2 applied
            tick 1s heard=h2
                ok; g1 of h2 heard
            tick 3s heard=h2
                ok; g1 of h2 heard
            report h2 soaked
                counted; g1 of h2 soaked; verdict promote; completed r1 by judge: every gate is open
        "#]],
    );
}

#[test]
fn a_patch_set_starts_once_a_majority_holds_it_and_once_for_a_kernel() {
    check(
        "bootstrap free nodes=3
         blob 113.1 k1 node=1
         blob 113.2 k1 node=1
         blob 113.2 k1 node=2
         publish 113.1 k1
         publish 113.2 k1
         create r1 113.1
         create r2 113.2
         ---
         start r1
         blob 113.1 k1 node=3
         start r1
         start r1
         start r2
         pause r1
         start r2
         halt r1
         start r2
         create r2 113.2
         create r3 113.3
         create r3 113.2 free=100% paid=100%
         create r3 113.2 canary=draw1",
        &expect![[r#"
            start r1
                ARTIFACTS_NOT_REPLICATED
            blob 113.1 k1 node=3
                ok
            start r1
                ok; started r1, drawn []; free wave 1/1 (100%) by ada: the rollout was started; verdict hold (fleet-heard)
            start r1
                ROLLOUT_NOT_DRAFT
            start r2
                SERIES_BUSY
            pause r1
                ok; paused r1
            start r2
                SERIES_BUSY
            halt r1
                ok; HALT r1 by ada, epoch 2: no reason given
            start r2
                ok; started r2, drawn []; free wave 1/1 (100%) by ada: the rollout was started; verdict hold (fleet-heard)
            create r2 113.2
                ROLLOUT_EXISTS
            create r3 113.3
                UNKNOWN_PATCH_SET
            create r3 113.2
                LADDER_MISMATCH
            create r3 113.2
                LADDER_MISMATCH
        "#]],
    );
}
