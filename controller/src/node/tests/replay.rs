//! Does a run repeat, and does a restart?

use super::cluster::Cluster;
use super::words::tick;
use crate::node::{Input, SplitMix64};

/// A run with proposals, cuts and crashes, all from `seed`.
fn run(seed: u64) -> Vec<String> {
    let mut chance = SplitMix64::new(seed);
    let mut cluster = Cluster::new(3, seed);
    for round in 0..400 {
        match chance.next_u64() % 40 {
            0 => cluster.isolate(1 + chance.next_u64() % 3),
            1 | 2 => cluster.heal(),
            3 => cluster.restart(1 + chance.next_u64() % 3, chance.next_u64()),
            _ => (),
        }
        let node = 1 + chance.next_u64() % 3;
        cluster.step(node, vec![Input::Propose { ticket: round, command: tick(round) }]);
        cluster.ticks(1);
    }
    cluster.heal();
    cluster.elect();
    cluster.ticks(10);
    let states: Vec<_> = cluster.nodes.values().map(|node| node.machine().state_hash()).collect();
    assert_eq!(states[0], states[1], "seed {seed}");
    assert_eq!(states[0], states[2], "seed {seed}");
    assert!(cluster.applied_tickets().len() > 20, "seed {seed} did nothing");
    cluster.transcript
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    for seed in 0..10 {
        assert!(run(seed) == run(seed), "seed {seed} does not replay");
    }
}

#[test]
fn a_restarted_node_replays_its_log_to_the_same_state() {
    let mut cluster = Cluster::new(3, 7);
    let leader = cluster.elect();
    cluster.propose(leader, 0..50);
    cluster.settle();
    cluster.ticks(4);
    let before = cluster.nodes[&leader].machine().state_hash();
    let follower = cluster.other_than(leader);
    cluster.restart(follower, 8);
    cluster.ticks(4);
    assert_eq!(cluster.nodes[&follower].machine().state_hash(), before);
    assert_eq!(cluster.nodes[&follower].applied(), cluster.nodes[&leader].applied());
}

#[test]
fn what_was_acknowledged_survives_a_crash_of_every_node() {
    let mut cluster = Cluster::new(3, 7);
    let leader = cluster.elect();
    cluster.propose(leader, 0..20);
    cluster.settle();
    let acknowledged = cluster.nodes[&leader].machine().state_hash();
    assert_eq!(cluster.applied_tickets().len(), 20);
    for id in 1..=3 {
        cluster.restart(id, 100 + id);
    }
    let leader = cluster.elect();
    cluster.ticks(4);
    assert_eq!(cluster.nodes[&leader].machine().state_hash(), acknowledged);
}
