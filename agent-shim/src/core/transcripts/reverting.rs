//! Out of the kernel again, on command.

use expect_test::expect;

use super::{ASKING, SOAKING, STARTED, check};

/// Grant 7 has soaked, and is settled.
const SOAKED: &str = "10 reports counted
    900 wake
    1000 sync offer 7
    1100 fetched
    1200 go
    1300 driver says inserted
    1700 driver says done
    1750 reports counted
    6701 seen livepatch enabled
    6800 reports counted
    8900 wake
    9000 wake";

#[test]
fn a_soaked_livepatch_is_taken_out_on_command_its_order_durable_first() {
    check(
        SOAKED,
        "9100 sync revert 7 offer 9 set patchSets/114.1 module livepatch_114_1
         9150 seen livepatch enabled
         9200 driver says reverted
         9300 reports counted
         9400 sync revert 7",
        &expect![[r#"
            9100 sync revert 7 offer 9 set patchSets/114.1 module livepatch_114_1
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked
                remember patchSets/114.1 epoch 3 asking 0 last none
                log offer ignored: a livepatch is to be taken out first
                observe
                wake at 69100
            9150 seen livepatch enabled
                log grant 7: takes patchSets/113.1 out again at epoch 4
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked revert grant 7 epoch 4 UnderWay
                revert grant 7 livepatch_113_1
            9200 driver says reverted
                spool 5 grant 7 reverted
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked revert grant 7 epoch 4 Answered
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Reverted revert grant 7 epoch 4 Answered
                report #9 [5]
                wake at 19200
            9300 reports counted
                spool-trim through 5
                wake at 69100
            9400 sync revert 7
        "#]],
    );
}

#[test]
fn a_soaking_livepatch_is_taken_out_and_says_nothing_of_its_soak_any_more() {
    check(
        SOAKING,
        "3000 wake
         3100 sync revert 7
         6800 seen livepatch gone
         6900 driver says reverted",
        &expect![[r#"
            3000 wake
                sync #6 beat 3000 of boot-1
                wake at 5000
            3100 sync revert 7
                remember patchSets/113.1 epoch 4 asking 7 last none
                log grant 7: takes patchSets/113.1 out again at epoch 4
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 UnderWay
                revert grant 7 livepatch_113_1
                wake at 5100
            6800 seen livepatch gone
                sync #7 beat 6800 of boot-1
                wake at 8800
            6900 driver says reverted
                spool 3 grant 7 reverted
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 Answered
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Reverted revert grant 7 epoch 4 Answered
                marker cleared
                log grant 7: ended: reverted
        "#]],
    );
}

#[test]
fn a_transition_is_turned_back_on_command_and_an_insert_is_waited_for() {
    check(
        ASKING,
        "1200 go
         1250 sync offer 7 revert 7
         1300 driver says inserted
         3400 wake
         3500 sync offer 7 revert 7
         3600 driver says not-enabled
         3700 driver says reverted",
        &expect![[r#"
            1200 go
                log grant 7: go until 11100 ms
                marker grant 7 applying in boot-1
                INSERT grant 7 until 11100
            1250 sync offer 7 revert 7
            1300 driver says inserted
                log grant 7: inserted
            3400 wake
                sync #5 beat 3400 of boot-1
                wake at 5400
            3500 sync offer 7 revert 7
                remember patchSets/113.1 epoch 4 asking 7 last none
                log grant 7: takes patchSets/113.1 out again at epoch 4
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 UnderWay
                revert grant 7 livepatch_113_1
                log offer ignored: epoch 3 of patchSets/113.1 is out of date
                wake at 5500
            3600 driver says not-enabled
            3700 driver says reverted
                spool 2 grant 7 reverted
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 Answered
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Reverted revert grant 7 epoch 4 Answered
                marker cleared
                log grant 7: ended: reverted
                report #6 [2]
        "#]],
    );
}

#[test]
fn an_order_of_an_older_epoch_or_generation_is_not_obeyed() {
    check(
        SOAKED,
        "9100 sync revert 7 at-epoch 2 gen 3 rev 50
         12000 wake
         69100 wake
         69200 sync revert 7 at-epoch 4 gen 2 rev 90
         70000 wake
         70100 sync revert 7 at-epoch 4 gen 3 rev 40
         130200 wake
         130300 sync revert 7 at-epoch 4 gen 3 rev 60
         130400 seen livepatch enabled",
        &expect![[r#"
            9100 sync revert 7 at-epoch 2 gen 3 rev 50
                keep generation 3 revision 50
                log grant 7: order to revert ignored: epoch 2 of patchSets/113.1 is out of date
                observe
                wake at 69100
            12000 wake
            69100 wake
                sync #9 beat 69100 of boot-1
                wake at 79100
            69200 sync revert 7 at-epoch 4 gen 2 rev 90
                next controller
                log sync failed, again in 162 ms: the answer is of the cluster's generation 2, from before it was restored as generation 3
                wake at 69362
            70000 wake
                sync #10 beat 70000 of boot-1
                wake at 80000
            70100 sync revert 7 at-epoch 4 gen 3 rev 40
                log offer ignored: the answer is older than an earlier one
                wake at 130100
            130200 wake
                sync #11 beat 130200 of boot-1
                wake at 140200
            130300 sync revert 7 at-epoch 4 gen 3 rev 60
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked
                wake at 190300
            130400 seen livepatch enabled
                log grant 7: takes patchSets/113.1 out again at epoch 4
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked revert grant 7 epoch 4 UnderWay
                revert grant 7 livepatch_113_1
        "#]],
    );
}

#[test]
fn a_host_that_asks_to_begin_what_is_withdrawn_lets_go_of_it_first() {
    check(
        ASKING,
        "3000 wake
         3100 sync revert 7
         3200 go
         5200 wake
         5300 sync revert 7
         5400 seen livepatch gone",
        &expect![[r#"
            3000 wake
                sync #5 beat 3000 of boot-1
                wake at 5000
            3100 sync revert 7
                remember patchSets/113.1 epoch 4 asking 7 last none
                wake at 5100
            3200 go
                spool 2 grant 7 REFUSAL_REASON_WITHDRAWN: the offer went away while the host was asking
                remember patchSets/113.1 epoch 4 asking 0 last none
                log grant 7: ended: refused: the offer went away while the host was asking
                report #6 [2]
            5200 wake
                sync #7 beat 5200 of boot-1
                wake at 13200
            5300 sync revert 7
            5400 seen livepatch gone
                spool 3 grant 7 reverted
                remember patchSets/113.1 epoch 4 asking 0 last none revert grant 7 epoch 4 Answered
        "#]],
    );
}

#[test]
fn what_this_agent_has_not_inserted_in_this_boot_stays() {
    check(
        STARTED,
        "1000 sync next 1000
         1001 seen livepatch enabled
         2000 wake
         2100 sync revert 7
         2101 seen livepatch enabled",
        &expect![[r#"
            1000 sync next 1000
                observe
                wake at 2000
            1001 seen livepatch enabled
            2000 wake
                sync #3 beat 2000 of boot-1
                wake at 12000
            2100 sync revert 7
                remember patchSets/113.1 epoch 4 asking 0 last none
                observe
                wake at 62100
            2101 seen livepatch enabled
                spool 2 grant 7 REVERT_FAILURE_NOT_OURS: livepatch_113_1 is loaded, and not by this agent in this boot
                remember patchSets/113.1 epoch 4 asking 0 last none revert grant 7 epoch 4 Answered
                log grant 7: the livepatch stays until the host reboots: livepatch_113_1 is loaded, and not by this agent in this boot
                report #4 [2]
                wake at 12101
        "#]],
    );
}

#[test]
fn what_a_newer_livepatch_has_replaced_stays_until_the_host_reboots() {
    check(
        SOAKED,
        "9100 sync offer 9 set patchSets/114.1 module livepatch_114_1
         9200 fetched
         9300 go
         9400 driver grant 9 says inserted
         9500 driver grant 9 says done
         9600 reports counted
         11100 wake
         11200 sync offer none
         14501 seen livepatch newer
         14600 reports counted
         14700 wake
         14800 sync revert 7
         14801 seen livepatch newer",
        &expect![[r#"
            9100 sync offer 9 set patchSets/114.1 module livepatch_114_1
                remember patchSets/114.1 epoch 3 asking 0 last none
                log grant 9: offered patchSets/114.1 at epoch 3
                fetch #9 livepatch_114_1
                observe
                wake at 11100
            9200 fetched
                remember patchSets/114.1 epoch 3 asking 9 last none
                begin #10 grant 9 epoch 3
            9300 go
                log grant 9: go until 19200 ms
                marker grant 9 applying in boot-1
                INSERT grant 9 until 19200
            9400 driver grant 9 says inserted
                log grant 9: inserted
            9500 driver grant 9 says done
                spool 5 grant 9 applied in 400 ms
                marker grant 9 soaking in boot-1
                log grant 9: applied, soaks for 5000 ms
                report #11 [5]
            9600 reports counted
                spool-trim through 5
            11100 wake
                sync #12 beat 11100 of boot-1
                wake at 13100
            11200 sync offer none
                wake at 13200
            14501 seen livepatch newer
                spool 6 grant 9 health at 2000
                spool 7 grant 9 SOAKED for 5001 ms
                report #13 [6, 7]
                sync #14 beat 14501 of boot-1
                wake at 15501
            14600 reports counted
                spool-trim through 7
                remember patchSets/114.1 epoch 3 asking 0 last grant 9 Soaked
                marker cleared
                log grant 9: ended: soaked
                wake at 16501
            14700 wake
            14800 sync revert 7
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked
                observe
                wake at 74800
            14801 seen livepatch newer
                spool 8 grant 7 REVERT_FAILURE_REPLACED: livepatch_114_1 has taken the place of livepatch_113_1
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked revert grant 7 epoch 4 Answered
                log grant 7: the livepatch stays until the host reboots: livepatch_114_1 has taken the place of livepatch_113_1
                report #15 [8]
                wake at 24801
        "#]],
    );
}

#[test]
fn what_is_not_in_the_kernel_any_more_is_reported_as_reverted_at_once() {
    check(
        STARTED,
        "1000 sync revert 7
         1001 seen at 900 livepatch enabled
         1002 seen livepatch gone",
        &expect![[r#"
            1000 sync revert 7
                remember patchSets/113.1 epoch 4 asking 0 last none
                observe
                wake at 61000
            1001 seen at 900 livepatch enabled
                observe
            1002 seen livepatch gone
                spool 2 grant 7 reverted
                remember patchSets/113.1 epoch 4 asking 0 last none revert grant 7 epoch 4 Answered
                report #3 [2]
                wake at 11002
        "#]],
    );
}

#[test]
fn what_the_driver_refuses_stays_and_goes_on_soaking() {
    check(
        SOAKING,
        "3000 wake
         3100 sync revert 7
         3200 driver says revert-refused
         6701 seen livepatch enabled",
        &expect![[r#"
            3000 wake
                sync #6 beat 3000 of boot-1
                wake at 5000
            3100 sync revert 7
                remember patchSets/113.1 epoch 4 asking 7 last none
                log grant 7: takes patchSets/113.1 out again at epoch 4
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 UnderWay
                revert grant 7 livepatch_113_1
                wake at 5100
            3200 driver says revert-refused
                spool 3 grant 7 REVERT_FAILURE_REFUSED: the driver refuses to disable it
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 Answered
                log grant 7: the livepatch stays until the host reboots: the driver refuses to disable it
            6701 seen livepatch enabled
                spool 4 grant 7 health at 2000
                spool 5 grant 7 SOAKED for 5001 ms
                sync #7 beat 6701 of boot-1
                wake at 7701
        "#]],
    );
}

#[test]
fn a_transition_back_that_does_not_end_is_reported_and_a_late_end_too() {
    check(
        SOAKING,
        "3000 wake
         3100 sync revert 7
         3200 driver says still-in-transition
         4200 seen livepatch transition
         5200 seen livepatch gone",
        &expect![[r#"
            3000 wake
                sync #6 beat 3000 of boot-1
                wake at 5000
            3100 sync revert 7
                remember patchSets/113.1 epoch 4 asking 7 last none
                log grant 7: takes patchSets/113.1 out again at epoch 4
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 UnderWay
                revert grant 7 livepatch_113_1
                wake at 5100
            3200 driver says still-in-transition
                spool 3 grant 7 REVERT_FAILURE_STILL_IN_TRANSITION: the transition back has not ended
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 Answered
                log grant 7: the livepatch stays until the host reboots: the transition back has not ended
            4200 seen livepatch transition
                spool 4 grant 7 health at 2000
            5200 seen livepatch gone
                spool 5 grant 7 reverted
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Failed revert grant 7 epoch 4 Answered
                marker cleared
                log grant 7: ended: failed
                sync #7 beat 5200 of boot-1
                wake at 11700
        "#]],
    );
}

#[test]
fn a_restarted_agent_goes_on_with_the_order_and_one_of_another_boot_is_forgotten() {
    check(
        SOAKED,
        "9100 sync revert 7
         9110 seen livepatch enabled
         9200 restart boot same livepatch enabled
         9300 driver says reverted
         9400 reports counted",
        &expect![[r#"
            9100 sync revert 7
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked
                observe
                wake at 69100
            9110 seen livepatch enabled
                log grant 7: takes patchSets/113.1 out again at epoch 4
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked revert grant 7 epoch 4 UnderWay
                revert grant 7 livepatch_113_1
            9200 restart boot same livepatch enabled
                spool 5 started interrupted 0 evidence none
                log grant 7: resumed after a restart
                revert grant 7 livepatch_113_1
                report #1 [5]
                wake at 9311
            9300 driver says reverted
                spool 6 grant 7 reverted
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked revert grant 7 epoch 4 Answered
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Reverted revert grant 7 epoch 4 Answered
            9400 reports counted
                spool-trim through 5
                report #2 [6]
                sync #3 beat 9400 of boot-1
                wake at 19400
        "#]],
    );
    check(
        SOAKED,
        "9100 sync revert 7
         9110 seen livepatch enabled
         9200 restart boot other",
        &expect![[r#"
            9100 sync revert 7
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked
                observe
                wake at 69100
            9110 seen livepatch enabled
                log grant 7: takes patchSets/113.1 out again at epoch 4
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked revert grant 7 epoch 4 UnderWay
                revert grant 7 livepatch_113_1
            9200 restart boot other
                spool 5 started interrupted 0 evidence none
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Soaked
                report #1 [5]
                wake at 9311
        "#]],
    );
}

#[test]
fn a_restarted_agent_goes_on_with_the_order_of_a_grant_that_was_live() {
    check(
        SOAKING,
        "3000 wake
         3100 sync revert 7
         3200 restart boot same livepatch enabled
         3300 driver says reverted",
        &expect![[r#"
            3000 wake
                sync #6 beat 3000 of boot-1
                wake at 5000
            3100 sync revert 7
                remember patchSets/113.1 epoch 4 asking 7 last none
                log grant 7: takes patchSets/113.1 out again at epoch 4
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 UnderWay
                revert grant 7 livepatch_113_1
                wake at 5100
            3200 restart boot same livepatch enabled
                spool 3 started interrupted 0 evidence none
                log grant 7: resumed after a restart
                revert grant 7 livepatch_113_1
                report #1 [2, 3]
                wake at 3311
            3300 driver says reverted
                spool 4 grant 7 reverted
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 Answered
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Reverted revert grant 7 epoch 4 Answered
                marker cleared
                log grant 7: ended: reverted
        "#]],
    );
}

#[test]
fn an_insert_that_hangs_is_not_taken_out() {
    check(
        ASKING,
        "1200 go
         19100 wake
         19150 reports counted
         19200 sync revert 7",
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
            19150 reports counted
                spool-trim through 2
            19200 sync revert 7
                remember patchSets/113.1 epoch 4 asking 7 last none
                spool 3 grant 7 REVERT_FAILURE_INSERT_HANGS: the insert has not returned
                remember patchSets/113.1 epoch 4 asking 7 last none revert grant 7 epoch 4 Answered
                log grant 7: the livepatch stays until the host reboots: the insert has not returned
                report #7 [3]
                wake at 21200
        "#]],
    );
}
