//! Who gets an offer, and when?

use expect_test::expect;

use super::check;

#[test]
fn only_hosts_that_ask_and_whose_turn_it_is_get_offers() {
    check(
        "fleet 6
         create r1 113.1 free=50%,100%
         start r1
         tick 0s
         tick 1s
         ---
         tick 1s
         tick 1s asking=h1
         tick 1s asking=h1..h6
         tick 1s asking=h1..h6,h40",
        &expect![[r#"
            tick 1s
                ok
            tick 1s asking=h1
                ok
            tick 1s asking=h1..h6
                ok; g1 offered to h3, epoch 1; g2 offered to h2, epoch 1; g3 offered to h5, epoch 1
            tick 1s asking=h1..h6,h40
                ok
        "#]],
    );
}

#[test]
fn nothing_is_offered_before_the_start_in_a_pause_or_while_a_new_leader_listens() {
    check(
        "fleet 2
         create r1 113.1
         tick 0s
         tick 1s
         ---
         tick 1s asking=h1
         start r1
         pause r1
         tick 1s asking=h1
         resume r1
         tick 0s asking=h1 term=2
         tick 500ms asking=h1
         tick 500ms asking=h1",
        &expect![[r#"
            tick 1s asking=h1
                ok
            start r1
                ok; started r1, drawn []; free wave 1/1 (100%) by ada: the rollout was started; verdict continue (coverage)
            pause r1
                ok; paused r1
            tick 1s asking=h1
                ok
            resume r1
                ok; resumed r1, acknowledged []
            tick 0s asking=h1 term=2
                ok; verdict hold (fleet-heard)
            tick 500ms asking=h1
                ok
            tick 500ms asking=h1
                ok; g1 offered to h1, epoch 1; verdict continue (coverage)
        "#]],
    );
}

#[test]
fn an_offer_has_its_place_in_the_budget_reserved() {
    check(
        "fleet 4
         create r1 113.1 budget=2
         start r1
         tick 0s
         tick 1s
         ---
         tick 1s asking=h1..h4
         begin h3
         tick 1s asking=h1..h4
         begin h2
         tick 1s asking=h1..h4",
        &expect![[r#"
            tick 1s asking=h1..h4
                ok; g1 offered to h3, epoch 1; g2 offered to h2, epoch 1
            begin h3
                go, epoch 1, lease 5s; g1 of h3 begun
            tick 1s asking=h1..h4
                ok
            begin h2
                go, epoch 1, lease 5s; g2 of h2 begun
            tick 1s asking=h1..h4
                ok
        "#]],
    );
}

#[test]
fn an_offer_expires_at_its_instant_and_not_before() {
    check(
        "fleet 2
         create r1 113.1 offer=10s
         start r1
         tick 0s
         tick 1s asking=h1,h2
         ---
         tick 9s
         tick 999ms
         begin h1
         tick 1ms
         begin h2",
        &expect![[r#"
            tick 9s
                ok
            tick 999ms
                ok
            begin h1
                go, epoch 1, lease 5s; g2 of h1 begun
            tick 1ms
                ok; g1 of h2 expired
            begin h2
                no-go Withdrawn, again never
        "#]],
    );
}

#[test]
fn an_expired_offer_is_followed_by_another_when_the_host_asks() {
    check(
        "fleet 1
         create r1 113.1 offer=10s
         start r1
         tick 0s
         tick 1s asking=h1
         ---
         tick 10s asking=h1
         begin h1 grant=1
         begin h1
         tick 1s asking=h1",
        &expect![[r#"
            tick 10s asking=h1
                ok; g1 expired; g2 offered to h1, epoch 1
            begin h1 grant=1
                no-go Withdrawn, again never
            begin h1
                go, epoch 1, lease 5s; g2 of h1 begun; verdict continue (soak)
            tick 1s asking=h1
                ok
        "#]],
    );
}

#[test]
fn a_host_that_refuses_three_grants_is_left_alone() {
    check(
        "fleet 1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         ---
         report h1 refused
         tick 1s asking=h1
         begin h1
         report h1 refused
         tick 1s asking=h1
         report h1 refused
         tick 1s asking=h1",
        &expect![[r#"
            report h1 refused
                counted; g1 of h1 refused: why
            tick 1s asking=h1
                ok; g2 offered to h1, epoch 1
            begin h1
                go, epoch 1, lease 5s; g2 of h1 begun; verdict continue (soak)
            report h1 refused
                counted; g2 of h1 refused: why; verdict continue (soak)
            tick 1s asking=h1
                ok; g3 offered to h1, epoch 1
            report h1 refused
                counted; g3 of h1 refused: why
            tick 1s asking=h1
                ok
        "#]],
    );
}

#[test]
fn a_host_without_an_artifact_or_in_no_apply_mode_gets_nothing() {
    check(
        "fleet 1
         enrol h2 free kernel=k2
         enrol h3 free mode=no-apply
         create r1 113.1
         start r1
         tick 0s
         tick 1s
         ---
         tick 1s asking=h1..h3",
        &expect![[r#"
            tick 1s asking=h1..h3
                ok; g1 offered to h1, epoch 1
        "#]],
    );
}

#[test]
fn a_patch_set_that_is_halted_by_one_rollout_is_offered_by_no_other() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1,h2
         create r2 113.1
         ---
         halt r2 reason=cve
         tick 1s asking=h1,h2
         begin h1
         promote r1 force=why
         tick 1s asking=h1,h2",
        &expect![[r#"
            halt r2 reason=cve
                ok; HALT r2 by ada, epoch 2: cve; g1 of h2 withdrawn; g2 of h1 withdrawn
            tick 1s asking=h1,h2
                ok
            begin h1
                no-go Halted, again never
            promote r1 force=why
                PATCH_SET_HALTED
            tick 1s asking=h1,h2
                ok
        "#]],
    );
}

#[test]
fn a_host_that_has_begun_a_newer_patch_set_is_not_taken_back_to_an_older_one() {
    check(
        "fleet 1
         blob 113.2 k1
         publish 113.2 k1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         promote r1 force=skip
         halt r1
         create r2 113.2
         start r2
         tick 1s asking=h1
         begin h1
         report h1 applied
         tick 4s heard=h1
         report h1 soaked
         tick 1s
         resume r1 reason=again
         ---
         tick 1s asking=h1",
        &expect![[r#"
            tick 1s asking=h1
                ok
        "#]],
    );
}
