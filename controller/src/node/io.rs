//! What can happen to a node, and what can it ask for?

use std::sync::Arc;

use super::{NodeId, Refused};
use crate::machine::event::Event;
use crate::machine::frozen::PieceHash;
use crate::machine::{Command, Machine, Outcome, Position};

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
    /// Somebody wants to read this node's machine, and see whatever was acknowledged before.
    /// Exactly one [`Output::Answer`] with the same ticket follows, unless the node stops first.
    Read {
        /// Names the question; from the same numbers as the proposals' tickets.
        ticket: u64,
    },
    /// Let another voter lead. Best effort: [`Output::LeadershipChanged`] tells. Nothing happens
    /// where this node does not lead.
    TransferLeader {
        /// Who shall lead.
        to: NodeId,
    },
    /// Pieces of a state, in answer to [`Output::FetchPieces`]: in any order, maybe fewer. Each is
    /// checked against the names that are asked for; others are dropped.
    Pieces {
        /// The pieces' bytes.
        pieces: Vec<Vec<u8>>,
    },
    /// Whether the disk has room for another checkpoint. Without this input it has.
    Room(Room),
}

/// Whether the disk has room for another checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// It has.
    #[default]
    Enough,
    /// It has not: no checkpoint of this node's own is begun. A snapshot is still taken in.
    Scarce,
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
    /// What became of a proposal or of a wish to read.
    Answer {
        /// The ticket that came with it.
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
    /// The machine was replaced by a newer one as a whole: entries up to `index` will never be told
    /// as [`Output::Applied`] here. Whoever follows those has to look at the machine anew.
    Replaced {
        /// Index of the last entry that the new machine has applied.
        index: u64,
    },
    /// Ask `from` for these pieces, and give what it has back as [`Input::Pieces`]. A lost question
    /// or answer is repeated by the node, maybe to another peer.
    FetchPieces {
        /// Whom to ask.
        from: NodeId,
        /// The pieces' names, at most 64.
        hashes: Vec<PieceHash>,
    },
    /// This node's state at `index` has this hash: propose it as a `VouchState` of this node.
    Vouch {
        /// Index of the last entry that the state has applied.
        index: u64,
        /// The state's hash.
        hash: [u8; 32],
    },
    /// Another node leads, or none, or in another term.
    LeadershipChanged(Leadership),
    /// A peer's message had no effect; for logs and metrics.
    Ignored {
        /// Why.
        why: Refused,
    },
}

/// Takes what a node asks for, one by one and in order.
pub trait Outputs {
    /// Takes `output`. `machine` is the node's own as of now: where the output tells of an applied
    /// entry, that entry is the last one in it.
    fn give(&mut self, output: Output, machine: &Machine);
}

impl Outputs for Vec<Output> {
    fn give(&mut self, output: Output, _: &Machine) {
        self.push(output);
    }
}

/// What became of a proposal or of a wish to read.
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
    /// The machine here has applied everything that was acknowledged anywhere before the question
    /// was asked, and maybe more: read it now.
    Readable {
        /// The index that had to be applied.
        index: u64,
    },
    /// It was not taken: another change of the members is under way. Ask again when it is done.
    ChangePending,
    /// It was not taken: after it, too few voters would be there to go on. Bring back or remove
    /// those that are away first.
    WouldLoseQuorum {
        /// How many of the new voters were heard lately, this node among them.
        active: usize,
        /// How many of them have to be.
        needed: usize,
    },
    /// It was not taken: it would take the vote from this node, which leads. Transfer the
    /// leadership first.
    LeaderMustMove,
    /// It was not taken: the node to be promoted has not caught up yet. Ask again later.
    NotCaughtUp {
        /// How many committed entries it lacks.
        behind: u64,
    },
    /// It was not taken: not every member reads such entries yet. Upgrade the others first.
    NeedsVersion {
        /// The version of entries that it needs.
        needs: u16,
        /// The version that every member reads.
        cluster: u16,
    },
}

/// Who leads, as far as one node knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The node's term.
    pub term: u64,
    /// The term's leader, where the node knows it.
    pub leader: Option<NodeId>,
}
