//! Does a node outlive what no correct peer would send?

use protobuf::Message as _;
use raft::eraftpb::{ConfState, Entry, EntryType, Message, MessageType, Snapshot};

use super::cluster::Cluster;
use super::disk::Disk;
use crate::machine::Machine;
use crate::machine::command::MemberChange;
use crate::node::membership::conf_change;
use crate::node::{Input, Node, NodeId, Output, SplitMix64};

/// A three-node cluster with some history, the leader's id and a follower's.
fn cluster_with_history() -> (Cluster, u64, u64) {
    let mut cluster = Cluster::new(3, 7);
    let leader = cluster.elect();
    cluster.propose(leader, 0..5);
    cluster.settle();
    cluster.ticks(4);
    let follower = cluster.other_than(leader);
    (cluster, leader, follower)
}

fn give(node: &mut Node<Disk>, message: Vec<u8>) -> Vec<Output> {
    let mut outputs = Vec::new();
    node.step([Input::Peer(message)], &mut outputs).unwrap();
    outputs
}

fn message(kind: MessageType, from: u64, to: u64, term: u64) -> Message {
    let mut message = Message::default();
    message.set_msg_type(kind);
    (message.from, message.to, message.term) = (from, to, term);
    message
}

fn entry(index: u64, term: u64) -> Entry {
    Entry { index, term, ..Entry::default() }
}

fn snapshot(voters: &[u64], learners: &[u64]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let metadata = snapshot.mut_metadata();
    (metadata.index, metadata.term) = (1_000, 1);
    metadata.set_conf_state(ConfState::from((voters.to_vec(), learners.to_vec())));
    snapshot
}

/// A snapshot with a true state and any members.
fn of_a_state(voters: &[u64], learners: &[u64]) -> Snapshot {
    let mut snapshot = snapshot(voters, learners);
    snapshot.data = Machine::new().freeze().root().to_vec().into();
    snapshot
}

/// A change to a plausible message that makes it impossible, and what it is called.
type Ruin = (&'static str, MessageType, fn(&mut Message));

fn ruinous() -> Vec<Ruin> {
    use MessageType::{
        MsgAppend, MsgAppendResponse, MsgBeat, MsgHeartbeat, MsgHup, MsgPropose, MsgReadIndex,
        MsgReadIndexResp, MsgRequestVote, MsgTimeoutNow, MsgTransferLeader,
    };
    vec![
        ("commit past the log", MsgHeartbeat, |m| m.commit = 1_000),
        ("a term of all ones", MsgHeartbeat, |m| m.term = u64::MAX),
        ("no term", MsgAppend, |m| m.term = 0),
        ("a gap before the entries", MsgAppend, |m| {
            m.index = 50;
            m.entries.push(entry(51, 1));
        }),
        ("a gap between the entries", MsgAppend, |m| {
            m.entries.extend([entry(1, 1), entry(3, 1)]);
        }),
        ("terms running backwards", MsgAppend, |m| m.entries.push(entry(1, 0))),
        ("an entry of the future", MsgAppend, |m| m.entries.push(entry(1, 1 << 40))),
        ("a change of membership in old words", MsgAppend, |m| {
            let mut change = entry(1, 1);
            change.set_entry_type(EntryType::EntryConfChange);
            m.entries.push(change);
        }),
        ("a change of membership that nobody decided", MsgAppend, |m| {
            let mut change = entry(1, 1);
            change.set_entry_type(EntryType::EntryConfChangeV2);
            let words = conf_change(MemberChange::Remove(NodeId(1)));
            change.data = words.write_to_bytes().unwrap().into();
            m.entries.push(change);
        }),
        ("an entry beyond the limit", MsgAppend, |m| {
            let mut large = entry(1, 1);
            large.data = vec![0; 70_000].into();
            m.entries.push(large);
        }),
        ("an answer for nothing", MsgAppendResponse, |m| m.index = 1_000),
        ("a hint beyond the log", MsgAppendResponse, |m| {
            m.reject = true;
            m.reject_hint = 1_000;
        }),
        ("a wish for a snapshot", MsgAppendResponse, |m| m.request_snapshot = 3),
        ("a wish for a snapshot of the future", MsgAppendResponse, |m| {
            (m.reject, m.request_snapshot) = (true, 1_000);
        }),
        ("an election forced in strange words", MsgRequestVote, |m| {
            m.context = b"CampaignNow".to_vec().into();
        }),
        ("a stranger", MsgHeartbeat, |m| m.from = 9),
        ("an echo", MsgHeartbeat, |m| m.from = m.to),
        ("another receiver", MsgHeartbeat, |m| m.to = 9),
        ("a forwarded proposal", MsgPropose, |m| m.entries.push(entry(0, 0))),
        ("a handed-on election of another term", MsgTimeoutNow, |m| m.term += 1),
        ("a handed-on election of a stranger", MsgTimeoutNow, |m| m.from = 9),
        ("a transfer", MsgTransferLeader, |_| ()),
        ("a read with a term", MsgReadIndex, |m| m.entries.push(entry(0, 0))),
        ("a read without a name", MsgReadIndex, |m| m.term = 0),
        ("an answer to a read that names none", MsgReadIndexResp, |_| ()),
        ("a local call", MsgHup, |_| ()),
        ("a local beat", MsgBeat, |_| ()),
    ]
}

fn ruinous_snapshots() -> Vec<Ruin> {
    use MessageType::{MsgAppend, MsgSnapshot};
    vec![
        ("a snapshot without a state", MsgSnapshot, |m| m.set_snapshot(snapshot(&[1, 2, 3], &[]))),
        ("a snapshot that is none", MsgSnapshot, |_| ()),
        ("a snapshot without voters", MsgSnapshot, |m| m.set_snapshot(of_a_state(&[], &[1, 2, 3]))),
        ("a snapshot without this node", MsgSnapshot, |m| m.set_snapshot(of_a_state(&[8], &[9]))),
        ("a snapshot with a member twice", MsgSnapshot, |m| {
            m.set_snapshot(of_a_state(&[1, 2, 3, 3], &[]));
        }),
        ("a snapshot with a voter that is none", MsgSnapshot, |m| {
            m.set_snapshot(of_a_state(&[1, 2, 3], &[3]));
        }),
        ("a snapshot of the future", MsgSnapshot, |m| {
            let mut snapshot = of_a_state(&[1, 2, 3], &[]);
            snapshot.mut_metadata().term = 99;
            m.set_snapshot(snapshot);
        }),
        ("a snapshot on an entry", MsgAppend, |m| m.set_snapshot(of_a_state(&[1, 2, 3], &[]))),
    ]
}

#[test]
fn impossible_messages_are_dropped_by_leader_and_follower_alike() {
    for (what, kind, ruin) in ruinous().into_iter().chain(ruinous_snapshots()) {
        let (mut cluster, leader, follower) = cluster_with_history();
        for (from, to) in [(leader, follower), (follower, leader)] {
            let node = cluster.nodes.get_mut(&to).unwrap();
            let mut message = message(kind, from, to, node.status().term);
            ruin(&mut message);
            let before = node.status();
            let outputs = give(node, message.write_to_bytes().unwrap());
            assert!(matches!(outputs[..], [Output::Ignored { .. }]), "{what}: {outputs:?}");
            let mut after = node.status();
            assert_eq!(after.ignored, before.ignored + 1, "{what}");
            after.ignored = before.ignored;
            assert_eq!(after, before, "{what}");
        }
    }
}

#[test]
fn bytes_that_are_no_message_are_dropped() {
    let (mut cluster, _, follower) = cluster_with_history();
    let node = cluster.nodes.get_mut(&follower).unwrap();
    let junk = [vec![], vec![0xff; 100], b"GET / HTTP/1.1".to_vec(), vec![0; 2 * 1024 * 1024]];
    let count = u64::try_from(junk.len()).unwrap();
    for bytes in junk {
        let outputs = give(node, bytes);
        assert!(matches!(outputs[..], [Output::Ignored { .. }]), "{outputs:?}");
    }
    assert_eq!(node.status().ignored, count);
}

#[test]
fn messages_with_flipped_bits_never_stop_a_node() {
    let mut chance = SplitMix64::new(11);
    let below =
        |chance: &mut SplitMix64, bound: usize| usize::try_from(chance.next_u64()).unwrap() % bound;
    for _ in 0..300 {
        let (mut cluster, leader, follower) = cluster_with_history();
        let mut outputs = Vec::new();
        let proposal = Input::Propose { ticket: 1, command: super::tick(77) };
        cluster.nodes.get_mut(&leader).unwrap().step([proposal], &mut outputs).unwrap();
        for output in outputs {
            let Output::Send { message, .. } = output else { continue };
            let mut damaged = message;
            for _ in 0..=below(&mut chance, 3) {
                let at = below(&mut chance, damaged.len());
                damaged[at] ^= 1 << below(&mut chance, 8);
            }
            let node = cluster.nodes.get_mut(&follower).unwrap();
            // Some damage stays plausible and may even stop the node for an entry that it does
            // not know; what it must not do is panic.
            if node.step([Input::Peer(damaged)], &mut Vec::new()).is_err() {
                break;
            }
        }
    }
}
