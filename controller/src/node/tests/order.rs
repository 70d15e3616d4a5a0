//! Does a node write before it speaks?

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use protobuf::Message as _;
use raft::eraftpb::{Message, MessageType};

use super::words::tick;
use crate::journal::{Batch, Checkpoint, Journal, JournalFailed, PieceHash, Recovered};
use crate::machine::Machine;
use crate::node::{Input, Node, NodeConfig, NodeId, Output, Outputs};

type Order = Rc<RefCell<Vec<String>>>;

/// A disk, and a receiver of outputs, that write down in which order they were used.
struct Noting(Order);

impl Journal for Noting {
    fn append(&mut self, batch: &Batch) -> Result<(), JournalFailed> {
        self.0.borrow_mut().push(format!("append {}", batch.entries.len()));
        Ok(())
    }

    fn sync(&mut self) -> Result<(), JournalFailed> {
        self.0.borrow_mut().push("sync".to_owned());
        Ok(())
    }

    fn store(&mut self, _: &[(PieceHash, Arc<[u8]>)]) -> Result<(), JournalFailed> {
        self.0.borrow_mut().push("store".to_owned());
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalFailed> {
        self.0.borrow_mut().push(format!("checkpoint {}", checkpoint.index));
        Ok(())
    }

    fn compact(&mut self, index: u64) -> Result<(), JournalFailed> {
        self.0.borrow_mut().push(format!("compact {index}"));
        Ok(())
    }

    fn reset_log(&mut self) -> Result<(), JournalFailed> {
        self.0.borrow_mut().push("reset the log".to_owned());
        Ok(())
    }

    fn piece(&self, _: &PieceHash) -> Result<Option<Arc<[u8]>>, JournalFailed> {
        Ok(None)
    }
}

impl Outputs for Noting {
    fn give(&mut self, output: Output, _: &Machine) {
        if let Output::Send { message, .. } = output {
            let message = Message::parse_from_bytes(&message).unwrap();
            self.0.borrow_mut().push(format!("{:?}", message.get_msg_type()));
        }
    }
}

/// Node 1 of three, and what it did when it was given `messages` one by one after `ticks` ticks.
fn order_of(ticks: usize, inputs: Vec<Input>) -> Vec<String> {
    order_of_steps(ticks, inputs.into_iter().map(|input| vec![input]).collect())
}

/// The same, and what it did in the last of these steps.
fn order_of_steps(ticks: usize, steps: Vec<Vec<Input>>) -> Vec<String> {
    let order = Order::default();
    let config = NodeConfig::new(NodeId(1), [1, 2, 3].map(NodeId), 0);
    let journal = Noting(Rc::clone(&order));
    let mut node = Node::open(config, journal, Recovered::default()).unwrap();
    let mut noting = Noting(Rc::clone(&order));
    for _ in 0..ticks {
        node.step([Input::Tick], &mut noting).unwrap();
    }
    for step in steps {
        order.borrow_mut().clear();
        node.step(step, &mut noting).unwrap();
    }
    order.take()
}

fn from_node_2(kind: MessageType, term: u64) -> Message {
    let mut message = Message::default();
    message.set_msg_type(kind);
    (message.from, message.to, message.term) = (2, 1, term);
    message
}

fn peer(message: &Message) -> Input {
    Input::Peer(message.write_to_bytes().unwrap())
}

#[test]
fn a_follower_syncs_entries_before_it_acknowledges_them() {
    let mut append = from_node_2(MessageType::MsgAppend, 1);
    let entry = raft::eraftpb::Entry {
        index: 1,
        term: 1,
        data: tick(1).encode().into(),
        ..Default::default()
    };
    append.entries.push(entry);
    assert_eq!(order_of(0, vec![peer(&append)]), ["append 1", "sync", "MsgAppendResponse"]);
}

#[test]
fn a_voter_syncs_its_vote_before_it_gives_it() {
    let vote = from_node_2(MessageType::MsgRequestVote, 1);
    assert_eq!(order_of(0, vec![peer(&vote)]), ["append 0", "sync", "MsgRequestVoteResponse"]);
}

#[test]
fn a_candidate_syncs_its_own_vote_before_it_asks_for_others() {
    let granted = from_node_2(MessageType::MsgRequestPreVoteResponse, 1);
    let order = order_of(20, vec![peer(&granted)]);
    assert_eq!(order, ["append 0", "sync", "MsgRequestVote", "MsgRequestVote"]);
}

/// What makes node 1 the leader of term 1, after 20 ticks.
fn votes() -> Vec<Input> {
    vec![
        peer(&from_node_2(MessageType::MsgRequestPreVoteResponse, 1)),
        peer(&from_node_2(MessageType::MsgRequestVoteResponse, 1)),
    ]
}

/// Both followers hold the entries up to `index`.
fn acknowledged(index: u64) -> [Input; 2] {
    [2, 3].map(|from| {
        let mut held = from_node_2(MessageType::MsgAppendResponse, 1);
        (held.from, held.index) = (from, index);
        peer(&held)
    })
}

fn proposals(count: u64) -> impl Iterator<Item = Input> {
    (0..count).map(|ticket| Input::Propose { ticket, command: tick(ticket) })
}

#[test]
fn a_leader_sends_entries_while_it_writes_them_itself() {
    let order = order_of(20, votes());
    assert_eq!(order, ["MsgAppend", "MsgAppend", "append 1", "sync"]);
}

#[test]
fn what_one_step_proposes_is_one_message_to_each_follower_and_one_write() {
    let mut steps: Vec<_> = votes().into_iter().map(|input| vec![input]).collect();
    steps.push(acknowledged(1).into());
    steps.push(proposals(100).collect());
    assert_eq!(order_of_steps(20, steps), ["MsgAppend", "MsgAppend", "append 100", "sync"]);
}

#[test]
fn a_leader_tells_what_is_committed_with_the_next_entries_or_at_once_without_any() {
    let mut steps: Vec<_> = votes().into_iter().map(|input| vec![input]).collect();
    steps.push(acknowledged(1).into());
    steps.push(proposals(1).collect());
    steps.push(acknowledged(2).into());
    assert_eq!(order_of_steps(20, steps.clone()), ["MsgAppend", "MsgAppend"]);
    steps.push(proposals(1).collect());
    steps.push(acknowledged(3).into_iter().chain(proposals(1)).collect());
    assert_eq!(order_of_steps(20, steps), ["MsgAppend", "MsgAppend", "append 1", "sync"]);
}

#[test]
fn a_mere_commit_index_waits_for_the_next_entries() {
    let mut append = from_node_2(MessageType::MsgAppend, 1);
    let entry = raft::eraftpb::Entry { index: 1, term: 1, ..Default::default() };
    append.entries.push(entry);
    let mut heartbeat = from_node_2(MessageType::MsgHeartbeat, 1);
    heartbeat.commit = 1;
    let order = order_of(0, vec![peer(&append), peer(&heartbeat)]);
    assert_eq!(order, ["MsgHeartbeatResponse"]);
}
