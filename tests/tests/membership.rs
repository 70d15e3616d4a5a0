//! Do the members change as an operator types it, under load, and with nothing lost? And what does one
//! read when nobody can say what is newest?

#[expect(dead_code, reason = "shared with the tests of a cluster, which need all of it")]
mod journey;

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::Door;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, answered, eventually, replicas_agree, settled};

use journey::Writer;

/// Types a command at the controllers `nodes`.
async fn typed(cluster: &Cluster, nodes: &[u64], line: &str) -> Outcome<Typed> {
    let addresses: Vec<String> = nodes.iter().map(|&node| cluster.address(node)).collect();
    let line = format!("{line} --endpoint {}", addresses.join(","));
    Typed::line(cluster.dir(), &line).await
}

/// The ids of the members that vote, or do not.
fn members(status: &Value, voter: bool) -> BTreeSet<u64> {
    let members = status["members"].as_array().cloned().unwrap_or_default();
    let wanted = members.iter().filter(|member| member["voter"] == voter);
    wanted.filter_map(|member| member["nodeId"].as_u64()).collect()
}

async fn status(cluster: &Cluster, nodes: &[u64]) -> Outcome<Value> {
    typed(cluster, nodes, "cluster status -o json").await?.ends_with(0)?.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fourth_member_takes_the_place_of_the_first_and_nothing_acknowledged_is_lost()
-> Outcome<()> {
    let mut cluster = Cluster::start(3, QUICK)?;
    let first = settled(&cluster).await?;
    let all = [1, 2, 3];
    let before = status(&cluster, &all).await?;
    assert_eq!(members(&before, true), BTreeSet::from(all));
    assert_eq!(before["generation"], 1);
    assert_eq!(before["clusterId"].as_str().map(str::len), Some(32));
    let writer = Writer::start(&cluster)?;

    // A learner, then a voter.
    cluster.prepare_joiner(4, QUICK)?;
    let address = cluster.address(4);
    let added = typed(&cluster, &all, &format!("cluster add 4 {address}")).await?.ends_with(0)?;
    assert!(added.printed.contains("is a learner"), "{}", added.printed);
    assert!(added.said.contains("tidegate cluster promote 4"), "{}", added.said);
    assert_eq!(members(&status(&cluster, &[first]).await?, false), BTreeSet::from([4]));
    let again = format!("cluster add 4 {address}");
    typed(&cluster, &all, &again).await?.refused(1, "MEMBER_EXISTS")?;
    cluster.start_node(4)?;
    let promoted = eventually("node 4 has caught up and votes", SOON, async || {
        typed(&cluster, &all, "cluster promote 4").await.ok()?.ends_with(0).ok()
    });
    assert!(promoted.await?.printed.contains("node 4"));

    // The leader cannot remove itself; the one that it hands over to removes it.
    let leader = settled(&cluster).await?;
    let removal = format!("cluster remove {leader} --yes");
    typed(&cluster, &[leader], &removal).await?.refused(6, "LEADER_MUST_MOVE")?;
    let moved = typed(&cluster, &[leader], "cluster transfer 4 -o json").await?.ends_with(0)?;
    assert_eq!(moved.json()?["leaderId"], 4);
    let gone = if leader == 4 { 1 } else { leader };
    let line = format!("cluster remove {gone}");
    typed(&cluster, &[4], &line).await?.refused(2, "NOT_CONFIRMED")?;
    let removed = typed(&cluster, &[4], &format!("{line} --yes")).await?.ends_with(0)?;
    assert!(removed.printed.contains("3 voters remain"), "{}", removed.printed);
    let process = cluster.process(gone)?;
    assert_ne!(process.ended()?.code(), Some(0));
    let said = process.said()?;
    assert!(said.contains("was removed from the cluster"), "{said}");
    cluster.kill(gone);

    // Its id is never used again, and two voters need the id typed.
    let back = format!("cluster add {gone} {}", cluster.address(gone));
    typed(&cluster, &[4], &back).await?.refused(6, "MEMBER_REMOVED")?;
    let other = cluster.running().into_iter().find(|&node| node != 4).unwrap_or(0);
    let fewer = typed(&cluster, &[4], &format!("cluster remove {other} --yes")).await?;
    assert!(fewer.refused(2, "NOT_CONFIRMED")?.said.contains(&format!("--confirm={other}")));

    let door = Door::of(&cluster.address(4))?;
    let many = async || (door.token_ids().await.ok()?.len() > 25).then_some(());
    let waited = eventually("many tokens written", SOON * 2, many).await;
    let (acknowledged, longest) = writer.stop().await?;
    waited?;
    println!("{} tokens acknowledged, one after {longest:?} at most", acknowledged.len());
    let agreed = typed(&cluster, &[4], "cluster check").await?.ends_with(0)?;
    assert_eq!(agreed.printed.matches("agrees").count(), 3, "{}", agreed.printed);
    replicas_agree(&cluster).await?;
    for node in cluster.running() {
        let door = Door::of(&cluster.address(node))?;
        let kept: BTreeSet<String> = door.token_ids().await?.into_iter().collect();
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "acknowledged, and lost on node {node}: {lost:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_reads_what_was_just_written_through_another() -> Outcome<()> {
    let cluster = Cluster::start(3, QUICK)?;
    settled(&cluster).await?;
    let doors: Vec<Door> =
        cluster.addresses().iter().map(|address| Door::of(address)).collect::<Outcome<_>>()?;
    for number in 0..60 {
        let id = format!("token-{number}");
        let request = tidegate_tests::door::token(&id, "free", 1);
        let writer = &doors[number % 3];
        answered("write", async || writer.fleet().create_token(request.clone()).await).await?;
        let reader = &doors[(number + 1) % 3];
        let seen = answered("read", async || reader.token_ids().await).await?;
        assert!(seen.contains(&id), "{id} was acknowledged, and was not read");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_a_read_is_refused_and_a_stale_one_says_that_it_is() -> Outcome<()> {
    let mut cluster = Cluster::start(3, QUICK)?;
    let left = settled(&cluster).await?;
    let door = Door::of(&cluster.address(left))?;
    let request = tidegate_tests::door::token("kept", "free", 1);
    answered("write", async || door.fleet().create_token(request.clone()).await).await?;
    for node in cluster.nodes() {
        if node != left {
            cluster.kill(node);
        }
    }
    let line = "token list --timeout 5s";
    let refused = typed(&cluster, &[left], line).await?.refused(8, "NO_LEADER")?;
    assert!(refused.said.contains("--stale"), "{}", refused.said);
    let stale = typed(&cluster, &[left], "token list -o name --stale").await?.ends_with(0)?;
    assert_eq!(stale.printed.trim(), "tokens/kept");
    assert!(stale.said.starts_with("stale: as "), "{}", stale.said);
    // How the cluster is, one must be able to see all the same.
    let status = status(&cluster, &[left]).await?;
    assert_eq!((status["leaderId"].as_u64(), status["nodeId"].as_u64()), (Some(0), Some(left)));
    Ok(())
}
