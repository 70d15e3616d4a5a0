//! Which offers are taken up, and which are passed over.

use expect_test::expect;

use super::{START, STARTED, check};

#[test]
fn a_wrong_digest_or_size_is_refused_and_never_asked_for() {
    for wrong in ["digest wrong", "size 4095"] {
        check(
            STARTED,
            &format!(
                "1000 sync offer 7
                 1100 fetched {wrong}
                 1200 reports counted
                 3000 sync offer 7"
            ),
            &match wrong {
                "digest wrong" => expect![[r#"
                    1000 sync offer 7
                        remember patchSets/113.1 epoch 3 asking 0 last none
                        log grant 7: offered patchSets/113.1 at epoch 3
                        fetch #3 livepatch_113_1
                        observe
                        wake at 3000
                    1100 fetched digest wrong
                        spool 2 grant 7 REFUSAL_REASON_DIGEST_MISMATCH: expected 4096 bytes with SHA-256 abababababababababababababababababababababababababababababababab, stored 4096 bytes with cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
                        log grant 7: ended: refused: expected 4096 bytes with SHA-256 abababababababababababababababababababababababababababababababab, stored 4096 bytes with cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
                        report #4 [2]
                    1200 reports counted
                        spool-trim through 2
                    3000 sync offer 7
                        sync #5 beat 3000 of boot-1
                        wake at 13000
                "#]],
                _ => expect![[r#"
                    1000 sync offer 7
                        remember patchSets/113.1 epoch 3 asking 0 last none
                        log grant 7: offered patchSets/113.1 at epoch 3
                        fetch #3 livepatch_113_1
                        observe
                        wake at 3000
                    1100 fetched size 4095
                        spool 2 grant 7 REFUSAL_REASON_DIGEST_MISMATCH: expected 4096 bytes with SHA-256 abababababababababababababababababababababababababababababababab, stored 4095 bytes with abababababababababababababababababababababababababababababababab
                        log grant 7: ended: refused: expected 4096 bytes with SHA-256 abababababababababababababababababababababababababababababababab, stored 4095 bytes with abababababababababababababababababababababababababababababababab
                        report #4 [2]
                    1200 reports counted
                        spool-trim through 2
                    3000 sync offer 7
                        sync #5 beat 3000 of boot-1
                        wake at 13000
                "#]],
            },
        );
    }
}

#[test]
fn an_offer_of_an_older_epoch_is_passed_over_even_after_a_restart() {
    check(
        STARTED,
        "1000 sync offer 7 epoch 5
         1100 restart boot same
         1110 reports counted
         2110 wake
         2200 sync offer 6 epoch 4
         2201 seen livepatch gone",
        &expect![[r#"
            1000 sync offer 7 epoch 5
                remember patchSets/113.1 epoch 5 asking 0 last none
                log grant 7: offered patchSets/113.1 at epoch 5
                fetch #3 livepatch_113_1
                observe
                wake at 3000
            1100 restart boot same
                spool 2 started interrupted 0 evidence none
                report #1 [2]
                wake at 1211
            1110 reports counted
                spool-trim through 2
            2110 wake
                sync #2 beat 2110 of boot-1
                wake at 12110
            2200 sync offer 6 epoch 4
                log offer ignored: epoch 4 of patchSets/113.1 is out of date
                observe
                wake at 62200
            2201 seen livepatch gone
        "#]],
    );
}

#[test]
fn an_answer_older_than_the_newest_neither_offers_nor_withdraws() {
    check(
        STARTED,
        "1000 sync offer 7 rev 20
         1001 seen livepatch gone
         3000 wake
         3100 sync offer none rev 19
         3101 seen livepatch gone",
        &expect![[r#"
            1000 sync offer 7 rev 20
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offered patchSets/113.1 at epoch 3
                fetch #3 livepatch_113_1
                observe
                wake at 3000
            1001 seen livepatch gone
            3000 wake
                sync #4 beat 3000 of boot-1
                wake at 5000
            3100 sync offer none rev 19
                log offer ignored: the answer is older than an earlier one
                observe
                wake at 5100
            3101 seen livepatch gone
        "#]],
    );
}

#[test]
fn an_offer_for_another_kernel_is_refused() {
    check(
        STARTED,
        "1000 sync offer 7 kernel 6.8.0-41.41",
        &expect![[r#"
            1000 sync offer 7 kernel 6.8.0-41.41
                remember patchSets/113.1 epoch 3 asking 0 last none
                spool 2 grant 7 REFUSAL_REASON_WRONG_KERNEL: the artifact is for 6.8.0-41.41 generic amd64, the host runs 5.15.0-107.117 generic amd64
                log grant 7: ended: refused: the artifact is for 6.8.0-41.41 generic amd64, the host runs 5.15.0-107.117 generic amd64
                report #3 [2]
                observe
                wake at 11000
        "#]],
    );
}

#[test]
fn an_agent_in_mode_no_apply_refuses_and_never_begins() {
    check(
        START,
        "1 restart boot same mode no-apply
         10 reports counted
         1900 wake
         2000 sync offer 7",
        &expect![[r#"
            0 start
                spool 1 started interrupted 0 evidence none
                report #1 [1]
                wake at 466
            1 restart boot same mode no-apply
                spool 2 started interrupted 0 evidence none
                report #1 [1, 2]
                wake at 112
            10 reports counted
                spool-trim through 2
            1900 wake
                sync #2 beat 1900 of boot-1
                wake at 11900
            2000 sync offer 7
                remember patchSets/113.1 epoch 3 asking 0 last none
                spool 3 grant 7 REFUSAL_REASON_NO_APPLY: the agent is in mode no-apply
                log grant 7: ended: refused: the agent is in mode no-apply
                report #3 [3]
                observe
                wake at 12000
        "#]],
    );
}

#[test]
fn an_offer_that_expires_while_waiting_is_dropped() {
    check(
        STARTED,
        "1000 sync offer 7 expires 3000
         1100 fetched
         1200 no-go reason HELD retry 60000
         4000 wake",
        &expect![[r#"
            1000 sync offer 7 expires 3000
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offered patchSets/113.1 at epoch 3
                fetch #3 livepatch_113_1
                observe
                wake at 3000
            1100 fetched
                remember patchSets/113.1 epoch 3 asking 7 last none
                begin #4 grant 7 epoch 3
            1200 no-go reason HELD retry 60000
                log grant 7: no-go, asks again in 60000 ms: NO_GO_REASON_HELD: says the script
            4000 wake
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offer dropped: it expired
                sync #5 beat 4000 of boot-1
                wake at 14000
        "#]],
    );
}

#[test]
fn an_offer_of_a_module_that_cannot_be_loaded_is_refused_once() {
    let name = "x".repeat(56);
    check(
        STARTED,
        &format!(
            "1000 sync offer 7 module {name}
             1100 reports counted
             61000 wake
             61100 sync offer 7 module {name}"
        ),
        &expect![[r#"
            1000 sync offer 7 module xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                remember patchSets/113.1 epoch 3 asking 0 last none
                spool 2 grant 7 REFUSAL_REASON_UNSPECIFIED: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` is not a kernel module's name
                log grant 7: ended: refused: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` is not a kernel module's name
                report #3 [2]
                observe
                wake at 11000
            1100 reports counted
                spool-trim through 2
                wake at 61000
            61000 wake
                sync #4 beat 61000 of boot-1
                wake at 71000
            61100 sync offer 7 module xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                wake at 121100
        "#]],
    );
}

#[test]
fn a_malformed_offer_takes_the_place_of_the_one_before() {
    check(
        STARTED,
        "1000 sync offer 7
         1001 seen livepatch gone
         3000 wake
         3100 sync offer 8 module a/b
         3200 fetched",
        &expect![[r#"
            1000 sync offer 7
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offered patchSets/113.1 at epoch 3
                fetch #3 livepatch_113_1
                observe
                wake at 3000
            1001 seen livepatch gone
            3000 wake
                sync #4 beat 3000 of boot-1
                wake at 5000
            3100 sync offer 8 module a/b
                log grant 7: offer dropped: another offer took its place
                spool 2 grant 8 REFUSAL_REASON_UNSPECIFIED: `a/b` is not a kernel module's name
                log grant 8: ended: refused: `a/b` is not a kernel module's name
                report #5 [2]
                observe
                wake at 13100
            3200 fetched
        "#]],
    );
}
