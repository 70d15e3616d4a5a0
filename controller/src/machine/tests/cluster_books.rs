//! Are the books of the controllers themselves true, and do they only change as they may?

use crate::machine::Machine;
use crate::machine::cluster::{Cluster, MemberRole};
use crate::machine::command::FIRST_VERSION;
use crate::machine::vouches::MAX_VOUCHED_INDEXES;

/// Asserts what holds of every state.
pub(super) fn cluster_holds(machine: &Machine) {
    let Some(cluster) = machine.cluster() else { return };
    assert!(cluster.voters().next().is_some(), "nobody votes");
    for node in &cluster.removed {
        assert!(!cluster.members.contains_key(node), "node {node} left, and is a member");
        let holds = machine.blobs().values().any(|blob| blob.nodes.contains(node));
        assert!(!holds, "node {node} left, and counts as a holder");
    }
    for (node, member) in &cluster.members {
        let understands = member.incarnation.is_none() || member.speaks.knows(cluster.version);
        assert!(understands, "node {node} does not understand version {}", cluster.version);
    }
    let vouched: Vec<u64> = machine.vouches().iter().map(|(index, _)| index).collect();
    assert!(vouched.len() <= MAX_VOUCHED_INDEXES, "vouches of {} indexes", vouched.len());
    assert!(vouched.iter().all(|&index| index < machine.applied()), "a vouch from the future");
}

/// Asserts what holds, and that one entry has changed nothing that may not change.
pub(super) fn cluster_goes_on(before: &Machine, after: &Machine) {
    cluster_holds(after);
    let (was, is) = (before.clock(), after.clock());
    assert!(!was.wall_agreed || (is.wall_agreed && was.wall <= is.wall), "the wall runs backwards");
    let Some(was) = before.cluster() else { return };
    let is = after.cluster().expect("a cluster stays");
    assert_eq!((&was.name, was.id), (&is.name, is.id));
    let declared = |machine: &Machine| machine.calendar().ladder_version;
    let anew = declared(after) == declared(before) + 1;
    assert!(anew || was.ladder == is.ladder, "the ladder changed by itself");
    assert_eq!(was.generation, is.generation);
    assert!(FIRST_VERSION <= was.version && was.version <= is.version, "the version fell");
    assert!(was.removed.is_subset(&is.removed), "a removed id was forgotten");
    nobody_vanishes(was, is);
}

fn nobody_vanishes(was: &Cluster, is: &Cluster) {
    for (node, member) in &was.members {
        let Some(now) = is.members.get(node) else {
            assert!(is.removed.contains(node), "node {node} vanished, and its id may come again");
            continue;
        };
        let kept = member.incarnation.is_none() || member.incarnation == now.incarnation;
        assert!(kept, "node {node} has another disk");
        let keeps = now.votes() || now.role == MemberRole::Leaving || !member.votes();
        assert!(keeps, "node {node} lost its vote, and stayed");
    }
    let voters = was.voters().filter(|&node| is.is_voter(node)).count();
    assert!(voters + 1 >= was.voters().count(), "more than one voter left at a time");
}

mod planted {
    use super::super::script::run;
    use super::super::world::World;
    use super::*;
    use crate::machine::ids::NodeId;

    fn three() -> Machine {
        let mut world = World::new();
        run(&mut world, "bootstrap free nodes=3\nregister 1\nregister 2\nregister 3");
        world.machine
    }

    /// The checker must object to `fault`.
    fn plant(fault: impl FnOnce(&mut Machine, &mut Cluster)) {
        let before = three();
        let mut after = before.clone();
        let mut cluster = after.cluster.clone().unwrap();
        fault(&mut after, &mut cluster);
        after.cluster = Some(cluster);
        cluster_goes_on(&before, &after);
    }

    #[test]
    #[should_panic(expected = "node 2 left, and is a member")]
    fn an_id_that_is_used_again_is_noticed() {
        plant(|_, cluster| cluster.removed.extend([NodeId(2)]));
    }

    #[test]
    #[should_panic(expected = "node 3 vanished")]
    fn an_id_that_is_forgotten_is_noticed() {
        plant(|_, cluster| drop(cluster.members.remove(&NodeId(3))));
    }

    #[test]
    #[should_panic(expected = "node 3 lost its vote, and stayed")]
    fn a_vote_that_is_lost_is_noticed() {
        plant(|_, cluster| {
            cluster.members.get_mut(&NodeId(3)).unwrap().role = MemberRole::Learner;
        });
    }

    #[test]
    #[should_panic(expected = "node 1 has another disk")]
    fn another_disk_under_an_old_id_is_noticed() {
        plant(|_, cluster| {
            cluster.members.get_mut(&NodeId(1)).unwrap().incarnation = Some([2; 16]);
        });
    }

    #[test]
    #[should_panic(expected = "does not understand version 3")]
    fn a_version_that_rises_too_early_is_noticed() {
        plant(|_, cluster| cluster.version = 3);
    }

    #[test]
    #[should_panic(expected = "the wall runs backwards")]
    fn a_wall_clock_that_falls_back_is_noticed() {
        let mut world = World::new();
        run(&mut world, "bootstrap free\ntick 0s readings=1:5000");
        let mut after = world.machine.clone();
        after.clock.wall.0 -= 1;
        cluster_goes_on(&world.machine, &after);
    }
}
