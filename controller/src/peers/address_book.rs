//! Where does each node listen? What it says of itself goes before what it registered, and that
//! before what is configured.

use std::collections::{BTreeMap, BTreeSet};

use crate::machine::cluster::Cluster;
use crate::node::NodeId;

/// Most nodes that are remembered though nobody here knows them as members: a node that lags behind
/// must be able to answer a leader that was added while it was away.
const MAX_STRANGERS: usize = 8;
/// Longest address that a node may give itself, in bytes.
const MAX_ADDRESS_BYTES: usize = 255;

/// What is known of the others' addresses.
#[derive(Debug)]
pub(super) struct AddressBook {
    own: NodeId,
    configured: BTreeMap<NodeId, String>,
    /// From the headers of calls that came in.
    heard: BTreeMap<NodeId, String>,
}

impl AddressBook {
    /// The book of node `own`, whose configuration names `members`.
    pub(super) fn new(own: NodeId, members: &BTreeMap<NodeId, String>) -> Self {
        Self { own, configured: members.clone(), heard: BTreeMap::new() }
    }

    /// Notes where `node`, which was let in, says that it listens. Whether that is news.
    pub(super) fn hear(&mut self, node: NodeId, address: &str, cluster: Option<&Cluster>) -> bool {
        let known = self.heard.get(&node).is_some_and(|heard| heard == address);
        if known || node == self.own || address.is_empty() || address.len() > MAX_ADDRESS_BYTES {
            return false;
        }
        let is_stranger = |node: &NodeId| {
            !self.configured.contains_key(node)
                && cluster.is_none_or(|cluster| !cluster.members.contains_key(node))
        };
        let strangers = self.heard.keys().filter(|node| is_stranger(node)).count();
        if is_stranger(&node) && !self.heard.contains_key(&node) && strangers >= MAX_STRANGERS {
            return false;
        }
        self.heard.insert(node, address.to_owned());
        true
    }

    /// Every peer and where it listens: the members, whoever called, and, until the cluster says who
    /// its members are, those that are configured.
    pub(super) fn peers(&self, cluster: Option<&Cluster>) -> BTreeMap<NodeId, String> {
        let nobody = BTreeSet::new();
        let removed = cluster.map_or(&nobody, |cluster| &cluster.removed);
        let mut peers = self.configured.clone();
        let members = cluster.into_iter().flat_map(|cluster| &cluster.members);
        for (&node, member) in members {
            if !member.address.is_empty() {
                peers.insert(node, member.address.clone());
            }
        }
        peers.extend(self.heard.iter().map(|(&node, address)| (node, address.clone())));
        peers.retain(|node, _| *node != self.own && !removed.contains(node));
        peers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Bootstrap;
    use crate::machine::cluster::{Member, MemberRole};

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn cluster(members: &[(u64, &str)], removed: &[u64]) -> Cluster {
        let member = |&(id, address): &(u64, &str)| {
            (NodeId(id), Member::new(address.to_owned(), MemberRole::Voter))
        };
        let bootstrap = Bootstrap {
            cluster: text("blue"),
            id: [7; 16],
            members: BTreeMap::new(),
            ladder: Vec::new(),
        };
        Cluster {
            members: members.iter().map(member).collect(),
            removed: removed.iter().copied().map(NodeId).collect(),
            ..Cluster::new(&bootstrap)
        }
    }

    fn check(book: &AddressBook, cluster: Option<&Cluster>, expected: &[(u64, &str)]) {
        let expected: BTreeMap<_, _> =
            expected.iter().map(|&(id, address)| (NodeId(id), text(address))).collect();
        assert_eq!(book.peers(cluster), expected);
    }

    #[test]
    fn what_a_node_says_goes_before_what_it_registered_and_that_before_the_configuration() {
        let configured = [(1, "a:1"), (2, "a:2"), (3, "a:3")];
        let configured = configured.map(|(id, address)| (NodeId(id), text(address)));
        let mut book = AddressBook::new(NodeId(1), &configured.into());
        check(&book, None, &[(2, "a:2"), (3, "a:3")]);
        let cluster = cluster(&[(1, "b:1"), (2, "b:2"), (4, "b:4")], &[3]);
        check(&book, Some(&cluster), &[(2, "b:2"), (4, "b:4")]);
        assert!(book.hear(NodeId(4), "c:4", Some(&cluster)));
        assert!(!book.hear(NodeId(4), "c:4", Some(&cluster)));
        check(&book, Some(&cluster), &[(2, "b:2"), (4, "c:4")]);
    }

    #[test]
    fn only_so_many_strangers_are_remembered() {
        let mut book = AddressBook::new(NodeId(1), &[(NodeId(2), text("a:2"))].into());
        for stranger in 0..MAX_STRANGERS as u64 {
            assert!(book.hear(NodeId(100 + stranger), "s", None));
        }
        assert!(!book.hear(NodeId(99), "s", None));
        assert!(book.hear(NodeId(100), "moved", None));
        assert!(book.hear(NodeId(2), "moved", None));
        let cluster = cluster(&[(99, "")], &[]);
        assert!(book.hear(NodeId(99), "s", Some(&cluster)));
        assert!(!book.hear(NodeId(2), &"x".repeat(MAX_ADDRESS_BYTES + 1), None));
        assert!(!book.hear(NodeId(2), "", None));
        assert!(!book.hear(NodeId(1), "me", None));
    }
}
