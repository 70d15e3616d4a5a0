//! The planted defects do what they say; else a checker that misses them would prove nothing.

use expect_test::expect;

use super::{ASKING, check_with};
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
