//! Does nothing go on by itself after a restore, and is nothing forgotten?

use expect_test::expect;

use super::check;
use super::script::run;
use super::world::{World, host};
use crate::machine::ids::GrantId;
use crate::machine::restore::{EPOCH_JUMP, GRANT_JUMP};

/// A rollout under way: h1 is in flight, h2 has an offer, h3 has nothing.
const UNDER_WAY: &str = "bootstrap free nodes=3
     register 1
     register 2
     register 3
     token free free 40
     enrol h1..h3 free
     blob 113.1 k1 node=1
     blob 113.1 k1 node=2
     publish 113.1 k1
     create r1 113.1 budget=3
     create r2 113.1
     start r1
     tick 0s
     tick 1s asking=h1,h2
     begin h1
     report h1 applied";

#[test]
fn a_restore_pauses_withdraws_and_lifts_every_fence_above_what_hosts_have_seen() {
    check(
        &format!(
            "{UNDER_WAY}
             ---
             restore 9
             begin h2
             tick 1s asking=h2,h3
             begin h1"
        ),
        &expect![[r#"
            restore 9
                ok; cluster cluster.restored by restore: generation 2 begins with node 9 at node-9:7443, at log index 1018: drill; paused r1; g1 of h2 withdrawn
            begin h2
                no-go StaleEpoch, again never
            tick 1s asking=h2,h3
                ok; verdict hold (fleet-heard)
            begin h1
                no-go StaleEpoch, again never
        "#]],
    );
}

#[test]
fn a_completed_rollout_serves_nobody_that_comes_late_until_a_person_resumes_it() {
    check(
        "fleet 2
         create r1 113.1 coverage=50% verified=50% soak=0s
         start r1
         tick 0s
         tick 1s asking=h1
         begin h1
         report h1 applied
         report h1 soaked
         ---
         restore 9
         tick 1s asking=h2
         resume r1 reason=looked-at-it
         tick 1s asking=h2
         begin h2",
        &expect![[r#"
            restore 9
                ok; cluster cluster.restored by restore: generation 2 begins with node 9 at node-9:7443, at log index 1013: drill; paused r1
            tick 1s asking=h2
                ok
            resume r1 reason=looked-at-it
                ok; resumed r1, acknowledged []; verdict hold (fleet-heard)
            tick 1s asking=h2
                ok; g1000002 offered to h2, epoch 1001; verdict promote
            begin h2
                go, epoch 1001, lease 5s; g1000002 of h2 begun
        "#]],
    );
}

#[test]
fn hosts_in_flight_stay_exposed_and_none_is_silent_before_a_full_beat_was_listened() {
    check(
        &format!(
            "{UNDER_WAY}
             restore 9
             ---
             tick 1s term=7
             tick 900ms
             tick 100ms
             tick 1s
             tick 1s heard=h1
             tick 1s x3"
        ),
        &expect![[r#"
            tick 1s term=7
                ok; verdict hold (fleet-heard)
            tick 900ms
                ok
            tick 100ms
                ok; verdict continue (coverage)
            tick 1s
                ok
            tick 1s heard=h1
                ok; g2 of h1 heard
            tick 1s
                ok
            tick 1s
                ok
            tick 1s
                ok; g2 of h1 silent: not heard for 3s of listening time (3 beats of 1s)
        "#]],
    );
}

#[test]
fn the_restored_cluster_is_another_one_of_one_voter_and_no_old_id_comes_again() {
    let mut world = World::new();
    run(&mut world, UNDER_WAY);
    let before = world.machine.clone();
    run(&mut world, "restore 1 generation=1700000000 to=5000 at=new:1");
    let (was, is) = (before.cluster().unwrap(), world.machine.cluster().unwrap());
    assert_ne!(was.id, is.id);
    assert_eq!(is.generation, 1_700_000_000);
    assert_eq!(world.machine.applied(), 5_000);
    let shown: Vec<_> = is.members.iter().map(|(id, m)| (id.0, &*m.address, m.votes())).collect();
    assert_eq!(shown, [(1, "new:1", true)]);
    assert!(is.members.values().all(|member| member.incarnation.is_none()), "a new disk");
    assert!(world.machine.blobs().values().all(|blob| blob.nodes.is_empty()), "nothing is certain");
    for (version, patch_set) in before.patch_sets() {
        assert_eq!(world.machine.patch_sets()[version].epoch, patch_set.epoch + EPOCH_JUMP);
    }
    let transcript = run(&mut world, "register 2\nadd 2\nregister 1 disk=8\nadd 4");
    expect![[r#"
        register 2
            MEMBER_REMOVED
        add 2
            MEMBER_REMOVED
        register 1 disk=8
            ok; members/1 member.registered by node 1: at node-1:7443, understands the versions 2 to 2
        add 4
            ok; members/4 member.added by ada: a learner at node-4:7443
    "#]].assert_eq(&transcript);
    world.finish();
}

#[test]
fn a_word_on_a_grant_that_the_backup_does_not_know_is_never_taken_for_a_word_on_another() {
    let mut world = World::new();
    run(&mut world, UNDER_WAY);
    // After the backup h3 began grant 3. The restored cluster does not know.
    run(&mut world, "restore 9\nresume r1 reason=go");
    run(&mut world, "tick 1s\ntick 1s\ntick 1s asking=h3 heard=h1");
    let offered = world.newest_grant(host("h3"));
    assert_eq!(offered, GrantId(2 + GRANT_JUMP + 1));
    let transcript = run(&mut world, "report h3 crashed grant=3");
    expect![[r#"
        report h3 crashed grant=3
            refused(NOT_YOUR_GRANT)
    "#]]
    .assert_eq(&transcript);
    world.finish();
}

#[test]
fn a_restore_that_would_go_back_is_refused_and_changes_nothing() {
    check(
        "restore 9",
        &expect![[r#"
        restore 9
            the backup holds no cluster: bootstrap a new one with `tidegate serve`
    "#]],
    );
    check(
        &format!(
            "{UNDER_WAY}
             remove 3
             ---
             restore 9 generation=1
             restore 9 to=7
             restore 3
             restore 9
             restore 9 generation=2
             restore 1
             restore 10"
        ),
        &expect![[r#"
            restore 9 generation=1
                the generation must be above the backup's, which is 1, and 1 is not
            restore 9 to=7
                the restored log must begin at 19 or above, where the backup ends, not at 7
            restore 3
                node 3 was removed, and no id is used again: choose another with `--node-id`
            restore 9
                ok; cluster cluster.restored by restore: generation 2 begins with node 9 at node-9:7443, at log index 1019: drill; paused r1; g1 of h2 withdrawn
            restore 9 generation=2
                the generation must be above the backup's, which is 2, and 2 is not
            restore 1
                node 1 was removed, and no id is used again: choose another with `--node-id`
            restore 10
                ok; cluster cluster.restored by restore: generation 3 begins with node 10 at node-10:7443, at log index 2019: drill
        "#]],
    );
}
