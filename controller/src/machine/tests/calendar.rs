//! Do hosts begin only when the calendar lets them, to the millisecond of the cluster's clock?

use expect_test::expect;
use tidegate_policies::gate::GateState;

use crate::machine::ids::RolloutId;
use crate::machine::rollouts::Rollout;

use super::check;
use super::script::run;
use super::world::{World, host};

/// Four hosts and a rollout that is under way, an hour after the epoch's midnight.
const FLEET: &str = "fleet 4
     tick 0s wall=3600000
     create r1 113.1 budget=4
     start r1
     tick 1s wall=3600000";

fn rollout(world: &World) -> &Rollout {
    &world.machine.rollouts()[&"r1".parse::<RolloutId>().unwrap()]
}

/// The gates of the verdict that wait or are shut, and why.
fn waits(world: &World) -> Vec<String> {
    let verdict = world.machine.verdict(rollout(world)).unwrap();
    let waits = verdict.gates.iter().filter(|gate| gate.state != GateState::Open);
    waits.map(|gate| format!("{}: {}", gate.name.as_str(), gate.detail)).collect()
}

#[test]
fn a_host_begins_inside_the_window_and_neither_a_millisecond_before_nor_after() {
    check(
        &format!(
            "{FLEET}
             ladder free windows=free:0_2_*_*_*/1h
             openings 0_2_*_*_*/1h from=3600000
             tick 1s wall=7199999 asking=h1
             ---
             tick 1s wall=7199999 asking=h1
             tick 1s wall=7200000 asking=h1,h2
             begin h1
             tick 1s wall=10799999
             tick 1s wall=10800000
             begin h2
             begin h1"
        ),
        &expect![[r#"
            tick 1s asking=h1 wall=7199999
                ok
            tick 1s asking=h1,h2 wall=7200000
                ok; g1 offered to h2, epoch 1; g2 offered to h1, epoch 1
            begin h1
                go, epoch 1, lease 5s; g2 of h1 begun
            tick 1s wall=10799999
                ok
            tick 1s wall=10800000
                ok
            begin h2
                no-go Closed, again in 1s
            begin h1
                no-go Closed, again in 1s
        "#]],
    );
}

#[test]
fn a_window_whose_openings_nobody_has_said_is_closed() {
    let mut world = World::new();
    run(&mut world, &format!("{FLEET}\nladder free windows=free:*_*_*_*_*/1h\ntick 1s asking=h1"));
    assert!(world.machine.hosts().live_grant(host("h1")).is_none());
    run(&mut world, "openings *_*_*_*_*/1h from=3600000\ntick 1s asking=h1");
    assert!(world.machine.hosts().live_grant(host("h1")).is_some());
    world.finish();
}

#[test]
fn without_a_majority_that_says_the_time_a_window_is_closed_and_what_needs_none_goes_on() {
    let mut world = World::new();
    run(
        &mut world,
        "bootstrap free nodes=3
         token free free 40
         enrol h1..h4 free
         blob 113.1 k1 node=1
         blob 113.1 k1 node=2
         publish 113.1 k1
         tick 0s readings=1:3600000,2:3600000
         create r1 113.1 budget=4
         start r1
         ladder free windows=free:*_*_*_*_*/1h
         openings *_*_*_*_*/1h from=3600000
         tick 10s readings=1:3600000
         tick 1s readings=1:3600000 asking=h1",
    );
    assert!(world.machine.hosts().live_grant(host("h1")).is_none());
    assert!(waits(&world).iter().any(|gate| gate.starts_with("window: no majority")));
    run(&mut world, "tick 1s readings=1:3601000,3:3601000 asking=h1");
    assert!(world.machine.hosts().live_grant(host("h1")).is_some());
    run(
        &mut world,
        "tick 1s readings=1:3602000\nladder free\ntick 1s readings=1:3603000 asking=h2",
    );
    assert!(world.machine.hosts().live_grant(host("h2")).is_some());
    world.finish();
}

#[test]
fn a_freeze_stops_begins_and_promotions_until_it_ends_or_is_lifted() {
    check(
        &format!(
            "{FLEET}
             tick 1s asking=h1,h2
             ---
             freeze xmas tier=free until=3700000 reason=holidays
             freeze xmas reason=again
             begin h1
             tick 1s wall=3699999
             begin h1
             tick 1s wall=3700000
             begin h1
             freeze all reason=audit
             begin h2
             lift all
             lift all reason=done
             begin h2
             lift all reason=again
             freeze late until=3700000"
        ),
        &expect![[r#"
            freeze xmas reason=holidays tier=free until=3700000
                ok; freeze xmas began
            freeze xmas reason=again
                FREEZE_EXISTS
            begin h1
                no-go Closed, again in 1s
            tick 1s wall=3699999
                ok; verdict continue (coverage)
            begin h1
                no-go Closed, again in 1s
            tick 1s wall=3700000
                ok; verdict continue (coverage)
            begin h1
                go, epoch 1, lease 5s; g2 of h1 begun
            freeze all reason=audit
                ok; freeze all began
            begin h2
                no-go Closed, again in 1s
            lift all
                REASON_MISSING
            lift all reason=done
                ok; freeze all lifted
            begin h2
                go, epoch 1, lease 5s; g1 of h2 begun
            lift all reason=again
                UNKNOWN_FREEZE
            freeze late until=3700000
                FREEZE_OVER
        "#]],
    );
}

#[test]
fn a_frozen_rollout_that_has_shown_all_is_not_promoted() {
    let script = |freeze: &str| {
        let mut world = World::new();
        run(
            &mut world,
            &format!(
                "{FLEET}
                 tick 1s asking=h1..h4
                 begin h1..h4
                 report h1..h4 applied
                 {freeze}
                 tick 5s heard=h1..h4
                 report h1..h4 soaked
                 tick 1s"
            ),
        );
        world.finish();
        (format!("{:?}", rollout(&world).state), waits(&world))
    };
    assert_eq!(script("").0, "Completed");
    let (state, waits) = script("freeze all reason=audit");
    assert_eq!(state, "Running");
    assert_eq!(waits, ["freeze: the freeze all stands until `tidegate freeze lift all`: audit"]);
}

#[test]
fn a_rollout_starts_at_its_date() {
    let mut world = World::new();
    let fleet = FLEET.replace("budget=4", "budget=4 start-at=3700000");
    run(&mut world, &format!("{fleet}\ntick 1s wall=3699999 asking=h1"));
    assert!(world.machine.hosts().live_grant(host("h1")).is_none());
    assert_eq!(waits(&world)[1], "start-at: the rollout starts at 1970-01-01T01:01:40Z");
    run(&mut world, "tick 1s wall=3700000 asking=h1");
    assert!(world.machine.hosts().live_grant(host("h1")).is_some());
    world.finish();
}

#[test]
fn a_tier_waits_its_delay_after_publication_and_never_takes_what_came_after_its_cut_off() {
    let mut world = World::new();
    // Published at 0.
    run(
        &mut world,
        &format!("{FLEET}\nladder free delay=free:4000s\ntick 1s wall=3999999 asking=h1"),
    );
    assert!(world.machine.hosts().live_grant(host("h1")).is_none());
    run(&mut world, "tick 1s wall=4000000 asking=h1");
    assert!(world.machine.hosts().live_grant(host("h1")).is_some());
    world.finish();
    let mut world = World::new();
    let fleet = FLEET.replacen("fleet 4", "bootstrap free\ntick 0s wall=5000\ntoken free free 9\nenrol h1..h4 free\nblob 113.1 k1\npublish 113.1 k1", 1);
    run(&mut world, &format!("{fleet}\nladder free cut-off=free:4999\ntick 900s asking=h1"));
    assert!(world.machine.hosts().live_grant(host("h1")).is_none());
    run(&mut world, "ladder free cut-off=free:5000\ntick 1s asking=h1");
    assert!(world.machine.hosts().live_grant(host("h1")).is_some());
}

#[test]
fn what_is_held_back_from_a_host_leaves_the_others_and_the_census_says_so() {
    let mut world = World::new();
    run(
        &mut world,
        &format!("{FLEET}\nhold-back h1 delay=4000s\ntick 1s wall=3999999 asking=h1,h2"),
    );
    let hosts = |world: &World| rollout(world).stages[0].hosts;
    assert_eq!(hosts(&world), 3);
    let live = |world: &World, name| world.machine.hosts().live_grant(host(name)).is_some();
    assert_eq!((live(&world, "h1"), live(&world, "h2")), (false, true));
    run(&mut world, "tick 1s wall=4000000 asking=h1");
    assert_eq!((hosts(&world), live(&world, "h1")), (4, true));
    world.finish();
}

#[test]
fn what_is_held_back_from_a_token_is_held_back_from_each_of_its_hosts() {
    check(
        &format!(
            "{FLEET}
             ---
             hold-back nobody delay=1s
             hold-back h9 delay=1s
             hold-back free cut-off=1 delay=99999999s
             hold-back free delay=5000s
             tick 1s wall=4999999 asking=h1
             hold-back free delay=4999s
             hold-back free delay=4999s reason=sooner
             tick 1s wall=4999999 asking=h1
             hold-back free reason=all"
        ),
        &expect![[r#"
            hold-back nobody delay=1s
                UNKNOWN_TOKEN
            hold-back h9 delay=1s
                UNKNOWN_HOST
            hold-back free cut-off=1 delay=99999999s
                DELAY_TOO_LONG
            hold-back free delay=5000s
                ok; held back: 1h23m after publication
            tick 1s asking=h1 wall=4999999
                ok
            hold-back free delay=4999s
                REASON_MISSING
            hold-back free delay=4999s reason=sooner
                ok; held back: 1h23m after publication
            tick 1s asking=h1 wall=4999999
                ok; g1 offered to h1, epoch 1
            hold-back free reason=all
                ok; held back: nothing is held back
        "#]],
    );
}

#[test]
fn a_last_tier_whose_hosts_all_wait_for_a_delay_is_not_passed_as_empty() {
    let mut world = World::new();
    run(&mut world, &format!("{FLEET}\nhold-back free delay=5000s\ntick 1s wall=4000000"));
    assert_eq!(
        waits(&world)[0],
        "coverage: 4 hosts of the tier wait for what is held back from them"
    );
    run(&mut world, "tick 1s wall=5000000");
    assert_eq!(rollout(&world).stages[0].hosts, 4);
    run(&mut world, "hold-back free cut-off=1 reason=never\nhold-back h1 delay=6000s\ntick 1s");
    assert_eq!(format!("{:?}", rollout(&world).state), "Running", "one may come yet");
    world.finish();
}

#[test]
fn a_host_whose_offer_stands_when_it_is_held_back_does_not_begin() {
    check(
        &format!(
            "{FLEET}
             tick 1s asking=h1
             hold-back h1 delay=9000s
             ---
             begin h1"
        ),
        &expect![[r#"
            begin h1
                no-go Withdrawn, again never
        "#]],
    );
}

#[test]
fn a_ladder_keeps_who_stands_on_it_and_takes_the_rest() {
    check(
        "bootstrap canary* free paid
         token f free 9
         enrol h1 f
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 canary=draw1 free=100%
         start r1
         ---
         ladder canary* paid
         ladder canary* free* paid
         ladder free canary paid
         ladder new canary* free paid
         ladder canary* free beta paid
         ladder canary* free
         ladder canary* free delay=free:7s if=0
         ladder canary* free delay=free:7s if=2",
        &expect![[r#"
            ladder canary* paid
                LADDER_IN_USE
            ladder canary* free* paid
                LADDER_IN_USE
            ladder free canary paid
                LADDER_IN_USE
            ladder new canary* free paid
                LADDER_IN_USE
            ladder canary* free beta paid
                ok; ladder: canary (sampled) → free → beta → paid
            ladder canary* free
                ok; ladder: canary (sampled) → free
            ladder canary* free delay=free:7s if=0
                ETAG_MISMATCH
            ladder canary* free delay=free:7s if=2
                ok; ladder: free: 7s after publication
        "#]],
    );
}

#[test]
fn a_draft_whose_ladder_was_declared_anew_does_not_start() {
    check(
        "fleet 2
         create r1 113.1
         ladder edge free
         ---
         start r1",
        &expect![[r#"
            start r1
                LADDER_MISMATCH
        "#]],
    );
}

#[test]
fn canaries_are_not_drawn_from_hosts_that_the_patch_set_is_held_back_from() {
    let mut world = World::new();
    run(
        &mut world,
        "bootstrap canary* free
         tick 0s wall=1000
         token f free 9
         token slow free 9
         enrol h1..h3 slow
         enrol h4 f
         hold-back slow delay=500s
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 canary=draw1 free=100%
         start r1",
    );
    let drawn: Vec<_> = world.machine.entries().drawn(rollout(&world)).collect();
    assert_eq!(drawn, [(host("h4"), 0)]);
    world.finish();
}
