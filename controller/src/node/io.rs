//! What can happen to a node, and what can it ask for?

use std::sync::Arc;

use super::{NodeId, Refused};
use crate::machine::event::Event;
use crate::machine::{Command, Outcome, Position};

/// Everything that can happen to a node.
#[derive(Clone, Debug)]
pub enum Input {
    /// One raft tick passed.
    Tick,
    /// A peer's message arrived, encoded.
    Peer(Vec<u8>),
    /// A client asks for `command` to be replicated. Exactly one [`Output::Answer`] with the same
    /// ticket follows, now or later, unless the node stops first.
    Propose {
        /// Names the question; the caller's choice, unique while it waits.
        ticket: u64,
        /// The command.
        command: Command,
    },
    /// The last message to this peer was not delivered.
    Unreachable(NodeId),
}

/// Everything a node can ask for.
#[derive(Clone, Debug)]
pub enum Output {
    /// Deliver `message` to `to`: at most once, in any order, or not at all.
    Send {
        /// The receiver.
        to: NodeId,
        /// An encoded Raft message.
        message: Vec<u8>,
    },
    /// What became of a proposal.
    Answer {
        /// The proposal's ticket.
        ticket: u64,
        /// What became of it.
        answer: Answer,
    },
    /// An entry was applied. Every node says the same of the same position.
    Applied {
        /// The entry's place in the log.
        position: Position,
        /// The command that it holds.
        command: Arc<Command>,
        /// What the machine answered.
        outcome: Outcome,
        /// What happened.
        events: Vec<Event>,
    },
    /// Another node leads, or none, or in another term.
    LeadershipChanged(Leadership),
    /// A peer's message had no effect; for logs and metrics.
    Ignored {
        /// Why.
        why: Refused,
    },
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was committed and applied here.
    Applied {
        /// Its place in the log.
        position: Position,
        /// What the machine answered.
        outcome: Outcome,
    },
    /// It was not taken: this node does not lead.
    NotLeader {
        /// Who leads, as far as this node knows.
        leader: Option<NodeId>,
    },
    /// The leadership changed with the proposal in the log: it may have happened, or may yet. Ask
    /// again with the same request id.
    Unknown,
    /// It was not taken: it is larger than [`crate::journal::MAX_ENTRY_BYTES`].
    TooLarge {
        /// Its encoded size, in bytes.
        bytes: usize,
    },
    /// It was not taken: too much is uncommitted. Ask again later. Agents' commands are refused
    /// before operators' are.
    Busy,
}

/// Who leads, as far as one node knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The node's term.
    pub term: u64,
    /// The term's leader, where the node knows it.
    pub leader: Option<NodeId>,
}
