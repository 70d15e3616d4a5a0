//! Does widening take as many people as the policy says, and stopping one?

use expect_test::expect;

use super::check;

/// A rollout of two tiers whose first is done but for approval, by ada; the policy wants two others.
const ASKS_FOR_TWO: &str = "bootstrap free paid
     token free free 9
     token paid paid 9
     enrol h1,h2 free
     enrol h3 paid
     blob 113.1 k1
     publish 113.1 k1 fixes=critical
     create r1 113.1 free=100% paid=100% promotion=manual approvals=2 author=not haste=2s soak=4s
     start r1
     tick 1s
     tick 1s asking=h1,h2
     begin h1,h2
     report h1,h2 applied
     tick 5s heard=h1,h2
     ---";

#[test]
fn a_wave_goes_on_when_two_other_people_have_promoted_it() {
    check(
        &format!(
            "{ASKS_FOR_TWO}
             approve r1 by=bob remark=early
             report h1,h2 soaked
             approve r1 by=ada remark=mine
             promote r1 by=ada
             approve r1 by=bob remark=fine
             promote r1 by=bob
             approve r1 by=cleo tier=paid
             approve r1 by=cleo remark=agreed"
        ),
        &expect![[r#"
            approve r1 by=bob remark=early
                GATES_SHUT
            report h1 soaked
                counted; g2 of h1 soaked
            report h2 soaked
                counted; g1 of h2 soaked; verdict continue (approval)
            approve r1 by=ada remark=mine
                AUTHOR_MAY_NOT_APPROVE
            promote r1 by=ada
                AUTHOR_MAY_NOT_APPROVE
            approve r1 by=bob remark=fine
                ok; approved by bob
            promote r1 by=bob
                APPROVED_ALREADY
            approve r1 by=cleo tier=paid
                ROLLOUT_MOVED_ON
            approve r1 by=cleo remark=agreed
                ok; approved by cleo; verdict promote; paid wave 1/1 (100%) by judge: every gate is open
        "#]],
    );
}

#[test]
fn what_widens_takes_a_second_person_and_what_stops_never_does() {
    check(
        "fleet 3
         create r1 113.1 two=yes
         ---
         start r1 by=ada
         start r1 by=bob
         agree 1 by=ada
         agree 2 by=bob
         agree 1 by=bob reason=fine
         agree 1 by=bob
         tick 1s
         tick 1s asking=h1
         pause r1 by=ada
         resume r1 by=ada
         halt r1 by=ada reason=odd
         agree 2 by=bob
         resume r1 by=bob reason=known
         reject 3 by=ada reason=no
         resume r1 by=bob reason=sure
         agree 4 by=cleo
         promote r1 by=ada force=hurry",
        &expect![[r#"
            start r1 by=ada
                proposed as 1; proposal 1: start r1
            start r1 by=bob
                PROPOSED_ALREADY
            agree 1 by=ada
                SAME_PERSON
            agree 2 by=bob
                UNKNOWN_PROPOSAL
            agree 1 by=bob reason=fine
                ok; bob agrees to 1; started r1, drawn []; free wave 1/1 (100%) by ada and bob: the rollout was started; verdict hold (fleet-heard)
            agree 1 by=bob
                UNKNOWN_PROPOSAL
            tick 1s
                ok
            tick 1s asking=h1
                ok; g1 offered to h1, epoch 1; verdict continue (coverage)
            pause r1 by=ada
                ok; paused r1
            resume r1 by=ada
                proposed as 2; proposal 2: resume r1: 
            halt r1 by=ada reason=odd
                ok; HALT r1 by ada, epoch 2: odd; g1 of h1 withdrawn; proposal 2 overtaken: its patch set was halted since
            agree 2 by=bob
                UNKNOWN_PROPOSAL
            resume r1 by=bob reason=known
                proposed as 3; proposal 3: resume r1: known
            reject 3 by=ada reason=no
                ok; ada rejects 3
            resume r1 by=bob reason=sure
                proposed as 4; proposal 4: resume r1: sure
            agree 4 by=cleo
                ok; cleo agrees to 4; resumed r1, acknowledged []
            promote r1 by=ada force=hurry
                proposed as 5; proposal 5: promote r1 by force: hurry
        "#]],
    );
}

#[test]
fn what_nobody_agrees_to_lapses_after_a_day() {
    check(
        "fleet 3
         create r1 113.1 two=yes
         start r1 by=ada
         tick 15s x5759
         ---
         tick 14999ms
         tick 1ms
         agree 1 by=bob",
        &expect![[r#"
            tick 14999ms
                ok
            tick 1ms
                ok; proposal 1 lapsed
            agree 1 by=bob
                UNKNOWN_PROPOSAL
        "#]],
    );
}

#[test]
fn nobody_agrees_to_what_a_halt_or_a_promotion_has_overtaken() {
    check(
        "bootstrap free paid
         token free free 9
         token paid paid 9
         enrol h1..h3 free
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 free=100% paid=100% two=yes
         start r1 by=ada
         agree 1 by=bob
         tick 1s
         tick 1s asking=h1..h3
         begin h1
         ---
         pause r1 by=ada reason=lunch
         resume r1 by=ada reason=lunch-is-over
         halt r1 by=cleo reason=odd
         agree 2 by=bob
         resume r1 by=ada reason=lunch-is-over
         agree 3 by=bob
         promote r1 by=ada force=hurry
         promote r1 by=bob force=demo
         agree 4 by=bob
         agree 5 by=ada",
        &expect![[r#"
            pause r1 by=ada reason=lunch
                ok; paused r1
            resume r1 by=ada reason=lunch-is-over
                proposed as 2; proposal 2: resume r1: lunch-is-over
            halt r1 by=cleo reason=odd
                ok; HALT r1 by cleo, epoch 2: odd; g1 of h3 withdrawn; g2 of h2 withdrawn; proposal 2 overtaken: its patch set was halted since
            agree 2 by=bob
                UNKNOWN_PROPOSAL
            resume r1 by=ada reason=lunch-is-over
                proposed as 3; proposal 3: resume r1: lunch-is-over
            agree 3 by=bob
                ok; bob agrees to 3; resumed r1, acknowledged []
            promote r1 by=ada force=hurry
                proposed as 4; proposal 4: promote r1 by force: hurry
            promote r1 by=bob force=demo
                proposed as 5; proposal 5: promote r1 by force: demo
            agree 4 by=bob
                ok; bob agrees to 4; paid wave 1/1 (100%) by ada and bob: forced: hurry; verdict promote; completed r1 by judge: every gate is open; proposal 5 overtaken: the rollout has gone on since
            agree 5 by=ada
                UNKNOWN_PROPOSAL
        "#]],
    );
}

#[test]
fn haste_is_for_critical_fixes_takes_two_people_and_shortens_soaks_within_the_policys_limit() {
    check(
        &format!(
            "{ASKS_FOR_TWO}
             expedite r1 by=ada
             expedite r1 by=ada reason=exploited
             expedite r1 by=bob reason=exploited
             agree 1 by=bob
             expedite r1 by=ada reason=more"
        ),
        &expect![[r#"
            expedite r1 by=ada
                REASON_MISSING
            expedite r1 by=ada reason=exploited
                proposed as 1; proposal 1: expedite r1: exploited
            expedite r1 by=bob reason=exploited
                PROPOSED_ALREADY
            agree 1 by=bob
                ok; bob agrees to 1; expedited r1 by ada and bob: exploited
            expedite r1 by=ada reason=more
                NOT_EXPEDITED
        "#]],
    );
    check(
        "fleet 2
         create r1 113.1
         create r2 113.1 haste=2s
         ---
         expedite r1 reason=exploited
         expedite r2 reason=exploited",
        &expect![[r#"
            expedite r1 reason=exploited
                NOT_EXPEDITED
            expedite r2 reason=exploited
                NOT_EXPEDITED
        "#]],
    );
}

#[test]
fn hosts_that_begin_in_haste_soak_for_as_long_as_haste_says() {
    check(
        "bootstrap free
         token free free 9
         enrol h1,h2 free
         blob 113.1 k1
         publish 113.1 k1 fixes=critical
         create r1 113.1 haste=2s soak=4s
         start r1
         tick 1s
         expedite r1 by=ada reason=exploited
         agree 1 by=bob
         tick 1s asking=h1,h2
         begin h1,h2
         report h1,h2 applied
         ---
         tick 1s heard=h1,h2
         report h1 soaked
         tick 1s heard=h1,h2
         report h1,h2 soaked",
        &expect![[r#"
            tick 1s heard=h1,h2
                ok; g2 of h1 heard; g1 of h2 heard
            report h1 soaked
                not-yet(1s)
            tick 1s heard=h1,h2
                ok; g2 of h1 heard; g1 of h2 heard
            report h1 soaked
                counted; g2 of h1 soaked
            report h2 soaked
                counted; g1 of h2 soaked; verdict promote; completed r1 by judge: every gate is open
        "#]],
    );
}

#[test]
fn a_newer_rollout_takes_the_place_of_one_that_is_under_way() {
    check(
        "fleet 4
         blob 114.1 k1
         publish 114.1 k1
         create r1 113.1
         create r2 114.1
         create r0 113.1
         start r1
         tick 1s
         tick 1s asking=h1..h3
         begin h1
         ---
         start r2
         supersede r2 with=r1
         supersede r1 with=r0
         supersede r1 with=r9
         supersede r1 with=r2 reason=newer
         supersede r1 with=r2
         begin h2
         resume r1
         start r2
         tick 1s heard=h1 asking=h1..h4
         report h1 applied
         tick 5s heard=h1
         report h1 soaked
         tick 1s asking=h1
         halt r1 reason=odd
         resume r1 reason=known",
        &expect![[r#"
            start r2
                SERIES_BUSY
            supersede r2 with=r1
                NOT_NEWER
            supersede r1 with=r0
                NOT_NEWER
            supersede r1 with=r9
                UNKNOWN_ROLLOUT
            supersede r1 reason=newer with=r2
                ok; r2 supersedes r1; g1 of h3 withdrawn; g2 of h2 withdrawn
            supersede r1 with=r2
                ROLLOUT_NOT_RUNNING
            begin h2
                no-go Halted, again never
            resume r1
                ROLLOUT_NOT_RUNNING
            start r2
                ok; started r2, drawn []; free wave 1/1 (100%) by ada: the rollout was started; verdict continue (coverage)
            tick 1s asking=h1..h4 heard=h1
                ok; g3 of h1 heard; g4 offered to h2, epoch 1; g5 offered to h4, epoch 1; g6 offered to h3, epoch 1
            report h1 applied
                counted; g3 of h1 applied
            tick 5s heard=h1
                ok; g3 of h1 heard
            report h1 soaked
                counted; g3 of h1 soaked
            tick 1s asking=h1
                ok; g7 offered to h1, epoch 1
            halt r1 reason=odd
                ok; HALT r1 by ada, epoch 2: odd
            resume r1 reason=known
                ok; resumed r1, acknowledged []
        "#]],
    );
}
