//! Does a node that is far behind get the whole state, whatever happens on the way?

use std::collections::BTreeMap;

use super::cluster::{Cluster, open};
use super::disk::{Disk, Loose};
use super::words::{add, tick, token};
use crate::machine::frozen::named_by;
use crate::node::{Answer, Input, Node, NodeId, Room, SplitMix64};

/// Fills the state: so many tokens, in so many entries.
fn fill(cluster: &mut Cluster, numbers: std::ops::Range<u64>) {
    let leader = cluster.elect();
    let propose = |ticket| Input::Propose { ticket, command: token(ticket) };
    cluster.step(leader, numbers.map(propose).collect());
    cluster.settle();
    cluster.ticks(4);
}

/// Three nodes, of which one was away for so long that the others' logs begin behind its end.
fn with_one_behind(seed: u64) -> (Cluster, u64) {
    let mut cluster = Cluster::bootstrapped(3, seed, 20);
    let leader = cluster.elect();
    let behind = cluster.other_than(leader);
    cluster.isolate(behind);
    for round in 0..6 {
        fill(&mut cluster, round * 40..(round + 1) * 40);
    }
    for (id, node) in &cluster.nodes {
        assert_eq!(node.status().first_index > 100, *id != behind, "{:?}", node.status());
    }
    (cluster, behind)
}

fn replacements(cluster: &Cluster, id: u64) -> usize {
    let replaced = format!("{id} Replaced");
    cluster.transcript.iter().filter(|line| line.starts_with(&replaced)).count()
}

#[test]
fn a_follower_whose_entries_are_gone_gets_the_whole_state() {
    let (mut cluster, behind) = with_one_behind(7);
    cluster.heal();
    cluster.agree();
    assert_eq!(replacements(&cluster, behind), 1);
    let leader = cluster.elect();
    let status = cluster.nodes[&leader].status();
    cluster.ticks(4);
    assert!(status.peers.values().all(|peer| peer.pending_snapshot.is_none()), "{status:?}");
    fill(&mut cluster, 1_000..1_010);
    cluster.agree();
    assert_eq!(replacements(&cluster, behind), 1, "entries suffice again");
    assert_eq!(cluster.nodes[&behind].status().installed, 1);
}

#[test]
fn a_lone_founder_writes_checkpoints_and_restarts_from_the_newest() {
    let mut cluster = Cluster::bootstrapped(1, 3, 10);
    (0..11).for_each(|round| fill(&mut cluster, round * 5..(round + 1) * 5));
    let before = cluster.nodes[&1].status();
    assert!(before.checkpoint >= 50 && before.first_index > 30, "{before:?}");
    assert!(before.first_index <= before.checkpoint, "followers keep some footing: {before:?}");
    let state = cluster.nodes[&1].machine().state_hash();
    cluster.restart(1, 4);
    cluster.elect();
    assert_eq!(cluster.nodes[&1].machine().state_hash(), state);
    assert_eq!(cluster.nodes[&1].status().checkpoint, before.checkpoint);
}

#[test]
fn a_lagging_follower_takes_a_state_in_over_three_changes_of_leader() {
    for seed in 0..20 {
        let (mut cluster, behind) = with_one_behind(seed);
        cluster.loss = 15;
        cluster.heal();
        for round in 0..3 {
            cluster.ticks(3);
            // The leader stands still until another one leads: the follower may not vote for a
            // long log that it lacks, so the third node takes over.
            let leader = cluster.elect();
            let other = cluster.nodes.keys().copied().find(|id| ![leader, behind].contains(id));
            cluster.step(leader, vec![Input::TransferLeader { to: NodeId(other.unwrap()) }]);
            cluster.ticks(5);
            fill(&mut cluster, 2_000 + round * 50..2_050 + round * 50);
        }
        cluster.agree();
        assert!(replacements(&cluster, behind) >= 1, "seed {seed}");
    }
}

#[test]
fn two_snapshots_quickly_one_after_the_other_leave_the_newer_state() {
    for seed in 0..20 {
        let (mut cluster, behind) = with_one_behind(seed);
        cluster.loss = 10;
        for round in 0..3 {
            cluster.reconnect(behind);
            cluster.ticks(usize::try_from(seed % 7).unwrap());
            cluster.isolate(behind);
            for step in 0..3 {
                let from = 3_000 + round * 200 + step * 40;
                fill(&mut cluster, from..from + 40);
            }
        }
        cluster.heal();
        cluster.agree();
    }
}

#[test]
fn a_pull_goes_on_where_a_crash_interrupted_it() {
    let mut cluster = Cluster::bootstrapped(1, 7, 1_000);
    for round in 0..25 {
        fill(&mut cluster, round * 200..(round + 1) * 200);
    }
    cluster.most_answered = 4;
    cluster.join(2);
    let leader = cluster.elect();
    cluster.step(leader, vec![Input::Propose { ticket: 1, command: add(2) }]);
    let is_within = |cluster: &Cluster| {
        let pull = cluster.nodes[&2].status().pull;
        pull.is_some_and(|pull| pull.stored > 5 && pull.missing > 5)
    };
    for _ in 0..200 {
        (1..=2).for_each(|id| cluster.step(id, vec![Input::Tick]));
        cluster.settle_until(is_within);
        if is_within(&cluster) {
            break;
        }
    }
    let pull = cluster.nodes[&2].status().pull;
    assert!(pull.is_some(), "it is in the middle of it");
    let disk = cluster.nodes.remove(&2).unwrap().into_journal();
    cluster.start(2, disk, 9, Loose::Kept);
    cluster.agree();
    let whole = cluster.nodes[&2].machine().freeze().pieces().count();
    let sent = cluster.pieces_sent;
    assert!(sent < whole + 5, "{sent} pieces travelled for a state of {whole}: {pull:?}");
}

/// Starts the nodes from `disks`, of which the writes of `behind` fail after so many. After a crash it
/// starts again, and catches up. Says whether it ever broke.
fn survives(disks: &BTreeMap<u64, Disk>, behind: u64, writes: usize, loose: Loose) -> bool {
    let mut cluster = Cluster::of_disks(disks, 20);
    let disk = cluster.nodes.remove(&behind).unwrap().into_journal();
    let node = open(cluster.config(behind, 51), disk.breaking_after(writes));
    cluster.nodes.insert(behind, node);
    cluster.elect();
    cluster.ticks(20);
    fill(&mut cluster, 7_000..7_040);
    let broke = cluster.stopped.remove(&behind);
    let did_break = broke.is_some();
    if let Some((_, disk)) = broke {
        cluster.start(behind, disk, 52, loose);
    }
    cluster.agree();
    did_break
}

#[test]
fn a_node_that_breaks_at_any_write_of_an_installation_or_a_checkpoint_comes_back_whole() {
    let (cluster, behind) = with_one_behind(7);
    let nodes = cluster.nodes.into_iter();
    let disks: BTreeMap<u64, Disk> = nodes.map(|(id, node)| (id, node.into_journal())).collect();
    for loose in [Loose::Kept, Loose::Lost] {
        let breaks = (0..).take_while(|&writes| survives(&disks, behind, writes, loose)).count();
        assert!(breaks > 15, "only {breaks} writes were tried");
    }
}

#[test]
fn a_node_whose_checkpoint_lost_a_piece_refuses_to_start() {
    let mut cluster = Cluster::bootstrapped(1, 3, 10);
    fill(&mut cluster, 0..25);
    let node = cluster.nodes.remove(&1).unwrap();
    let lost = node.machine().freeze().pieces().next().unwrap().0;
    let checkpoint = node.status().checkpoint;
    let mut disk = node.into_journal();
    let recovered = disk.recover();
    let root = recovered.checkpoint.as_ref().unwrap().root.clone();
    let named = named_by(&root).unwrap();
    disk.lose(&named[0]);
    disk.lose(&lost);
    let refused = Node::open(cluster.config(1, 4), disk, recovered).err();
    let words = refused.unwrap().to_string();
    assert!(words.contains(&format!("log entry {checkpoint}")), "{words}");
}

#[test]
fn checkpoints_wait_while_the_disk_has_no_room() {
    let mut cluster = Cluster::bootstrapped(1, 3, 10);
    cluster.step(1, vec![Input::Room(Room::Scarce)]);
    let before = cluster.nodes[&1].status().checkpoint;
    fill(&mut cluster, 0..50);
    assert_eq!(cluster.nodes[&1].status().checkpoint, before);
    cluster.step(1, vec![Input::Room(Room::Enough)]);
    assert!(cluster.nodes[&1].status().checkpoint > before);
}

#[test]
fn a_run_with_snapshots_is_the_same_twice() {
    let run = |seed: u64| {
        let (mut cluster, _) = with_one_behind(seed);
        cluster.loss = 20;
        cluster.heal();
        cluster.ticks(100);
        cluster.transcript
    };
    let seed = SplitMix64::new(5).next_u64() % 1_000;
    assert!(run(seed) == run(seed));
}

#[test]
fn pieces_that_nobody_asked_for_are_dropped() {
    let (mut cluster, behind) = with_one_behind(7);
    let pieces = vec![b"junk".to_vec(), Vec::new(), vec![1; 60_000]];
    cluster.step(behind, vec![Input::Pieces { pieces: pieces.clone() }]);
    cluster.heal();
    for _ in 0..30 {
        cluster.step(behind, vec![Input::Pieces { pieces: pieces.clone() }]);
        cluster.ticks(1);
    }
    cluster.agree();
}

#[test]
fn a_command_is_answered_while_a_state_is_on_its_way() {
    let (mut cluster, behind) = with_one_behind(7);
    cluster.heal();
    cluster.loss = 30;
    cluster.ticks(2);
    assert!(matches!(cluster.command(tick(1)), Answer::Applied { .. }));
    cluster.agree();
    let fetched = |line: &&String| line.starts_with(&format!("{behind} FetchPieces"));
    assert!(cluster.transcript.iter().any(|line| fetched(&line)));
}
