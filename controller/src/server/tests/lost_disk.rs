//! What becomes of a node that comes back with an empty disk?

use super::{Cluster, within_two_minutes};
use crate::api::Door;
use crate::runtime::{Stop, TurnedAway};
use crate::server::{Running, ServeError, Unwelcome};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_disk_under_an_old_id_is_refused_at_its_start_and_at_every_door() {
    within_two_minutes(async {
        let mut cluster = Cluster::new(50_000).await;
        let wiped = cluster.followers().await[0];
        let mut site = cluster.sites.remove(&wiped).unwrap();
        site.stop().await;
        std::fs::remove_dir_all(&site.config.data_dir).unwrap();
        let refused = Running::start(&site.config).await.unwrap_err();
        let lost = Unwelcome::DirectoryLost { node: wiped };
        assert!(matches!(&refused, ServeError::Unwelcome(why) if *why == lost), "{refused}");
        // And where it could ask nobody, nobody lets it in.
        let door = Door::open(site.config.listen).await.unwrap();
        let begun = Running::start_on(&site.config, door).await.unwrap();
        let stop = begun.stopped().await;
        assert!(matches!(stop, Stop::TurnedAway(TurnedAway::OtherIncarnation)), "{stop:?}");
        begun.stop().await;
        let last = cluster.write(0, 10).await;
        cluster.assert_agreed(last).await;
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_comes_back_with_its_own_disk_and_on_another_port() {
    within_two_minutes(async {
        let mut cluster = Cluster::new(50_000).await;
        let moved = cluster.followers().await[0];
        let site = cluster.sites.get_mut(&moved).unwrap();
        site.stop().await;
        let door = Door::open(crate::config::Loopback::port(0)).await.unwrap();
        let address = door.address().unwrap().to_string();
        site.running = Some(Running::start_on(&site.config, door).await.unwrap());
        for site in cluster.sites.values() {
            let mut seen = site.running().handle().cluster();
            let known = seen.wait_for(|cluster| {
                let members = cluster.as_ref().map(|cluster| &cluster.members);
                members.and_then(|members| members.get(&moved)).map(|member| &*member.address)
                    == Some(&*address)
            });
            drop(known.await.unwrap());
        }
        let last = cluster.write(0, 10).await;
        cluster.assert_agreed(last).await;
        cluster.stop().await;
    })
    .await;
}
