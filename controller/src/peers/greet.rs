//! Is there a cluster already, and what does it know of a node? Asked by a node with an empty data
//! directory before it does anything else, and answered by every node that runs.

use std::time::Duration;

use tidegate_proto::v1::{GreetMember, GreetRequest, GreetResponse, PeerHeader};
use tokio::task::JoinSet;

use super::PeersConfig;
use super::link::Link;
use crate::machine::cluster::Cluster;
use crate::node::NodeId;

/// How long a peer may take to answer: a peer that is only just starting itself takes longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks every member but this node, all at once; answers what those said that could be asked.
pub async fn greet(config: &PeersConfig) -> Vec<GreetResponse> {
    let mut calls = JoinSet::new();
    for (&peer, address) in config.members.iter().filter(|&(&peer, _)| peer != config.id) {
        let header = PeerHeader {
            cluster: config.cluster.clone(),
            from_node: config.id.0,
            to_node: peer.0,
            ..PeerHeader::default()
        };
        calls.spawn(tokio::time::timeout(
            PATIENCE,
            ask(peer, address.clone(), config.address.clone(), header),
        ));
    }
    let answers = calls.join_all().await;
    answers.into_iter().filter_map(|answer| answer.ok().flatten()).collect()
}

async fn ask(
    peer: NodeId,
    address: String,
    own: String,
    header: PeerHeader,
) -> Option<GreetResponse> {
    let why = match Link::new(&address, &own) {
        Err(error) => error.to_string(),
        Ok(link) => match link.separate_client().await {
            Err(error) => error.to_string(),
            Ok(mut client) => match client.greet(GreetRequest { header: Some(header) }).await {
                Ok(answer) => return Some(answer.into_inner()),
                Err(status) => status.to_string(),
            },
        },
    };
    tracing::debug!(peer = peer.0, why, "peer.not_greeted");
    None
}

/// What a node that has applied `cluster` answers.
pub(super) fn answer(cluster: Option<&Cluster>) -> GreetResponse {
    let Some(cluster) = cluster else { return GreetResponse::default() };
    let members = cluster.members.iter().map(|(node, member)| GreetMember {
        node_id: node.0,
        address: member.address.clone(),
        incarnation: member.incarnation.map_or_else(Vec::new, |own| own.to_vec()),
    });
    GreetResponse {
        cluster_id: cluster.id.to_vec(),
        members: members.collect(),
        removed_node_ids: cluster.removed.iter().map(|node| node.0).collect(),
    }
}
