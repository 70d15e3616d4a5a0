//! Reports on their way, and calls that fail.

use expect_test::expect;

use super::{INSERTED, SOAKING, START, STARTED, check, check_with};
use crate::core::AgentConfig;

#[test]
fn a_lost_report_is_sent_again_unchanged_and_counted_answers_have_no_second_effect() {
    check(
        START,
        "10 reports lost
         300 wake
         400 reports counted
         401 again",
        &expect![[r#"
            0 start
                spool 1 started interrupted 0 evidence none
                report #1 [1]
                wake at 466
            10 reports lost
                next controller
                log report failed, again in 120 ms: lost
                wake at 130
            300 wake
                report #2 [1]
                wake at 466
            400 reports counted
                spool-trim through 1
            401 again
        "#]],
    );
}

#[test]
fn a_delay_that_the_controller_asks_for_is_obeyed_to_the_millisecond() {
    check(
        START,
        "10 reports lost yes retry 7000
         6000 wake
         7009 wake
         7010 wake",
        &expect![[r#"
            0 start
                spool 1 started interrupted 0 evidence none
                report #1 [1]
                wake at 466
            10 reports lost yes retry 7000
                next controller
                log report failed, again in 7000 ms: lost
            6000 wake
                sync #2 beat 6000 of boot-1
                wake at 7010
            7009 wake
            7010 wake
                report #3 [1]
                wake at 16000
        "#]],
    );
}

#[test]
fn a_call_without_an_answer_fails_after_its_timeout_and_the_late_answer_is_ignored() {
    check(
        START,
        "900 wake
         10000 wake
         10950 sync offer 7",
        &expect![[r#"
            0 start
                spool 1 started interrupted 0 evidence none
                report #1 [1]
                wake at 466
            900 wake
                sync #2 beat 900 of boot-1
                wake at 10000
            10000 wake
                next controller
                log report failed, again in 120 ms: no answer within 10000 ms
                wake at 10120
            10950 sync offer 7
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offered patchSets/113.1 at epoch 3
                fetch #3 livepatch_113_1
                report #4 [1]
                observe
                wake at 12950
        "#]],
    );
}

#[test]
fn an_acknowledgement_of_more_than_was_sent_settles_no_more_than_was_sent() {
    check(
        START,
        "1 goodbye
         10 reports counted through 99",
        &expect![[r#"
            0 start
                spool 1 started interrupted 0 evidence none
                report #1 [1]
                wake at 466
            1 goodbye
                spool 2 goodbye GOODBYE_KIND_REBOOT
            10 reports counted through 99
                spool-trim through 1
                report #2 [2]
        "#]],
    );
}

#[test]
fn a_host_that_the_cluster_does_not_know_asks_slowly() {
    check(
        STARTED,
        "1000 sync unknown-host",
        &expect![[r#"
            1000 sync unknown-host
                next controller
                log the cluster does not know this host: enrol it again (asks again in 28519 ms)
                wake at 29519
        "#]],
    );
}

#[test]
fn a_full_spool_drops_health_first_and_never_an_outcome() {
    let config = AgentConfig { spool_limit: 3, ..AgentConfig::default() };
    check_with(
        config,
        SOAKING,
        "1701 seen livepatch enabled
         3702 seen livepatch enabled
         6702 seen livepatch enabled",
        &expect![[r#"
            1701 seen livepatch enabled
                spool 3 grant 7 health at 0
                wake at 2701
            3702 seen livepatch enabled
                spool 4 grant 7 health at 2000
                sync #6 beat 3702 of boot-1
                wake at 4702
            6702 seen livepatch enabled
                spool-drop 3
                log the spool is full: report 3 was dropped
                spool 5 grant 7 SOAKED for 5002 ms
                next controller
                log sync failed, again in 36 ms: no answer within 2000 ms
                wake at 6738
        "#]],
    );
}

#[test]
fn a_report_that_controllers_refuse_is_sent_alone_then_without_words_then_let_go_of() {
    check(
        STARTED,
        "1000 sync offer 7 kernel 6.8.0-41.41
         1010 reports lost
         1020 goodbye
         2000 wake
         2010 reports refused
         3000 wake
         3010 reports refused
         4000 wake
         4010 reports refused
         6000 wake
         6010 reports counted",
        &expect![[r#"
            1000 sync offer 7 kernel 6.8.0-41.41
                remember patchSets/113.1 epoch 3 asking 0 last none
                spool 2 grant 7 REFUSAL_REASON_WRONG_KERNEL: the artifact is for 6.8.0-41.41 generic amd64, the host runs 5.15.0-107.117 generic amd64
                log grant 7: ended: refused: the artifact is for 6.8.0-41.41 generic amd64, the host runs 5.15.0-107.117 generic amd64
                report #3 [2]
                observe
                wake at 11000
            1010 reports lost
                next controller
                log report failed, again in 120 ms: lost
                wake at 1130
            1020 goodbye
                spool 3 goodbye GOODBYE_KIND_REBOOT
            2000 wake
                report #4 [2, 3]
                wake at 12000
            2010 reports refused
                next controller
                log report failed, again in 191 ms: lost
                wake at 2201
            3000 wake
                report #5 [2]
                wake at 13000
            3010 reports refused
                next controller
                log report failed, again in 236 ms: lost
                log report 2 was refused: lost; it is sent again without its words
                wake at 3246
            4000 wake
                report #6 [2]
                wake at 14000
            4010 reports refused
                next controller
                log report failed, again in 762 ms: lost
                spool-drop 2
                log report 2 is lost, it was refused even without its words: lost
                wake at 4772
            6000 wake
                report #7 [3]
                wake at 16000
            6010 reports counted
                spool-trim through 3
                wake at 61000
        "#]],
    );
}

#[test]
fn a_soaked_report_that_is_let_go_of_is_written_anew() {
    check(
        SOAKING,
        "1750 reports counted
         6701 seen livepatch enabled
         6750 reports refused
         7000 wake
         7010 reports counted
         7020 reports refused
         7800 wake
         7810 reports refused
         7950 seen livepatch enabled",
        &expect![[r#"
            1750 reports counted
                spool-trim through 2
            6701 seen livepatch enabled
                spool 3 grant 7 health at 2000
                spool 4 grant 7 SOAKED for 5001 ms
                report #6 [3, 4]
                sync #7 beat 6701 of boot-1
                wake at 7701
            6750 reports refused
                next controller
                log report failed, again in 36 ms: lost
                wake at 6786
            7000 wake
                report #8 [3]
                wake at 7701
            7010 reports counted
                spool-trim through 3
                report #9 [4]
            7020 reports refused
                next controller
                log report failed, again in 162 ms: lost
                log report 4 was refused: lost; it is sent again without its words
                wake at 7182
            7800 wake
                report #10 [4]
                observe
                wake at 8701
            7810 reports refused
                next controller
                log report failed, again in 49 ms: lost
                spool-drop 4
                log report 4 is lost, it was refused even without its words: lost
            7950 seen livepatch enabled
                spool 5 grant 7 SOAKED for 6250 ms
                report #11 [5]
        "#]],
    );
}

#[test]
fn a_dead_controller_makes_no_host_with_a_live_grant_silent_for_longer_than_its_beats() {
    check(
        INSERTED,
        "1310 seen livepatch transition
         3000 wake
         5000 wake
         5200 wake
         5210 sync lost yes retry 30000
         7210 wake
         7220 sync unknown-host
         9220 wake",
        &expect![[r#"
            1310 seen livepatch transition
                wake at 2310
            3000 wake
                sync #5 beat 3000 of boot-1
                observe
                wake at 5000
            5000 wake
                next controller
                log sync failed, again in 36 ms: no answer within 2000 ms
                wake at 5036
            5200 wake
                sync #6 beat 5200 of boot-1
                wake at 7200
            5210 sync lost yes retry 30000
                next controller
                log sync failed, again in 2000 ms: lost
                wake at 7210
            7210 wake
                sync #7 beat 7210 of boot-1
                wake at 9210
            7220 sync unknown-host
                next controller
                log the cluster does not know this host: enrol it again (asks again in 2000 ms)
                wake at 9220
            9220 wake
                sync #8 beat 9220 of boot-1
                wake at 11220
        "#]],
    );
}
