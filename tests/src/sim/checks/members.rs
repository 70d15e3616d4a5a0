//! Does a controller keep the log with those that the state says are its members?

use tidegate_controller::machine::Machine;
use tidegate_controller::machine::cluster::MemberRole;
use tidegate_controller::node::{NodeStatus, Seat};

use super::Violation;

/// Compares whom raft counts with whom the state names. In a joint change, raft still counts who leaves.
pub(super) fn compare(id: u64, status: &NodeStatus, machine: &Machine) -> Result<(), Violation> {
    let Some(cluster) = machine.cluster() else { return Ok(()) };
    for (node, member) in &cluster.members {
        let seat = match member.role {
            MemberRole::Voter | MemberRole::Leaving => Seat::Voter,
            MemberRole::Learner => Seat::Learner,
        };
        if status.members.get(node) != Some(&seat) {
            let counted = &status.members;
            let what = format!(
                "at index {} node {id} has node {node} as {seat:?} in its state, and counts {counted:?}",
                machine.applied()
            );
            return Err(Violation::new("MEMBERS", what));
        }
    }
    let stranger = |node: &&_| !cluster.members.contains_key(*node);
    match status.members.keys().find(stranger) {
        None => Ok(()),
        Some(node) => {
            let what = format!("node {id} counts node {node}, which its state does not name");
            Err(Violation::new("MEMBERS", what))
        }
    }
}
