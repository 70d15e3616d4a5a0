//! A transition that does not end: reported first, then kept or turned back.

use expect_test::expect;

use super::{INSERTED, check};

#[test]
fn a_stalled_transition_is_reported_first_and_kept_unless_the_policy_says_otherwise() {
    check(
        INSERTED,
        "4300 driver says stalled after 3000
         4400 reports counted
         5400 seen livepatch transition
         6400 seen livepatch enabled",
        &expect![[r#"
            4300 driver says stalled after 3000
                spool 2 grant 7 stalled after 3000 ms, reverted false
                marker grant 7 stalled in boot-1
                log grant 7: the transition has stalled after 3000 ms, and is kept
                report #5 [2]
                sync #6 beat 4300 of boot-1
                wake at 6300
            4400 reports counted
                spool-trim through 2
            5400 seen livepatch transition
            6400 seen livepatch enabled
                log grant 7: the stalled transition has ended after all
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Failed
                marker cleared
                log grant 7: ended: failed
                next controller
                log sync failed, again in 36 ms: no answer within 2000 ms
                wake at 6436
        "#]],
    );
}

/// The module of grant 7 is in, and its policy reverts what stalls.
const INSERTED_REVERTS: &str = "10 reports counted
    900 wake
    1000 sync offer 7 on-stall revert
    1100 fetched
    1200 go
    1300 driver says inserted";

#[test]
fn a_stalled_transition_is_reported_first_and_turned_back_where_the_policy_says_so() {
    check(
        INSERTED_REVERTS,
        "4300 driver says stalled after 3000
         4400 driver says reverted
         4500 reports counted",
        &expect![[r#"
            4300 driver says stalled after 3000
                spool 2 grant 7 stalled after 3000 ms, reverted false
                marker grant 7 stalled in boot-1
                log grant 7: takes patchSets/113.1 out again at epoch 3
                remember patchSets/113.1 epoch 3 asking 7 last none revert grant 7 epoch 3 UnderWay
                revert grant 7 livepatch_113_1
                report #5 [2]
                sync #6 beat 4300 of boot-1
                wake at 6300
            4400 driver says reverted
                spool 3 grant 7 reverted
                remember patchSets/113.1 epoch 3 asking 7 last none revert grant 7 epoch 3 Answered
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Failed revert grant 7 epoch 3 Answered
                marker cleared
                log grant 7: ended: failed
            4500 reports counted
                spool-trim through 2
                report #7 [3]
        "#]],
    );
}

#[test]
fn a_stall_that_cannot_be_turned_back_is_kept_and_watched() {
    check(
        INSERTED_REVERTS,
        "4300 driver says stalled after 3000
         14400 driver says still-in-transition
         15400 seen livepatch transition
         16400 seen livepatch gone",
        &expect![[r#"
            4300 driver says stalled after 3000
                spool 2 grant 7 stalled after 3000 ms, reverted false
                marker grant 7 stalled in boot-1
                log grant 7: takes patchSets/113.1 out again at epoch 3
                remember patchSets/113.1 epoch 3 asking 7 last none revert grant 7 epoch 3 UnderWay
                revert grant 7 livepatch_113_1
                report #5 [2]
                sync #6 beat 4300 of boot-1
                wake at 6300
            14400 driver says still-in-transition
                spool 3 grant 7 REVERT_FAILURE_STILL_IN_TRANSITION: the transition back has not ended
                remember patchSets/113.1 epoch 3 asking 7 last none revert grant 7 epoch 3 Answered
                log grant 7: the livepatch stays until the host reboots: the transition back has not ended
                next controller
                log sync failed, again in 36 ms: no answer within 2000 ms
                log report failed, again in 162 ms: no answer within 10000 ms
                wake at 14436
            15400 seen livepatch transition
                report #7 [2, 3]
                sync #8 beat 15400 of boot-1
                wake at 16400
            16400 seen livepatch gone
                spool 4 grant 7 reverted
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Failed revert grant 7 epoch 3 Answered
                marker cleared
                log grant 7: ended: failed
                wake at 17400
        "#]],
    );
}

#[test]
fn a_kept_stall_is_taken_out_when_its_patch_set_is_withdrawn() {
    check(
        INSERTED,
        "4300 driver says stalled after 3000
         4500 sync revert 7
         4600 driver says reverted",
        &expect![[r#"
            4300 driver says stalled after 3000
                spool 2 grant 7 stalled after 3000 ms, reverted false
                marker grant 7 stalled in boot-1
                log grant 7: the transition has stalled after 3000 ms, and is kept
                report #5 [2]
                sync #6 beat 4300 of boot-1
                wake at 6300
            4500 sync revert 7
                remember patchSets/113.1 epoch 4 asking 7 last none
                log grant 7: takes patchSets/113.1 out again at epoch 4
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 UnderWay
                revert grant 7 livepatch_113_1
                wake at 6500
            4600 driver says reverted
                spool 3 grant 7 reverted
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 Answered
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Failed revert grant 7 epoch 4 Answered
                marker cleared
                log grant 7: ended: failed
        "#]],
    );
}

#[test]
fn a_kept_stall_outlives_a_restart_of_the_agent() {
    check(
        INSERTED,
        "4300 driver says stalled after 3000
         4500 restart boot same livepatch transition
         4600 reports counted
         5600 seen livepatch transition
         6600 seen livepatch gone",
        &expect![[r#"
            4300 driver says stalled after 3000
                spool 2 grant 7 stalled after 3000 ms, reverted false
                marker grant 7 stalled in boot-1
                log grant 7: the transition has stalled after 3000 ms, and is kept
                report #5 [2]
                sync #6 beat 4300 of boot-1
                wake at 6300
            4500 restart boot same livepatch transition
                spool 3 started interrupted 0 evidence none
                log grant 7: resumed after a restart
                follow grant 7 since 1200
                report #1 [2, 3]
                wake at 4611
            4600 reports counted
                spool-trim through 3
            5600 seen livepatch transition
                sync #2 beat 5600 of boot-1
                wake at 6600
            6600 seen livepatch gone
                spool 4 grant 7 reverted
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Failed
                marker cleared
                log grant 7: ended: failed
                report #3 [4]
                wake at 7600
        "#]],
    );
}
