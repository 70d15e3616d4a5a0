//! The block-list, in and out.

use tidegate_proto::v1 as pb;

use super::check;
use super::rollout::MAX_REASON_BYTES;
use super::timestamp;
use crate::api::error::BadField;
use crate::machine::Machine;
use crate::machine::blocks::Block;
use crate::machine::command::OfBlock;
use crate::machine::rollouts::State;

/// What to put on the list.
///
/// # Errors
///
/// [`BadField`]: it is neither a version nor a SHA-256, or a text is too long.
pub fn create(request: &pb::CreateBlockRequest) -> Result<OfBlock, BadField> {
    let what = request.block_id.parse().map_err(|_| {
        let expected = "is neither a version nor the 64 hexadecimal digits of a SHA-256";
        BadField::new("block_id", &request.block_id, expected)
    })?;
    Ok(OfBlock { what, reason: check::bounded("reason", &request.reason, MAX_REASON_BYTES)? })
}

/// What to take off the list.
///
/// # Errors
///
/// [`BadField`]: it is not of the form, or a text is too long.
pub fn lift(request: &pb::LiftBlockRequest) -> Result<OfBlock, BadField> {
    let what = check::resource("name", "blocks", &request.name)?;
    Ok(OfBlock { what, reason: check::bounded("reason", &request.reason, MAX_REASON_BYTES)? })
}

/// A line of the list for the wire.
pub fn block(machine: &Machine, of: &Block) -> pb::Block {
    let sets: Vec<_> = machine.named_by(&of.what).map(|set| &set.version).collect();
    let rollouts = machine.rollouts().values();
    let halted = rollouts.filter(|of| of.state == State::Halted && sets.contains(&&of.version));
    pb::Block {
        name: format!("blocks/{}", of.what),
        reason: of.reason.clone(),
        actor: of.actor.clone(),
        create_time: Some(timestamp(of.since)),
        halted_rollouts: halted.map(|of| format!("rollouts/{}", of.id)).collect(),
        patch_sets: sets.iter().map(|version| format!("patchSets/{version}")).collect(),
    }
}
