//! Do a policy's limits hold, to the host: by zone, by rack, by the hour?

use expect_test::expect;
use tidegate_policies::limits::DomainKind;

use crate::machine::ids::RolloutId;

use super::books::domains_balance;
use super::check;
use super::script::run;
use super::world::{World, host};

/// Two zones of two racks each, and two hosts a rack; a rollout with the limit in question.
fn fleet(limit: &str) -> String {
    format!(
        "bootstrap free
         token free free 40
         enrol h1,h2 free zone=z1 rack=a
         enrol h3,h4 free zone=z1 rack=b
         enrol h5,h6 free zone=z2 rack=c
         enrol h7,h8 free zone=z2 rack=d
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 {limit}
         start r1
         tick 1s
         ---"
    )
}

#[test]
fn one_zone_at_a_time_and_the_next_when_the_first_has_soaked() {
    check(
        &format!(
            "{}
             tick 1s asking=h1..h8
             begin h1..h8
             report h1..h4 applied
             tick 5s heard=h1..h4 asking=h5..h8
             report h1..h4 soaked
             tick 1s asking=h5..h8",
            fleet("zones=1")
        ),
        &expect![[r#"
            tick 1s asking=h1..h8
                ok; g1 offered to h3, epoch 1; g2 offered to h2, epoch 1; g3 offered to h4, epoch 1; g4 offered to h1, epoch 1; verdict continue (coverage)
            begin h1
                go, epoch 1, lease 5s; g4 of h1 begun
            begin h2
                go, epoch 1, lease 5s; g2 of h2 begun
            begin h3
                go, epoch 1, lease 5s; g1 of h3 begun
            begin h4
                go, epoch 1, lease 5s; g3 of h4 begun
            begin h5
                no-go Withdrawn, again never
            begin h6
                no-go Withdrawn, again never
            begin h7
                no-go Withdrawn, again never
            begin h8
                no-go Withdrawn, again never
            report h1 applied
                counted; g4 of h1 applied
            report h2 applied
                counted; g2 of h2 applied
            report h3 applied
                counted; g1 of h3 applied
            report h4 applied
                counted; g3 of h4 applied
            tick 5s asking=h5..h8 heard=h1..h4
                ok; g4 of h1 heard; g2 of h2 heard; g1 of h3 heard; g3 of h4 heard
            report h1 soaked
                counted; g4 of h1 soaked
            report h2 soaked
                counted; g2 of h2 soaked
            report h3 soaked
                counted; g1 of h3 soaked
            report h4 soaked
                counted; g3 of h4 soaked
            tick 1s asking=h5..h8
                ok; g5 offered to h5, epoch 1; g6 offered to h7, epoch 1; g7 offered to h6, epoch 1; g8 offered to h8, epoch 1
        "#]],
    );
}

#[test]
fn of_a_rack_no_more_are_exposed_than_the_policy_says_also_when_one_has_failed() {
    check(
        &format!(
            "{}
             tick 1s asking=h1..h8
             begin h1..h8
             report h1,h2 started boot=b2
             tick 1s asking=h1..h8
             halt r1 reason=look
             resume r1 reason=known
             tick 1s asking=h1,h2",
            fleet("per-rack=1")
        ),
        &expect![[r#"
            tick 1s asking=h1..h8
                ok; g1 offered to h3, epoch 1; g2 offered to h2, epoch 1; g3 offered to h5, epoch 1; g4 offered to h7, epoch 1; verdict continue (coverage)
            begin h1
                no-go Withdrawn, again never
            begin h2
                go, epoch 1, lease 5s; g2 of h2 begun
            begin h3
                go, epoch 1, lease 5s; g1 of h3 begun
            begin h4
                no-go Withdrawn, again never
            begin h5
                go, epoch 1, lease 5s; g3 of h5 begun
            begin h6
                no-go Withdrawn, again never
            begin h7
                go, epoch 1, lease 5s; g4 of h7 begun
            begin h8
                no-go Withdrawn, again never
            report h1 started boot=b2
                counted; h1 runs k1 in b2
            report h2 started boot=b2
                counted; g2 of h2 crashed: the host rebooted without a goodbye, and left no kernel evidence; h2 runs k1 in b2
            tick 1s asking=h1..h8
                ok
            halt r1 reason=look
                ok; HALT r1 by ada, epoch 2: look
            resume r1 reason=known
                ok; resumed r1, acknowledged [h2]
            tick 1s asking=h1,h2
                ok; g5 offered to h1, epoch 3
        "#]],
    );
}

#[test]
fn so_many_begin_in_a_period_and_the_next_ones_in_the_next() {
    check(
        &format!(
            "{}
             tick 1s asking=h1..h8
             begin h1..h8
             tick 7s heard=h1..h8 asking=h1..h8
             tick 1s asking=h1..h8
             begin h1..h8",
            fleet("rate=3/10s offer=60s")
        ),
        &expect![[r#"
            tick 1s asking=h1..h8
                ok; g1 offered to h3, epoch 1; g2 offered to h2, epoch 1; g3 offered to h5, epoch 1; g4 offered to h4, epoch 1; g5 offered to h7, epoch 1; g6 offered to h6, epoch 1; g7 offered to h1, epoch 1; g8 offered to h8, epoch 1; verdict continue (coverage)
            begin h1
                go, epoch 1, lease 5s; g7 of h1 begun
            begin h2
                go, epoch 1, lease 5s; g2 of h2 begun
            begin h3
                go, epoch 1, lease 5s; g1 of h3 begun
            begin h4
                no-go Budget, again in 1s
            begin h5
                no-go Budget, again in 1s
            begin h6
                no-go Budget, again in 1s
            begin h7
                no-go Budget, again in 1s
            begin h8
                no-go Budget, again in 1s
            tick 7s asking=h1..h8 heard=h1..h8
                ok; g7 of h1 heard; g2 of h2 heard; g1 of h3 heard
            tick 1s asking=h1..h8
                ok
            begin h1
                go, epoch 1, lease 5s
            begin h2
                go, epoch 1, lease 5s
            begin h3
                go, epoch 1, lease 5s
            begin h4
                go, epoch 1, lease 5s; g4 of h4 begun
            begin h5
                go, epoch 1, lease 5s; g3 of h5 begun
            begin h6
                go, epoch 1, lease 5s; g6 of h6 begun
            begin h7
                no-go Budget, again in 1s
            begin h8
                no-go Budget, again in 1s
        "#]],
    );
}

#[test]
fn a_host_that_moves_to_another_rack_counts_there_from_then_on() {
    let mut world = World::new();
    run(&mut world, &fleet("per-rack=2 per-zone=4"));
    run(
        &mut world,
        "tick 1s asking=h1..h8
         begin h1..h8
         report h1 applied
         enrol h1 free zone=z2 rack=d
         report h3 started boot=b2
         report h5 failed
         halt r1
         resume r1 reason=known
         tick 1s asking=h1..h8",
    );
    let rollout = &world.machine.rollouts()[&"r1".parse::<RolloutId>().unwrap()];
    domains_balance(&world.machine, rollout);
    let of_d = rollout.domains.of[&(DomainKind::Rack, "d".to_owned())];
    assert!(of_d.in_flight >= 2, "{of_d:?}");
    world.finish();
}

#[test]
fn an_evicted_host_counts_in_its_zone_until_somebody_has_acknowledged_what_went_wrong() {
    let mut world = World::new();
    run(&mut world, &fleet("per-zone=2 silent=9 budget=100%").replace("---", ""));
    run(&mut world, "tick 1s asking=h1..h2\nbegin h1..h2");
    run(&mut world, "evict h1 reason=scrapped force=yes");
    let z1 = |world: &World| {
        let rollout = &world.machine.rollouts()[&"r1".parse::<RolloutId>().unwrap()];
        domains_balance(&world.machine, rollout);
        let of = rollout.domains.of.get(&(DomainKind::Zone, "z1".to_owned()));
        of.map_or((0, 0), |of| (of.in_flight, of.wrong))
    };
    assert_eq!(z1(&world), (1, 1), "h2 is in flight, and h1 fell silent");
    run(&mut world, "tick 1s asking=h3");
    let offered = |world: &World| world.machine.hosts().live_grant(host("h3")).is_some();
    assert!(!offered(&world), "the zone has two unsettled hosts");
    run(&mut world, "enrol h1 free zone=z2");
    assert_eq!(z1(&world), (1, 0), "it counts where it stands now");
    run(&mut world, "evict h1 reason=scrapped\nhalt r1 reason=look\nresume r1 reason=known");
    assert_eq!(z1(&world), (1, 0), "h2 is in flight yet");
    let rollout = &world.machine.rollouts()[&"r1".parse::<RolloutId>().unwrap()];
    assert_eq!(rollout.domains.of.get(&(DomainKind::Zone, "z2".to_owned())), None, "it is known");
    world.finish();
}
