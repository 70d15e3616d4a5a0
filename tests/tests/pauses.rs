//! What does a leader say that stood still and does not know it? Nothing old: it asks the others first.

use std::collections::BTreeSet;
use std::time::Duration;

use tidegate_tests::clients::Clients;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::Door;
use tidegate_tests::often::as_often_as;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::view::{SOON, agreed, eventually, replicas_agree, settled};

/// How many leaders are paused; `TIDEGATE_PAUSES` says another number.
const PAUSES: usize = 3;

/// How long each stands still, in seconds; `TIDEGATE_PAUSE_SECONDS` says another number.
const PAUSE_SECONDS: usize = 3;

/// Clients must go on for so many tokens before and after.
const GOES_ON: usize = 4;

/// So many pauses of one cluster: its clients run out of tokens.
const PAUSES_EACH: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stood_still_answers_nothing_stale_and_leads_no_more() -> Outcome<()> {
    let pauses = as_often_as("TIDEGATE_PAUSES", PAUSES);
    let (mut done, mut reads) = (0, 0);
    while done < pauses {
        let these = PAUSES_EACH.min(pauses - done);
        reads += stand_still(these).await?;
        done += these;
    }
    println!("{done} pauses, {reads} reads, none stale");
    Ok(())
}

/// Pauses the leader of one cluster so many times; how many reads were answered.
async fn stand_still(pauses: usize) -> Outcome<usize> {
    let seconds = as_often_as("TIDEGATE_PAUSE_SECONDS", PAUSE_SECONDS);
    let still = Duration::from_secs(u64::try_from(seconds)?);
    let mut cluster = Cluster::start(3, QUICK)?;
    settled(&cluster).await?;
    // Most of them soon wait for the node that stands still: it has many answers to give at once.
    let clients = Clients::start_thriftily(&cluster, 12)?;
    for _ in 0..pauses {
        clients.go_on_for(GOES_ON).await?;
        let old = settled(&cluster).await?;
        let others: BTreeSet<u64> = cluster.nodes().into_iter().filter(|&n| n != old).collect();
        cluster.pause(old)?;
        let from = tokio::time::Instant::now();
        let leader = agreed(&cluster, &others).await?;
        assert_ne!(leader, old);
        clients.go_on_for(GOES_ON).await?;
        tokio::time::sleep_until(from + still).await;
        cluster.go_on(old)?;
        let door = Door::of(&cluster.address(old))?;
        eventually("the old leader follows", SOON, async || {
            let status = door.status().await.ok()?;
            (status.leader_id != 0 && status.leader_id != old).then_some(())
        })
        .await?;
    }
    settled(&cluster).await?;
    let said = clients.stop().await?;
    for node in cluster.nodes() {
        said.is_kept(&Door::of(&cluster.address(node))?).await?;
    }
    replicas_agree(&cluster).await?;
    Ok(said.reads)
}
