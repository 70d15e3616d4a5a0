//! Does a reader see whatever was acknowledged before it asked?

use super::cluster::Cluster;
use super::words::{add, tick, token};
use crate::node::{Answer, Input, NodeId, SplitMix64};

#[track_caller]
fn index_of(answer: &Answer) -> u64 {
    if let Answer::Applied { position, outcome: Ok(_) } = answer {
        return position.index;
    }
    let Answer::Readable { index } = answer else { panic!("{answer:?}") };
    *index
}

#[test]
fn every_node_reads_what_was_acknowledged_before() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    cluster.join(4);
    cluster.command(add(4));
    cluster.agree();
    for number in 0..20 {
        let written = index_of(&cluster.command(token(number)));
        for id in 1..=4 {
            let readable = index_of(&cluster.read(id));
            assert!(readable >= written, "node {id} reads {readable} after {written}");
            assert!(cluster.nodes[&id].applied() >= readable);
        }
    }
}

#[test]
fn a_deposed_leader_that_does_not_know_it_lets_nobody_read() {
    for seed in 0..20 {
        let mut cluster = Cluster::bootstrapped(3, seed, 50_000);
        let old = cluster.elect();
        cluster.isolate(old);
        // It still leads for itself, and is asked before and after another one was elected.
        cluster.step(old, vec![Input::Read { ticket: 1 }]);
        let new = loop {
            cluster.ticks(1);
            if cluster.nodes[&old].leads() {
                cluster.step(old, vec![Input::Read { ticket: 2 }]);
            }
            if let Some(new) = cluster.leader() {
                break new;
            }
        };
        assert_ne!(new, old);
        let written = index_of(&cluster.command(token(seed)));
        cluster.step(old, vec![Input::Read { ticket: 3 }]);
        cluster.ticks(5);
        cluster.heal();
        cluster.ticks(120);
        let told: Vec<_> =
            cluster.answers.iter().filter(|told| told.0 == old && told.1 < 10).collect();
        for (_, ticket, answer) in told {
            if let Answer::Readable { index } = answer {
                assert!(*ticket < 3 || *index >= written, "{ticket}: {index} < {written}");
            } else {
                assert!(matches!(answer, Answer::NotLeader { .. } | Answer::Unknown), "{answer:?}");
            }
        }
    }
}

#[test]
fn reads_among_cuts_crashes_and_losses_never_go_back() {
    for seed in 0..30 {
        let mut chance = SplitMix64::new(seed);
        let mut cluster = Cluster::bootstrapped(3, seed, 12);
        cluster.loss = 10;
        let mut asked = Vec::new();
        for round in 0..250 {
            match chance.next_u64() % 25 {
                0 => cluster.isolate(1 + chance.next_u64() % 3),
                1 | 2 => cluster.heal(),
                3 => cluster.restart(1 + chance.next_u64() % 3, chance.next_u64()),
                _ => (),
            }
            let node = 1 + chance.next_u64() % 3;
            let acknowledged = highest_acknowledged(&cluster);
            asked.push((10_000 + round, acknowledged));
            let propose = Input::Propose { ticket: round, command: token(round) };
            cluster.step(node, vec![propose, Input::Read { ticket: 10_000 + round }]);
            cluster.ticks(1);
        }
        let mut readable = 0;
        for (ticket, acknowledged) in asked {
            for (_, told, answer) in &cluster.answers {
                if let (true, Answer::Readable { index }) = (*told == ticket, answer) {
                    assert!(*index >= acknowledged, "seed {seed}: {index} after {acknowledged}");
                    readable += 1;
                }
            }
        }
        assert!(readable > 50, "seed {seed}: only {readable} reads went through");
    }
}

fn highest_acknowledged(cluster: &Cluster) -> u64 {
    let answers = cluster.answers.iter();
    let index = |(.., answer): &(u64, u64, Answer)| {
        let Answer::Applied { position, .. } = answer else { return None };
        Some(position.index)
    };
    answers.filter_map(index).max().unwrap_or(0)
}

#[test]
fn a_read_without_a_leader_is_sent_away_in_time() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    let leader = cluster.elect();
    let follower = cluster.other_than(leader);
    cluster.isolate(follower);
    cluster.ticks(30);
    cluster.step(follower, vec![Input::Read { ticket: 5 }]);
    cluster.ticks(41);
    let answer = cluster.answers.iter().find(|(_, ticket, _)| *ticket == 5);
    assert_eq!(answer, Some(&(follower, 5, Answer::NotLeader { leader: None })));
    assert_eq!(cluster.nodes[&follower].status().waiting, 0);
}

#[test]
fn readers_of_one_step_share_a_round() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    let leader = cluster.elect();
    let follower = NodeId(cluster.other_than(leader)).0;
    cluster.ticks(4);
    let before = cluster.transcript.len();
    cluster.step(follower, (0..100).map(|ticket| Input::Read { ticket }).collect());
    let sent = cluster.transcript[before..].iter().filter(|line| line.contains("Send"));
    assert_eq!(sent.count(), 1);
    cluster.settle();
    cluster.ticks(3);
    let readable =
        cluster.answers.iter().filter(|(.., answer)| matches!(answer, Answer::Readable { .. }));
    assert_eq!(readable.count(), 100);
}

#[test]
fn a_lone_voter_reads_at_once() {
    let mut cluster = Cluster::bootstrapped(1, 7, 50_000);
    let written = index_of(&cluster.command(tick(1)));
    cluster.step(1, vec![Input::Read { ticket: 9 }]);
    assert_eq!(cluster.answers.last(), Some(&(1, 9, Answer::Readable { index: written })));
}
