//! Does a node outlive what no correct peer would send?

use protobuf::Message as _;
use raft::eraftpb::{ConfState, Entry, EntryType, Message, MessageType, Snapshot};

use super::cluster::{Cluster, Disk};
use crate::node::{Input, Node, Output, SplitMix64};

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

/// A change to a plausible message that makes it impossible, and what it is called.
type Ruin = (&'static str, MessageType, fn(&mut Message));

fn ruinous() -> Vec<Ruin> {
    use MessageType::{
        MsgAppend, MsgAppendResponse, MsgBeat, MsgHeartbeat, MsgHup, MsgPropose, MsgReadIndex,
        MsgRequestVote, MsgSnapshot, MsgTimeoutNow, MsgTransferLeader,
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
        ("a change of membership", MsgAppend, |m| {
            let mut change = entry(1, 1);
            change.set_entry_type(EntryType::EntryConfChangeV2);
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
        ("a snapshot", MsgSnapshot, |m| {
            let mut snapshot = Snapshot::default();
            snapshot.mut_metadata().index = 1_000;
            snapshot.mut_metadata().set_conf_state(ConfState::from((vec![2], vec![])));
            m.set_snapshot(snapshot);
        }),
        ("a forced election", MsgRequestVote, |m| m.context = b"CampaignTransfer".to_vec().into()),
        ("a stranger", MsgHeartbeat, |m| m.from = 9),
        ("an echo", MsgHeartbeat, |m| m.from = m.to),
        ("another receiver", MsgHeartbeat, |m| m.to = 9),
        ("a forwarded proposal", MsgPropose, |m| m.entries.push(entry(0, 0))),
        ("a handed-on election", MsgTimeoutNow, |_| ()),
        ("a transfer", MsgTransferLeader, |_| ()),
        ("a read", MsgReadIndex, |_| ()),
        ("a local call", MsgHup, |_| ()),
        ("a local beat", MsgBeat, |_| ()),
    ]
}

#[test]
fn impossible_messages_are_dropped_by_leader_and_follower_alike() {
    for (what, kind, ruin) in ruinous() {
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
