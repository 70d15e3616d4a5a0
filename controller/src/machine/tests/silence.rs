//! When is a host silent, and when is it the controllers who did not listen?

use expect_test::expect;

use super::check;

#[test]
fn a_begun_host_is_silent_after_three_beats_of_listening_and_not_earlier() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         ---
         tick 1s
         tick 1s
         tick 999ms
         tick 1ms",
        &expect![[r#"
            tick 1s
                ok
            tick 1s
                ok
            tick 999ms
                ok
            tick 1ms
                ok; g1 of h1 silent: not heard for 3s of listening time (3 beats of 1s)
        "#]],
    );
}

#[test]
fn a_host_that_is_heard_has_three_beats_again() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         ---
         tick 1s x2
         tick 1s heard=h1
         tick 1s x2
         tick 1s",
        &expect![[r#"
            tick 1s
                ok
            tick 1s
                ok
            tick 1s heard=h1
                ok; g1 of h1 heard
            tick 1s
                ok
            tick 1s
                ok
            tick 1s
                ok; g1 of h1 silent: not heard for 3s of listening time (3 beats of 1s)
        "#]],
    );
}

#[test]
fn a_host_that_is_heard_in_the_last_tick_is_not_silent() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         tick 1s x2
         ---
         tick 1s heard=h1",
        &expect![[r#"
            tick 1s heard=h1
                ok; g1 of h1 heard
        "#]],
    );
}

#[test]
fn nobody_falls_silent_while_a_new_leader_listens() {
    check(
        "fleet 2
         create r1 113.1 beat=2s
         start r1
         tick 0s
         tick 2s asking=h1
         begin h1
         ---
         tick 1s x5
         tick 0s term=2
         tick 1s
         tick 999ms
         tick 1ms
         tick 999ms
         tick 1ms",
        &expect![[r#"
            tick 1s
                ok
            tick 1s
                ok
            tick 1s
                ok
            tick 1s
                ok
            tick 1s
                ok
            tick 0s term=2
                ok; verdict hold (fleet-heard)
            tick 1s
                ok
            tick 999ms
                ok
            tick 1ms
                ok; verdict continue (coverage)
            tick 999ms
                ok
            tick 1ms
                ok; g1 of h1 silent: not heard for 6s of listening time (3 beats of 2s)
        "#]],
    );
}

#[test]
fn a_leader_that_stood_still_has_not_listened() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         ---
         tick 15s
         tick 1s
         tick 1s",
        &expect![[r#"
            tick 15s
                ok
            tick 1s
                ok
            tick 1s
                ok; g1 of h1 silent: not heard for 3s of listening time (3 beats of 1s)
        "#]],
    );
}

#[test]
fn every_report_in_the_known_boot_is_a_sign_of_life() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         tick 1s x2
         ---
         report h1 applied
         tick 1s x2
         report h1 health
         tick 1s x2
         tick 1s",
        &expect![[r#"
            report h1 applied
                counted; g1 of h1 applied
            tick 1s
                ok
            tick 1s
                ok
            report h1 health
                counted; g1 of h1 heard
            tick 1s
                ok
            tick 1s
                ok
            tick 1s
                ok; g1 of h1 silent: not heard for 3s of listening time (3 beats of 1s)
        "#]],
    );
}

#[test]
fn a_report_of_another_boot_is_no_sign_of_life() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 applied
         tick 1s x2
         ---
         report h1 health boot=b0
         tick 1s",
        &expect![[r#"
            report h1 health boot=b0
                stale
            tick 1s
                ok; g1 of h1 silent: not heard for 3s of listening time (3 beats of 1s)
        "#]],
    );
}

#[test]
fn a_silent_host_that_returns_in_its_boot_is_verified_and_lifts_no_halt() {
    check(
        "fleet 2
         create r1 113.1 silent=1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         tick 1s x2
         ---
         tick 1s
         report h1 applied
         report h1 soaked
         tick 4s heard=h1
         report h1 soaked
         tick 1s asking=h2
         begin h2",
        &expect![[r#"
            tick 1s
                ok; g1 of h1 silent: not heard for 3s of listening time (3 beats of 1s); verdict halt (guard-rail/silent); HALT r1 by judge, epoch 2: guard-rail/silent was crossed: 1 silent host; 1 halt
            report h1 applied
                counted; g1 of h1 silent: not heard for 3s of listening time (3 beats of 1s)
            report h1 soaked
                not-yet(4s)
            tick 4s heard=h1
                ok
            report h1 soaked
                counted; g1 of h1 soaked
            tick 1s asking=h2
                ok
            begin h2
                no-go Withdrawn, again never
        "#]],
    );
}

#[test]
fn an_offered_host_is_never_silent() {
    check(
        "fleet 2
         create r1 113.1 offer=60s
         start r1
         tick 0s
         tick 1s asking=h1
         ---
         tick 1s x5",
        &expect![[r#"
            tick 1s
                ok
            tick 1s
                ok
            tick 1s
                ok
            tick 1s
                ok
            tick 1s
                ok
        "#]],
    );
}
