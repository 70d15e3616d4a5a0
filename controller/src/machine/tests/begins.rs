//! When may a host go, and when not?

use expect_test::expect;

use super::check;

#[test]
fn the_budget_is_full_at_its_edge_and_not_one_before() {
    check(
        "fleet 4
         create r1 113.1 budget=3
         start r1
         tick 0s
         tick 1s asking=h1..h4
         begin h2,h3,h4
         ---
         report h2 failed
         report h3 refused
         tick 1s asking=h1 heard=h4
         tick 1s asking=h3 heard=h4
         begin h1
         halt r1
         resume r1 reason=known
         tick 1s asking=h3 heard=h4",
        &expect![[r#"
            report h2 failed
                counted; g2 of h2 failed: why
            report h3 refused
                counted; g1 of h3 refused: why
            tick 1s asking=h1 heard=h4
                ok; g3 of h4 heard; g4 offered to h1, epoch 1
            tick 1s asking=h3 heard=h4
                ok; g3 of h4 heard
            begin h1
                go, epoch 1, lease 5s; g4 of h1 begun; verdict continue (soak)
            halt r1
                ok; HALT r1 by ada, epoch 2: no reason given
            resume r1 reason=known
                ok; resumed r1, acknowledged [h2]; verdict continue (coverage)
            tick 1s asking=h3 heard=h4
                ok; g3 of h4 heard; g5 offered to h3, epoch 3; verdict continue (soak)
        "#]],
    );
}

#[test]
fn a_budget_that_shrinks_stops_begins_and_takes_nothing_back() {
    check(
        "fleet 4
         create r1 113.1 budget=50% in-flight=100%
         start r1
         tick 0s
         tick 1s asking=h1..h4
         ---
         begin h3
         enrol h1,h4 free mode=no-apply
         begin h2
         begin h3
         enrol h1 free
         begin h2
         enrol h4 free
         begin h2",
        &expect![[r#"
            begin h3
                go, epoch 1, lease 5s; g1 of h3 begun
            enrol h1 free mode=no-apply
                h1 in free; h1 enrolled with free in free
            enrol h4 free mode=no-apply
                h4 in free; h4 enrolled with free in free
            begin h2
                no-go Budget, again in 1s
            begin h3
                go, epoch 1, lease 5s
            enrol h1 free
                h1 in free; h1 enrolled with free in free
            begin h2
                no-go Budget, again in 1s
            enrol h4 free
                h4 in free; h4 enrolled with free in free
            begin h2
                go, epoch 1, lease 5s; g2 of h2 begun
        "#]],
    );
}

#[test]
fn the_cap_in_flight_is_full_at_its_edge_and_free_when_a_host_is_verified() {
    check(
        "fleet 2
         create r1 113.1 in-flight=1 coverage=100%
         start r1
         tick 0s
         tick 1s asking=h1
         ---
         begin h1
         tick 1s asking=h2 heard=h1
         report h1 applied
         tick 4s heard=h1
         report h1 soaked
         tick 1s asking=h2
         begin h2",
        &expect![[r#"
            begin h1
                go, epoch 1, lease 5s; g1 of h1 begun
            tick 1s asking=h2 heard=h1
                ok; g1 of h1 heard
            report h1 applied
                counted; g1 of h1 applied
            tick 4s heard=h1
                ok; g1 of h1 heard
            report h1 soaked
                counted; g1 of h1 soaked
            tick 1s asking=h2
                ok; g2 offered to h2, epoch 1
            begin h2
                go, epoch 1, lease 5s; g2 of h2 begun; verdict continue (soak)
        "#]],
    );
}

#[test]
fn asking_again_is_decided_afresh_and_changes_no_count() {
    check(
        "fleet 2
         create r1 113.1 budget=1
         start r1
         tick 0s
         tick 1s asking=h1
         ---
         begin h1
         begin h1
         pause r1
         begin h1
         resume r1
         begin h1
         halt r1
         begin h1
         resume r1 reason=fine
         begin h1",
        &expect![[r#"
            begin h1
                go, epoch 1, lease 5s; g1 of h1 begun
            begin h1
                go, epoch 1, lease 5s
            pause r1
                ok; paused r1
            begin h1
                no-go Paused, again in 1s
            resume r1
                ok; resumed r1, acknowledged []
            begin h1
                go, epoch 1, lease 5s
            halt r1
                ok; HALT r1 by ada, epoch 2: no reason given
            begin h1
                no-go Halted, again never
            resume r1 reason=fine
                ok; resumed r1, acknowledged []
            begin h1
                no-go StaleEpoch, again never
        "#]],
    );
}

#[test]
fn a_begun_host_may_not_go_once_it_said_what_became_of_it() {
    check(
        "fleet 1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 applied
         ---
         begin h1",
        &expect![[r#"
            begin h1
                no-go Withdrawn, again never
        "#]],
    );
}

#[test]
fn a_begin_that_does_not_fit_is_refused_and_changes_nothing() {
    check(
        "fleet 2
         blob 113.1 k2
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1,h2
         ---
         begin h1 grant=h2
         begin h1 grant=99
         begin h1 version=113.2
         begin h1 epoch=0
         begin h1 epoch=2
         begin h1 boot=b2
         begin h1 kernel=k2
         begin h40",
        &expect![[r#"
            begin h1 grant=h2
                no-go Withdrawn, again never
            begin h1 grant=99
                no-go Withdrawn, again never
            begin h1 version=113.2
                no-go Withdrawn, again never
            begin h1 epoch=0
                no-go StaleEpoch, again never
            begin h1 epoch=2
                no-go StaleEpoch, again never
            begin h1 boot=b2
                no-go BootChanged, again in 1s
            begin h1 kernel=k2
                no-go ArtifactMismatch, again never
            begin h40
                UNKNOWN_HOST
        "#]],
    );
}

#[test]
fn a_host_whose_kernel_changed_since_its_offer_does_not_begin() {
    check(
        "fleet 1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         ---
         report h1 started boot=b2 kernel=k2
         begin h1 kernel=k1
         begin h1 kernel=k2",
        &expect![[r#"
            report h1 started boot=b2 kernel=k2
                counted; h1 runs k2 in b2
            begin h1 kernel=k1
                no-go ArtifactMismatch, again never
            begin h1 kernel=k2
                no-go ArtifactMismatch, again never
        "#]],
    );
}

#[test]
fn nobody_begins_while_a_new_leader_listens() {
    check(
        "fleet 1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         ---
         tick 0s term=2
         begin h1
         tick 1s
         begin h1",
        &expect![[r#"
            tick 0s term=2
                ok; verdict hold (fleet-heard)
            begin h1
                no-go Held, again in 1s
            tick 1s
                ok; verdict continue (coverage)
            begin h1
                go, epoch 1, lease 5s; g1 of h1 begun; verdict continue (soak)
        "#]],
    );
}
