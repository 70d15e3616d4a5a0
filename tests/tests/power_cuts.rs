//! What is left when the power goes? All that was acknowledged: seen on a disk image that is copied
//! while the controllers write to it, and mounted again.

use std::time::Duration;

use tidegate_controller::node::SplitMix64;
use tidegate_tests::clients::{Clients, are_kept};
use tidegate_tests::cluster::{Clocks, Cluster, SMALL_CHECKPOINTS};
use tidegate_tests::door::Door;
use tidegate_tests::image::Image;
use tidegate_tests::often::as_often_as;
use tidegate_tests::trouble::Outcome;
use tidegate_tests::view::{SOON, eventually, replicas_agree, settled};

/// How many times the power goes; `TIDEGATE_POWER_CUTS` says another number.
const CUTS: usize = 3;

/// So many cuts of one cluster: a list shows a page of tokens.
const CUTS_EACH: usize = 8;

/// Room for three logs, stores and reserves.
const DISK_MIB: u64 = 768;

/// Many entries in a short time, and checkpoints in between.
const BUSY: Clocks = Clocks { raft_tick: "40ms", machine_tick: "50ms", idle_sync: "1h" };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_power_goes_everything_acknowledged_is_on_the_disk() -> Outcome<()> {
    let cuts = as_often_as("TIDEGATE_POWER_CUTS", CUTS);
    let (mut done, mut acknowledged, mut number) = (0, 0, 0);
    while done < cuts {
        let these = CUTS_EACH.min(cuts - done);
        number += 1;
        let Some(tokens) = lose_power(these, number).await? else { return Ok(()) };
        acknowledged += tokens;
        done += these;
        println!("{done} power cuts, {acknowledged} tokens acknowledged before them");
    }
    Ok(())
}

/// The life of one cluster: cut, come back on what the disk had, go on. How many tokens were looked
/// for.
async fn lose_power(cuts: usize, seed: u64) -> Outcome<Option<usize>> {
    let Some(disk) = Image::make(DISK_MIB)? else { return Ok(None) };
    let mut cluster = Cluster::prepare_with(3, BUSY, SMALL_CHECKPOINTS)?;
    for node in cluster.nodes() {
        cluster.store_in(node, &disk.at().join(format!("node-{node}")))?;
    }
    cluster.start_all()?;
    settled(&cluster).await?;
    let mut chance = SplitMix64::new(seed);
    let mut looked_for = 0;
    for cut in 0..cuts {
        let clients = Clients::start_thriftily(&cluster, 8)?;
        let enough = 10 + usize::try_from(chance.next_u64() % 15)?;
        eventually("enough was acknowledged", SOON, async || {
            (clients.acknowledged() >= enough).then_some(())
        })
        .await?;
        tokio::time::sleep(Duration::from_millis(chance.next_u64() % 300)).await;
        let acknowledged = clients.acknowledged_so_far();
        // A copy takes a moment, in which a disk without power would not be written to. So every second
        // time nobody writes while it is made, wherever they stand.
        if cut % 2 == 0 {
            for node in cluster.nodes() {
                cluster.pause(node)?;
            }
        }
        let copy = disk.copied()?;
        cluster.kill_all();
        clients.stop().await?;
        disk.come_back(copy)?;
        cluster.start_all()?;
        settled(&cluster).await?;
        for node in cluster.nodes() {
            are_kept(&acknowledged, &Door::of(&cluster.address(node))?).await?;
        }
        replicas_agree(&cluster).await?;
        looked_for += acknowledged.len();
    }
    Ok(Some(looked_for))
}
