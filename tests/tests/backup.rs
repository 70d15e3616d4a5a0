//! Does a cluster come back from its backup with nothing that goes on by itself, and never over
//! something that is there?

#[expect(dead_code, reason = "shared with the tests of a cluster, which need all of it")]
mod journey;

use std::fs;
use std::path::Path;

use tidegate_agent::fleet::FleetHandle;
use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door};
use tidegate_tests::trouble::Outcome;
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, answered, eventually, replicas_agree, settled};

use journey::{
    HOSTS, PATCH, ROLLOUT, Writer, counts, enrolled_fleet, in_mid_wave, publish, rollout_is,
};

const BACKUP: &str = "cluster backup fleet.backup -o json";

/// The restore of `fleet.backup` into `folder`, as the node `id` at this address.
fn restore(folder: &str, id: u64, address: &str) -> String {
    format!(
        "cluster restore fleet.backup --data-dir {folder} --node-id {id} --address {address} -o json"
    )
}

fn inserts(fleet: &FleetHandle) -> usize {
    fleet.truths().iter().map(|truth| truth.inserts.len()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_cluster_offers_nothing_until_a_person_resumes() -> Outcome<()> {
    let mut cluster = Cluster::start(3, QUICK)?;
    let fleet = enrolled_fleet(&cluster).await?;
    publish(&cluster).await?;
    let wave = in_mid_wave(&cluster).await?;

    // A backup under load; then a halt that it does not know of, and the end of everything.
    let writer = Writer::start(&cluster)?;
    let endpoints = cluster.addresses().join(",");
    let line = format!("{BACKUP} --endpoint {endpoints}");
    let backup = Typed::line(cluster.dir(), &line).await?.ends_with(0)?.json()?;
    assert_eq!(backup["artifacts"], 1, "{backup}");
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    let halt = door::halt(ROLLOUT, "after the backup");
    let halted = answered("halt", async || door.rollouts().halt_rollout(halt.clone()).await);
    let halted = halted.await?.into_inner();
    rollout_is(&door, "nobody is in flight", |rollout| rollout.in_flight_hosts == 0).await?;
    let again = Typed::line(cluster.dir(), &line).await?.refused(2, "FILE_EXISTS")?;
    assert!(again.said.contains("give another name"), "{}", again.said);
    writer.stop().await?;
    let before = door.status().await?;
    cluster.kill_all();

    // What is damaged, unconfirmed or in the way is refused.
    let address = cluster.address(1);
    damaged_copies_are_refused(&cluster).await?;
    let line = restore("restored", 1, &address);
    let unconfirmed = Typed::line(cluster.dir(), &line).await?.refused(2, "NOT_CONFIRMED")?;
    assert!(unconfirmed.said.contains("--confirm=system-test"), "{}", unconfirmed.said);
    let over = format!("{} --confirm=system-test", restore("data-1", 1, &address));
    Typed::line(cluster.dir(), &over).await?.refused(2, "FOLDER_NOT_EMPTY")?;
    assert!(!cluster.dir().join("restored").exists());

    // One controller, another cluster, nothing under way.
    let line = format!("{line} --confirm=system-test");
    let restored = Typed::line(cluster.dir(), &line).await?.ends_with(0)?;
    let made = restored.json()?;
    assert_eq!(made["paused"], serde_json::json!(["113.1"]), "{made}");
    assert!(made["generation"].as_u64() > Some(before.generation), "{made}");
    assert!(restored.said.contains("paused: rollouts/113.1"), "{}", restored.said);
    let artifact = cluster.dir().join("restored/artifacts");
    assert_eq!(fs::read_dir(&artifact)?.count(), 1);
    let inserted = inserts(&fleet);
    cluster.prepare_alone(1, "restored", QUICK)?;
    cluster.start_node(1)?;
    settled(&cluster).await?;
    let door = Door::of(&address)?;
    let status = door.status().await?;
    assert_ne!(status.cluster_id, before.cluster_id);
    assert!(status.applied_index > before.applied_index, "the log index never goes back");
    assert_eq!(status.members.len(), 1);
    let rollout = door.rollout(ROLLOUT).await?;
    assert_eq!(rollout.state(), pb::RolloutState::Paused);
    assert!(rollout.epoch > halted.epoch, "{} and {}", rollout.epoch, halted.epoch);

    // Every host comes back to it, and none begins.
    let hosts = usize::try_from(HOSTS)?;
    eventually("every host was heard by the restored cluster", SOON * 2, async || {
        let list = pb::ListHostsRequest { page_size: 1_000, ..Default::default() };
        let list = door.fleet().list_hosts(list).await.ok()?.into_inner();
        let heard = list.hosts.iter().filter(|host| host.heard_ago_ms.is_some()).count();
        (heard == hosts).then_some(())
    })
    .await?;
    assert_eq!(inserts(&fleet), inserted, "a host began before a person resumed the rollout");
    assert!(counts(&wave).begun < HOSTS);

    // A person resumes it, and it goes on. What hosts said after the backup is gone with the cluster that heard
    // it: where their word is overdue by now that halts the rollout, and a person looks once more.
    let line = format!("rollout resume 113.1 --reason looked --yes --endpoint {address}");
    Typed::line(cluster.dir(), &line).await?.ends_with(0)?;
    eventually("further hosts begin", SOON * 3, async || {
        if door.rollout(ROLLOUT).await.ok()?.state() == pb::RolloutState::Halted {
            Typed::line(cluster.dir(), &line).await.ok()?.ends_with(0).ok()?;
        }
        (inserts(&fleet) > inserted).then_some(())
    })
    .await?;
    replicas_agree(&cluster).await?;
    fleet.shutdown().await;
    Ok(())
}

/// A flipped bit in the middle, and a file that is cut short.
async fn damaged_copies_are_refused(cluster: &Cluster) -> Outcome<()> {
    let whole = cluster.dir().join("fleet.backup");
    let bytes = fs::read(&whole)?;
    let kept = cluster.dir().join("kept");
    fs::rename(&whole, &kept)?;
    let line = format!("{} --confirm=system-test", restore("never", 1, "127.0.0.1:1"));
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for (content, word) in [(flipped.as_slice(), "is damaged"), (&bytes[..middle], "is cut short")]
    {
        fs::write(&whole, content)?;
        let refused = Typed::line(cluster.dir(), &line).await?.refused(2, "CHECKSUM_MISMATCH")?;
        assert!(refused.said.contains(word), "{}", refused.said);
        assert!(!Path::new(&cluster.dir().join("never")).exists());
    }
    Ok(fs::rename(&kept, &whole)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_survivor_of_a_cluster_gives_a_backup_with_all_that_it_knows() -> Outcome<()> {
    let mut cluster = Cluster::start(3, QUICK)?;
    let survivor = settled(&cluster).await?;
    let door = Door::of(&cluster.address(survivor))?;
    door.upload(PATCH.as_bytes()).await?;
    door.fleet().create_token(door::token("last", "free", 1)).await?;
    for node in cluster.nodes() {
        if node != survivor {
            cluster.kill(node);
        }
    }
    let line = format!("{BACKUP} --endpoint {}", cluster.address(survivor));
    let unsure = format!("{line} --timeout 5s");
    Typed::line(cluster.dir(), &unsure).await?.refused(8, "NO_LEADER")?;
    let taken = Typed::line(cluster.dir(), &format!("{line} --stale")).await?.ends_with(0)?;
    assert!(taken.said.contains("stale: as "), "{}", taken.said);
    cluster.kill_all();
    let address = cluster.address(1);
    let line = format!("{} --confirm=system-test", restore("restored", 9, &address));
    Typed::line(cluster.dir(), &line).await?.ends_with(0)?;
    Ok(())
}
