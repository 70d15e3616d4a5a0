//! Is a person told when what waits can go on, and never a later date than it does?

use tidegate_policies::time::WallTime;

use crate::machine::Machine;
use crate::machine::ids::RolloutId;
use crate::machine::rollouts::{Place, Rollout};

use super::script::run;
use super::world::{World, host};

/// Eight canaries and two free hosts, an hour after the epoch's midnight; soaks take ten seconds.
const FLEET: &str = "bootstrap canary free
     token canary canary 9
     token free free 9
     enrol h1..h8 canary
     enrol h9,h10 free
     blob 113.1 k1
     publish 113.1 k1
     tick 0s wall=3600000
     create r1 113.1 canary=50%,100% free=100% soak=10s budget=100% in-flight=100%";

fn rollout(machine: &Machine) -> &Rollout {
    &machine.rollouts()[&"r1".parse::<RolloutId>().unwrap()]
}

/// When a host is told that it may begin at the earliest.
fn told(world: &World, name: &str) -> Option<WallTime> {
    let host = world.machine.hosts().get(&host(name)).unwrap();
    let rollout = rollout(&world.machine);
    let gates = world.machine.explain_host(rollout, &host);
    world.machine.may_begin_from((rollout, &host), &gates)
}

/// One wave's hosts begin, apply, and say after ten seconds that they soaked; a second passes between.
const ONE_WAVE: &str = "tick 1s asking=h1..h10 wall=AT
     begin h1..h10
     report h1..h10 applied
     tick 10s heard=h1..h10 wall=THEN
     report h1..h10 soaked";

fn one_wave(world: &mut World, at: u64) {
    let script = ONE_WAVE.replace("AT", &at.to_string());
    run(world, &script.replace("THEN", &(at + 10_000).to_string()));
}

#[test]
fn a_host_of_a_later_wave_is_told_a_date_and_no_later_one_than_its_turn_comes() {
    let mut world = World::new();
    run(&mut world, &format!("{FLEET}\nstart r1"));
    let (now, soak) = (3_600_000, 10_000);
    assert_eq!(told(&world, "h9"), Some(WallTime(now + 2 * soak)), "two waves soak before it");
    one_wave(&mut world, now + 1_000);
    assert_eq!(rollout(&world.machine).place, Some(Place { stage: 0, wave: 1 }));
    let told_then = told(&world, "h9").unwrap();
    assert_eq!(told_then, WallTime(now + 1_000 + 2 * soak), "one more soak");
    one_wave(&mut world, now + 2_000 + soak);
    assert_eq!(rollout(&world.machine).place, Some(Place { stage: 1, wave: 0 }));
    assert!(world.machine.clock().wall >= told_then);
    assert_eq!(told(&world, "h9"), None, "nothing that a date opens keeps it");
    world.finish();
}

#[test]
fn the_last_of_the_dates_that_keep_a_host_is_the_one_that_it_is_told() {
    let mut world = World::new();
    run(
        &mut world,
        &format!(
            "{FLEET}
             start r1
             ladder canary free windows=canary:0_2_*_*_*/1h delay=canary:14400s
             openings 0_2_*_*_*/1h from=3600000
             tick 1s wall=3601000"
        ),
    );
    let published = world.machine.patch_sets().values().next().unwrap().published;
    assert_eq!(published, WallTime(0));
    let hours = |hours: u64| Some(WallTime(hours * 3_600_000));
    // The delay ends at four in the morning: the next window is the one of the day after.
    assert_eq!(told(&world, "h5"), hours(26));
    run(&mut world, "freeze f1 tier=canary until=180000000 reason=fair");
    assert_eq!(told(&world, "h5"), hours(50), "the freeze ends at two, when the window opens");
    run(&mut world, "lift f1 reason=over\nhold-back h5 delay=720000s reason=careful");
    assert_eq!(told(&world, "h5"), hours(8 * 24 + 26), "200 hours are over at eight");
    world.finish();
}

#[test]
fn what_a_person_has_to_open_has_no_date() {
    let mut world = World::new();
    run(&mut world, FLEET);
    let nothing = |world: &World, name: &str| {
        assert_eq!(told(world, name), None);
        assert_eq!(world.machine.goes_on(rollout(&world.machine)), (None, None));
    };
    nothing(&world, "h9");
    run(&mut world, "start r1\npause r1 reason=lunch");
    nothing(&world, "h9");
    run(&mut world, "resume r1 reason=back\nfreeze f1 reason=ever");
    nothing(&world, "h9");
    run(&mut world, "lift f1 reason=over\nhalt r1 reason=bad");
    nothing(&world, "h9");
    world.finish();
}

#[test]
fn a_rollout_is_never_decided_on_nor_completed_before_the_date_that_was_told() {
    let mut world = World::new();
    run(&mut world, &format!("{FLEET}\nstart r1"));
    let mut at = 3_601_000;
    let mut dates = Vec::new();
    while rollout(&world.machine).place.is_some() && rollout(&world.machine).ended.is_none() {
        let place = rollout(&world.machine).place;
        let (decided, done) = world.machine.goes_on(rollout(&world.machine));
        one_wave(&mut world, at);
        let wall = world.machine.clock().wall;
        let after = rollout(&world.machine);
        assert!(after.place != place || after.ended.is_some(), "{place:?}");
        assert!(decided.is_some_and(|decided| decided <= wall), "{decided:?} {wall}");
        dates.push(done.unwrap());
        at += 11_000;
    }
    assert_eq!(dates.len(), 3, "{dates:?}");
    assert!(dates.iter().all(|done| *done <= world.machine.clock().wall), "{dates:?}");
    assert!(dates.is_sorted(), "what was late does not come sooner: {dates:?}");
    world.finish();
}
