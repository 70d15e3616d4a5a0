//! What survives the agent, and what survives the kernel.

use expect_test::expect;

use super::{ASKING, INSERTED, check};

#[test]
fn a_crash_inside_a_grant_is_reported_and_the_grant_is_never_inserted_again() {
    check(
        INSERTED,
        "1400 restart boot other evidence panic:livepatch_113_1
             1410 reports counted
             2400 wake
             2500 sync offer 7 next 1000
             2510 reports counted
             3500 wake
             3600 sync offer 8 epoch 3 next 1000
             3610 reports counted
             4600 wake
             4700 sync offer 9 epoch 4",
        &expect![[r#"
            1400 restart boot other evidence panic:livepatch_113_1
                spool 2 started interrupted 7 evidence panic:livepatch_113_1
                log grant 7: the host went down inside patchSets/113.1
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Crashed
                marker cleared
                log grant 7: ended: crashed
                report #1 [2]
                wake at 1511
            1410 reports counted
                spool-trim through 2
            2400 wake
                sync #2 beat 2400 of boot-2
                wake at 12400
            2500 sync offer 7 next 1000
                spool 3 grant 7 REFUSAL_REASON_CRASHED_LAST_TIME: grant 7 of this patch set took the host down at epoch 3
                log grant 7: ended: refused: grant 7 of this patch set took the host down at epoch 3
                report #3 [3]
                observe
                wake at 3500
            2510 reports counted
                spool-trim through 3
            3500 wake
                sync #4 beat 3500 of boot-2
                wake at 13500
            3600 sync offer 8 epoch 3 next 1000
                spool 4 grant 8 REFUSAL_REASON_CRASHED_LAST_TIME: grant 7 of this patch set took the host down at epoch 3
                log grant 8: ended: refused: grant 7 of this patch set took the host down at epoch 3
                report #5 [4]
                wake at 4600
            3610 reports counted
                spool-trim through 4
            4600 wake
                sync #6 beat 4600 of boot-2
                wake at 14600
            4700 sync offer 9 epoch 4
                remember patchSets/113.1 epoch 4 asking 0 last grant 7 Crashed
                log grant 9: offered patchSets/113.1 at epoch 4
                fetch #7 livepatch_113_1
                wake at 6700
        "#]],
    );
}

#[test]
fn a_planned_reboot_inside_a_grant_is_no_crash() {
    check(
        INSERTED,
        "1350 goodbye
             1400 restart boot other",
        &expect![[r#"
            1350 goodbye
                marker grant 7 applying in boot-1
                spool 2 goodbye GOODBYE_KIND_REBOOT
                report #5 [2]
            1400 restart boot other
                spool 3 started interrupted 7 evidence none
                log grant 7: the host went down inside patchSets/113.1
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Failed
                marker cleared
                log grant 7: ended: failed
                report #1 [2, 3]
                wake at 1511
        "#]],
    );
}

#[test]
fn a_restart_in_mid_apply_with_the_livepatch_enabled_goes_on_to_soak() {
    check(
        INSERTED,
        "1500 restart boot same livepatch enabled",
        &expect![[r#"
            1500 restart boot same livepatch enabled
                spool 2 started interrupted 0 evidence none
                log grant 7: resumed after a restart
                follow grant 7 since 1200
                spool 3 grant 7 applied in 300 ms
                marker grant 7 soaking in boot-1
                log grant 7: applied, soaks for 5000 ms
                report #1 [2, 3]
                wake at 1600
        "#]],
    );
}

#[test]
fn a_restart_in_mid_transition_follows_it_without_inserting() {
    check(
        INSERTED,
        "1500 restart boot same livepatch transition
             1900 driver says done after 600",
        &expect![[r#"
            1500 restart boot same livepatch transition
                spool 2 started interrupted 0 evidence none
                log grant 7: resumed after a restart
                follow grant 7 since 1200
                report #1 [2]
                wake at 1611
            1900 driver says done after 600
                spool 3 grant 7 applied in 600 ms
                marker grant 7 soaking in boot-1
                log grant 7: applied, soaks for 5000 ms
                sync #2 beat 1900 of boot-1
                observe
                wake at 3900
        "#]],
    );
}

#[test]
fn a_restart_in_mid_apply_without_the_module_reports_interrupted() {
    check(
        INSERTED,
        "1500 restart boot same livepatch gone",
        &expect![[r#"
            1500 restart boot same livepatch gone
                spool 2 started interrupted 0 evidence none
                log grant 7: resumed after a restart
                spool 3 grant 7 APPLY_FAILURE_INTERRUPTED: the agent was restarted in mid-apply, and the module is not loaded
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Failed
                marker cleared
                log grant 7: ended: failed
                report #1 [2, 3]
                wake at 1611
        "#]],
    );
}

#[test]
fn a_restart_in_the_soak_counts_on_from_the_end_of_the_transition() {
    check(
        INSERTED,
        "1700 driver says done
             5000 restart boot same livepatch enabled
             5010 reports counted
             6700 wake
             6701 seen livepatch enabled",
        &expect![[r#"
            1700 driver says done
                spool 2 grant 7 applied in 400 ms
                marker grant 7 soaking in boot-1
                log grant 7: applied, soaks for 5000 ms
                report #5 [2]
            5000 restart boot same livepatch enabled
                spool 3 started interrupted 0 evidence none
                log grant 7: resumed after a restart
                follow grant 7 since 1700
                report #1 [2, 3]
                wake at 5111
            5010 reports counted
                spool-trim through 3
            6700 wake
                sync #2 beat 6700 of boot-1
                observe
                wake at 8700
            6701 seen livepatch enabled
                spool 4 grant 7 SOAKED for 5001 ms
                report #3 [4]
                wake at 7701
        "#]],
    );
}

#[test]
fn a_restart_while_asking_reports_the_grant_as_refused_and_does_not_ask_again() {
    check(
        ASKING,
        "1150 restart boot same
         1160 reports counted
         2100 wake
         2200 sync offer 7",
        &expect![[r#"
            1150 restart boot same
                spool 2 started interrupted 0 evidence none
                spool 3 grant 7 REFUSAL_REASON_WITHDRAWN: the agent was restarted while it asked to begin
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: ended: refused: the agent was restarted while it asked to begin
                report #1 [2, 3]
                wake at 1261
            1160 reports counted
                spool-trim through 3
            2100 wake
                sync #2 beat 2100 of boot-1
                wake at 12100
            2200 sync offer 7
                observe
                wake at 62200
        "#]],
    );
}

#[test]
fn a_restart_with_a_stuck_insert_reports_nothing_new_and_a_reboot_reports_the_interruption() {
    check(
        ASKING,
        "1200 go
         19100 wake
         19200 reports counted
         20000 restart boot same livepatch gone
         21000 restart boot other",
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
            20000 restart boot same livepatch gone
                spool 3 started interrupted 0 evidence none
                log grant 7: resumed after a restart
                follow grant 7 since 1200
                report #1 [3]
                wake at 20111
            21000 restart boot other
                spool 4 started interrupted 7 evidence none
                log grant 7: the host went down inside patchSets/113.1
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Crashed
                marker cleared
                log grant 7: ended: crashed
                report #1 [3, 4]
                wake at 21054
        "#]],
    );
}
