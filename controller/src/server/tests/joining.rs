//! How does a new node take the place of another?

use super::{Cluster, Load, until, within_two_minutes};
use crate::machine::command::{Action, PromoteMember};
use crate::machine::ids::NodeId;
use crate::node::Fatal;
use crate::runtime::{Stop, TurnedAway};

const NEW: NodeId = NodeId(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_node_takes_in_a_snapshot_under_load_and_replaces_a_voter() {
    within_two_minutes(async {
        let mut cluster = Cluster::new(100).await;
        cluster.write(0, 600).await;
        let followers = cluster.followers().await;
        let load = Load::on(&cluster.sites[&cluster.leader().await], 10_000);
        cluster.join(NEW).await;
        let mut replaced = cluster.sites[&NEW].running().handle().replaced();
        drop(replaced.wait_for(|&index| index > 0).await.unwrap());
        cluster.until_registered(&[NEW].into()).await;
        let leaves = followers[0];
        let promote = PromoteMember { node: NEW, replacing: Some(leaves) };
        cluster.operate(Action::PromoteMember(promote)).await;
        let mut seen = cluster.sites[&NEW].running().handle().cluster();
        let promoted = seen.wait_for(|cluster| {
            cluster
                .as_ref()
                .is_some_and(|cluster| cluster.is_voter(NEW) && cluster.removed.contains(&leaves))
        });
        drop(promoted.await.unwrap());
        let gone = cluster.sites.remove(&leaves).unwrap();
        let stop = gone.running().stopped().await;
        assert!(is_removed(&stop), "{stop:?}");
        assert!(load.end().await > 0);
        // The new voter counts: it and one other are a majority.
        let last = cluster.write(20_000, 10).await;
        cluster.assert_agreed(last).await;
        cluster.stop().await;
    })
    .await;
}

fn is_removed(stop: &Stop) -> bool {
    match stop {
        Stop::Fatal(fatal) => matches!(**fatal, Fatal::Removed { .. }),
        Stop::TurnedAway(why) => *why == TurnedAway::Removed,
        Stop::Asked | Stop::Damaged(_) | Stop::Panicked => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_goes_on_from_the_others_when_the_leader_dies_in_its_middle() {
    within_two_minutes(async {
        let mut cluster = Cluster::new(100).await;
        cluster.write(0, 1_000).await;
        let mut held = Vec::new();
        for site in cluster.sites.values() {
            held.push(site.running().desk.peers.hold_pieces().await);
        }
        cluster.join(NEW).await;
        let joining = cluster.sites[&NEW].running().handle().clone();
        until(async || joining.status().await.unwrap().pull.is_some()).await;
        let leader = cluster.leader().await;
        cluster.sites.get_mut(&leader).unwrap().stop().await;
        drop(held);
        let mut replaced = joining.replaced();
        drop(replaced.wait_for(|&index| index > 0).await.unwrap());
        cluster.sites.remove(&leader);
        let last = cluster.write(5_000, 10).await;
        cluster.assert_agreed(last).await;
        cluster.stop().await;
    })
    .await;
}
