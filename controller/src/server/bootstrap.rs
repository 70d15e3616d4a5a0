//! Who writes the first entry? The first leader, when it finds the log empty.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::Desk;
use crate::machine::Command;
use crate::machine::command::{Bootstrap, TierSpec};
use crate::machine::ids::{NodeId, TierName};

/// Pause between two attempts.
const AGAIN: Duration = Duration::from_millis(50);

/// The ladder of a new cluster, first to last, and whether a tier is sampled.
const LADDER: [(&str, bool); 3] = [("canary", true), ("free", false), ("paid", false)];

/// Names the cluster once, and ends when this node sees that it is named.
pub(super) async fn run(desk: Desk, cluster: String, members: BTreeMap<NodeId, String>) {
    let ladder = LADDER.into_iter().filter_map(|(name, sampled)| {
        let name: TierName = name.parse().ok()?;
        Some(TierSpec { name, sampled })
    });
    let mut id = [0; 16];
    if let Err(error) = getrandom::fill(&mut id) {
        tracing::error!(%error, "cluster.no_id");
        return;
    }
    let bootstrap = Bootstrap { cluster, id, members, ladder: ladder.collect() };
    loop {
        match desk.handle.query(|machine| machine.cluster().is_some()).await {
            Ok(false) => (),
            Ok(true) | Err(_) => return,
        }
        if desk.handle.leads() {
            match desk.handle.propose(Command::Bootstrap(bootstrap.clone())).await {
                Ok((position, Ok(_))) => {
                    tracing::info!(index = position.index, "cluster.bootstrapped");
                }
                Ok((_, Err(rejection))) => tracing::debug!(%rejection, "cluster.not_bootstrapped"),
                Err(error) => tracing::debug!(%error, "cluster.not_bootstrapped"),
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}
