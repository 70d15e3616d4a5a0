//! `AddMember`: a node may follow the log. It has no vote, and nothing waits for it.

use super::Decided;
use crate::machine::cluster::Cluster;
use crate::machine::cluster_event::ClusterEvent;
use crate::machine::command::AddMember;
use crate::machine::event::Event;
use crate::machine::ids::NodeId;
use crate::machine::{Machine, Rejection, Reply};

/// Longest address of a node, in bytes.
pub(super) const MAX_ADDRESS_BYTES: usize = 255;

impl Machine {
    pub(super) fn add_member(&self, add: &AddMember, actor: &str) -> Decided {
        let cluster = self.cluster_made()?;
        let node = add.node;
        if node.0 == 0 {
            return Err(Rejection::NodeIdZero);
        }
        if cluster.members.contains_key(&node) {
            return Err(Rejection::MemberExists { node });
        }
        self.not_removed(node)?;
        check_address(&add.address)?;
        address_is_free(cluster, &add.address)?;
        let (address, actor) = (add.address.clone(), actor.to_owned());
        let added = ClusterEvent::MemberAdded { node, address, actor };
        Ok((Reply::Done, vec![Event::Cluster(added)]))
    }

    pub(super) fn cluster_made(&self) -> Result<&Cluster, Rejection> {
        self.cluster().ok_or(Rejection::NotBootstrapped)
    }

    /// `node` has not left the cluster for good.
    pub(super) fn not_removed(&self, node: NodeId) -> Result<(), Rejection> {
        match self.cluster() {
            Some(cluster) if cluster.removed.contains(&node) => {
                Err(Rejection::MemberRemoved { node })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// A host name or IP address, a colon, and a port from 1.
pub(super) fn check_address(address: &str) -> Result<(), Rejection> {
    let parts = address.rsplit_once(':');
    let good = parts.is_some_and(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let plain = |c: char| c.is_ascii_graphic() && (bracketed || c != ':');
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        !host.is_empty()
            && host.chars().all(plain)
            && digits
            && port.parse() != Ok(0_u16)
            && port.parse::<u16>().is_ok()
    });
    if good && address.len() <= MAX_ADDRESS_BYTES {
        return Ok(());
    }
    Err(Rejection::BadAddress { address: address.chars().take(80).collect() })
}

fn address_is_free(cluster: &Cluster, address: &str) -> Result<(), Rejection> {
    match cluster.members.iter().find(|(_, member)| member.address == address) {
        None => Ok(()),
        Some((&node, _)) => Err(Rejection::AddressInUse { address: address.to_owned(), node }),
    }
}
