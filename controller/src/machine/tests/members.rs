//! Do the controllers come and go by the rules?

use expect_test::expect;

use super::check;
use super::script::{one, run};
use super::world::World;
use crate::machine::command::MemberChange;
use crate::machine::ids::NodeId;

#[test]
fn a_node_learns_then_votes_in_the_place_of_another_which_stays_until_the_change_has_ended() {
    check(
        "bootstrap free nodes=3
         ---
         add 4 by=eve
         register 4 disk=9 at=node-4:8000
         vote 4 replacing=1 by=bob
         register 1 at=moved:1
         vote 1
         remove 1
         leave-joint
         leave-joint
         register 1
         remove 2 by=ada",
        &expect![[r#"
            add 4 by=eve
                ok; members/4 member.added by eve: a learner at node-4:7443
            register 4 at=node-4:8000 disk=9
                ok; members/4 member.registered by node 4: at node-4:8000, understands the versions 2 to 2
            vote 4 by=bob replacing=1
                ok; members/4 member.promoted by bob: it votes, in the place of node 1, which leaves
            register 1 at=moved:1
                ok; members/1 member.registered by node 1: at moved:1, understands the versions 2 to 2
            vote 1
                MEMBER_REMOVED
            remove 1
                MEMBER_REMOVED
            leave-joint 
                ok; members/1 member.removed by judge: it left for good
            leave-joint 
                ok
            register 1
                MEMBER_REMOVED
            remove 2 by=ada
                ok; members/2 member.removed by ada: it left for good
        "#]],
    );
}

#[test]
fn an_id_is_never_used_again() {
    check(
        "bootstrap free nodes=3
         remove 3
         add 4
         vote 4 replacing=2
         leave-joint
         add 5
         ---
         add 3
         add 2 at=other:1
         add 1 at=other:1
         register 3
         remove 3
         vote 2
         vote 5 replacing=3
         blob 113.1 k1 node=3",
        &expect![[r#"
            add 3
                MEMBER_REMOVED
            add 2 at=other:1
                MEMBER_REMOVED
            add 1 at=other:1
                MEMBER_EXISTS
            register 3
                MEMBER_REMOVED
            remove 3
                MEMBER_REMOVED
            vote 2
                MEMBER_REMOVED
            vote 5 replacing=3
                MEMBER_REMOVED
            blob 113.1 k1 node=3
                MEMBER_REMOVED
        "#]],
    );
}

#[test]
fn what_would_break_the_group_is_refused() {
    check(
        "bootstrap free nodes=2
         add 3
         ---
         add 0
         add 4 at=node-1:7443
         vote 9
         vote 1
         vote 3 replacing=9
         vote 3 replacing=3
         remove 9
         remove 2
         remove 1
         vote 3 replacing=1
         leave-joint
         remove 3",
        &expect![[r#"
            add 0
                NODE_ID_ZERO
            add 4 at=node-1:7443
                ADDRESS_IN_USE
            vote 9
                UNKNOWN_MEMBER
            vote 1
                MEMBER_NOT_LEARNER
            vote 3 replacing=9
                UNKNOWN_MEMBER
            vote 3 replacing=3
                MEMBER_NOT_VOTER
            remove 9
                UNKNOWN_MEMBER
            remove 2
                ok; members/2 member.removed by ada: it left for good
            remove 1
                LAST_VOTER
            vote 3 replacing=1
                ok; members/3 member.promoted by ada: it votes, in the place of node 1, which leaves
            leave-joint 
                ok; members/1 member.removed by judge: it left for good
            remove 3
                LAST_VOTER
        "#]],
    );
}

#[test]
fn before_the_cluster_has_a_name_nobody_comes_or_goes() {
    check(
        "add 4\nvote 4\nremove 4\nregister 4\nvouch 4\ncheck-state",
        &expect![[r#"
        add 4
            NOT_BOOTSTRAPPED
        vote 4
            NOT_BOOTSTRAPPED
        remove 4
            NOT_BOOTSTRAPPED
        register 4
            NOT_BOOTSTRAPPED
        vouch 4
            NOT_BOOTSTRAPPED
        check-state 
            NOT_BOOTSTRAPPED
    "#]],
    );
}

#[test]
fn an_address_is_a_host_and_a_port() {
    let long = format!("{}:1", "a".repeat(254));
    let bad = [
        "",
        "node-4",
        ":7443",
        "node-4:",
        "node-4:0",
        "node-4:65536",
        "node-4:+1",
        "node-4:7x",
        "no de:1",
        "a:b:1",
        "node-4:00",
        "nöde:1",
        &long,
    ];
    let mut world = World::new();
    run(&mut world, "bootstrap free\nadd 5 at=x:1");
    for address in bad {
        for line in ["add 4 at=BAD", "register 5 at=BAD"] {
            let mut command = one(&mut world, line);
            super::cluster_words::readdress(&mut command, address);
            let refused = world.apply(&command).outcome.unwrap_err();
            assert_eq!(refused.reason(), "BAD_ADDRESS", "{address}");
        }
    }
    for good in ["10.0.0.4:7443", "[::1]:1", "node-4.example.org:65535"] {
        let mut command = one(&mut World::new(), "register 5");
        super::cluster_words::readdress(&mut command, good);
        assert!(world.apply(&command).outcome.is_ok(), "{good}");
    }
}

#[test]
fn a_node_that_says_the_same_again_changes_nothing_and_another_disk_is_refused() {
    check(
        "bootstrap free nodes=3
         ---
         register 2 disk=5
         register 2 disk=5
         register 2 disk=5 at=moved:1
         register 2 disk=6
         register 9",
        &expect![[r#"
            register 2 disk=5
                ok; members/2 member.registered by node 2: at node-2:7443, understands the versions 2 to 2
            register 2 disk=5
                ok
            register 2 at=moved:1 disk=5
                ok; members/2 member.registered by node 2: at moved:1, understands the versions 2 to 2
            register 2 disk=6
                OTHER_INCARNATION
            register 9
                UNKNOWN_MEMBER
        "#]],
    );
}

#[test]
fn a_refusal_says_the_way_out() {
    let mut world = World::new();
    run(&mut world, "bootstrap free nodes=2\nregister 1 speaks=2..3\nadd 3\nremove 3");
    let lines = [
        "add 0",
        "add 1",
        "add 3",
        "add 4 at=node-2:7443",
        "add 4 at=nowhere",
        "vote 7",
        "vote 2",
        "register 1 disk=2",
        "register 2 speaks=3..3",
        "vouch 1 index=99",
    ];
    let mut said = String::new();
    for line in lines {
        let command = one(&mut world, line);
        let refused = world.apply(&command).outcome.unwrap_err();
        said.push_str(&format!("{}: {refused}\n", refused.reason()));
    }
    run(&mut world, "remove 2\nadd 5\nadd 6");
    for line in ["remove 1", "vote 5 replacing=6"] {
        let command = one(&mut world, line);
        let refused = world.apply(&command).outcome.unwrap_err();
        said.push_str(&format!("{}: {refused}\n", refused.reason()));
    }
    expect![[r#"
        NODE_ID_ZERO: 0 is no node id: choose a number from 1 that no controller of this cluster ever had
        MEMBER_EXISTS: node 1 is a member already: choose an id that no controller of this cluster ever had, see `tidegate cluster status`
        MEMBER_REMOVED: node 3 was removed, and no id is used again: add the controller under a new id, with an empty folder
        ADDRESS_IN_USE: node 2 listens at `node-2:7443`: give each controller an address of its own
        BAD_ADDRESS: `nowhere` is no address: write `host:port`, for example `10.0.0.4:7443`
        UNKNOWN_MEMBER: node 7 is not a member; the members are 1, 2: add it with `tidegate cluster add`
        MEMBER_NOT_LEARNER: node 2 votes already: only a learner can be promoted, see `tidegate cluster status`
        OTHER_INCARNATION: node 1 has registered with another data folder: remove the node, and let this controller join under a new id, with an empty folder; a controller that comes back under an old id without its memory could vote twice
        VERSION_NOT_SPOKEN: node 2 understands the versions 3 to 3, and the cluster follows version 2: install a build that understands it
        VOUCH_AHEAD: the state at log index 99 was vouched for in the entry 14, before it can be known: stop the node that said so, its memory or its build is damaged
        LAST_VOTER: node 1 is the last voter, and nobody could decide anything without it: add another node and promote it first
        MEMBER_NOT_VOTER: node 6 has no vote that could be replaced: name a voter, see `tidegate cluster status`, or promote without `--replacing`
    "#]].assert_eq(&said);
}

#[test]
fn a_member_that_left_holds_nothing_and_a_learner_helps_no_rollout_to_start() {
    check(
        "bootstrap free nodes=3
         add 4
         token free free 5
         enrol h1 free
         blob 113.1 k1 node=3
         blob 113.1 k1 node=4
         publish 113.1 k1
         create r1 113.1
         ---
         start r1
         blob 113.1 k1 node=2
         remove 3
         start r1
         vote 4
         start r1",
        &expect![[r#"
            start r1
                ARTIFACTS_NOT_REPLICATED
            blob 113.1 k1 node=2
                ok
            remove 3
                ok; members/3 member.removed by ada: it left for good
            start r1
                ARTIFACTS_NOT_REPLICATED
            vote 4
                ok; members/4 member.promoted by ada: it votes, beside the others
            start r1
                ok; started r1, drawn []; free wave 1/1 (100%) by ada: the rollout was started; verdict hold (fleet-heard)
        "#]],
    );
}

#[test]
fn the_group_learns_from_the_command_what_it_has_to_change() {
    let change = |line: &str| one(&mut World::new(), line).member_change();
    assert_eq!(change("add 4"), Some(MemberChange::AddLearner(NodeId(4))));
    let (node, replacing) = (NodeId(4), Some(NodeId(1)));
    assert_eq!(change("vote 4 replacing=1"), Some(MemberChange::Promote { node, replacing }));
    assert_eq!(change("remove 4"), Some(MemberChange::Remove(node)));
    for line in [
        "check-state",
        "start r1",
        "tick 0s",
        "register 4",
        "vouch 4",
        "bootstrap free",
        "leave-joint",
    ] {
        assert_eq!(change(line), None, "{line}");
    }
}
