//! Reports on their way, and calls that fail.

use expect_test::expect;

use super::{SOAKING, START, STARTED, check, check_with};
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
                wake at 7702
        "#]],
    );
}
