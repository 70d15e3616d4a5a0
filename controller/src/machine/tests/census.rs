//! Do the counts follow hosts that change in mid-rollout? The watch recounts after every line.

use expect_test::expect;

use super::check;

const TWO_TIERS: &str = "bootstrap free paid
     token free free 9
     token paid paid 9
     enrol h1..h4 free
     enrol h5 paid
     blob 113.1 k1
     publish 113.1 k1
     create r1 113.1 free=50%,100% paid=100%
     start r1
     tick 0s
     tick 1s asking=h1..h5
     begin h1..h5
     ---
     ";

fn two_tiers(script: &str) -> String {
    format!("{TWO_TIERS}{script}")
}

#[test]
fn a_host_that_changes_its_kernel_leaves_the_census_and_comes_back() {
    check(
        &two_tiers(
            "report h1,h3 started kernel=k2
             report h3 started kernel=k1
             report h1 started kernel=k1 boot=b2",
        ),
        &expect![[r#"
            report h1 started kernel=k2
                counted; h1 runs k2 in b1
            report h3 started kernel=k2
                counted; h3 runs k2 in b1
            report h3 started kernel=k1
                counted; h3 runs k1 in b1
            report h1 started boot=b2 kernel=k1
                counted; h1 runs k1 in b2
        "#]],
    );
}

#[test]
fn a_host_that_changes_its_mode_leaves_the_census_and_comes_back() {
    check(
        &two_tiers(
            "report h2,h4 started mode=no-apply
             enrol h2 free
             report h4 started",
        ),
        &expect![[r#"
            report h2 started mode=no-apply
                counted; h2 runs k1 in b1, no-apply
            report h4 started mode=no-apply
                counted; h4 runs k1 in b1, no-apply
            enrol h2 free
                h2 in free; h2 enrolled with free in free
            report h4 started
                counted; h4 runs k1 in b1
        "#]],
    );
}

#[test]
fn a_host_that_changes_its_tier_is_counted_where_its_newest_grant_says() {
    check(
        &two_tiers(
            "report h1..h4 refused
             enrol h1..h4 paid
             promote r1 force=a tier=free wave=1
             promote r1 force=a tier=free wave=2
             tick 1s asking=h1..h5
             begin h1..h5
             report h1 failed
             enrol h1 free",
        ),
        &expect![[r#"
            report h1 refused
                refused(NOT_YOUR_GRANT)
            report h2 refused
                counted; g2 of h2 refused: why; verdict continue (coverage)
            report h3 refused
                counted; g1 of h3 refused: why; verdict continue (soak)
            report h4 refused
                refused(NOT_YOUR_GRANT)
            enrol h1 paid
                h1 in paid; h1 enrolled with paid in paid
            enrol h2 paid
                h2 in paid; h2 enrolled with paid in paid
            enrol h3 paid
                h3 in paid; h3 enrolled with paid in paid
            enrol h4 paid
                h4 in paid; h4 enrolled with paid in paid
            promote r1 force=a tier=free wave=1
                ok; free wave 2/2 (100%) by ada: forced: a; verdict continue (soak)
            promote r1 force=a tier=free wave=2
                ok; paid wave 1/1 (100%) by ada: forced: a; verdict continue (coverage)
            tick 1s asking=h1..h5
                ok; g3 offered to h3, epoch 1; g4 offered to h1, epoch 1; g5 offered to h2, epoch 1; g6 offered to h4, epoch 1; g7 offered to h5, epoch 1
            begin h1
                go, epoch 1, lease 5s; g4 of h1 begun
            begin h2
                go, epoch 1, lease 5s; g5 of h2 begun
            begin h3
                go, epoch 1, lease 5s; g3 of h3 begun
            begin h4
                go, epoch 1, lease 5s; g6 of h4 begun
            begin h5
                go, epoch 1, lease 5s; g7 of h5 begun; verdict continue (soak)
            report h1 failed
                counted; g4 of h1 failed: why; verdict continue (soak)
            enrol h1 free
                h1 in free; h1 enrolled with free in free
        "#]],
    );
}

#[test]
fn a_drawn_host_that_changes_its_tier_stays_drawn() {
    check(
        "bootstrap canary* free paid
         token free free 9
         token paid paid 9
         enrol h1..h2 free
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 canary=draw1 free=100% paid=100%
         ---
         start r1
         enrol h1,h2 paid
         tick 0s
         tick 1s asking=h1,h2
         enrol h1,h2 free",
        &expect![[r#"
            start r1
                ok; started r1, drawn [h1]; canary wave 1/1 (100%) by ada: the rollout was started; verdict hold (fleet-heard)
            enrol h1 paid
                h1 in paid; h1 enrolled with paid in paid
            enrol h2 paid
                h2 in paid; h2 enrolled with paid in paid
            tick 0s
                ok
            tick 1s asking=h1,h2
                ok; g1 offered to h1, epoch 1; verdict continue (coverage)
            enrol h1 free
                h1 in free; h1 enrolled with free in free
            enrol h2 free
                h2 in free; h2 enrolled with free in free
        "#]],
    );
}

#[test]
fn a_host_that_joins_late_has_its_turn_in_the_wave_that_is_past() {
    check(
        "fleet 2
         create r1 113.1
         start r1
         promote r1 force=done
         tick 0s
         tick 1s
         ---
         enrol h7 free
         tick 1s asking=h7
         begin h7
         report h7 applied
         tick 4s heard=h7
         report h7 soaked",
        &expect![[r#"
            enrol h7 free
                h7 in free; h7 enrolled with free in free
            tick 1s asking=h7
                ok; g1 offered to h7, epoch 1; verdict continue (coverage)
            begin h7
                go, epoch 1, lease 5s; g1 of h7 begun
            report h7 applied
                counted; g1 of h7 applied
            tick 4s heard=h7
                ok; g1 of h7 heard
            report h7 soaked
                counted; g1 of h7 soaked
        "#]],
    );
}

#[test]
fn a_host_keeps_only_its_newest_grant_of_those_that_never_began() {
    let mut world = super::world::World::new();
    let script = "fleet 1
         create r1 113.1 offer=5s
         start r1
         tick 0s
         tick 1s
         tick 5s asking=h1 x50";
    super::script::run(&mut world, script);
    let kept: Vec<u64> = world.machine.grants.values().map(|grant| grant.id.0).collect();
    assert_eq!(kept, [50]);
    world.finish();
}
