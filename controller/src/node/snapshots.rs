//! Is a leader's snapshot one that a correct leader would send? raft panics on members that contradict
//! each other.

use std::collections::BTreeSet;

use raft::eraftpb::{ConfState, Message};

use super::log_store;
use crate::machine::frozen::{MAX_ROOT_BYTES, named_by};

/// Most members of a cluster, and most of a snapshot's.
const MAX_MEMBERS: usize = 255;

/// Checks a snapshot message, for node `own`.
pub(super) fn check(message: &Message, own: u64) -> Result<(), &'static str> {
    let snapshot = message.get_snapshot();
    let metadata = snapshot.get_metadata();
    let far = super::admission::MAX_COUNT;
    if metadata.index == 0 || metadata.index > far || metadata.term == 0 {
        return Err("its snapshot is of no entry");
    }
    if metadata.term > message.term {
        return Err("its snapshot is of the future");
    }
    if !message.entries.is_empty() || !message.context.is_empty() {
        return Err("it carries what such messages never carry");
    }
    let conf_state = metadata.get_conf_state();
    check_members(conf_state)?;
    if !log_store::names(conf_state, own) {
        return Err("its snapshot is of a cluster without this node");
    }
    if snapshot.data.len() > MAX_ROOT_BYTES || named_by(&snapshot.data).is_err() {
        return Err("its snapshot names no state");
    }
    Ok(())
}

/// Whether such members can be.
fn check_members(members: &ConfState) -> Result<(), &'static str> {
    let ConfState { voters, learners, voters_outgoing, learners_next, auto_leave, .. } = members;
    let voters = distinct(voters)?;
    let learners = distinct(learners)?;
    let outgoing = distinct(voters_outgoing)?;
    let next = distinct(learners_next)?;
    if voters.is_empty() {
        return Err("its snapshot is of a cluster without voters");
    }
    if !learners.is_disjoint(&voters) || !learners.is_disjoint(&outgoing) {
        return Err("its snapshot has members that vote and do not vote");
    }
    if !next.is_subset(&outgoing) || !next.is_disjoint(&voters) {
        return Err("its snapshot has members that lose a vote which they never had");
    }
    if outgoing.is_empty() && *auto_leave {
        return Err("its snapshot leaves a change that is none");
    }
    Ok(())
}

fn distinct(ids: &[u64]) -> Result<BTreeSet<u64>, &'static str> {
    let set: BTreeSet<u64> = ids.iter().copied().collect();
    let is_sound = set.len() == ids.len() && ids.len() <= MAX_MEMBERS;
    if is_sound && !set.contains(&raft::INVALID_ID) {
        return Ok(set);
    }
    Err("its snapshot has members twice, too many, or one without an id")
}
