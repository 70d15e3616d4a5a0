//! From the offer to the go.

use expect_test::expect;

use super::{ASKING, START, STARTED, check};

#[test]
#[expect(clippy::too_many_lines, reason = "one life, one transcript")]
fn a_good_offer_is_fetched_verified_begun_inserted_soaked_and_forgotten() {
    check(
        START,
        "10 reports counted
         900 wake
         1000 sync offer 7 epoch 3
         1001 seen livepatch gone
         1100 fetched
         1200 go epoch 3 lease 10000
         1300 driver says inserted
         1700 driver says done after 400
         1701 seen livepatch enabled
         1750 reports counted
         3000 sync offer 7 epoch 3
         3001 seen livepatch enabled
         3701 wake
         3702 seen livepatch enabled
         3750 reports counted
         5000 sync offer 7 epoch 3
         6700 wake
         6701 seen livepatch enabled
         6800 reports counted
         6900 reports counted",
        &expect![[r#"
            0 start
                spool 1 started interrupted 0 evidence none
                report #1 [1]
                wake at 466
            10 reports counted
                spool-trim through 1
            900 wake
                sync #2 beat 900 of boot-1
                wake at 10900
            1000 sync offer 7 epoch 3
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offered patchSets/113.1 at epoch 3
                fetch #3 livepatch_113_1
                observe
                wake at 3000
            1001 seen livepatch gone
            1100 fetched
                remember patchSets/113.1 epoch 3 asking 7 last none
                begin #4 grant 7 epoch 3
            1200 go epoch 3 lease 10000
                log grant 7: go until 11100 ms
                marker grant 7 applying in boot-1
                INSERT grant 7 until 11100
            1300 driver says inserted
                log grant 7: inserted
                wake at 2001
            1700 driver says done after 400
                spool 2 grant 7 applied in 400 ms
                marker grant 7 soaking in boot-1
                log grant 7: applied, soaks for 5000 ms
                report #5 [2]
                observe
                wake at 3000
            1701 seen livepatch enabled
                spool 3 grant 7 health at 0
                wake at 2701
            1750 reports counted
                spool-trim through 2
                report #6 [3]
            3000 sync offer 7 epoch 3
                sync #7 beat 3000 of boot-1
                observe
                wake at 5000
            3001 seen livepatch enabled
                wake at 3700
            3701 wake
                observe
                wake at 5000
            3702 seen livepatch enabled
                spool 4 grant 7 health at 2000
                wake at 4702
            3750 reports counted
                spool-trim through 3
                report #8 [4]
            5000 sync offer 7 epoch 3
                observe
                wake at 7000
            6700 wake
            6701 seen livepatch enabled
                spool 5 grant 7 SOAKED for 5001 ms
            6800 reports counted
                spool-trim through 4
                report #9 [5]
            6900 reports counted
                spool-trim through 5
                remember patchSets/113.1 epoch 3 asking 0 last grant 7 Soaked
                marker cleared
                log grant 7: ended: soaked
        "#]],
    );
}

#[test]
fn nothing_begins_before_the_start_report_is_acknowledged() {
    check(
        START,
        "900 wake
         1000 sync offer 7
         1100 fetched
         1200 reports counted",
        &expect![[r#"
            0 start
                spool 1 started interrupted 0 evidence none
                report #1 [1]
                wake at 466
            900 wake
                sync #2 beat 900 of boot-1
                wake at 10000
            1000 sync offer 7
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offered patchSets/113.1 at epoch 3
                fetch #3 livepatch_113_1
                observe
                wake at 3000
            1100 fetched
            1200 reports counted
                spool-trim through 1
                remember patchSets/113.1 epoch 3 asking 7 last none
                begin #4 grant 7 epoch 3
        "#]],
    );
}

#[test]
fn a_go_after_its_lease_is_refused_and_reported() {
    check(
        ASKING,
        "1601 go lease 500",
        &expect![[r#"
            1601 go lease 500
                spool 2 grant 7 REFUSAL_REASON_LEASE_EXPIRED: the lease ran out 1 ms before the insert
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: ended: refused: the lease ran out 1 ms before the insert
                report #5 [2]
        "#]],
    );
}

#[test]
fn a_go_in_the_last_millisecond_of_its_lease_inserts() {
    check(
        ASKING,
        "1600 go lease 500",
        &expect![[r#"
            1600 go lease 500
                log grant 7: go until 1600 ms
                marker grant 7 applying in boot-1
                INSERT grant 7 until 1600
        "#]],
    );
}

#[test]
fn a_lease_that_runs_out_in_the_drivers_hands_is_reported_and_the_marker_cleared() {
    check(
        ASKING,
        "1200 go
         11300 driver says declined",
        &expect![[r#"
            1200 go
                log grant 7: go until 11100 ms
                marker grant 7 applying in boot-1
                INSERT grant 7 until 11100
            11300 driver says declined
                spool 2 grant 7 REFUSAL_REASON_LEASE_EXPIRED: the lease ran out before the insert
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: ended: refused: the lease ran out before the insert
                marker cleared
                report #5 [2]
                sync #6 beat 11300 of boot-1
                wake at 21300
        "#]],
    );
}

#[test]
fn a_go_of_an_older_epoch_is_refused() {
    check(
        STARTED,
        "1000 sync offer 7 epoch 3
         1100 fetched
         1200 go epoch 2",
        &expect![[r#"
            1000 sync offer 7 epoch 3
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offered patchSets/113.1 at epoch 3
                fetch #3 livepatch_113_1
                observe
                wake at 3000
            1100 fetched
                remember patchSets/113.1 epoch 3 asking 7 last none
                begin #4 grant 7 epoch 3
            1200 go epoch 2
                spool 2 grant 7 REFUSAL_REASON_WITHDRAWN: the go is of epoch 2, which is out of date
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: ended: refused: the go is of epoch 2, which is out of date
                report #5 [2]
        "#]],
    );
}

#[test]
fn a_lost_answer_is_asked_for_again_with_a_new_id_and_a_later_no_go_reports_refused() {
    check(
        ASKING,
        "1200 begin-lost
         1400 wake
         1500 no-go reason HALTED
         3000 sync offer 7",
        &expect![[r#"
            1200 begin-lost
                next controller
                log begin failed, again in 36 ms: lost
                wake at 1236
            1400 wake
                begin #5 grant 7 epoch 3
                wake at 3000
            1500 no-go reason HALTED
                spool 2 grant 7 REFUSAL_REASON_WITHDRAWN: NO_GO_REASON_HALTED: says the script
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: ended: refused: NO_GO_REASON_HALTED: says the script
                report #6 [2]
            3000 sync offer 7
                sync #7 beat 3000 of boot-1
                wake at 11500
        "#]],
    );
}

#[test]
fn a_lost_answer_followed_by_a_go_inserts_once() {
    check(
        ASKING,
        "1200 begin-lost
         1400 wake
         1500 go
         1501 again
         1600 driver says inserted
         1601 again",
        &expect![[r#"
            1200 begin-lost
                next controller
                log begin failed, again in 36 ms: lost
                wake at 1236
            1400 wake
                begin #5 grant 7 epoch 3
                wake at 3000
            1500 go
                log grant 7: go until 11400 ms
                marker grant 7 applying in boot-1
                INSERT grant 7 until 11400
            1501 again
            1600 driver says inserted
                log grant 7: inserted
            1601 again
        "#]],
    );
}

#[test]
fn an_answer_to_another_request_counts_as_no_answer() {
    check(
        ASKING,
        "1200 go echo 11111111-2222-4333-8444-555555555555",
        &expect![[r#"
            1200 go echo 11111111-2222-4333-8444-555555555555
                next controller
                log begin failed, again in 36 ms: the answer is to another request
                wake at 1236
        "#]],
    );
}

#[test]
fn no_room_in_the_budget_is_asked_for_again_later_and_a_final_no_go_drops_the_offer() {
    check(
        ASKING,
        "1200 no-go reason BUDGET retry 5000
         3000 sync offer 7
         3001 seen livepatch gone
         6200 wake
         6300 no-go reason WITHDRAWN
         6400 sync offer 7",
        &expect![[r#"
            1200 no-go reason BUDGET retry 5000
                log grant 7: no-go, asks again in 5000 ms: NO_GO_REASON_BUDGET: says the script
            3000 sync offer 7
                sync #5 beat 3000 of boot-1
                wake at 5000
            3001 seen livepatch gone
            6200 wake
                next controller
                log sync failed, again in 36 ms: no answer within 2000 ms
                begin #6 grant 7 epoch 3
                wake at 6236
            6300 no-go reason WITHDRAWN
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offer dropped: NO_GO_REASON_WITHDRAWN: says the script
                sync #7 beat 6300 of boot-1
                wake at 16300
            6400 sync offer 7
                observe
                wake at 66400
        "#]],
    );
}

#[test]
fn an_offer_withdrawn_while_asking_is_refused_even_when_the_go_comes() {
    check(
        STARTED,
        "1000 sync offer 7
         1001 seen livepatch gone
         1100 fetched
         3000 wake
         3100 sync offer none
         3200 go",
        &expect![[r#"
            1000 sync offer 7
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offered patchSets/113.1 at epoch 3
                fetch #3 livepatch_113_1
                observe
                wake at 3000
            1001 seen livepatch gone
            1100 fetched
                remember patchSets/113.1 epoch 3 asking 7 last none
                begin #4 grant 7 epoch 3
            3000 wake
                sync #5 beat 3000 of boot-1
                wake at 5000
            3100 sync offer none
                observe
                wake at 5100
            3200 go
                spool 2 grant 7 REFUSAL_REASON_WITHDRAWN: the offer went away while the host was asking
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: ended: refused: the offer went away while the host was asking
                report #6 [2]
        "#]],
    );
}
