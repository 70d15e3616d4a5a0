//! May this call come in? Checked before anything else of it is read.

use std::collections::BTreeSet;

use tidegate_proto::v1::PeerHeader;
use tonic::Status;

use super::{PeersConfig, refusal};
use crate::node::NodeId;

/// Knows who this node is and who belongs here.
#[derive(Clone, Debug)]
pub(super) struct Door {
    cluster: String,
    id: NodeId,
    members: BTreeSet<NodeId>,
}

impl Door {
    pub(super) fn new(config: &PeersConfig) -> Self {
        let members = config.members.keys().copied().collect();
        Self { cluster: config.cluster.clone(), id: config.id, members }
    }

    /// The header of a call to `peer`.
    pub(super) fn header_for(&self, peer: NodeId) -> Option<PeerHeader> {
        let cluster = self.cluster.clone();
        Some(PeerHeader { cluster, from_node: self.id.0, to_node: peer.0 })
    }

    /// The sender, where the call is from a peer of this cluster and for this node.
    pub(super) fn admit(&self, header: Option<&PeerHeader>) -> Result<NodeId, Status> {
        let Some(header) = header else {
            return Err(refusal::not_admitted(
                "the call was refused: it has no peer header; only controllers may call here",
            ));
        };
        let refuse = |what: String| {
            let next = "correct the members' ids, addresses and cluster name";
            Err(refusal::not_admitted(format!("the call was refused: {what}; {next}")))
        };
        if header.cluster != self.cluster {
            let (theirs, ours) = (&header.cluster, &self.cluster);
            return refuse(format!("it is from cluster {theirs:?}, and this is {ours:?}"));
        }
        if header.to_node != self.id.0 {
            return refuse(format!("it is for node {}, and this is {}", header.to_node, self.id));
        }
        let from = NodeId(header.from_node);
        if from == self.id || !self.members.contains(&from) {
            return refuse(format!("it is from node {from}, which is no peer of node {}", self.id));
        }
        Ok(from)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn only_members_of_this_cluster_who_mean_this_node_come_in() {
        let members = BTreeMap::from([(NodeId(1), String::new()), (NodeId(2), String::new())]);
        let door = Door::new(&PeersConfig::new("blue".to_owned(), NodeId(1), members));
        let check = |cluster: &str, from_node, to_node, admitted| {
            let header = PeerHeader { cluster: cluster.to_owned(), from_node, to_node };
            assert_eq!(door.admit(Some(&header)).is_ok(), admitted, "{header:?}");
        };
        check("blue", 2, 1, true);
        check("red", 2, 1, false);
        check("blue", 3, 1, false);
        check("blue", 1, 1, false);
        check("blue", 2, 2, false);
        check("blue", 2, 0, false);
        assert!(door.admit(None).is_err());
    }
}
