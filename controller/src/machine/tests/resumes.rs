//! What does a person lift, and where does the rollout go on?

use expect_test::expect;

use super::check;

#[test]
fn resume_acknowledges_the_failures_and_raises_the_epoch() {
    check(
        "fleet 3
         create r1 113.1 crashed=1 budget=2
         start r1
         tick 0s
         tick 1s asking=h1,h2
         begin h1
         report h1 crashed
         ---
         resume r1
         resume r1 reason=known
         begin h2
         tick 1s asking=h2,h3
         begin h2 epoch=1
         begin h2
         begin h3",
        &expect![[r#"
            resume r1
                REASON_MISSING
            resume r1 reason=known
                ok; resumed r1, acknowledged [h1]; verdict continue (coverage)
            begin h2
                no-go StaleEpoch, again never
            tick 1s asking=h2,h3
                ok; g3 offered to h3, epoch 3; g4 offered to h2, epoch 3
            begin h2 epoch=1
                no-go StaleEpoch, again never
            begin h2
                go, epoch 3, lease 5s; g4 of h2 begun
            begin h3
                go, epoch 3, lease 5s; g3 of h3 begun; verdict continue (soak)
        "#]],
    );
}

#[test]
fn a_failure_after_the_resume_halts_again() {
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
         report h2 crashed",
        &expect![[r#"
            resume r1 reason=known
                ok; resumed r1, acknowledged [h1]; verdict continue (soak)
            report h2 crashed
                counted; g1 of h2 crashed: why; verdict halt (guard-rail/crashed); HALT r1 by judge, epoch 4: guard-rail/crashed was crossed: 1 crashed host; 1 halt
        "#]],
    );
}

#[test]
fn an_acknowledged_silence_that_turns_out_a_crash_counts_anew() {
    check(
        "fleet 2
         create r1 113.1 crashed=1 silent=1
         start r1
         tick 0s
         tick 1s asking=h1,h2
         begin h1
         tick 1s x3
         ---
         resume r1 reason=network
         report h1 started boot=b2 marker=h1 evidence=oops",
        &expect![[r#"
            resume r1 reason=network
                ok; resumed r1, acknowledged [h1]; verdict continue (coverage)
            report h1 started boot=b2 evidence=oops marker=h1
                counted; g2 of h1 crashed: oops; h1 runs k1 in b2; verdict halt (guard-rail/crashed); HALT r1 by judge, epoch 4: guard-rail/crashed was crossed: 1 crashed host; 1 halt
        "#]],
    );
}

#[test]
fn an_acknowledged_silence_that_ends_verified_is_not_subtracted_twice() {
    check(
        "fleet 2
         create r1 113.1 silent=1
         start r1
         tick 0s
         tick 1s asking=h1,h2
         begin h1,h2
         report h1,h2 applied
         tick 1s heard=h2 x3
         resume r1 reason=network
         tick 1s heard=h2
         ---
         report h1 soaked
         tick 1s heard=h2
         report h2 soaked",
        &expect![[r#"
            report h1 soaked
                counted; g2 of h1 soaked
            tick 1s heard=h2
                ok; g1 of h2 heard
            report h2 soaked
                counted; g1 of h2 soaked; verdict promote; completed r1 by judge: every gate is open
        "#]],
    );
}

#[test]
fn a_pause_acknowledges_nothing_and_keeps_the_epoch() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         tick 0s
         tick 1s asking=h1,h2
         begin h1
         report h1 crashed
         ---
         pause r1
         begin h2
         pause r1
         resume r1
         begin h2
         resume r1",
        &expect![[r#"
            pause r1
                ok; paused r1
            begin h2
                no-go Paused, again in 1s
            pause r1
                ok
            resume r1
                ok; resumed r1, acknowledged []
            begin h2
                go, epoch 1, lease 5s; g1 of h2 begun; verdict continue (soak)
            resume r1
                ROLLOUT_NOT_RUNNING
        "#]],
    );
}

#[test]
fn a_draft_that_was_halted_is_a_draft_again() {
    check(
        "fleet 2
         create r1 113.1 free=50%,100%
         ---
         halt r1
         start r1
         resume r1 reason=fine
         promote r1 force=why
         start r1
         enrol h1 free mode=no-apply",
        &expect![[r#"
            halt r1
                ok; HALT r1 by ada, epoch 2: no reason given
            start r1
                ROLLOUT_NOT_DRAFT
            resume r1 reason=fine
                ok; resumed r1, acknowledged []
            promote r1 force=why
                ROLLOUT_NOT_RUNNING
            start r1
                ok; started r1, drawn []; free wave 1/2 (50%) by ada: the rollout was started; verdict hold (fleet-heard)
            enrol h1 free mode=no-apply
                h1 in free; h1 enrolled with free in free
        "#]],
    );
}

#[test]
fn a_completed_rollout_that_was_paused_is_completed_again() {
    check(
        "fleet 1
         create r1 113.1
         start r1
         promote r1 force=done
         ---
         pause r1
         resume r1
         promote r1 force=more
         tick 0s
         tick 1s",
        &expect![[r#"
            pause r1
                ok; paused r1
            resume r1
                ok; resumed r1, acknowledged []
            promote r1 force=more
                ROLLOUT_NOT_RUNNING
            tick 0s
                ok
            tick 1s
                ok
        "#]],
    );
}

#[test]
fn a_halted_rollout_does_not_go_on_beside_the_one_that_followed_it() {
    check(
        "fleet 1
         blob 113.2 k1
         publish 113.2 k1
         create r1 113.1
         start r1
         halt r1
         create r2 113.2
         start r2
         ---
         resume r1 reason=fine
         halt r2
         resume r1 reason=fine",
        &expect![[r#"
            resume r1 reason=fine
                SERIES_BUSY
            halt r2
                ok; HALT r2 by ada, epoch 2: no reason given
            resume r1 reason=fine
                ok; resumed r1, acknowledged []
        "#]],
    );
}
