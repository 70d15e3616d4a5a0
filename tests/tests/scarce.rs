//! What does a controller do that has run out of descriptors, and one whose watchers do not read? It goes
//! on with those who are there, takes others in when it can, and keeps nothing for anybody.

use std::net::TcpStream;

use tidegate_proto::v1 as pb;
use tidegate_tests::cluster::{Cluster, QUICK};
use tidegate_tests::door::{self, Door};
use tidegate_tests::trouble::{Outcome, Trouble};
use tidegate_tests::view::{SOON, eventually, settled};

const KERNEL: &str = "5.15.0-107.117";
const ROLLOUT: &str = "rollouts/113.1";
const PATCH: &str = r#"{"format":"tidegate-simulated-livepatch/1","module":"livepatch_113_1"}"#;

/// Descriptors that a controller may still open when somebody takes them all.
const LEFT: usize = 12;
/// Connections of somebody who says nothing.
const MUTE: usize = 60;

/// Watchers who never read.
const WATCHERS: usize = 40;
/// Changes that none of them takes.
const CHANGES: usize = 800;
/// What a watcher may cost, in bytes.
const WATCHER_BYTES: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_without_descriptors_serves_who_is_there_and_takes_others_in_later()
-> Outcome<()> {
    let mut cluster = Cluster::start(1, QUICK)?;
    settled(&cluster).await?;
    let address = cluster.address(1);
    let door = Door::of(&address)?;
    door.fleet().create_token(door::token("before", "free", 1)).await?;

    let process = cluster.process(1)?;
    let most = process.descriptors()? + LEFT;
    process.limit_descriptors(u64::try_from(most)?)?;
    let mute: Vec<TcpStream> =
        (0..MUTE).map(|_| TcpStream::connect(&address)).collect::<Result<_, _>>()?;
    eventually("no descriptor is left", SOON, async || {
        (process.descriptors().ok()? >= most).then_some(())
    })
    .await?;
    for number in 0..20 {
        door.fleet().create_token(door::token(&format!("full-{number}"), "free", 1)).await?;
    }
    assert!(process.has_ended()?.is_none(), "it ended:\n{}", process.said()?);

    drop(mute);
    let late = Door::of(&address)?;
    eventually("somebody new is let in", SOON, async || late.status().await.ok()).await?;
    assert_eq!(late.token_ids().await?.len(), 21);
    Ok(())
}

/// A controller with a rollout that runs.
async fn with_a_rollout() -> Outcome<(Cluster, Door)> {
    let cluster = Cluster::start(1, QUICK)?;
    settled(&cluster).await?;
    let door = Door::of(&cluster.address(1))?;
    door.fleet().create_token(door::token("free", "free", 2)).await?;
    door.upload(PATCH.as_bytes()).await?;
    let publish = door::publish("113.1", &[KERNEL], PATCH.as_bytes());
    door.patch_sets().publish_patch_set(publish).await?;
    door.rollouts().create_rollout(door::create("113.1", "compressed")).await?;
    door.rollouts().start_rollout(door::start(ROLLOUT)).await?;
    Ok((cluster, door))
}

async fn pause_and_resume(door: &Door, why: &str) -> Outcome<()> {
    let pause = pb::PauseRolloutRequest {
        request_id: door::request_id(),
        name: ROLLOUT.to_owned(),
        reason: why.to_owned(),
        ..pb::PauseRolloutRequest::default()
    };
    door.rollouts().pause_rollout(pause).await?;
    door.rollouts().resume_rollout(door::resume(ROLLOUT, why)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_does_not_read_costs_little_and_then_sees_what_is_there() -> Outcome<()> {
    let (mut cluster, door) = with_a_rollout().await?;
    let request = || pb::WatchRolloutRequest { name: ROLLOUT.to_owned(), ..Default::default() };
    // Everything that is made once is made before the memory is looked at.
    for number in 0..20 {
        pause_and_resume(&door, &format!("warming up {number}")).await?;
    }
    let before = cluster.process(1)?.memory()?;
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        // A connection for each, so that none reads for another.
        let own = Door::of(&cluster.address(1))?;
        watchers.push(own.rollouts().watch_rollout(request()).await?.into_inner());
    }
    // What is said is long, so that what is kept would be much.
    let why = "a reason that somebody took some time to write down; ".repeat(8);
    for number in 0..CHANGES / 2 {
        pause_and_resume(&door, &format!("{why}{number}")).await?;
    }
    let now = door.rollout(ROLLOUT).await?.revision;
    let grown = cluster.process(1)?.memory()?.saturating_sub(before);
    let each = grown / u64::try_from(WATCHERS)?;
    println!("{WATCHERS} watchers who missed {CHANGES} changes: {each} bytes each");
    assert!(each < WATCHER_BYTES, "{each} bytes for each watcher");

    for mut watcher in watchers {
        let seen = tokio::time::timeout(SOON, async {
            while let Some(change) = watcher.message().await? {
                if change.rollout.is_some_and(|rollout| rollout.revision >= now) {
                    return Ok(());
                }
            }
            Err(Trouble::new("the controller ended a watch"))
        });
        seen.await.map_err(|_| Trouble::new("a watcher does not see the latest state"))??;
    }
    Ok(())
}
