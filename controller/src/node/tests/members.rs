//! Do members come and go without a moment in which two groups could decide?

use super::cluster::{Cluster, open};
use super::disk::{Disk, Loose};
use super::words::{add, promote, remove, tick, token};
use crate::machine::Rejection;
use crate::node::{Answer, Fatal, Input, NodeConfig, NodeId, Seat, SplitMix64};

#[track_caller]
fn taken(answer: &Answer) {
    assert!(matches!(answer, Answer::Applied { outcome: Ok(_), .. }), "{answer:?}");
}

/// Adds a new node as a learner, and waits until it has caught up.
fn join(cluster: &mut Cluster, id: u64) {
    cluster.join(id);
    taken(&cluster.command(add(id)));
    cluster.until(|cluster| cluster.nodes[&id].status().members.contains_key(&NodeId(id)));
    cluster.agree();
}

fn seats(cluster: &Cluster, id: u64) -> String {
    let members = cluster.nodes[&id].status().members;
    let seat = |(id, seat): (&NodeId, &Seat)| match seat {
        Seat::Voter => format!("{id}"),
        Seat::Learner => format!("({id})"),
    };
    members.iter().map(seat).collect::<Vec<_>>().join(" ")
}

/// Moves the leadership away from `id`, if it leads.
fn move_away(cluster: &mut Cluster, id: u64) {
    while cluster.elect() == id {
        let to = cluster.nodes[&id].best_transferee().unwrap();
        cluster.step(id, vec![Input::TransferLeader { to }]);
        cluster.ticks(4);
    }
}

#[test]
fn a_new_node_waits_silently_then_learns_then_votes() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    cluster.join(4);
    cluster.ticks(100);
    let status = cluster.nodes[&4].status();
    assert_eq!((status.term, status.last_index, status.members.len()), (0, 0, 0));
    taken(&cluster.command(add(4)));
    cluster.agree();
    assert_eq!(seats(&cluster, 4), "1 2 3 (4)");
    taken(&cluster.command(promote(4, None)));
    cluster.agree();
    for id in 1..=4 {
        assert_eq!(seats(&cluster, id), "1 2 3 4");
    }
    // Two of the old voters may now go, one after the other.
    for gone in [1, 2] {
        move_away(&mut cluster, gone);
        taken(&cluster.command(remove(gone)));
    }
    taken(&cluster.command(tick(1)));
    cluster.agree();
    assert_eq!(seats(&cluster, 4), "3 4");
    for gone in [1, 2] {
        let (why, _) = &cluster.stopped[&gone];
        assert!(matches!(why, Fatal::Removed { id: NodeId(id), .. } if *id == gone), "{why}");
    }
}

/// Two lost disks that come back under their old ids, one as a founder and one that joins, would be a
/// majority of the founders.
#[test]
fn a_node_that_waits_to_be_added_gives_nobody_its_vote() {
    let mut cluster = Cluster::new(3, 7);
    cluster.nodes.remove(&2);
    let joins = NodeConfig::joining(NodeId(3), 3);
    cluster.nodes.insert(3, open(joins, Disk::default()));
    cluster.ticks(300);
    assert_eq!(cluster.leader(), None);
    assert_eq!(cluster.nodes[&3].status().term, 0);
}

#[test]
fn a_learner_never_campaigns_and_nothing_waits_for_it() {
    let mut cluster = Cluster::bootstrapped(1, 7, 50_000);
    join(&mut cluster, 2);
    cluster.isolate(1);
    cluster.ticks(200);
    assert_eq!(cluster.nodes[&2].status().role, crate::node::Role::Follower);
    cluster.heal();
    cluster.isolate(2);
    taken(&cluster.command(tick(1)));
}

#[test]
fn a_voter_is_replaced_in_one_step() {
    for seed in 0..10 {
        let mut cluster = Cluster::bootstrapped(3, seed, 15);
        join(&mut cluster, 4);
        move_away(&mut cluster, 2);
        cluster.loss = 10;
        cluster.isolate(2);
        taken(&cluster.command(promote(4, Some(2))));
        cluster.until(|cluster| seats(cluster, 4) == "1 3 4");
        cluster.loss = 0;
        cluster.reconnect(2);
        let term = cluster.nodes[&4].leadership().term;
        cluster.ticks(300);
        assert!(cluster.nodes[&4].leadership().term <= term + 1, "node 2 disturbs, seed {seed}");
        taken(&cluster.command(tick(1)));
    }
}

#[test]
fn every_node_may_crash_in_the_middle_of_a_replacement() {
    for seed in 0..40 {
        let mut chance = SplitMix64::new(seed);
        let mut cluster = Cluster::bootstrapped(3, seed, 8);
        join(&mut cluster, 4);
        move_away(&mut cluster, 2);
        let leader = cluster.elect();
        cluster.loss = 25;
        cluster.step(leader, vec![Input::Propose { ticket: 1, command: promote(4, Some(2)) }]);
        for _ in 0..12 {
            cluster.ticks(1);
            let id = 1 + chance.next_u64() % 4;
            if cluster.nodes.contains_key(&id) {
                let disk = cluster.nodes.remove(&id).unwrap().into_journal();
                if super::cluster::try_open(cluster.config(id, chance.next_u64()), disk.clone())
                    .is_ok()
                {
                    cluster.start(id, disk, chance.next_u64(), Loose::Lost);
                }
            }
        }
        cluster.loss = 0;
        cluster.elect();
        let done = cluster.command(promote(4, Some(2)));
        assert!(
            matches!(done, Answer::Applied { .. } | Answer::ChangePending | Answer::LeaderMustMove),
            "seed {seed}: {done:?}"
        );
        cluster.ticks(100);
        if cluster.nodes[&4].machine().cluster().unwrap().removed.contains(&NodeId(2)) {
            cluster.nodes.remove(&2);
            cluster.agree();
            assert_eq!(seats(&cluster, 4), "1 3 4", "seed {seed}");
        }
        taken(&cluster.command(tick(1)));
    }
}

#[test]
fn a_node_that_restarts_within_a_joint_change_is_still_in_it() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    join(&mut cluster, 4);
    move_away(&mut cluster, 2);
    let leader = cluster.elect();
    let other = cluster.nodes.keys().copied().find(|id| ![leader, 2, 4].contains(id)).unwrap();
    // The new group cannot agree, so the change stays half done.
    cluster.step(leader, vec![Input::Propose { ticket: 1, command: promote(4, Some(2)) }]);
    cluster.settle_until(|cluster| seats(cluster, leader) == "1 2 3 4");
    cluster.isolate(other);
    cluster.isolate(4);
    cluster.ticks(1);
    for (round, id) in [leader, 2, other, 4].into_iter().enumerate() {
        cluster.restart(id, 90 + u64::try_from(round).unwrap());
        cluster.ticks(3);
    }
    cluster.heal();
    cluster.until(|cluster| seats(cluster, 4) == "1 3 4");
    taken(&cluster.command(tick(1)));
}

#[test]
fn one_change_at_a_time() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    let leader = cluster.elect();
    let changes = [add(4), add(5)].into_iter().zip(1..);
    let inputs = changes.map(|(command, ticket)| Input::Propose { ticket, command });
    cluster.step(leader, inputs.collect());
    cluster.settle();
    let answers: Vec<_> = cluster.answers.iter().filter(|(_, ticket, _)| *ticket < 10).collect();
    assert!(matches!(answers[0], (_, 2, Answer::ChangePending)), "{answers:?}");
    taken(&answers[1].2);
}

#[test]
fn a_change_that_would_leave_too_few_voters_is_refused() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    let leader = cluster.elect();
    let others: Vec<u64> = (1..=3).filter(|&id| id != leader).collect();
    cluster.isolate(others[0]);
    // Until the leader has seen that it is away.
    cluster.ticks(25);
    assert_eq!(cluster.elect(), leader);
    let answer = cluster.command(remove(others[1]));
    assert_eq!(answer, Answer::WouldLoseQuorum { active: 1, needed: 2 });
    // The one that is away may leave.
    taken(&cluster.command(remove(others[0])));
    taken(&cluster.command(tick(1)));
}

/// The voter that goes is heard until the change has ended: the old group cannot decide without it here.
#[test]
fn a_voter_may_be_replaced_while_another_is_away() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    join(&mut cluster, 4);
    let leader = cluster.elect();
    let others: Vec<u64> = (1..=3).filter(|&id| id != leader).collect();
    cluster.isolate(others[0]);
    // Until the leader has seen that it is away.
    cluster.ticks(25);
    assert_eq!(cluster.elect(), leader);
    taken(&cluster.command(promote(4, Some(others[1]))));
    taken(&cluster.command(tick(1)));
    cluster.until(|cluster| cluster.nodes[&4].machine().cluster().unwrap().removed.len() == 1);
}

/// The leader alone knows that the change has ended, and is lost for good: the others still need the
/// vote of the one that left.
#[test]
fn who_has_left_lingers_for_those_who_do_not_know_it() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    join(&mut cluster, 4);
    let leader = cluster.elect();
    let gone = cluster.other_than(leader);
    let other = 6 - leader - gone;
    cluster.isolate(other);
    cluster.step(leader, vec![Input::Propose { ticket: 1, command: promote(4, Some(gone)) }]);
    let has_left = |cluster: &Cluster, id: u64| {
        let known = cluster.nodes[&id].machine().cluster();
        known.is_some_and(|cluster| cluster.removed.contains(&NodeId(gone)))
    };
    while !has_left(&cluster, leader) {
        cluster.step(leader, vec![Input::Tick]);
        cluster.settle_until(|cluster| has_left(cluster, leader));
    }
    cluster.isolate(4);
    cluster.settle();
    assert!(has_left(&cluster, gone) && !has_left(&cluster, 4) && !has_left(&cluster, other));
    cluster.nodes.remove(&leader);
    cluster.heal();
    taken(&cluster.command(tick(1)));
    cluster.until(|cluster| cluster.stopped.contains_key(&gone));
    taken(&cluster.command(tick(1)));
}

#[test]
fn a_leader_does_not_take_its_own_vote() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    join(&mut cluster, 4);
    let leader = cluster.elect();
    assert_eq!(cluster.command(remove(leader)), Answer::LeaderMustMove);
    assert_eq!(cluster.command(promote(4, Some(leader))), Answer::LeaderMustMove);
}

#[test]
fn a_learner_that_is_far_behind_is_not_promoted() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    join(&mut cluster, 4);
    cluster.isolate(4);
    let leader = cluster.elect();
    for round in 0..11 {
        cluster.propose(leader, round * 100..(round + 1) * 100);
        cluster.settle();
    }
    let answer = cluster.command(promote(4, None));
    assert!(matches!(answer, Answer::NotCaughtUp { behind } if behind > 1_000), "{answer:?}");
    cluster.heal();
    cluster.agree();
    taken(&cluster.command(promote(4, None)));
}

/// With one voter away, a fourth one that never comes would leave two of four.
#[test]
fn a_learner_that_was_never_heard_is_not_promoted() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    let leader = cluster.elect();
    let away = cluster.other_than(leader);
    cluster.isolate(away);
    cluster.ticks(25);
    assert_eq!(cluster.elect(), leader);
    taken(&cluster.command(add(4)));
    let answer = cluster.command(promote(4, None));
    assert!(matches!(answer, Answer::NotCaughtUp { .. }), "{answer:?}");
    taken(&cluster.command(tick(1)));
    cluster.join(4);
    cluster.until(|cluster| cluster.nodes[&4].status().members.contains_key(&NodeId(4)));
    taken(&cluster.command(promote(4, None)));
}

#[test]
fn a_refused_or_repeated_change_changes_nothing() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    join(&mut cluster, 4);
    taken(&cluster.command(promote(4, None)));
    // The same request again is answered as before, and demotes nobody.
    taken(&cluster.command(add(4)));
    let refused = cluster.command(remove(9));
    let is_refusal =
        matches!(&refused, Answer::Applied { outcome: Err(Rejection::UnknownMember { .. }), .. });
    assert!(is_refusal, "{refused:?}");
    cluster.agree();
    assert_eq!(seats(&cluster, 1), "1 2 3 4");
}

/// Whoever did not hear the answer asks again, when the one that was promoted may be lost already.
#[test]
fn a_change_that_was_made_is_answered_again_whatever_has_become_of_the_node() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    join(&mut cluster, 4);
    taken(&cluster.command(promote(4, None)));
    move_away(&mut cluster, 4);
    cluster.isolate(4);
    // The next leader has never heard it.
    let leader = cluster.elect();
    move_away(&mut cluster, leader);
    taken(&cluster.command(promote(4, None)));
    cluster.heal();
    cluster.agree();
    assert_eq!(seats(&cluster, 1), "1 2 3 4");
}

#[test]
fn a_removed_node_that_does_not_know_it_disturbs_nobody() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    let leader = cluster.elect();
    let gone = cluster.other_than(leader);
    cluster.isolate(gone);
    cluster.ticks(60);
    taken(&cluster.command(remove(gone)));
    cluster.reconnect(gone);
    let term = cluster.nodes[&leader].leadership();
    cluster.ticks(300);
    assert_eq!(cluster.nodes[&leader].leadership(), term);
    let dropped = cluster.nodes[&leader].status().ignored;
    assert!(dropped > 5, "it did campaign, and {dropped} messages were dropped");
}

#[test]
fn a_new_learner_of_a_long_lived_cluster_takes_the_state_in() {
    let mut cluster = Cluster::bootstrapped(3, 7, 20);
    for number in 0..100 {
        taken(&cluster.command(token(number)));
    }
    for id in [4, 5] {
        join(&mut cluster, id);
        taken(&cluster.command(promote(id, None)));
    }
    cluster.agree();
    assert_eq!(seats(&cluster, 5), "1 2 3 4 5");
    let leader = cluster.elect();
    cluster.ticks(250);
    let peers = cluster.nodes[&leader].status().peers;
    assert!(peers.values().all(|peer| peer.pending_snapshot.is_none()), "{peers:?}");
    let offered = cluster.transcript.iter().filter(|line| line.contains("Replaced")).count();
    assert_eq!(offered, 2, "each new node took one state in");
}

#[test]
fn leadership_goes_where_it_is_sent_and_never_to_a_learner() {
    let mut cluster = Cluster::bootstrapped(3, 7, 50_000);
    join(&mut cluster, 4);
    let leader = cluster.elect();
    cluster.step(leader, vec![Input::TransferLeader { to: NodeId(4) }]);
    cluster.ticks(2);
    assert_eq!(cluster.elect(), leader);
    let best = cluster.nodes[&leader].best_transferee().unwrap();
    assert_ne!(best, NodeId(4));
    cluster.step(leader, vec![Input::TransferLeader { to: best }]);
    cluster.settle();
    assert_eq!(cluster.elect(), best.0);
    assert_eq!(cluster.nodes[&leader].best_transferee(), None, "it leads no more");
}
