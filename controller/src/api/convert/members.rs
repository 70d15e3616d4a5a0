//! How do the controllers look on the wire: who they are, what they hold, and whether they agree?

use std::collections::{BTreeMap, BTreeSet};

use tidegate_proto::v1 as pb;

use super::{count, timestamp};
use crate::machine::Machine;
use crate::machine::cluster::{Cluster, Member, MemberRole, Speaks};
use crate::machine::ids::NodeId;
use crate::machine::vouches::Hashes;
use crate::node::NodeStatus;
use crate::runtime::DiskState;

/// The cluster as one node sees it; of its disk it knows its own alone.
pub(crate) fn status(machine: &Machine, node: &NodeStatus, disk: DiskState) -> pb::ClusterStatus {
    let cluster = machine.cluster();
    let (vouched_index, said) = machine.vouches().iter().next_back().unwrap_or((0, &NOBODY));
    let state_hash = commonest(said);
    let vouched_by = said.iter().filter(|(_, hash)| Some(**hash) == state_hash);
    let members = cluster.into_iter().flat_map(|cluster| &cluster.members);
    pb::ClusterStatus {
        cluster: cluster.map_or_else(String::new, |cluster| cluster.name.clone()),
        node_id: node.id.0,
        leader_id: node.leader.map_or(0, |leader| leader.0),
        term: node.term,
        commit_index: node.commit,
        applied_index: machine.applied(),
        state_hash: state_hash.map_or_else(Vec::new, |hash| hash.to_vec()),
        members: members.map(|(&id, member)| draw(id, member, node)).collect(),
        elapsed_ms: machine.clock().elapsed.0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hosts: count(machine.hosts().len()),
        cluster_id: cluster.map_or_else(Vec::new, |cluster| known_id(cluster.id)),
        generation: cluster.map_or(0, |cluster| cluster.generation),
        cluster_version: machine.version().into(),
        version_held_by: cluster.map_or_else(Vec::new, holding_back),
        vouched_index,
        vouched_by: vouched_by.map(|(member, _)| member.0).collect(),
        checkpoint_index: node.checkpoint,
        first_index: node.first_index,
        last_index: node.last_index,
        disk_state: disk_word(disk).into(),
        wall_time: Some(timestamp(machine.clock().wall)),
    }
}

/// What is kept where nobody has said anything.
static NOBODY: Hashes = BTreeMap::new();

/// One member as a node sees it.
pub(crate) fn draw(id: NodeId, member: &Member, node: &NodeStatus) -> pb::Member {
    let peer = node.peers.get(&id);
    let own = (id == node.id).then_some(node.last_index);
    let registered = member.incarnation.is_some();
    pb::Member {
        node_id: id.0,
        address: member.address.clone(),
        voter: member.votes(),
        matched_index: peer.map(|peer| peer.matched).or(own).unwrap_or(0),
        recently_active: peer.map(|peer| peer.recently_active),
        speaks_newest: if registered { member.speaks.newest.into() } else { 0 },
        leaving: member.role == MemberRole::Leaving,
    }
}

/// What a member says in a check at an index: `said` is what has been heard so far.
pub(crate) fn verdicts(cluster: &Cluster, index: u64, said: &Hashes) -> pb::CheckClusterResponse {
    let voters: Hashes = voters_of(cluster, said);
    let majority = commonest(&voters)
        .filter(|hash| voters.values().filter(|said| *said == hash).count() >= cluster.majority());
    let alike = said.values().collect::<BTreeSet<_>>().len() == 1;
    let verdict = |hash: Option<&[u8; 32]>| match (hash, majority) {
        (None, _) => pb::CheckVerdict::NotAnswered,
        (Some(hash), Some(majority)) if *hash == majority => pb::CheckVerdict::Agrees,
        (Some(_), None) if alike => pb::CheckVerdict::Agrees,
        (Some(_), _) => pb::CheckVerdict::Differs,
    };
    let members = cluster.members.keys().map(|member| {
        let hash = said.get(member);
        pb::MemberCheck {
            node_id: member.0,
            verdict: verdict(hash).into(),
            state_hash: hash.map_or_else(Vec::new, |hash| hash.to_vec()),
        }
    });
    pb::CheckClusterResponse {
        index,
        state_hash: majority.map_or_else(Vec::new, |hash| hash.to_vec()),
        members: members.collect(),
    }
}

fn voters_of(cluster: &Cluster, said: &Hashes) -> Hashes {
    let voters = said.iter().filter(|(node, _)| cluster.is_voter(**node));
    voters.map(|(&node, &hash)| (node, hash)).collect()
}

/// The hash that most have; of several the highest.
fn commonest(said: &Hashes) -> Option<[u8; 32]> {
    let mut times: BTreeMap<[u8; 32], usize> = BTreeMap::new();
    for &hash in said.values() {
        *times.entry(hash).or_default() += 1;
    }
    times.into_iter().max_by_key(|(_, times)| *times).map(|(hash, _)| hash)
}

/// The members that do not speak, or have not said that they speak, what this build does.
fn holding_back(cluster: &Cluster) -> Vec<u64> {
    let newest = Speaks::of_this_build().newest;
    if cluster.version >= newest {
        return Vec::new();
    }
    let held = |member: &Member| member.incarnation.is_none() || member.speaks.newest < newest;
    cluster.members.iter().filter(|(_, member)| held(member)).map(|(node, _)| node.0).collect()
}

/// A cluster that was made by version 0.1.0 has no id: zeros.
fn known_id(id: [u8; 16]) -> Vec<u8> {
    if id == [0; 16] { Vec::new() } else { id.to_vec() }
}

const fn disk_word(disk: DiskState) -> pb::DiskState {
    match disk {
        DiskState::Fine => pb::DiskState::Fine,
        DiskState::Low => pb::DiskState::Low,
        DiskState::Scarce => pb::DiskState::Scarce,
        DiskState::Critical => pb::DiskState::Critical,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Bootstrap;

    fn cluster() -> Cluster {
        let members = (1..=3).map(|node| (NodeId(node), format!("n{node}:1"))).collect();
        Cluster::new(&Bootstrap {
            cluster: "c".to_owned(),
            id: [1; 16],
            members,
            ladder: Vec::new(),
        })
    }

    /// `"aba"`: nodes 1 and 3 have one hash, node 2 another; `-` has not answered.
    fn check(said: &str, expected: &str) {
        let hashes = said.bytes().zip(1..).filter(|(hash, _)| *hash != b'-');
        let said = hashes.map(|(hash, node)| (NodeId(node), [hash; 32])).collect();
        let answer = verdicts(&cluster(), 7, &said);
        let word = |member: &pb::MemberCheck| match member.verdict() {
            pb::CheckVerdict::Agrees => 'A',
            pb::CheckVerdict::Differs => 'D',
            pb::CheckVerdict::NotAnswered => '-',
            pb::CheckVerdict::Unspecified => '?',
        };
        assert_eq!(answer.members.iter().map(word).collect::<String>(), expected);
    }

    #[test]
    fn who_differs_from_the_majority_differs_and_a_missing_answer_is_none() {
        check("aaa", "AAA");
        check("aba", "ADA");
        check("aa-", "AA-");
        check("a--", "A--");
        check("ab-", "DD-");
        check("abc", "DDD");
        check("---", "---");
    }

    #[test]
    fn who_has_not_registered_holds_the_version_back() {
        let mut cluster = cluster();
        let newest = Speaks::of_this_build();
        for node in [1, 2] {
            let member = cluster.members.get_mut(&NodeId(node)).unwrap();
            (member.incarnation, member.speaks) = (Some([1; 16]), newest);
        }
        cluster.version = newest.newest - 1;
        assert_eq!(holding_back(&cluster), [3]);
        cluster.version = newest.newest;
        assert!(holding_back(&cluster).is_empty());
    }
}
