//! What can still be done on a full disk? Stop: a halt and a pause are acknowledged when nothing is
//! left, and everything goes on by itself when there is room again.

#[expect(dead_code, unused_imports, reason = "shared with the tests of a cluster")]
mod journey;

use std::time::Duration;

use tidegate_proto::v1 as pb;
use tidegate_tests::clients::Clients;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door, reason};
use tidegate_tests::image::Image;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::typed::Typed;
use tidegate_tests::view::{SOON, answered, eventually, replicas_agree, settled};

use journey::{ROLLOUT, enrolled_fleet, publish};

/// The disk of all three controllers: a fifth of it are about 200 MiB, a twentieth 50.
const DISK_MIB: u64 = 1_024;
const MIB: u64 = 1 << 20;

async fn all_say(cluster: &Cluster, state: pb::DiskState) -> Outcome<()> {
    for node in cluster.nodes() {
        let door = Door::of(&cluster.address(node))?;
        eventually(&format!("node {node}: {state:?}"), SOON, async || {
            (door.status().await.ok()?.disk_state() == state).then_some(())
        })
        .await?;
    }
    let line = format!("cluster status -o json --endpoint {}", cluster.address(1));
    let shown = Typed::line(cluster.dir(), &line).await?.ends_with(0)?.json()?;
    let word = state.as_str_name().trim_start_matches("DISK_STATE_");
    assert_eq!(shown["diskState"], word, "{shown}");
    Ok(())
}

async fn nothing_new_begins(door: &Door) -> Outcome<()> {
    let create = door.rollouts().create_rollout(door::create("113.1", "compressed")).await;
    assert_eq!(create.map_err(|status| reason(&status)).err().as_deref(), Some("DISK_LOW"));
    let start = door.rollouts().start_rollout(door::start(ROLLOUT)).await;
    assert_eq!(start.map_err(|status| reason(&status)).err().as_deref(), Some("DISK_LOW"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_works_when_no_byte_is_left_and_all_goes_on_when_there_is_room() -> Outcome<()> {
    let Some(disk) = Image::make(DISK_MIB)? else { return Ok(()) };
    let mut cluster = Cluster::prepare(3, QUICK)?;
    for node in cluster.nodes() {
        cluster.store_in(node, &disk.at().join(format!("node-{node}")))?;
    }
    cluster.start_all()?;
    let fleet = enrolled_fleet(&cluster).await?;
    publish(&cluster).await?;
    let clients = Clients::start_thriftily(&cluster, 3)?;
    clients.go_on_for(5).await?;
    let door = Door::of(&cluster.address(settled(&cluster).await?))?;
    all_say(&cluster, pb::DiskState::Fine).await?;

    disk.fill(150 * MIB)?;
    all_say(&cluster, pb::DiskState::Low).await?;
    clients.go_on_for(5).await?;
    disk.fill(75 * MIB)?;
    all_say(&cluster, pb::DiskState::Scarce).await?;
    nothing_new_begins(&door).await?;
    clients.go_on_for(5).await?;

    // The controllers give up their reserve, and somebody takes that, too.
    let doors: Vec<Door> =
        cluster.addresses().iter().map(|address| Door::of(address)).collect::<Outcome<_>>()?;
    eventually("no node has room, whatever the others give up", SOON, async || {
        disk.fill(0).ok()?;
        for door in &doors {
            let says = door.status().await.ok()?.disk_state();
            (says == pb::DiskState::Critical).then_some(())?;
        }
        Some(())
    })
    .await?;
    for node in cluster.nodes() {
        let reserve = cluster.data_dir(node).join("reserve");
        eventually("the reserve is given up", SOON, async || (!reserve.exists()).then_some(()))
            .await?;
    }
    disk.fill(0)?;
    assert!(disk.free()? < MIB, "{} bytes are free", disk.free()?);
    nothing_new_begins(&door).await?;
    let refused = door.fleet().create_token(door::token("refused", "free", 1)).await;
    assert_eq!(refused.map_err(|status| reason(&status)).err().as_deref(), Some("DISK_LOW"));
    stop_everything(&door).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(disk.free()? < MIB, "{} bytes are free", disk.free()?);

    disk.clear()?;
    all_say(&cluster, pb::DiskState::Fine).await?;
    clients.go_on_for(5).await?;
    let resume = door::resume(ROLLOUT, "there is room again");
    let resumed =
        answered("resume", async || door.rollouts().resume_rollout(resume.clone()).await).await?;
    assert_eq!(resumed.into_inner().state(), pb::RolloutState::Running);
    let said = clients.stop().await?;
    for node in cluster.nodes() {
        let door = Door::of(&cluster.address(node))?;
        said.is_kept(&door).await?;
        let tokens = door.token_ids().await?;
        assert!(!tokens.iter().any(|id| id == "refused"), "refused, and there on node {node}");
        assert!(cluster.process(node)?.said()?.contains("disk.state"));
    }
    replicas_agree(&cluster).await?;
    fleet.shutdown().await;
    Ok(())
}

/// A pause and a halt, through the same door.
async fn stop_everything(door: &Door) -> Outcome<()> {
    let pause = pb::PauseRolloutRequest {
        request_id: door::request_id(),
        name: ROLLOUT.to_owned(),
        reason: "the disk is full".to_owned(),
        ..pb::PauseRolloutRequest::default()
    };
    let paused = answered("pause", async || door.rollouts().pause_rollout(pause.clone()).await);
    assert_eq!(paused.await?.into_inner().state(), pb::RolloutState::Paused);
    let halt = door::halt(ROLLOUT, "the disk is full");
    let halted = answered("halt", async || door.rollouts().halt_rollout(halt.clone()).await);
    assert_eq!(halted.await?.into_inner().state(), pb::RolloutState::Halted);
    Ok(())
}
