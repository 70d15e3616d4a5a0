//! Is what is read after a barrier the newest, and does nobody read who cannot know?

use super::{Cluster, stored, within_two_minutes};
use crate::machine::Command;
use crate::runtime::ReadError;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_node_reads_what_another_acknowledged_and_a_minority_reads_nothing() {
    within_two_minutes(async {
        let mut cluster = Cluster::new(50_000).await;
        let leader = cluster.leader().await;
        let followers = cluster.followers().await;
        for (number, reader) in (0..).zip([leader, followers[0], followers[1]].repeat(5)) {
            let Command::StoreBlob(blob) = stored(number) else { unreachable!() };
            let writer = &cluster.sites[&followers[1]].running().desk.peers;
            let at = writer.propose(stored(number)).await.unwrap().0.index;
            let handle = cluster.sites[&reader].running().handle();
            assert!(handle.read_barrier().await.unwrap() >= at);
            let has = handle.query(move |machine| machine.blobs().contains_key(&blob.digest));
            assert!(has.await.unwrap(), "node {reader} read an older state after a barrier");
        }
        for gone in followers {
            cluster.sites.get_mut(&gone).unwrap().stop().await;
        }
        let read = cluster.sites[&leader].running().handle().read_barrier().await;
        assert!(matches!(read, Err(ReadError::NotConfirmed { .. })), "{read:?}");
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leadership_moves_to_whoever_is_asked_for_from_any_node() {
    within_two_minutes(async {
        let cluster = Cluster::new(50_000).await;
        for _ in 0..2 {
            let followers = cluster.followers().await;
            let (to, other) = (followers[0], followers[1]);
            cluster.sites[&other].running().desk.peers.transfer(to).await.unwrap();
            let mut leadership = cluster.any().running().handle().leadership();
            let led = leadership.wait_for(|leadership| leadership.leader == Some(to));
            drop(led.await.unwrap());
        }
        cluster.stop().await;
    })
    .await;
}
