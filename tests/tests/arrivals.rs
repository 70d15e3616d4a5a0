//! How does a node come in while everything around it fails? It gets the state piece by piece from
//! whoever is left; and one that lost its disk does not come in at all.

use std::collections::BTreeSet;
use std::time::Duration;

use tidegate_controller::node::SplitMix64;
use tidegate_tests::clients::Clients;
use tidegate_tests::cluster::{Cluster, QUICK, SMALL_CHECKPOINTS};
use tidegate_tests::door::{self, Door};
use tidegate_tests::often::as_often_as;
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, eventually, replicas_agree, settled};
use tokio::task::JoinSet;

/// How many nodes join while a leader dies; `TIDEGATE_ARRIVALS` says another number.
const ARRIVALS: usize = 3;

/// Enough state for many pieces, and enough log for a checkpoint.
const TOKENS: usize = 3_000;

/// Types a command at every controller that runs, until it ends well.
async fn typed(cluster: &Cluster, line: &str) -> Outcome<Typed> {
    let nodes = cluster.running();
    let addresses: Vec<String> = nodes.iter().map(|&node| cluster.address(node)).collect();
    let line = format!("{line} --endpoint {}", addresses.join(","));
    eventually(&line.clone(), SOON, async || {
        Typed::line(cluster.dir(), &line).await.ok()?.ends_with(0).ok()
    })
    .await
}

/// Makes so many tokens, many at a time.
async fn grow(cluster: &Cluster, tokens: usize) -> Outcome<()> {
    let door = Door::of(&cluster.address(settled(cluster).await?))?;
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let door = door.clone();
        writers.spawn(async move {
            for number in 0..tokens / 16 {
                let request = door::token(&format!("zz-{writer}-{number}"), "free", 1);
                door.fleet().create_token(request).await?;
            }
            Ok::<(), Trouble>(())
        });
    }
    writers.join_all().await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_takes_in_the_state_while_leaders_die_and_a_lost_disk_stays_out() -> Outcome<()> {
    let mut cluster = Cluster::prepare_with(3, QUICK, SMALL_CHECKPOINTS)?;
    cluster.start_all()?;
    settled(&cluster).await?;
    grow(&cluster, TOKENS).await?;
    let clients = Clients::start_thriftily(&cluster, 4)?;
    let mut chance = SplitMix64::new(21);
    for number in 0..as_often_as("TIDEGATE_ARRIVALS", ARRIVALS) {
        let node = 4 + u64::try_from(number)?;
        cluster.prepare_joiner(node, QUICK)?;
        typed(&cluster, &format!("cluster add {node} {}", cluster.address(node))).await?;
        let leader = settled(&cluster).await?;
        cluster.start_node(node)?;
        // Sooner or later in its way into the cluster.
        tokio::time::sleep(Duration::from_millis(chance.next_u64() % 1_500)).await;
        cluster.kill(leader);
        let door = Door::of(&cluster.address(node))?;
        eventually("the new node has the state", SOON, async || {
            let status = door.status().await.ok()?;
            (status.checkpoint_index > 1_000).then_some(())
        })
        .await?;
        clients.go_on_for(4).await?;
        cluster.start_node(leader)?;
        settled(&cluster).await?;
        replicas_agree(&cluster).await?;
        typed(&cluster, &format!("cluster remove {node} --yes")).await?;
        cluster.kill(node);
        cluster.forget(node);
    }
    let said = clients.stop().await?;
    println!(
        "{} tokens, {} reads, {:?} without",
        said.acknowledged.len(),
        said.reads,
        said.longest
    );
    a_lost_disk_stays_out(&mut cluster).await?;
    for node in cluster.running() {
        said.is_kept(&Door::of(&cluster.address(node))?).await?;
    }
    Ok(())
}

/// A follower loses its folder: it ends with the way out, and does so again as often as it is started.
async fn a_lost_disk_stays_out(cluster: &mut Cluster) -> Outcome<()> {
    let leader = settled(cluster).await?;
    let others: BTreeSet<u64> = cluster.nodes().into_iter().filter(|&n| n != leader).collect();
    let Some(&lost) = others.first() else { return Ok(()) };
    cluster.kill(lost);
    std::fs::remove_dir_all(cluster.data_dir(lost))?;
    for _ in 0..3 {
        cluster.start_node(lost)?;
        let process = cluster.process(lost)?;
        assert_eq!(process.ended()?.code(), Some(3));
        let said = process.said()?;
        assert!(said.contains("a new id") || said.contains("new id"), "{said}");
        cluster.kill(lost);
    }
    settled(cluster).await?;
    Ok(())
}
