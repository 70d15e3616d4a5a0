//! Does a node stop when its state is not the others', or when it would not understand them?

use super::cluster::{Cluster, try_open};
use super::words::{check_state, tick, token};
use crate::machine::cluster::Speaks;
use crate::machine::command::RegisterNode;
use crate::machine::{Command, Position};
use crate::node::{Answer, Fatal, Input, NodeId};

/// Something in a node's memory changes without a log entry.
fn tamper(cluster: &mut Cluster, id: u64) {
    let node = cluster.nodes.get_mut(&id).unwrap();
    let at = Position { index: node.applied(), term: 1 };
    node.tamper(|machine| drop(machine.apply(at, &token(666))));
}

fn register(node: u64, newest: u16) -> Command {
    Command::RegisterNode(RegisterNode {
        node: NodeId(node),
        incarnation: [u8::try_from(node).unwrap(); 16],
        address: super::words::address(node),
        speaks: Speaks { oldest: 2, newest },
    })
}

#[test]
fn nodes_with_the_same_state_vouch_for_it_and_go_on() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    cluster.command(check_state(1));
    cluster.ticks(10);
    let vouched = cluster.transcript.iter().filter(|line| line.contains(" Vouch {"));
    assert_eq!(vouched.count(), 3);
    assert!(cluster.stopped.is_empty());
    assert!(cluster.nodes.values().all(|node| node.status().mismatches == 0));
}

#[test]
fn a_node_with_another_state_stops_and_the_others_go_on() {
    for lead in [false, true] {
        let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
        let leader = cluster.elect();
        let odd = if lead { leader } else { cluster.other_than(leader) };
        tamper(&mut cluster, odd);
        cluster.command(check_state(1));
        cluster.ticks(60);
        let (why, _) = &cluster.stopped[&odd];
        assert!(matches!(why, Fatal::Diverged { .. }), "{why}");
        assert_eq!(cluster.stopped.len(), 1);
        // Those who stay say that somebody had another state.
        assert_eq!(cluster.nodes.len(), 2);
        assert!(cluster.nodes.values().all(|node| node.status().mismatches == 1));
        let answer = cluster.command(tick(1));
        assert!(matches!(answer, Answer::Applied { .. }));
    }
}

#[test]
fn every_thousandth_entry_is_compared_without_being_asked() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    let leader = cluster.elect();
    let odd = cluster.other_than(leader);
    tamper(&mut cluster, odd);
    for round in 0..11 {
        cluster.propose(leader, round * 100..(round + 1) * 100);
        cluster.settle();
    }
    cluster.ticks(10);
    assert!(matches!(cluster.stopped.get(&odd), Some((Fatal::Diverged { .. }, _))));
    assert_eq!(cluster.stopped.len(), 1);
}

#[test]
fn three_different_states_stop_every_node() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    tamper(&mut cluster, 1);
    tamper(&mut cluster, 2);
    tamper(&mut cluster, 2);
    let node = cluster.nodes.get_mut(&2).unwrap();
    let at = Position { index: node.applied(), term: 1 };
    node.tamper(|machine| drop(machine.apply(at, &token(667))));
    let leader = cluster.elect();
    cluster.step(leader, vec![Input::Propose { ticket: 1, command: check_state(1) }]);
    cluster.ticks(100);
    assert_eq!(cluster.stopped.len(), 3, "{:?}", cluster.stopped.keys());
}

#[test]
fn what_was_replayed_is_not_vouched_for_again() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    cluster.command(check_state(1));
    cluster.ticks(10);
    cluster.restart(2, 9);
    cluster.ticks(10);
    let vouched = cluster.transcript.iter().filter(|line| line.starts_with("2 Vouch"));
    assert_eq!(vouched.count(), 1);
}

#[test]
fn a_node_stops_once_the_cluster_uses_entries_that_it_cannot_read() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    for id in 1..=3 {
        let answer = cluster.command(register(id, 3));
        assert!(matches!(answer, Answer::Applied { outcome: Ok(_), .. }), "{answer:?}");
    }
    cluster.ticks(30);
    let stopped = cluster.stopped.values().map(|(why, _)| why);
    let too_new = stopped
        .filter(|why| matches!(why, Fatal::TooNew { cluster_version: 3, speaks } if *speaks < 3));
    if Speaks::of_this_build().newest < 3 {
        assert_eq!(too_new.count(), 3);
        let (_, disk) = cluster.stopped.remove(&1).unwrap();
        let node = try_open(cluster.config(1, 1), disk);
        let replayed = node.and_then(|mut node| node.step([], &mut Vec::new()));
        assert!(matches!(replayed, Err(Fatal::TooNew { .. })), "{replayed:?}");
    }
}

#[test]
#[cfg(feature = "next-version")]
fn a_command_that_not_every_member_reads_is_refused_before_it_is_logged() {
    use crate::machine::command::NextProbe;
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    let probe = || Command::NextProbe(NextProbe { node: NodeId(1) });
    assert_eq!(cluster.command(probe()), Answer::NeedsVersion { needs: 3, cluster: 2 });
    for id in 1..=3 {
        cluster.command(register(id, 3));
    }
    let answer = cluster.command(probe());
    assert!(matches!(answer, Answer::Applied { outcome: Ok(_), .. }), "{answer:?}");
}
