//! Which of a peer's messages may reach raft?
//!
//! raft panics on messages that no correct peer sends: a commit index past the log's end, a gap
//! between entries, an answer for entries that do not exist. One damaged message must not stop a
//! node, so each is checked here first, and dropped where it breaks a rule.

use std::collections::BTreeSet;

use protobuf::Message as _;
use raft::RawNode;
use raft::eraftpb::{Entry, EntryType, Message, MessageType};
use raft::storage::MemStorage;

use super::NodeId;
use crate::journal::MAX_ENTRY_BYTES;

/// Largest Raft message that a node reads, in bytes.
pub const MAX_PEER_MESSAGE_BYTES: usize = 1024 * 1024;

/// No cluster lives long enough to reach this term or index; arithmetic above it could overflow.
const MAX_COUNT: u64 = 1 << 48;

/// Why a peer's message had no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is larger than [`MAX_PEER_MESSAGE_BYTES`].
    #[error("a message of {bytes} bytes is larger than {MAX_PEER_MESSAGE_BYTES}")]
    TooLarge {
        /// Its size, in bytes.
        bytes: usize,
    },
    /// It is no Raft message.
    #[error("a message does not decode")]
    Undecodable,
    /// It is from a node that does not vote here, or from this node itself.
    #[error("a message is from node {from}, which is no peer of this node")]
    NotAPeer {
        /// Who it says it is from.
        from: u64,
    },
    /// It is for another node.
    #[error("a message is for node {to}")]
    WrongReceiver {
        /// Who it says it is for.
        to: u64,
    },
    /// Peers do not send such messages to each other.
    #[error("a message of node {from} is of a kind that peers do not send")]
    WrongKind {
        /// Who it is from.
        from: u64,
    },
    /// It contradicts itself or this node's log.
    #[error("a message of node {from} is impossible: {what}")]
    Impossible {
        /// Who it is from.
        from: u64,
        /// What no correct peer would send.
        what: &'static str,
    },
    /// Raft itself refused it.
    #[error("raft refused a message: {0}")]
    Raft(String),
}

impl From<raft::Error> for Refused {
    fn from(error: raft::Error) -> Self {
        Self::Raft(error.to_string())
    }
}

/// Decodes and checks one message.
pub(super) fn admit(
    bytes: &[u8],
    node: &RawNode<MemStorage>,
    voters: &BTreeSet<NodeId>,
) -> Result<Message, Refused> {
    if bytes.len() > MAX_PEER_MESSAGE_BYTES {
        return Err(Refused::TooLarge { bytes: bytes.len() });
    }
    let message = Message::parse_from_bytes(bytes).map_err(|_| Refused::Undecodable)?;
    let from = message.from;
    if from == node.raft.id || !voters.contains(&NodeId(from)) {
        return Err(Refused::NotAPeer { from });
    }
    if message.to != node.raft.id {
        return Err(Refused::WrongReceiver { to: message.to });
    }
    check_counts(&message).map_err(|what| Refused::Impossible { from, what })?;
    let checked = match message.get_msg_type() {
        MessageType::MsgAppend => check_append(&message),
        MessageType::MsgAppendResponse => check_append_response(&message, node),
        MessageType::MsgHeartbeat => check_heartbeat(&message, node),
        MessageType::MsgHeartbeatResponse
        | MessageType::MsgRequestVote
        | MessageType::MsgRequestVoteResponse
        | MessageType::MsgRequestPreVote
        | MessageType::MsgRequestPreVoteResponse => check_bare(&message),
        // This node's own, or parts of raft that this cluster does not use.
        MessageType::MsgHup
        | MessageType::MsgBeat
        | MessageType::MsgPropose
        | MessageType::MsgSnapshot
        | MessageType::MsgUnreachable
        | MessageType::MsgSnapStatus
        | MessageType::MsgCheckQuorum
        | MessageType::MsgTransferLeader
        | MessageType::MsgTimeoutNow
        | MessageType::MsgReadIndex
        | MessageType::MsgReadIndexResp => return Err(Refused::WrongKind { from }),
    };
    checked.map_err(|what| Refused::Impossible { from, what })?;
    Ok(message)
}

fn check_counts(message: &Message) -> Result<(), &'static str> {
    let counts = [
        message.term,
        message.log_term,
        message.index,
        message.commit,
        message.commit_term,
        message.reject_hint,
    ];
    if counts.into_iter().any(|count| count > MAX_COUNT) {
        return Err("a number in it is out of all bounds");
    }
    // raft takes a message without a term for one of its own.
    if message.term == 0 {
        return Err("it has no term");
    }
    if message.request_snapshot != 0 || message.has_snapshot() {
        return Err("it speaks of snapshots");
    }
    Ok(())
}

fn check_append(message: &Message) -> Result<(), &'static str> {
    if (message.index == 0) != (message.log_term == 0) {
        return Err("the entry before its entries has an index without a term, or a term without");
    }
    let (mut index, mut term) = (message.index, message.log_term);
    for entry in &message.entries {
        if entry.index != index + 1 {
            return Err("its entries leave a gap");
        }
        if entry.term < term.max(1) || entry.term > message.term {
            return Err("its entries' terms run backwards or past the sender's");
        }
        check_entry(entry)?;
        (index, term) = (entry.index, entry.term);
    }
    Ok(())
}

fn check_entry(entry: &Entry) -> Result<(), &'static str> {
    if entry.get_entry_type() != EntryType::EntryNormal {
        return Err("it holds an entry of a kind that this cluster does not use");
    }
    if entry.data.len() > MAX_ENTRY_BYTES || !entry.context.is_empty() {
        return Err("it holds an entry that is too large");
    }
    Ok(())
}

fn check_append_response(
    message: &Message,
    node: &RawNode<MemStorage>,
) -> Result<(), &'static str> {
    let last_index = node.raft.raft_log.last_index();
    if message.index > last_index || message.reject_hint > last_index {
        return Err("it answers for entries that were never sent");
    }
    check_bare(message)
}

fn check_heartbeat(message: &Message, node: &RawNode<MemStorage>) -> Result<(), &'static str> {
    if message.commit > node.raft.raft_log.last_index() {
        return Err("it commits entries that this node does not have");
    }
    check_bare(message)
}

fn check_bare(message: &Message) -> Result<(), &'static str> {
    if !message.entries.is_empty() || !message.context.is_empty() {
        return Err("it carries what such messages never carry");
    }
    Ok(())
}
