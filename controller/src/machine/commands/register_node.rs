//! `RegisterNode`: a node says where it listens, which disk it has, and which entries it understands.
//!
//! The same words again change nothing. A node whose disk was lost comes back under a new id: under the
//! old one it could vote twice.

use super::Decided;
use super::add_member::check_address;
use super::promote_member::with_version;
use crate::machine::cluster::Member;
use crate::machine::cluster_event::ClusterEvent;
use crate::machine::command::RegisterNode;
use crate::machine::{Machine, Rejection, Reply};

impl Machine {
    pub(super) fn register_node(&self, register: &RegisterNode) -> Decided {
        let node = register.node;
        let before = self.member(node)?;
        let cluster = self.cluster_made()?;
        if before.incarnation.is_some_and(|known| known != register.incarnation) {
            return Err(Rejection::OtherIncarnation { node });
        }
        check_address(&register.address)?;
        if !register.speaks.knows(cluster.version) {
            let (speaks, version) = (register.speaks, cluster.version);
            let (oldest, newest) = (speaks.oldest, speaks.newest);
            return Err(Rejection::VersionNotSpoken { node, oldest, newest, version });
        }
        let member = Member {
            address: register.address.clone(),
            role: before.role,
            incarnation: Some(register.incarnation),
            speaks: register.speaks,
        };
        if member == *before {
            return Ok((Reply::Done, Vec::new()));
        }
        let mut after = cluster.clone();
        after.members.insert(node, member.clone());
        let registered = ClusterEvent::NodeRegistered { node, member };
        Ok((Reply::Done, with_version(registered, &after)))
    }
}
