//! Which of a peer's messages may reach raft?
//!
//! raft panics on messages that no correct peer sends: a commit index past the log's end, a gap
//! between entries, an answer for entries that do not exist. One damaged message must not stop a
//! node, so each is checked here first, and dropped where it breaks a rule.

use std::collections::BTreeSet;

use protobuf::Message as _;
use raft::eraftpb::{ConfChangeV2, Entry, EntryType, Message, MessageType};
use raft::{CAMPAIGN_TRANSFER, RawNode};

use super::log_store::LogStore;
use super::{NodeId, reads, snapshots};
use crate::journal::MAX_ENTRY_BYTES;

/// Largest Raft message that a node reads, in bytes.
pub const MAX_PEER_MESSAGE_BYTES: usize = 1024 * 1024;

/// No cluster lives long enough to reach this term or index; arithmetic above it could overflow.
pub(super) const MAX_COUNT: u64 = 1 << 48;

/// Largest change of the members in raft's words, in bytes: at most two ids, and what encodes them.
const MAX_CHANGE_BYTES: usize = 64;

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
    /// It is from a node that was removed from the cluster, or from this node itself.
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

/// Decodes and checks one message. A sender need not be a member: a node that is behind does not know
/// the newest members, and raft ignores the answers of strangers by itself.
pub(super) fn admit(
    bytes: &[u8],
    node: &RawNode<LogStore>,
    removed: Option<&BTreeSet<NodeId>>,
) -> Result<Message, Refused> {
    if bytes.len() > MAX_PEER_MESSAGE_BYTES {
        return Err(Refused::TooLarge { bytes: bytes.len() });
    }
    let message = Message::parse_from_bytes(bytes).map_err(|_| Refused::Undecodable)?;
    let from = message.from;
    let is_removed = removed.is_some_and(|removed| removed.contains(&NodeId(from)));
    if from == node.raft.id || from == raft::INVALID_ID || is_removed {
        return Err(Refused::NotAPeer { from });
    }
    if message.to != node.raft.id {
        return Err(Refused::WrongReceiver { to: message.to });
    }
    check_counts(&message).map_err(|what| Refused::Impossible { from, what })?;
    let checked = match message.get_msg_type() {
        MessageType::MsgAppend => check_append(&message, node),
        MessageType::MsgAppendResponse => check_append_response(&message, node),
        MessageType::MsgHeartbeat => check_heartbeat(&message, node),
        MessageType::MsgHeartbeatResponse => check_round(&message),
        MessageType::MsgRequestVote => check_seat(node).and_then(|()| check_vote_request(&message)),
        MessageType::MsgRequestPreVote => check_seat(node).and_then(|()| check_bare(&message)),
        MessageType::MsgSnapshot => {
            check_claim(&message, node).and_then(|()| snapshots::check(&message, node.raft.id))
        }
        MessageType::MsgTimeoutNow => check_timeout_now(&message, node),
        MessageType::MsgReadIndex => check_read(&message, node),
        MessageType::MsgReadIndexResp => check_read_answer(&message, node),
        MessageType::MsgRequestVoteResponse | MessageType::MsgRequestPreVoteResponse => {
            check_bare(&message)
        }
        // This node's own, or parts of raft that this cluster does not use.
        MessageType::MsgHup
        | MessageType::MsgBeat
        | MessageType::MsgPropose
        | MessageType::MsgUnreachable
        | MessageType::MsgSnapStatus
        | MessageType::MsgCheckQuorum
        | MessageType::MsgTransferLeader => return Err(Refused::WrongKind { from }),
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
        message.request_snapshot,
    ];
    if counts.into_iter().any(|count| count > MAX_COUNT) {
        return Err("a number in it is out of all bounds");
    }
    // raft takes a message without a term for one of its own, and sends only reads without.
    if (message.term == 0) != (message.get_msg_type() == MessageType::MsgReadIndex) {
        return Err("it has no term, or one where none belongs");
    }
    if message.has_snapshot() != (message.get_msg_type() == MessageType::MsgSnapshot) {
        return Err("it brings a snapshot where none belongs, or none where one does");
    }
    let may_wish = message.get_msg_type() == MessageType::MsgAppendResponse && message.reject;
    if message.request_snapshot != 0 && !may_wish {
        return Err("it wishes for a snapshot where it cannot");
    }
    Ok(())
}

/// A term has one leader, and only it sends entries, heartbeats and snapshots.
fn check_claim(message: &Message, node: &RawNode<LogStore>) -> Result<(), &'static str> {
    let leader = node.raft.leader_id;
    let is_rival = leader != raft::INVALID_ID && leader != message.from;
    if is_rival && message.term == node.raft.term {
        return Err("it is a leader's, and another node leads in its term");
    }
    Ok(())
}

fn check_append(message: &Message, node: &RawNode<LogStore>) -> Result<(), &'static str> {
    check_claim(message, node)?;
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
    if entry.data.len() + entry.context.len() > MAX_ENTRY_BYTES + MAX_CHANGE_BYTES {
        return Err("it holds an entry that is too large");
    }
    match entry.get_entry_type() {
        EntryType::EntryNormal if entry.context.is_empty() => Ok(()),
        EntryType::EntryNormal => Err("it holds an entry with a context that nobody reads"),
        EntryType::EntryConfChange => {
            Err("it holds an entry of a kind that this cluster does not use")
        }
        EntryType::EntryConfChangeV2 => match ConfChangeV2::parse_from_bytes(&entry.data) {
            Ok(change) if change.changes.is_empty() == entry.context.is_empty() => Ok(()),
            Ok(_) | Err(_) => Err("it holds a change of the members that nobody decided"),
        },
    }
}

fn check_append_response(message: &Message, node: &RawNode<LogStore>) -> Result<(), &'static str> {
    let last_index = node.raft.raft_log.last_index();
    let counts = [message.index, message.reject_hint, message.request_snapshot];
    if counts.into_iter().any(|count| count > last_index) {
        return Err("it answers for entries that were never sent");
    }
    check_bare(message)
}

fn check_heartbeat(message: &Message, node: &RawNode<LogStore>) -> Result<(), &'static str> {
    if message.commit > node.raft.raft_log.last_index() {
        return Err("it commits entries that this node does not have");
    }
    check_claim(message, node)?;
    check_round(message)
}

/// A heartbeat and its answer may carry the name of a round of reads.
fn check_round(message: &Message) -> Result<(), &'static str> {
    if message.entries.is_empty() && message.context.len() <= reads::ROUND_NAME_BYTES {
        return Ok(());
    }
    Err("it carries what such messages never carry")
}

/// A node that waits to be added knows of no cluster, so nobody needs its vote: a lost disk that comes
/// back under an old id must not help another such disk to a cluster of their own.
fn check_seat(node: &RawNode<LogStore>) -> Result<(), &'static str> {
    if node.raft.prs().conf().to_conf_state().voters.is_empty() {
        return Err("it asks for the vote of a node that has none");
    }
    Ok(())
}

/// A candidate that the leader chose says so.
fn check_vote_request(message: &Message) -> Result<(), &'static str> {
    let is_chosen = message.context[..] == *CAMPAIGN_TRANSFER;
    if message.entries.is_empty() && (message.context.is_empty() || is_chosen) {
        return Ok(());
    }
    Err("it carries what such messages never carry")
}

fn check_timeout_now(message: &Message, node: &RawNode<LogStore>) -> Result<(), &'static str> {
    is_from_leader(message, node)?;
    check_bare(message)
}

/// Only a leader is asked. A follower would pass the question on, maybe in circles.
fn check_read(message: &Message, node: &RawNode<LogStore>) -> Result<(), &'static str> {
    if node.raft.leader_id != node.raft.id {
        return Err("it asks to read where nobody leads");
    }
    check_read_name(message)
}

fn check_read_answer(message: &Message, node: &RawNode<LogStore>) -> Result<(), &'static str> {
    is_from_leader(message, node)?;
    check_read_name(message)
}

fn is_from_leader(message: &Message, node: &RawNode<LogStore>) -> Result<(), &'static str> {
    if message.from == node.raft.leader_id && message.term == node.raft.term {
        return Ok(());
    }
    Err("it is a leader's, and the sender does not lead here")
}

fn check_read_name(message: &Message) -> Result<(), &'static str> {
    match message.entries.as_slice() {
        [name]
            if name.data.len() == reads::ROUND_NAME_BYTES
                && name.context.is_empty()
                && message.context.is_empty() =>
        {
            Ok(())
        }
        _ => Err("it names no round of reads"),
    }
}

fn check_bare(message: &Message) -> Result<(), &'static str> {
    if !message.entries.is_empty() || !message.context.is_empty() {
        return Err("it carries what such messages never carry");
    }
    Ok(())
}
