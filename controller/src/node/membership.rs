//! Who keeps the log, and may that change now?
//!
//! The machine decides when the entry is applied, and raft follows what it decided: a refused change
//! changes nothing. Before it proposes, a leader also asks what only it can know: who is there, and
//! who has caught up.

use std::collections::BTreeSet;

use protobuf::Message as _;
use raft::Progress;
use raft::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2, Message, MessageType};

use super::{Answer, Fatal, Node, NodeId, Output, Outputs};
use crate::journal::Journal;
use crate::machine::cluster_event::ClusterEvent;
use crate::machine::command::MemberChange;
use crate::machine::event::Event;
use crate::machine::{Applied, Command};

/// Most committed entries that a learner may lack when it is promoted.
pub const MAX_PROMOTION_LAG: u64 = 1_000;

/// A node that has left lingers: somebody who does not know yet that it may go may still need its vote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lingering {
    /// Index of the entry with which it left.
    index: u64,
    /// The tick at which it stops.
    until: u64,
}

impl<J: Journal> Node<J> {
    /// Why the leader does not propose `change` now; `None`: it may.
    pub(super) fn objection_to(&self, change: MemberChange) -> Option<Answer> {
        let raft = &self.raft.raft;
        let conf = raft.prs().conf().to_conf_state();
        if raft.has_pending_conf() || self.is_joint() {
            return Some(Answer::ChangePending);
        }
        let mut voters: BTreeSet<u64> = conf.voters.into_iter().collect();
        match change {
            MemberChange::AddLearner(_) => return None,
            MemberChange::Promote { node, replacing } => {
                if replacing.is_some_and(|left| left.0 == raft.id) {
                    return Some(Answer::LeaderMustMove);
                }
                // Of a stranger the machine will say that it is none.
                let matched = raft.prs().get(node.0)?.matched;
                let behind = raft.raft_log.committed.saturating_sub(matched);
                if matched == 0 || behind > MAX_PROMOTION_LAG {
                    return Some(Answer::NotCaughtUp { behind });
                }
                voters.insert(node.0);
                voters.retain(|&id| replacing.is_none_or(|left| left.0 != id));
            }
            MemberChange::Remove(node) if node.0 == raft.id => return Some(Answer::LeaderMustMove),
            MemberChange::Remove(node) => {
                if !voters.remove(&node.0) {
                    return None;
                }
            }
        }
        self.lacks(&voters)
    }

    /// Whether those of `voters` who are there are no majority of them.
    fn lacks(&self, voters: &BTreeSet<u64>) -> Option<Answer> {
        let needed = voters.len() / 2 + 1;
        let is_there = |id: &&u64| **id == self.raft.raft.id || self.hears(**id);
        let active = voters.iter().filter(is_there).count();
        (active < needed).then_some(Answer::WouldLoseQuorum { active, needed })
    }

    /// Lets raft follow what the machine did to the members in the last entry. A command that was
    /// accepted before and is repeated does nothing.
    pub(super) fn follow_members<O: Outputs>(
        &mut self,
        command: &Command,
        applied: &Applied,
        outputs: &mut O,
    ) -> Result<(), Fatal> {
        let is_change = |event: &Event| {
            matches!(
                event,
                Event::Cluster(
                    ClusterEvent::MemberAdded { .. }
                        | ClusterEvent::MemberPromoted { .. }
                        | ClusterEvent::MemberRemoved { .. }
                )
            )
        };
        let index = self.machine.applied();
        if matches!(command, Command::LeaveJoint) {
            return self.change_members(index, &ConfChangeV2::default(), outputs);
        }
        let Some(change) = command.member_change() else { return Ok(()) };
        if !applied.events.iter().any(is_change) {
            return Ok(());
        }
        self.change_members(index, &conf_change(change), outputs)
    }

    /// Whether a joint change is under way: two groups decide.
    pub(super) fn is_joint(&self) -> bool {
        !self.raft.raft.prs().conf().to_conf_state().voters_outgoing.is_empty()
    }

    fn change_members<O: Outputs>(
        &mut self,
        index: u64,
        change: &ConfChangeV2,
        outputs: &mut O,
    ) -> Result<(), Fatal> {
        let before = self.members();
        let farewells = self.farewells(index);
        let conf_state = self.raft.apply_conf_change(change)?;
        self.raft.mut_store().set_conf_state(conf_state);
        let after = self.members();
        for (to, message) in farewells {
            if !after.contains_key(&to) {
                outputs.give(Output::Send { to, message: encode(&message)? }, &self.machine);
            }
        }
        let id = NodeId(self.raft.raft.id);
        if before.contains_key(&id) && !after.contains_key(&id) {
            let until = self.ticks + self.config.linger();
            self.lingering = Some(Lingering { index, until });
        }
        Ok(())
    }

    /// Whether the node has left the cluster, and only lingers.
    pub fn has_left(&self) -> bool {
        self.lingering.is_some()
    }

    /// Stops a node that has left, once it has lingered.
    pub(super) fn go_if_left(&mut self) -> Result<(), Fatal> {
        let Some(Lingering { index, until }) = self.lingering else { return Ok(()) };
        if self.leads() {
            // Nobody hears it any more, and nobody else may lead as long as it believes that it does.
            let term = self.raft.raft.term;
            self.raft.raft.become_follower(term, raft::INVALID_ID);
        }
        if self.ticks < until {
            return Ok(());
        }
        Err(Fatal::Removed { id: NodeId(self.raft.raft.id), at: index })
    }

    /// A leader's last words to each member that holds the entry at `index`: raft says nothing to
    /// whoever has left, which would never hear that the entry is committed.
    fn farewells(&self, index: u64) -> Vec<(NodeId, Message)> {
        if !self.leads() {
            return Vec::new();
        }
        let raft = &self.raft.raft;
        let told = raft.prs().iter().filter(|&(&id, peer)| id != raft.id && peer.matched >= index);
        let farewell = |(&to, _): (&u64, &Progress)| {
            let mut message = Message::default();
            message.set_msg_type(MessageType::MsgHeartbeat);
            (message.from, message.to) = (raft.id, to);
            (message.term, message.commit) = (raft.term, index);
            (NodeId(to), message)
        };
        told.map(farewell).collect()
    }

    /// The voter that would take over soonest: heard lately, and with the most of the log. `None`
    /// where this node does not lead, or no other voter was heard.
    pub fn best_transferee(&self) -> Option<NodeId> {
        if !self.leads() {
            return None;
        }
        let raft = &self.raft.raft;
        let conf = raft.prs().conf().to_conf_state();
        let voters = conf.voters.iter().filter(|&&id| id != raft.id && self.hears(id));
        let ranked = voters.filter_map(|&id| {
            let matched = raft.prs().get(id)?.matched;
            Some((matched, std::cmp::Reverse(id)))
        });
        ranked.max().map(|(_, std::cmp::Reverse(id))| NodeId(id))
    }

    /// Lets `to` lead, if it votes and this node leads.
    pub(super) fn transfer_leader(&mut self, to: NodeId) {
        if self.leads() && self.raft.raft.prs().conf().to_conf_state().voters.contains(&to.0) {
            self.raft.transfer_leader(to.0);
        }
    }
}

fn encode(message: &Message) -> Result<Vec<u8>, Fatal> {
    message.write_to_bytes().map_err(Fatal::Encode)
}

/// `change` in raft's words. A replacement is a joint change that raft leaves by itself.
pub(super) fn conf_change(change: MemberChange) -> ConfChangeV2 {
    let single = |node: NodeId, kind| {
        let mut single = ConfChangeSingle::default();
        single.set_change_type(kind);
        single.node_id = node.0;
        single
    };
    let mut words = ConfChangeV2::default();
    match change {
        MemberChange::AddLearner(node) => {
            words.changes.push(single(node, ConfChangeType::AddLearnerNode));
        }
        MemberChange::Promote { node, replacing } => {
            words.changes.push(single(node, ConfChangeType::AddNode));
            let left = replacing.map(|left| single(left, ConfChangeType::RemoveNode));
            words.changes.extend(left);
        }
        MemberChange::Remove(node) => words.changes.push(single(node, ConfChangeType::RemoveNode)),
    }
    words
}
