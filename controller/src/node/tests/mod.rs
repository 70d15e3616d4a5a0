//! Does a node keep its word? Real nodes, a disk that forgets, and a network under a script.

mod cluster;
mod damage;
mod disk;
mod members;
mod order;
mod reading;
mod replay;
mod snapshots;
mod trust;
mod words;

use cluster::{Cluster, alone};
use disk::Disk;
use words::tick;

use super::{Answer, Fatal, Input, Node, NodeConfig, NodeId, Output};
use crate::journal::Recovered;

#[test]
fn a_batch_of_proposals_costs_a_single_voter_one_sync() {
    let mut node = alone();
    let syncs = node.syncs();
    let proposals = (0..100).map(|ticket| Input::Propose { ticket, command: tick(ticket) });
    let mut outputs = Vec::new();
    node.step(proposals, &mut outputs).unwrap();
    let answered = outputs
        .iter()
        .filter(|output| matches!(output, Output::Answer { answer: Answer::Applied { .. }, .. }));
    assert_eq!(answered.count(), 100);
    assert_eq!(node.syncs() - syncs, 1);
    assert_eq!(node.status().waiting, 0);
}

#[test]
fn three_nodes_elect_one_leader_and_apply_the_same_entries() {
    let mut cluster = Cluster::new(3, 7);
    let leader = cluster.elect();
    cluster.propose(leader, 0..10);
    cluster.settle();
    let answers: Vec<u64> = cluster.applied_tickets();
    assert_eq!(answers, (0..10).collect::<Vec<_>>());
    cluster.ticks(4);
    let states: Vec<_> = cluster.nodes.values().map(|node| node.machine().state_hash()).collect();
    assert_eq!(states[0], states[1]);
    assert_eq!(states[0], states[2]);
    assert_eq!(cluster.nodes.values().filter(|node| node.leads()).count(), 1);
    let status = cluster.nodes[&leader].status();
    let matched: Vec<u64> = status.peers.values().map(|peer| peer.matched).collect();
    assert_eq!(matched, [status.last_index; 2]);
}

#[test]
fn a_follower_refuses_proposals_and_names_the_leader() {
    let mut cluster = Cluster::new(3, 7);
    let leader = cluster.elect();
    let follower = cluster.other_than(leader);
    cluster.propose(follower, 5..6);
    assert_eq!(
        cluster.answers,
        [(follower, 5, Answer::NotLeader { leader: Some(NodeId(leader)) })]
    );
}

#[test]
fn a_deposed_leaders_waiters_learn_that_the_outcome_is_unknown() {
    let mut cluster = Cluster::new(3, 7);
    let old = cluster.elect();
    cluster.isolate(old);
    cluster.propose(old, 0..3);
    cluster.settle();
    assert_eq!(cluster.answers, [], "nobody may answer without a majority");
    let new = cluster.elect();
    assert_ne!(new, old);
    cluster.ticks(40);
    let unknown: Vec<_> = (0..3).map(|ticket| (old, ticket, Answer::Unknown)).collect();
    assert_eq!(cluster.answers, unknown);
    cluster.heal();
    cluster.propose(new, 10..11);
    cluster.settle();
    cluster.ticks(4);
    assert_eq!(cluster.applied_tickets(), [10]);
    let states: Vec<_> = cluster.nodes.values().map(|node| node.machine().state_hash()).collect();
    assert_eq!(states[0], states[1]);
    assert_eq!(states[0], states[2]);
}

#[test]
fn a_proposal_without_a_majority_is_refused_as_busy_once_eight_mebibytes_wait() {
    let mut cluster = Cluster::new(3, 7);
    let leader = cluster.elect();
    cluster.isolate(leader);
    let large = words::tick_of_bytes(60 * 1024);
    let mut outputs = Vec::new();
    let node = cluster.nodes.get_mut(&leader).unwrap();
    let flood = (0..200).map(|ticket| Input::Propose { ticket, command: large.clone() });
    node.step(flood, &mut outputs).unwrap();
    let busy = outputs
        .iter()
        .filter(|output| matches!(output, Output::Answer { answer: Answer::Busy, .. }))
        .count();
    assert!((50..80).contains(&busy), "{busy} of 200 were refused");
    assert_eq!(node.status().waiting, 200 - busy);
}

#[test]
fn agents_are_refused_as_busy_while_an_operator_is_still_taken() {
    let mut cluster = Cluster::new(3, 7);
    let leader = cluster.elect();
    cluster.isolate(leader);
    let large = words::begin_of_bytes(60 * 1024);
    let mut outputs = Vec::new();
    let node = cluster.nodes.get_mut(&leader).unwrap();
    let flood = (0..200).map(|ticket| Input::Propose { ticket, command: large.clone() });
    node.step(flood, &mut outputs).unwrap();
    let taken = node.status().waiting;
    assert!((95..=102).contains(&taken), "{taken} of 200 fit 6 MiB");
    outputs.clear();
    let [halt, tick] = [(200, words::halt()), (201, tick(1))]
        .map(|(ticket, command)| Input::Propose { ticket, command });
    let again = Input::Propose { ticket: 202, command: large };
    node.step([again, halt, tick], &mut outputs).unwrap();
    outputs.retain(|output| matches!(output, Output::Answer { .. }));
    assert!(
        matches!(outputs[..], [Output::Answer { ticket: 202, answer: Answer::Busy }]),
        "{outputs:?}"
    );
    assert_eq!(node.status().waiting, taken + 2);
}

#[test]
fn a_command_larger_than_an_entry_is_refused_before_it_is_logged() {
    let mut node = alone();
    let last_index = node.status().last_index;
    let mut outputs = Vec::new();
    let command = words::tick_of_bytes(65 * 1024);
    node.step([Input::Propose { ticket: 1, command }], &mut outputs).unwrap();
    assert!(
        matches!(outputs[..], [Output::Answer { ticket: 1, answer: Answer::TooLarge { .. } }]),
        "{outputs:?}"
    );
    assert_eq!(node.status().last_index, last_index);
}

#[test]
fn a_node_outside_the_voters_or_with_id_zero_is_refused() {
    for (id, voters) in [(4, vec![1, 2, 3]), (0, vec![0, 1]), (1, vec![0, 1])] {
        let config = NodeConfig::new(NodeId(id), voters.into_iter().map(NodeId), 0);
        let disk = Disk::default();
        let refused = Node::open(config, disk, Recovered::default()).err();
        assert!(matches!(refused, Some(Fatal::Config(_))), "{refused:?}");
    }
}
