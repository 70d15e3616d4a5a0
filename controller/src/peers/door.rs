//! May this call come in? Checked before anything else of it is read.
//!
//! Whoever the cluster knows is let in by the data directory that it registered: a node that lost its
//! disk has another one, and whatever it would say, it forgot what it promised before.

use std::collections::BTreeSet;

use tidegate_proto::v1::PeerHeader;
use tonic::Status;

use super::{PeersConfig, refusal};
use crate::config::Arrival;
use crate::machine::cluster::Cluster;
use crate::node::NodeId;

/// Knows who this node is, and who belongs here before the cluster itself says so.
#[derive(Clone, Debug)]
pub(super) struct Door {
    cluster: String,
    id: NodeId,
    incarnation: [u8; 16],
    address: String,
    /// The members that the cluster begins with, or that a node that joins may ask.
    configured: BTreeSet<NodeId>,
    arrival: Arrival,
}

/// A call was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// It says nothing about who calls.
    #[error("the call was refused: it has no peer header; only controllers may call here")]
    NoHeader,
    /// It is of another cluster, by name or by id.
    #[error("the call was refused: {what}; correct the members' ids, addresses and cluster name")]
    OtherCluster { what: String },
    /// It is for another node.
    #[error(
        "the call was refused: it is for node {to}, which listens elsewhere; correct the members' \
         addresses"
    )]
    OtherReceiver { to: u64 },
    /// Nobody here knows the caller.
    #[error(
        "the call was refused: node {from} is no peer of this node; add it with `tidegate cluster \
         add`, or correct the members' ids"
    )]
    Stranger { from: NodeId },
    /// The caller was removed from the cluster.
    #[error(
        "the call was refused: node {from} was removed from the cluster, and its id is never used \
         again; give it a new id and an empty data directory, and add it as a new node"
    )]
    Removed { from: NodeId },
    /// The caller's data directory is not the one that it registered.
    #[error(
        "the call was refused: node {from} has another data directory than the one that it \
         registered; start it with that one, or remove it and add a new node with a new id"
    )]
    OtherIncarnation { from: NodeId },
}

impl Door {
    pub(super) fn new(config: &PeersConfig, incarnation: [u8; 16]) -> Self {
        Self {
            cluster: config.cluster.clone(),
            id: config.id,
            incarnation,
            address: config.address.clone(),
            configured: config.members.keys().copied().collect(),
            arrival: config.arrival,
        }
    }

    /// The header of a call to `peer` from a node that has applied `cluster`.
    pub(super) fn header_for(&self, peer: NodeId, cluster: Option<&Cluster>) -> PeerHeader {
        PeerHeader {
            cluster: self.cluster.clone(),
            from_node: self.id.0,
            to_node: peer.0,
            incarnation: self.incarnation.to_vec(),
            address: self.address.clone(),
            cluster_id: cluster.map_or_else(Vec::new, |cluster| cluster.id.to_vec()),
        }
    }

    /// The sender, where it may call a node that has applied `cluster`.
    pub(super) fn admit(
        &self,
        header: Option<&PeerHeader>,
        cluster: Option<&Cluster>,
    ) -> Result<NodeId, Status> {
        self.check(header, cluster).map_err(|refused| refusal::not_admitted(&refused))
    }

    /// The sender of a greeting: it has no data directory yet, and may be anybody of this cluster.
    pub(super) fn admit_greeting(&self, header: Option<&PeerHeader>) -> Result<NodeId, Status> {
        let checked = header.ok_or(Refused::NoHeader).and_then(|header| self.check_ends(header));
        checked.map_err(|refused| refusal::not_admitted(&refused))
    }

    fn check(
        &self,
        header: Option<&PeerHeader>,
        cluster: Option<&Cluster>,
    ) -> Result<NodeId, Refused> {
        let header = header.ok_or(Refused::NoHeader)?;
        let from = self.check_ends(header)?;
        let tells_cluster = !header.cluster_id.is_empty();
        let Some(cluster) = cluster else {
            // Before the cluster says who its members are: whoever is configured. A node that joins
            // waits for whoever leads by now.
            let awaited = tells_cluster && self.arrival == Arrival::Joins;
            let known = self.configured.contains(&from) || awaited;
            return if known { Ok(from) } else { Err(Refused::Stranger { from }) };
        };
        if tells_cluster && header.cluster_id != cluster.id {
            let what = "it is from another cluster of the same name".to_owned();
            return Err(Refused::OtherCluster { what });
        }
        if cluster.removed.contains(&from) {
            return Err(Refused::Removed { from });
        }
        let Some(member) = cluster.members.get(&from) else {
            // It may have been added while this node was away; it knows the cluster's id then.
            return if tells_cluster { Ok(from) } else { Err(Refused::Stranger { from }) };
        };
        match member.incarnation {
            Some(registered) if header.incarnation != registered => {
                Err(Refused::OtherIncarnation { from })
            }
            Some(_) | None => Ok(from),
        }
    }

    /// Whether the call is of this cluster, from another node, and for this one.
    fn check_ends(&self, header: &PeerHeader) -> Result<NodeId, Refused> {
        if header.cluster != self.cluster {
            let (theirs, ours) = (&header.cluster, &self.cluster);
            let what = format!("it is from cluster {theirs:?}, and this is {ours:?}");
            return Err(Refused::OtherCluster { what });
        }
        if header.to_node != self.id.0 {
            return Err(Refused::OtherReceiver { to: header.to_node });
        }
        let from = NodeId(header.from_node);
        if from == self.id || from == NodeId(0) {
            return Err(Refused::Stranger { from });
        }
        Ok(from)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::machine::Bootstrap;
    use crate::machine::cluster::{Member, MemberRole};

    const REGISTERED: [u8; 16] = [2; 16];
    const CLUSTER: [u8; 16] = [7; 16];

    fn door() -> Door {
        let members = BTreeMap::from([(NodeId(1), String::new()), (NodeId(2), String::new())]);
        Door::new(&PeersConfig::new("blue".to_owned(), NodeId(1), members), [1; 16])
    }

    fn header(from_node: u64, incarnation: &[u8], cluster_id: &[u8]) -> PeerHeader {
        PeerHeader {
            cluster: "blue".to_owned(),
            from_node,
            to_node: 1,
            incarnation: incarnation.to_vec(),
            cluster_id: cluster_id.to_vec(),
            ..PeerHeader::default()
        }
    }

    fn cluster() -> Cluster {
        let member = |incarnation| Member {
            incarnation,
            ..Member::new("127.0.0.1:1".to_owned(), MemberRole::Voter)
        };
        let bootstrap = Bootstrap {
            cluster: "blue".to_owned(),
            id: CLUSTER,
            members: BTreeMap::new(),
            ladder: Vec::new(),
        };
        Cluster {
            members: [(NodeId(2), member(Some(REGISTERED))), (NodeId(3), member(None))].into(),
            removed: [NodeId(4)].into(),
            ..Cluster::new(&bootstrap)
        }
    }

    #[test]
    fn before_there_is_a_cluster_only_the_configured_who_mean_this_node_come_in() {
        let check = |cluster: &str, from_node, to_node, admitted| {
            let header =
                PeerHeader { cluster: cluster.to_owned(), to_node, ..header(from_node, &[], &[]) };
            assert_eq!(door().admit(Some(&header), None).is_ok(), admitted, "{header:?}");
        };
        check("blue", 2, 1, true);
        check("red", 2, 1, false);
        check("blue", 3, 1, false);
        check("blue", 1, 1, false);
        check("blue", 0, 1, false);
        check("blue", 2, 2, false);
        check("blue", 2, 0, false);
        assert!(door().admit(None, None).is_err());
    }

    #[test]
    fn a_node_that_joins_lets_in_whoever_knows_the_cluster() {
        let joins = |arrival| Door { arrival, ..door() };
        let admitted =
            |door: Door, id: &[u8]| door.admit(Some(&header(9, &[5; 16], id)), None).is_ok();
        assert!(admitted(joins(Arrival::Joins), &CLUSTER));
        assert!(!admitted(joins(Arrival::Joins), &[]));
        assert!(!admitted(joins(Arrival::Founds), &CLUSTER));
    }

    #[test]
    fn a_member_comes_in_with_the_directory_that_it_registered_and_no_other() {
        let check = |from, incarnation: &[u8], id: &[u8], expected: Result<(), Refused>| {
            let header = header(from, incarnation, id);
            let checked = door().check(Some(&header), Some(&cluster())).map(drop);
            assert_eq!(checked, expected, "{header:?}");
        };
        let other = |from| Err(Refused::OtherIncarnation { from: NodeId(from) });
        check(2, &REGISTERED, &CLUSTER, Ok(()));
        check(2, &REGISTERED, &[], Ok(()));
        check(2, &[9; 16], &CLUSTER, other(2));
        check(2, &[], &[], other(2));
        check(3, &[9; 16], &[], Ok(()));
        check(3, &[], &[], Ok(()));
        check(4, &REGISTERED, &CLUSTER, Err(Refused::Removed { from: NodeId(4) }));
    }

    #[test]
    fn a_node_that_was_added_while_this_one_was_away_comes_in_by_the_clusters_id() {
        let admitted = |from, id: &[u8]| {
            let header = header(from, &[5; 16], id);
            door().admit(Some(&header), Some(&cluster())).is_ok()
        };
        assert!(admitted(5, &CLUSTER));
        assert!(!admitted(5, &[]));
        assert!(!admitted(5, &[8; 16]));
        assert!(!admitted(2, &[8; 16]));
    }

    #[test]
    fn anybody_of_this_cluster_may_greet() {
        let door = door();
        assert_eq!(door.admit_greeting(Some(&header(4, &[], &[]))).unwrap(), NodeId(4));
        assert!(door.admit_greeting(None).is_err());
        let red = PeerHeader { cluster: "red".to_owned(), ..header(2, &[], &[]) };
        assert!(door.admit_greeting(Some(&red)).is_err());
    }
}
