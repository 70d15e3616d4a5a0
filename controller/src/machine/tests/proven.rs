//! Does what has soaked before soak for a shorter time, where the policy says so, and nothing else?

use expect_test::expect;

use crate::machine::ids::RolloutId;

use super::check;
use super::script::run;
use super::world::{World, kernel};

/// 112.1 was completed on h1 and h2, which run k1, and 113.1 took its place and was withdrawn. 114.1 holds the
/// bytes of 112.1 again. h3 runs k2, for which 112.1 had nothing.
const GONE_BACK: &str = "bootstrap free
     token free free 9
     enrol h1,h2 free
     enrol h3 free kernel=k2
     blob 112.1 k1
     blob 113.1 k1
     blob 114.1 k2
     publish 112.1 k1
     create r1 112.1
     start r1
     tick 0s
     tick 1s asking=h1,h2
     begin h1,h2
     report h1,h2 applied
     tick 4s heard=h1,h2
     report h1,h2 soaked
     publish 113.1 k1
     create r2 113.1
     start r2
     tick 1s asking=h1,h2
     begin h1
     report h1 applied
     rollback r2 reason=bad
     report h1 reverted";

fn proven_by(script: &str) -> Vec<String> {
    let mut world = World::new();
    run(&mut world, script);
    world.finish();
    let rollout = &world.machine.rollouts()[&"r9".parse::<RolloutId>().unwrap()];
    assert!(rollout.started.is_some(), "r9 was not started");
    rollout.proven.iter().map(|(kernel, by)| format!("{kernel} by {by}")).collect()
}

#[test]
fn what_has_soaked_on_a_kernel_soaks_shorter_there_the_second_time_and_elsewhere_as_ever() {
    check(
        &format!(
            "{GONE_BACK}
             blob 112.1 k2
             publish 114.1 k1 k2 holds=112.1
             ---
             create r9 114.1 proven=2s,2 soak=4s
             start r9
             tick 1s asking=h1,h3
             begin h1,h3 holds=112.1
             report h1,h3 applied
             tick 1s heard=h1,h3
             report h1 soaked
             tick 1s heard=h1,h3
             report h1,h3 soaked
             tick 2s heard=h1,h3
             report h3 soaked"
        ),
        &expect![[r#"
            create r9 114.1
                ok; drafted r9
            start r9
                ok; started r9, drawn [], k1-generic amd64 proven by r1; free wave 1/1 (100%) by ada: the rollout was started; verdict continue (coverage)
            tick 1s asking=h1,h3
                ok; g5 offered to h1, epoch 1; g6 offered to h3, epoch 1
            begin h1 holds=112.1
                go, epoch 1, lease 5s; g5 of h1 begun
            begin h3 holds=112.1
                go, epoch 1, lease 5s; g6 of h3 begun
            report h1 applied
                counted; g5 of h1 applied
            report h3 applied
                counted; g6 of h3 applied
            tick 1s heard=h1,h3
                ok; g5 of h1 heard; g6 of h3 heard
            report h1 soaked
                not-yet(1s)
            tick 1s heard=h1,h3
                ok; g5 of h1 heard; g6 of h3 heard
            report h1 soaked
                counted; g5 of h1 soaked
            report h3 soaked
                not-yet(2s)
            tick 2s heard=h1,h3
                ok; g6 of h3 heard
            report h3 soaked
                counted; g6 of h3 soaked
        "#]],
    );
}

#[test]
fn without_a_word_of_it_in_the_policy_everything_soaks_as_ever() {
    let again = "publish 114.1 k1 holds=112.1\n create r9 114.1\n start r9";
    assert!(proven_by(&format!("{GONE_BACK}\n{again}")).is_empty());
}

#[test]
fn the_rollout_that_proved_it_is_named() {
    let again = "publish 114.1 k1 holds=112.1\n create r9 114.1 proven=2s,2\n start r9";
    let by = proven_by(&format!("{GONE_BACK}\n{again}"));
    assert_eq!(by, [format!("{} by r1", kernel("k1"))]);
}

#[test]
fn too_few_hosts_prove_nothing() {
    let again = "publish 114.1 k1 holds=112.1\n create r9 114.1 proven=2s,3\n start r9";
    assert!(proven_by(&format!("{GONE_BACK}\n{again}")).is_empty());
}

#[test]
fn other_bytes_are_not_proven() {
    let again = "blob 114.1 k1\n publish 114.1 k1\n create r9 114.1 proven=2s,1\n start r9";
    assert!(proven_by(&format!("{GONE_BACK}\n{again}")).is_empty());
}

#[test]
fn what_was_withdrawn_is_not_proven_by_those_who_soaked_with_it_before() {
    let again = "rollback r1 reason=bad
         publish 114.1 k1 holds=112.1
         create r9 114.1 proven=2s,1
         start r9";
    assert!(proven_by(&format!("{GONE_BACK}\n{again}")).is_empty());
}

#[test]
fn what_is_halted_anywhere_is_proven_nowhere() {
    let again = "publish 114.1 k1 holds=112.1
         publish 115.1 k1 holds=112.1
         create r3 115.1
         start r3
         halt r3 reason=odd
         create r9 114.1 proven=2s,1
         start r9";
    assert!(proven_by(&format!("{GONE_BACK}\n{again}")).is_empty());
}

#[test]
fn a_rollout_that_is_on_its_way_proves_nothing_yet() {
    let mut script = GONE_BACK.replace("report h1,h2 soaked", "report h1 soaked");
    script = script.replace("create r2 113.1", "supersede-me");
    let (before, _) = script.split_once("supersede-me").unwrap();
    let again = "publish 114.1 k1 holds=112.1
         create r9 114.1 proven=2s,1
         supersede r1 with=r9 reason=newer
         start r9";
    assert!(proven_by(&format!("{before}\n{again}")).is_empty());
}

#[test]
fn who_went_up_the_ladder_for_a_part_proves_nothing_for_the_rest() {
    let script = GONE_BACK.replace("bootstrap free", "bootstrap free paid");
    let again = "publish 114.1 k1 holds=112.1
         create r9 114.1 proven=2s,1 free=100% paid=100%
         start r9";
    assert!(proven_by(&format!("{script}\n{again}")).is_empty());
}
