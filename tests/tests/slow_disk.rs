//! What becomes of a leader whose disk becomes slow? It leads no more before fifteen seconds are over,
//! and the others go on.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tidegate_tests::clients::Clients;
use tidegate_tests::cluster::{Clocks, Cluster, QUICK};
use tidegate_tests::door::Door;
use tidegate_tests::syscalls::{Slowed, Trace};
use tidegate_tests::trouble::Outcome;
use tidegate_tests::view::{agreed, eventually, replicas_agree, settled};

/// How long every `fdatasync` of the leader takes.
const SLOW: Duration = Duration::from_millis(1_300);
/// Within so long another must lead.
const WITHIN: Duration = Duration::from_secs(15);
/// So patient that nobody calls an election because a sync takes its time: the leader itself must see
/// that another would do better.
const PATIENT: Clocks = Clocks { raft_tick: "300ms", machine_tick: "300ms", idle_sync: "1h" };

/// Makes the leader's disk slow, and sees the cluster go on without its lead. What the old leader said.
#[expect(clippy::print_stdout, reason = "a test's helper shows as tests do")]
async fn outlives_a_slow_disk(clocks: Clocks) -> Outcome<String> {
    let mut cluster = Cluster::start(3, clocks)?;
    settled(&cluster).await?;
    let clients = Clients::start_thriftily(&cluster, 6)?;
    clients.go_on_for(5).await?;
    let old = settled(&cluster).await?;
    let others: BTreeSet<u64> = cluster.nodes().into_iter().filter(|&node| node != old).collect();
    let doors: Vec<Door> =
        others.iter().map(|&node| Door::of(&cluster.address(node))).collect::<Outcome<_>>()?;

    let from = Instant::now();
    let slowed = Slowed::disk_of(cluster.process(old)?, SLOW)?;
    eventually("another node leads", WITHIN, async || {
        for door in &doors {
            let leader = door.status().await.ok()?.leader_id;
            (leader != 0 && leader != old).then_some(())?;
        }
        Some(())
    })
    .await?;
    println!("another node leads after {} ms", from.elapsed().as_millis());
    assert!(from.elapsed() < WITHIN, "{:?}", from.elapsed());
    clients.go_on_for(5).await?;
    let leader = agreed(&cluster, &others).await?;
    assert_ne!(leader, old, "the node with the slow disk leads again");

    drop(slowed);
    settled(&cluster).await?;
    let said = clients.stop().await?;
    println!("{} acknowledged, the longest wait took {:?}", said.acknowledged.len(), said.longest);
    for node in cluster.nodes() {
        said.is_kept(&Door::of(&cluster.address(node))?).await?;
    }
    replicas_agree(&cluster).await?;
    cluster.process(old)?.said()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_disk_becomes_slow_sees_it_itself_and_hands_over() -> Outcome<()> {
    if !Trace::is_possible() {
        println!("skipped: strace is missing, or may not trace here");
        return Ok(());
    }
    let said = outlives_a_slow_disk(PATIENT).await?;
    assert!(said.contains("leadership.disk_slow"), "it does not say why:\n{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_disk_is_slower_than_an_election_leads_no_more_either() -> Outcome<()> {
    if !Trace::is_possible() {
        println!("skipped: strace is missing, or may not trace here");
        return Ok(());
    }
    outlives_a_slow_disk(QUICK).await?;
    Ok(())
}
