//! Does a cluster of real processes keep its word while the network between them fails? Minorities,
//! a bridge, one way alone, and a line that comes and goes.

use std::collections::BTreeSet;
use std::time::Duration;

use tidegate_tests::clients::Clients;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door, reason};
use tidegate_tests::network::Network;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::view::{agreed, replicas_agree, settled};
use tonic::Code;

/// How long a cluster may take from a fault to its next acknowledged write, on a busy machine. The
/// goal on a quiet one is a second.
const FAILOVER: Duration = Duration::from_secs(10);

/// Clients must go on for so many tokens after something has happened.
const GOES_ON: usize = 15;

async fn goes_on(clients: &Clients) -> Outcome<()> {
    clients.go_on_for(GOES_ON).await
}

fn others(cluster: &Cluster, node: u64) -> Vec<u64> {
    cluster.nodes().into_iter().filter(|other| *other != node).collect()
}

async fn term(cluster: &Cluster, node: u64) -> Outcome<u64> {
    Ok(Door::of(&cluster.address(node))?.status().await?.term)
}

#[tokio::test]
async fn a_leader_that_is_cut_off_answers_nothing_new_and_the_others_go_on() -> Outcome<()> {
    let Some(network) = Network::enter()? else { return Ok(()) };
    let cluster = Cluster::start_apart(&network, 3, QUICK)?;
    let old = settled(&cluster).await?;
    let clients = Clients::start(&cluster, 6)?;
    goes_on(&clients).await?;

    let rest = others(&cluster, old);
    network.part(&[old], &rest)?;
    let leader = agreed(&cluster, &rest.iter().copied().collect()).await?;
    assert_ne!(leader, old);
    goes_on(&clients).await?;
    let cut_off = Door::of(&cluster.address(old))?;
    let write = cut_off.fleet().create_token(door::token("minority", "free", 1)).await.unwrap_err();
    assert_eq!(write.code(), Code::Unavailable, "{write}");
    let read = cut_off.token_ids().await.unwrap_err();
    assert_eq!((read.code(), reason(&read).as_str()), (Code::Unavailable, "NO_LEADER"), "{read}");

    let before = term(&cluster, leader).await?;
    network.heal()?;
    settled(&cluster).await?;
    goes_on(&clients).await?;
    let after = term(&cluster, leader).await?;
    assert!(after <= before + 1, "one change of leader at most when it heals: {before} → {after}");
    let said = clients.stop().await?;
    println!(
        "{} tokens, {} reads, {:?} without",
        said.acknowledged.len(),
        said.reads,
        said.longest
    );
    assert!(said.longest < FAILOVER, "nothing was acknowledged for {:?}", said.longest);
    for node in cluster.nodes() {
        said.is_kept(&Door::of(&cluster.address(node))?).await?;
    }
    replicas_agree(&cluster).await?;
    Ok(())
}

#[tokio::test]
async fn two_halves_that_meet_in_one_node_alone_go_on_through_it() -> Outcome<()> {
    let Some(network) = Network::enter()? else { return Ok(()) };
    let cluster = Cluster::start_apart(&network, 5, QUICK)?;
    settled(&cluster).await?;
    let clients = Clients::start(&cluster, 6)?;
    goes_on(&clients).await?;
    network.part(&[1, 2], &[4, 5])?;
    goes_on(&clients).await?;
    network.heal()?;
    settled(&cluster).await?;
    let said = clients.stop().await?;
    said.is_kept(&Door::of(&cluster.address(1))?).await?;
    replicas_agree(&cluster).await?;
    Ok(())
}

#[tokio::test]
async fn a_leader_that_is_heard_and_hears_nobody_gives_way() -> Outcome<()> {
    let Some(network) = Network::enter()? else { return Ok(()) };
    let cluster = Cluster::start_apart(&network, 3, QUICK)?;
    let deaf = settled(&cluster).await?;
    let clients = Clients::start(&cluster, 6)?;
    goes_on(&clients).await?;
    let rest = others(&cluster, deaf);
    for &other in &rest {
        network.cut(other, deaf)?;
    }
    let rest: BTreeSet<u64> = rest.into_iter().collect();
    let leader = agreed(&cluster, &rest).await?;
    assert_ne!(leader, deaf);
    goes_on(&clients).await?;
    network.heal()?;
    settled(&cluster).await?;
    let said = clients.stop().await?;
    said.is_kept(&Door::of(&cluster.address(deaf))?).await?;
    replicas_agree(&cluster).await?;
    Ok(())
}

#[tokio::test]
async fn a_line_that_comes_and_goes_moves_the_lead_seldom_and_loses_nothing() -> Outcome<()> {
    let Some(network) = Network::enter()? else { return Ok(()) };
    let cluster = Cluster::start_apart(&network, 3, QUICK)?;
    let leader = settled(&cluster).await?;
    let flapping = others(&cluster, leader)[0];
    let clients = Clients::start(&cluster, 6)?;
    goes_on(&clients).await?;
    let before = term(&cluster, leader).await?;
    let mut beat = tokio::time::interval(Duration::from_millis(200));
    for turn in 0..20 {
        beat.tick().await;
        if turn % 2 == 0 {
            network.part(&[flapping], &others(&cluster, flapping))?;
        } else {
            network.heal()?;
        }
    }
    network.heal()?;
    settled(&cluster).await?;
    goes_on(&clients).await?;
    let after = term(&cluster, leader).await?;
    println!("the term went from {before} to {after} in ten cuts of 200 ms");
    assert!(after <= before + 1, "a line that flaps must not make elections: {before} → {after}");
    let said = clients.stop().await?;
    said.is_kept(&Door::of(&cluster.address(leader))?).await?;
    replicas_agree(&cluster).await?;
    Ok(())
}
