//! What becomes of a host that lives and does not say, and what of one after its soak?

use expect_test::expect;

use super::check;

const SOAKING: &str = "fleet 1
     create r1 113.1
     start r1
     tick 0s
     tick 1s asking=h1
     begin h1
     report h1 applied
";

#[test]
fn a_host_that_is_heard_and_never_says_what_became_of_the_apply_has_stalled() {
    check(
        // Lease 5 s, transition 5 s, and the 3 s after which it would have been silent.
        "fleet 1
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         tick 1s heard=h1 x12
         ---
         tick 1s heard=h1",
        &expect![[r#"
            tick 1s heard=h1
                ok; g1 of h1 heard; g1 of h1 stalled: it is heard, and never said what became of the apply; verdict continue (soak)
        "#]],
    );
}

#[test]
fn a_host_that_is_heard_and_never_says_that_its_soak_is_over_counts_as_silent() {
    check(
        // Soak 4 s, transition 5 s, and twice the 3 s of silence.
        &format!("{SOAKING} tick 1s heard=h1 x14\n---\ntick 1s heard=h1"),
        &expect![[r#"
            tick 1s heard=h1
                ok; g1 of h1 heard; g1 of h1 silent: it is heard, and never said that its soak is over; verdict continue (soak)
        "#]],
    );
}

#[test]
fn an_early_soak_report_whose_answer_was_lost_is_not_taken_for_counted() {
    check(
        &format!(
            "{SOAKING} tick 1s heard=h1 x3
             ---
             report h1 soaked spool=1 seq=5
             tick 1s heard=h1
             report h1 soaked spool=1 seq=5
             report h1 soaked spool=1 seq=6"
        ),
        &expect![[r#"
            report h1 soaked seq=5 spool=1
                not-yet(1s)
            tick 1s heard=h1
                ok; g1 of h1 heard
            report h1 soaked seq=5 spool=1
                not-yet(1ms)
            report h1 soaked seq=6 spool=1
                counted; g1 of h1 soaked; verdict promote; completed r1 by judge: every gate is open
        "#]],
    );
}

#[test]
fn a_host_that_announced_its_reboot_after_the_soak_gets_the_patch_again() {
    check(
        &format!(
            "{SOAKING} tick 1s heard=h1 x4
             report h1 soaked
             ---
             report h1 goodbye
             report h1 started boot=b2
             tick 1s asking=h1"
        ),
        &expect![[r#"
            report h1 goodbye
                counted
            report h1 started boot=b2
                counted; h1 runs k1 in b2
            tick 1s asking=h1
                ok; g2 offered to h1, epoch 1; verdict continue (soak)
        "#]],
    );
}

#[test]
fn a_host_that_rebooted_after_the_soak_without_a_word_does_not_get_the_patch_again() {
    check(
        &format!(
            "{SOAKING} tick 1s heard=h1 x4
             report h1 soaked
             ---
             report h1 started boot=b2
             tick 1s asking=h1"
        ),
        &expect![[r#"
            report h1 started boot=b2
                counted; h1 runs k1 in b2
            tick 1s asking=h1
                ok
        "#]],
    );
}

#[test]
fn a_crash_after_the_soak_counts_where_the_kernel_left_evidence() {
    check(
        &format!(
            "{SOAKING} tick 1s heard=h1 x4
             report h1 soaked
             ---
             report h1 started boot=b2 evidence=oops
             tick 1s asking=h1"
        ),
        &expect![[r#"
            report h1 started boot=b2 evidence=oops
                counted; g1 of h1 crashed: oops; h1 runs k1 in b2; verdict continue (soak)
            tick 1s asking=h1
                ok
        "#]],
    );
}

#[test]
fn a_halt_of_one_rollout_is_lifted_by_no_other_of_the_same_patch_set() {
    check(
        "fleet 1
         create r1 113.1
         create r2 113.1
         start r1
         ---
         halt r1 reason=why
         halt r2 reason=why
         resume r1 reason=known
         resume r2 reason=known
         resume r1 reason=known",
        &expect![[r#"
            halt r1 reason=why
                ok; HALT r1 by ada, epoch 2: why
            halt r2 reason=why
                ok; HALT r2 by ada, epoch 3: why
            resume r1 reason=known
                PATCH_SET_HALTED
            resume r2 reason=known
                ok; resumed r2, acknowledged []
            resume r1 reason=known
                ok; resumed r1, acknowledged []
        "#]],
    );
}

#[test]
fn a_crash_under_a_newer_patch_set_is_not_held_against_the_one_that_had_soaked() {
    check(
        &format!(
            "{SOAKING} tick 1s heard=h1 x4
             report h1 soaked
             halt r1 reason=done
             blob 113.2 k1
             publish 113.2 k1
             create r2 113.2
             start r2
             tick 1s asking=h1
             begin h1
             report h1 applied
             report h1 started boot=b2 marker=h1 evidence=oops"
        ),
        &expect![[r#"
            create r1 113.1
                ok; drafted r1
            start r1
                ok; started r1, drawn []; free wave 1/1 (100%) by ada: the rollout was started; verdict hold (fleet-heard)
            tick 0s
                ok
            tick 1s asking=h1
                ok; g1 offered to h1, epoch 1; verdict continue (coverage)
            begin h1
                go, epoch 1, lease 5s; g1 of h1 begun; verdict continue (soak)
            report h1 applied
                counted; g1 of h1 applied
            tick 1s heard=h1
                ok; g1 of h1 heard
            tick 1s heard=h1
                ok; g1 of h1 heard
            tick 1s heard=h1
                ok; g1 of h1 heard
            tick 1s heard=h1
                ok; g1 of h1 heard
            report h1 soaked
                counted; g1 of h1 soaked; verdict promote; completed r1 by judge: every gate is open
            halt r1 reason=done
                ok; HALT r1 by ada, epoch 2: done
            blob 113.2 k1
                ok
            publish 113.2 k1
                ok; published 113.2
            create r2 113.2
                ok; drafted r2
            start r2
                ok; started r2, drawn []; free wave 1/1 (100%) by ada: the rollout was started; verdict continue (coverage)
            tick 1s asking=h1
                ok; g2 offered to h1, epoch 1
            begin h1
                go, epoch 1, lease 5s; g2 of h1 begun; verdict continue (soak)
            report h1 applied
                counted; g2 of h1 applied
            report h1 started boot=b2 evidence=oops marker=h1
                counted; g2 of h1 crashed: oops; h1 runs k1 in b2; verdict continue (soak)
        "#]],
    );
}
