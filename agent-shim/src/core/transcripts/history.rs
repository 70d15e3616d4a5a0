//! What a host does with answers from before a cluster was restored from its backup.

use expect_test::expect;

use super::{ASKING, STARTED, check};

#[test]
fn after_a_restore_an_offer_of_the_old_cluster_is_refused_even_after_a_restart() {
    check(
        STARTED,
        "1000 sync offer none gen 2 rev 500 next 1000
         1001 seen livepatch gone
         2000 wake
         2100 sync offer 7 gen 1 rev 900
         2200 restart boot same
         2210 reports counted
         3300 wake
         3400 sync offer 7 gen 1 rev 901",
        &expect![[r#"
            1000 sync offer none gen 2 rev 500 next 1000
                keep generation 2 revision 500
                observe
                wake at 2000
            1001 seen livepatch gone
            2000 wake
                sync #3 beat 2000 of boot-1
                wake at 12000
            2100 sync offer 7 gen 1 rev 900
                next controller
                log sync failed, again in 120 ms: the answer is of the cluster's generation 1, from before it was restored as generation 2
                wake at 2220
            2200 restart boot same
                spool 2 started interrupted 0 evidence none
                report #1 [2]
                wake at 2311
            2210 reports counted
                spool-trim through 2
            3300 wake
                sync #2 beat 3300 of boot-1
                wake at 13300
            3400 sync offer 7 gen 1 rev 901
                next controller
                log sync failed, again in 27 ms: the answer is of the cluster's generation 1, from before it was restored as generation 2
                wake at 3427
        "#]],
    );
}

#[test]
fn a_go_of_the_old_cluster_is_refused_once_the_new_one_was_heard() {
    check(
        ASKING,
        "3000 wake
         3100 sync offer 7 gen 2 rev 500
         3200 go gen 1 rev 900",
        &expect![[r#"
            3000 wake
                sync #5 beat 3000 of boot-1
                wake at 5000
            3100 sync offer 7 gen 2 rev 500
                keep generation 2 revision 500
                wake at 5100
            3200 go gen 1 rev 900
                next controller
                log begin failed, again in 36 ms: the answer is of the cluster's generation 1, from before it was restored as generation 2
                wake at 3236
        "#]],
    );
}

#[test]
fn a_go_that_is_older_than_its_request_is_refused() {
    check(
        "10 reports counted
         900 wake
         1000 sync offer 7 gen 1 rev 20
         1100 fetched",
        "1200 go gen 1 rev 19",
        &expect![[r#"
            1200 go gen 1 rev 19
                next controller
                log begin failed, again in 36 ms: the answer is older than its request
                wake at 1236
        "#]],
    );
}

#[test]
fn what_was_heard_is_kept_before_a_module_is_inserted() {
    check(
        "10 reports counted
         900 wake
         1000 sync offer 7 gen 1 rev 20
         1100 fetched",
        "1200 go gen 1 rev 21",
        &expect![[r#"
            1200 go gen 1 rev 21
                log grant 7: go until 11100 ms
                keep generation 1 revision 21
                marker grant 7 applying in boot-1
                INSERT grant 7 until 11100
        "#]],
    );
}
