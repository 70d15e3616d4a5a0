//! What does a host do with words of a later release, which it has never heard? It holds still, asks again,
//! and throws nothing away.

use expect_test::expect;

use super::{ASKING, SOAKING, check};

#[test]
fn a_no_go_for_a_reason_of_a_later_release_is_a_no_go() {
    check(
        ASKING,
        "1200 no-go number 99 retry 5000
         6200 wake
         6300 no-go number 99",
        &expect![[r#"
            1200 no-go number 99 retry 5000
                log grant 7: no-go, asks again in 5000 ms: NO_GO_REASON_UNSPECIFIED: says the script
            6200 wake
                begin #5 grant 7 epoch 3
                sync #6 beat 6200 of boot-1
                wake at 8200
            6300 no-go number 99
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offer dropped: NO_GO_REASON_UNSPECIFIED: says the script
        "#]],
    );
}

#[test]
fn a_decision_that_only_a_later_release_knows_is_no_go() {
    check(
        ASKING,
        "1200 maybe",
        &expect![[r#"
        1200 maybe
            next controller
            log begin failed, again in 36 ms: the answer is to another request
            wake at 1236
    "#]],
    );
}

#[test]
fn a_soak_that_a_later_release_answers_in_its_own_way_is_not_over() {
    check(
        SOAKING,
        "1750 reports counted
         6701 seen livepatch enabled
         6800 reports number 99",
        &expect![[r#"
            1750 reports counted
                spool-trim through 2
            6701 seen livepatch enabled
                spool 3 grant 7 health at 2000
                spool 4 grant 7 SOAKED for 5001 ms
                report #6 [3, 4]
                sync #7 beat 6701 of boot-1
                wake at 7701
            6800 reports number 99
                spool-trim through 4
                log grant 7: not over yet, again in 100 ms
                wake at 6900
        "#]],
    );
}
