//! How do the ladder, freezes and holdbacks look as JSON?

use serde_json::{Value, json};
use tidegate_proto::v1;

use super::fleet::tier;
use super::{time, with};

/// The ladder.
pub(crate) fn ladder(ladder: &v1::Ladder) -> Value {
    json!({
        "tiers": ladder.tiers.iter().map(tier).collect::<Value>(),
        "version": ladder.version,
        "ladderToml": ladder.ladder_toml,
        "etag": ladder.etag,
    })
}

/// A freeze.
pub(crate) fn freeze(freeze: &v1::Freeze) -> Value {
    let object = json!({
        "name": freeze.name,
        "tier": freeze.tier,
        "reason": freeze.reason,
        "actor": freeze.actor,
        "over": freeze.over,
    });
    let times =
        [("until", time(freeze.until.as_ref())), ("createTime", time(freeze.create_time.as_ref()))];
    with(object, times)
}

/// A line of the block-list.
pub(crate) fn block(block: &v1::Block) -> Value {
    let object = json!({
        "name": block.name,
        "reason": block.reason,
        "actor": block.actor,
        "patchSets": block.patch_sets,
        "haltedRollouts": block.halted_rollouts,
    });
    with(object, [("createTime", time(block.create_time.as_ref()))])
}

/// What is held back from a token or host.
pub(crate) fn holdback(holdback: &v1::Holdback) -> Value {
    let object = json!({ "name": holdback.name, "delayMs": holdback.delay_ms });
    with(object, [("cutOff", time(holdback.cut_off.as_ref()))])
}
