//! The planted defects do what they say; else a checker that misses them would prove nothing.

use expect_test::expect;

use super::{ASKING, STARTED, check_with};
use crate::core::{AgentConfig, Sabotage};

#[test]
fn a_skipped_lease_check_inserts_after_the_lease() {
    let config = AgentConfig { sabotage: Sabotage::SkipLeaseCheck, ..AgentConfig::default() };
    check_with(
        config,
        ASKING,
        "1601 go lease 500",
        &expect![[r#"
        1601 go lease 500
            log grant 7: go until 1600 ms
            marker grant 7 applying in boot-1
            INSERT grant 7 until 1600
    "#]],
    );
}

#[test]
fn a_skipped_epoch_check_inserts_on_a_go_of_an_older_epoch() {
    let config = AgentConfig { sabotage: Sabotage::SkipEpochCheck, ..AgentConfig::default() };
    check_with(
        config,
        ASKING,
        "1200 go epoch 2",
        &expect![[r#"
        1200 go epoch 2
            log grant 7: go until 11100 ms
            marker grant 7 applying in boot-1
            INSERT grant 7 until 11100
    "#]],
    );
}

#[test]
fn a_forgotten_history_takes_an_offer_of_before_the_restore() {
    let config = AgentConfig { sabotage: Sabotage::ForgetHistory, ..AgentConfig::default() };
    check_with(
        config,
        STARTED,
        "1000 sync offer none gen 2 rev 500 next 1000
         1001 seen livepatch gone
         2000 wake
         2100 sync offer 7 gen 1 rev 900",
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
                remember patchSets/113.1 epoch 3 asking 0 last none
                log grant 7: offered patchSets/113.1 at epoch 3
                fetch #4 livepatch_113_1
                observe
                wake at 4100
        "#]],
    );
}
