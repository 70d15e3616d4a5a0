//! Does a cluster of real processes keep its word however often they are killed? With clients whose
//! histories are judged, hosts that get a livepatch meanwhile, and small checkpoints, so that whoever
//! comes back begins at one and is sent snapshots.

#[expect(dead_code, unused_imports, reason = "shared with the tests of a cluster")]
mod journey;

use std::time::Duration;

use tidegate_controller::node::SplitMix64;
use tidegate_tests::books::{Books, halted, no_insert_after};
use tidegate_tests::clients::Clients;
use tidegate_tests::cluster::{Cluster, QUICK, SMALL_CHECKPOINTS};
use tidegate_tests::door::Door;
use tidegate_tests::often::as_often_as;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::view::{replicas_agree, settled};

use journey::{LEASE_MS, ROLLOUT, enrolled_fleet, publish};

/// How many kills; `TIDEGATE_KILLS` says another number.
const KILLS: usize = 12;

/// So many kills of one cluster: its clients run out of tokens.
const KILLS_EACH: usize = 20;

/// Clients must go on for so many tokens between two kills.
const GOES_ON: usize = 4;

/// What a cluster went through.
#[derive(Debug, Default)]
struct Lived {
    kills: usize,
    acknowledged: usize,
    reads: usize,
    inserts: usize,
    longest: Duration,
    checkpoints: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_loses_nothing_and_exposes_no_host_too_many() -> Outcome<()> {
    let kills = as_often_as("TIDEGATE_KILLS", KILLS);
    let mut all = Lived::default();
    let mut number = 0;
    while all.kills < kills {
        number += 1;
        let lived = live(KILLS_EACH.min(kills - all.kills), number).await?;
        println!("cluster {number}: {lived:?}");
        all.kills += lived.kills;
        all.acknowledged += lived.acknowledged;
        all.reads += lived.reads;
        all.inserts += lived.inserts;
        all.longest = all.longest.max(lived.longest);
        all.checkpoints += lived.checkpoints;
    }
    println!("together: {all:?}");
    assert!(all.inserts > 0, "no host got the livepatch: nothing was tried");
    Ok(())
}

/// The life of one cluster, with a halt in its middle.
#[expect(clippy::print_stdout, reason = "a test's helper shows as tests do")]
async fn live(kills: usize, seed: u64) -> Outcome<Lived> {
    let mut cluster = Cluster::prepare_with(3, QUICK, SMALL_CHECKPOINTS)?;
    cluster.start_all()?;
    let fleet = enrolled_fleet(&cluster).await?;
    publish(&cluster).await?;
    let books = Books::open(&cluster, ROLLOUT)?;
    let clients = Clients::start_thriftily(&cluster, 6)?;
    let mut chance = SplitMix64::new(seed);
    let mut halt = None;
    for number in 0..kills {
        if number == kills / 2 {
            halt = halted(&cluster, ROLLOUT).await?;
        }
        clients.go_on_for(GOES_ON).await?;
        if kill(&mut cluster, &mut chance).await? < cluster.nodes().len() {
            clients.go_on_for(GOES_ON).await?;
        }
        cluster.start_all()?;
        tokio::time::sleep(Duration::from_millis(chance.next_u64() % 500)).await;
    }
    settled(&cluster).await?;
    clients.go_on_for(GOES_ON).await?;
    let said = clients.stop().await?;
    let mut checkpoints = 0;
    for node in cluster.nodes() {
        let door = Door::of(&cluster.address(node))?;
        said.is_kept(&door).await?;
        checkpoints += usize::from(door.status().await?.checkpoint_index > 0);
    }
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    match halt {
        Some(halt) => no_insert_after(halt, LEASE_MS, &fleet).await?,
        None => println!("the rollout was completed before it could be halted"),
    }
    let inserts = books.close(&door, &fleet).await?;
    replicas_agree(&cluster).await?;
    fleet.shutdown().await;
    let (acknowledged, longest) = (said.acknowledged.len(), said.longest);
    Ok(Lived { kills, acknowledged, reads: said.reads, inserts, longest, checkpoints })
}

/// Kills the leader, any node, or now and then all of them; how many.
async fn kill(cluster: &mut Cluster, chance: &mut SplitMix64) -> Outcome<usize> {
    let nodes = cluster.nodes();
    let any = usize::try_from(chance.next_u64() % nodes.len() as u64)?;
    match chance.next_u64() % 8 {
        0 => {
            cluster.kill_all();
            return Ok(nodes.len());
        }
        1..=4 => {
            // Any node that answers knows who leads, or says nothing of it.
            let status = Door::of(&cluster.address(nodes[any]))?.status().await;
            let leader = status.map_or(0, |status| status.leader_id);
            cluster.kill(if leader == 0 { nodes[any] } else { leader });
        }
        _ => cluster.kill(nodes[any]),
    }
    Ok(1)
}
