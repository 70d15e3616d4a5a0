//! How does this node see the cluster?

use tidegate_proto::v1 as pb;
use tidegate_proto::v1::cluster_service_server::ClusterService;
use tonic::{Request, Response, Status};

use super::caller;
use super::convert::count;
use super::desk::Desk;
use super::error::ApiError;
use crate::machine::Machine;
use crate::machine::cluster::Member;
use crate::machine::ids::NodeId;
use crate::node::NodeStatus;

#[tonic::async_trait]
impl ClusterService for Desk {
    async fn get_cluster_status(
        &self,
        request: Request<pb::GetClusterStatusRequest>,
    ) -> Result<Response<pb::ClusterStatus>, Status> {
        caller::operator(request.metadata())?;
        let node = self.handle.status().await.map_err(ApiError::from)?;
        let status = self.look(move |machine| Ok(draw(machine, &node))).await?;
        Ok(Response::new(status))
    }
}

fn draw(machine: &Machine, node: &NodeStatus) -> pb::ClusterStatus {
    let cluster = machine.cluster();
    let members = cluster.into_iter().flat_map(|cluster| &cluster.members);
    let member = |(id, member): (&NodeId, &Member)| {
        let peer = node.peers.get(id);
        let own = (id.0 == node.id.0).then_some(node.last_index);
        pb::Member {
            node_id: id.0,
            address: member.address.clone(),
            voter: member.votes(),
            matched_index: peer.map(|peer| peer.matched).or(own).unwrap_or(0),
            recently_active: peer.map(|peer| peer.recently_active),
        }
    };
    pb::ClusterStatus {
        cluster: cluster.map_or_else(String::new, |cluster| cluster.name.clone()),
        node_id: node.id.0,
        leader_id: node.leader.map_or(0, |leader| leader.0),
        term: node.term,
        commit_index: node.commit,
        applied_index: machine.applied(),
        state_hash: machine.state_hash().to_vec(),
        members: members.map(member).collect(),
        elapsed_ms: machine.clock().elapsed.0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hosts: count(machine.hosts().len()),
    }
}
