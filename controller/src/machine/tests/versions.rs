//! Does a newer version wait until every member understands it?

use expect_test::{expect, expect_file};

use super::check;
use super::script::{one, run};
use super::world::World;
use crate::machine::command::{Command, ENTRY_VERSION, FIRST_VERSION, UnknownEntry};

#[test]
fn the_version_rises_once_every_member_has_said_that_it_understands_it() {
    check(
        "bootstrap free nodes=3
         add 4
         ---
         register 1 speaks=2..3
         register 2 speaks=2..4
         register 3 speaks=2..3
         register 4 speaks=2..2
         register 4 speaks=2..4
         register 1 speaks=2..4
         register 3 speaks=2..4",
        &expect![[r#"
            register 1 speaks=2..3
                ok; members/1 member.registered by node 1: at node-1:7443, understands the versions 2 to 3
            register 2 speaks=2..4
                ok; members/2 member.registered by node 2: at node-2:7443, understands the versions 2 to 4
            register 3 speaks=2..3
                ok; members/3 member.registered by node 3: at node-3:7443, understands the versions 2 to 3
            register 4 speaks=2..2
                ok; members/4 member.registered by node 4: at node-4:7443, understands the versions 2 to 2
            register 4 speaks=2..4
                ok; members/4 member.registered by node 4: at node-4:7443, understands the versions 2 to 4; cluster cluster.version-raised by judge: every member understands version 3
            register 1 speaks=2..4
                ok; members/1 member.registered by node 1: at node-1:7443, understands the versions 2 to 4
            register 3 speaks=2..4
                ok; members/3 member.registered by node 3: at node-3:7443, understands the versions 2 to 4; cluster cluster.version-raised by judge: every member understands version 4
        "#]],
    );
}

#[test]
fn the_version_rises_when_the_last_member_that_does_not_understand_it_leaves() {
    check(
        "bootstrap free nodes=3
         register 1 speaks=2..3
         register 2 speaks=2..3
         ---
         add 4
         register 4 speaks=2..3
         vote 4 replacing=3
         leave-joint
         add 5
         remove 5",
        &expect![[r#"
            add 4
                ok; members/4 member.added by ada: a learner at node-4:7443
            register 4 speaks=2..3
                ok; members/4 member.registered by node 4: at node-4:7443, understands the versions 2 to 3
            vote 4 replacing=3
                ok; members/4 member.promoted by ada: it votes, in the place of node 3, which leaves
            leave-joint 
                ok; members/3 member.removed by judge: it left for good; cluster cluster.version-raised by judge: every member understands version 3
            add 5
                ok; members/5 member.added by ada: a learner at node-5:7443
            remove 5
                ok; members/5 member.removed by ada: it left for good
        "#]],
    );
}

#[test]
fn an_older_build_may_come_back_until_the_version_has_risen_and_not_after() {
    check(
        "bootstrap free nodes=2
         register 1 speaks=2..3
         ---
         register 1 speaks=2..2
         register 1 speaks=2..3
         register 2 speaks=2..3
         register 1 speaks=2..2
         register 2 speaks=4..5",
        &expect![[r#"
            register 1 speaks=2..2
                ok; members/1 member.registered by node 1: at node-1:7443, understands the versions 2 to 2
            register 1 speaks=2..3
                ok; members/1 member.registered by node 1: at node-1:7443, understands the versions 2 to 3
            register 2 speaks=2..3
                ok; members/2 member.registered by node 2: at node-2:7443, understands the versions 2 to 3; cluster cluster.version-raised by judge: every member understands version 3
            register 1 speaks=2..2
                VERSION_NOT_SPOKEN
            register 2 speaks=4..5
                VERSION_NOT_SPOKEN
        "#]],
    );
}

#[test]
fn every_entry_of_this_release_may_be_proposed_from_the_first_version_on() {
    let lines = ["bootstrap free", "tick 0s", "register 1", "vouch 1", "add 2", "check-state"];
    for line in lines {
        let command = one(&mut World::new(), line);
        assert!(command.needs_version() <= FIRST_VERSION, "{line}");
        assert_eq!(command.encode()[..2], command.needs_version().to_le_bytes(), "{line}");
    }
    assert_eq!(one(&mut World::new(), "start r1").needs_version(), 1, "0.1.0 reads it");
}

/// A life of a cluster whose third member is of the release before, with all that may be proposed.
const UNTIL_THE_GATE: &str = "bootstrap free nodes=3
     register 1 speaks=2..3
     register 2 speaks=2..3
     register 3 speaks=2..2
     token free free 40
     enrol h1..h4 free
     blob 113.1 k1 node=1
     blob 113.1 k1 node=2
     publish 113.1 k1
     create r1 113.1 free=50%,100%
     start r1
     tick 0s readings=1:1000,2:1000
     tick 1s asking=h1..h4 readings=1:2000,2:2000
     begin h1..h4
     pause r1
     resume r1
     vouch 1 index=7
     check-state";

/// The build of this release and that of the next follow the same log: the same file is the measure of
/// both.
#[test]
fn both_releases_have_the_same_state_until_the_version_rises() {
    let mut world = World::new();
    let transcript = run(&mut world, UNTIL_THE_GATE);
    assert!(transcript.contains("pause r1\n    ok; paused r1"), "the old rule: no reason needed");
    world.finish();
    let hash: String =
        world.machine.state_hash().iter().map(|byte| format!("{byte:02x}")).collect();
    expect_file!["../golden/until-the-gate.hash"].assert_eq(&format!("{hash}\n"));
}

/// What the next release writes and this one cannot read.
fn probe() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/machine/golden/next-probe.hex");
    super::golden::bytes(&std::fs::read_to_string(path).unwrap())
}

#[cfg(not(feature = "next-version"))]
#[test]
fn an_entry_of_the_next_release_is_not_guessed_at() {
    assert_eq!(Command::decode(&probe()), Err(UnknownEntry::Newer { found: ENTRY_VERSION + 1 }));
}

#[cfg(feature = "next-version")]
mod next {
    use super::*;
    use crate::machine::cluster::Speaks;

    #[test]
    fn the_next_release_reads_what_it_writes() {
        let command = one(&mut World::new(), "probe 2");
        assert_eq!(command.encode(), probe());
        assert_eq!(Command::decode(&probe()), Ok(command));
        assert_eq!(Speaks::of_this_build().newest, FIRST_VERSION + 1);
    }

    #[test]
    fn a_probe_under_an_older_version_is_no_entry() {
        let mut bytes = probe();
        bytes[..2].copy_from_slice(&FIRST_VERSION.to_le_bytes());
        let length = bytes.len();
        assert_eq!(Command::decode(&bytes), Err(UnknownEntry::Malformed { length }));
        assert_eq!(ENTRY_VERSION, FIRST_VERSION + 1);
    }

    #[test]
    fn the_old_rule_holds_until_every_member_understands_the_new_one() {
        check(
            &format!(
                "{UNTIL_THE_GATE}
                 ---
                 pause r1
                 resume r1
                 register 3 speaks=2..3
                 pause r1
                 pause r1 reason=lunch
                 probe 2
                 probe 7"
            ),
            &expect![[r#"
                pause r1
                    ok; paused r1
                resume r1
                    ok; resumed r1, acknowledged []
                register 3 speaks=2..3
                    ok; members/3 member.registered by node 3: at node-3:7443, understands the versions 2 to 3; cluster cluster.version-raised by judge: every member understands version 3
                pause r1
                    REASON_MISSING
                pause r1 reason=lunch
                    ok; paused r1
                probe 2
                    ok; cluster cluster.state-check by node 2: every node says which state it has
                probe 7
                    UNKNOWN_MEMBER
            "#]],
        );
    }
}
