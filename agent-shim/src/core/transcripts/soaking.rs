//! From the insert to the end of the soak.

use expect_test::expect;

use super::{ASKING, SOAKING, check};

#[test]
fn a_not_yet_leads_to_a_new_report_later() {
    check(
        SOAKING,
        "1750 reports counted
             6701 seen livepatch enabled
             6800 reports not-yet 2000
             8800 wake
             8801 seen livepatch enabled
             8900 reports counted
             8901 again",
        &expect![[r#"
            1750 reports counted
                spool-trim through 2
            6701 seen livepatch enabled
                spool 3 grant 7 health at 2000
                spool 4 grant 7 SOAKED for 5001 ms
                report #6 [3, 4]
                sync #7 beat 6701 of boot-1
                wake at 7701
            6800 reports not-yet 2000
                spool-trim through 4
                log grant 7: not over yet, again in 2000 ms
            8800 wake
                next controller
                log sync failed, again in 36 ms: no answer within 2000 ms
                observe
                wake at 8836
            8801 seen livepatch enabled
                spool 5 grant 7 SOAKED for 7101 ms
                report #8 [5]
            8900 reports counted
                spool-trim through 5
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Soaked
                marker cleared
                log grant 7: ended: soaked
                sync #9 beat 8900 of boot-1
                wake at 18900
            8901 again
        "#]],
    );
}

#[test]
fn a_soak_is_not_over_a_millisecond_early() {
    check(
        SOAKING,
        "1750 reports counted
             6699 seen livepatch enabled",
        &expect![[r#"
            1750 reports counted
                spool-trim through 2
            6699 seen livepatch enabled
                spool 3 grant 7 health at 2000
                report #6 [3]
                sync #7 beat 6699 of boot-1
                wake at 6799
        "#]],
    );
}

#[test]
fn what_was_seen_before_the_transition_ended_says_nothing_of_the_soak() {
    check(
        SOAKING,
        "1701 seen at 1650 livepatch gone",
        &expect![[r#"
            1701 seen at 1650 livepatch gone
                wake at 1750
        "#]],
    );
}

#[test]
fn a_livepatch_in_transition_or_gone_is_never_reported_as_soaked() {
    check(
        SOAKING,
        "1750 reports counted
             6701 seen livepatch transition
             6801 wake
             6802 seen livepatch disabled",
        &expect![[r#"
            1750 reports counted
                spool-trim through 2
            6701 seen livepatch transition
                spool 3 grant 7 health at 2000
                report #6 [3]
                sync #7 beat 6701 of boot-1
                wake at 6801
            6801 wake
                observe
                wake at 8701
            6802 seen livepatch disabled
                spool 4 grant 7 reverted
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Failed
                marker cleared
                log grant 7: ended: failed
        "#]],
    );
}

#[test]
fn an_oops_that_names_the_module_ends_the_grant_as_crashed() {
    check(
        SOAKING,
        "1800 seen livepatch enabled oops BUG:livepatch_113_1",
        &expect![[r#"
            1800 seen livepatch enabled oops BUG:livepatch_113_1
                spool 3 grant 7 crashed: BUG:livepatch_113_1
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Crashed
                marker cleared
                log grant 7: ended: crashed
        "#]],
    );
}

#[test]
fn a_new_taint_of_a_dying_kernel_ends_the_grant_and_a_livepatchs_own_taint_does_not() {
    check(
        SOAKING,
        "1800 seen livepatch enabled taint 32768
             2800 seen livepatch enabled taint 32896",
        &expect![[r#"
            1800 seen livepatch enabled taint 32768
                spool 3 grant 7 health at 0
                wake at 2800
            2800 seen livepatch enabled taint 32896
                spool 4 grant 7 degraded taint: tainted was 0, is 32896
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Crashed
                marker cleared
                log grant 7: ended: crashed
                wake at 3000
        "#]],
    );
}

#[test]
fn a_module_that_the_kernel_refuses_is_reported_and_the_marker_cleared() {
    check(
        ASKING,
        "1200 go
         1300 driver says insert-failed",
        &expect![[r#"
            1200 go
                log grant 7: go until 11100 ms
                marker grant 7 applying in boot-1
                INSERT grant 7 until 11100
            1300 driver says insert-failed
                spool 2 grant 7 APPLY_FAILURE_INSERT: EINVAL
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Failed
                marker cleared
                log grant 7: ended: failed
                report #5 [2]
        "#]],
    );
}

#[test]
fn an_insert_that_never_returns_is_reported_as_stalled_once_and_a_late_word_adds_no_report() {
    check(
        ASKING,
        "1200 go
         19099 wake
         19100 wake
         19200 reports counted
         20000 driver says inserted
         20100 seen livepatch enabled
         22000 wake
         22050 wake
         22100 sync offer 9 epoch 4
         23000 driver says done",
        &expect![[r#"
            1200 go
                log grant 7: go until 11100 ms
                marker grant 7 applying in boot-1
                INSERT grant 7 until 11100
            19099 wake
                sync #5 beat 19099 of boot-1
                wake at 19100
            19100 wake
                spool 2 grant 7 stalled after 17900 ms, reverted false
                log grant 7: ended: the insert does not return; nothing more begins in this boot
                marker grant 7 stuck in boot-1
                report #6 [2]
                wake at 21099
            19200 reports counted
                spool-trim through 2
            20000 driver says inserted
            20100 seen livepatch enabled
            22000 wake
                next controller
                log sync failed, again in 36 ms: no answer within 2000 ms
                observe
                wake at 22036
            22050 wake
                sync #7 beat 22050 of boot-1
                wake at 24050
            22100 sync offer 9 epoch 4
                remember patchSets/113.1 epoch 4 asking 7 last none
                wake at 24100
            23000 driver says done
        "#]],
    );
}

#[test]
fn a_stuck_insert_that_fails_late_frees_the_host_without_a_second_report() {
    check(
        ASKING,
        "1200 go
         19100 wake
         19200 reports counted
         20000 driver says insert-failed",
        &expect![[r#"
            1200 go
                log grant 7: go until 11100 ms
                marker grant 7 applying in boot-1
                INSERT grant 7 until 11100
            19100 wake
                spool 2 grant 7 stalled after 17900 ms, reverted false
                log grant 7: ended: the insert does not return; nothing more begins in this boot
                marker grant 7 stuck in boot-1
                report #5 [2]
                sync #6 beat 19100 of boot-1
                wake at 21100
            19200 reports counted
                spool-trim through 2
            20000 driver says insert-failed
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Failed
                marker cleared
                log grant 7: ended: failed
        "#]],
    );
}

#[test]
fn a_stuck_insert_that_oopses_the_kernel_is_a_crash_too() {
    check(
        ASKING,
        "1200 go
         19100 wake
         19200 reports counted
         20100 seen livepatch gone taint 128
         21200 seen livepatch gone oops BUG:livepatch_113_1",
        &expect![[r#"
            1200 go
                log grant 7: go until 11100 ms
                marker grant 7 applying in boot-1
                INSERT grant 7 until 11100
            19100 wake
                spool 2 grant 7 stalled after 17900 ms, reverted false
                log grant 7: ended: the insert does not return; nothing more begins in this boot
                marker grant 7 stuck in boot-1
                report #5 [2]
                sync #6 beat 19100 of boot-1
                wake at 21100
            19200 reports counted
                spool-trim through 2
            20100 seen livepatch gone taint 128
            21200 seen livepatch gone oops BUG:livepatch_113_1
                spool 3 grant 7 crashed: BUG:livepatch_113_1
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Crashed
                marker cleared
                log grant 7: ended: crashed
                next controller
                log sync failed, again in 36 ms: no answer within 2000 ms
                report #7 [3]
                wake at 21236
        "#]],
    );
}
