//! What does each event of the cluster itself change?

use super::Machine;
use super::cluster::Cluster;
use super::cluster_event::ClusterEvent;
use super::ids::NodeId;

impl Machine {
    /// Makes `event` part of the state.
    pub(super) fn change_cluster(&mut self, event: &ClusterEvent) {
        match event {
            ClusterEvent::MemberAdded { node, address, actor: _ } => {
                self.with_cluster(|cluster| cluster.add(*node, address.clone()));
            }
            ClusterEvent::MemberPromoted { node, replacing, actor: _ } => {
                self.with_cluster(|cluster| cluster.promote(*node, *replacing));
            }
            ClusterEvent::MemberRemoved { node, actor: _ } => {
                self.with_cluster(|cluster| cluster.remove(*node));
                self.forget_node(*node);
            }
            ClusterEvent::NodeRegistered { node, member } => {
                self.with_cluster(|cluster| drop(cluster.members.insert(*node, member.clone())));
            }
            ClusterEvent::VersionRaised { version } => {
                self.with_cluster(|cluster| cluster.version = *version);
            }
            ClusterEvent::StateCheckAsked { .. } => (),
            ClusterEvent::StateVouched(vouch) => self.vouches.keep(vouch),
            ClusterEvent::ClusterRestored(restoration) => self.absorb_restoration(restoration),
        }
    }

    fn with_cluster(&mut self, change: impl FnOnce(&mut Cluster)) {
        if let Some(cluster) = &mut self.cluster {
            change(cluster);
        }
    }

    /// What a node that left holds, and what it said of its state, counts no more.
    fn forget_node(&mut self, node: NodeId) {
        for blob in self.blobs.values_mut() {
            blob.nodes.remove(&node);
        }
        self.vouches.forget(node);
    }
}
