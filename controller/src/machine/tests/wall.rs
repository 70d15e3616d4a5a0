//! Is the wall's time a majority's, and does it stand still without one?

use expect_test::expect;

use super::script::run;
use super::world::World;

/// Runs the ticks with these readings; shows `wall`, and `?` where it is not fresh, after each.
#[track_caller]
fn shown(before: &str, readings: &[&str]) -> String {
    let mut world = World::new();
    run(&mut world, before);
    let mut shown = Vec::new();
    for reading in readings {
        run(&mut world, &format!("tick 1s {reading}"));
        let clock = world.machine.clock();
        shown.push(format!("{}{}", clock.wall.0, if clock.wall_fresh { "" } else { "?" }));
    }
    world.finish();
    shown.join(" ")
}

const FIVE: &str = "bootstrap free nodes=5\nadd 6\nadd 7";

#[test]
fn the_wall_is_the_median_of_a_majority_and_one_wild_clock_moves_nothing() {
    let readings = [
        "readings=1:100,2:101,3:102,4:103,5:999999999",
        "readings=1:0,2:201,3:202,4:203,5:999999999",
        "readings=1:300,2:301,3:999999999",
    ];
    assert_eq!(shown(FIVE, &readings), "102 202 301");
}

#[test]
fn of_an_even_number_the_earlier_of_the_two_in_the_middle_counts() {
    assert_eq!(shown(FIVE, &["readings=1:100,2:110,3:120,4:130"]), "110");
    assert_eq!(shown("bootstrap free nodes=2", &["readings=1:100,2:110"]), "100");
}

#[test]
fn without_a_majority_of_voters_the_wall_stands_still_and_is_not_fresh() {
    let readings = [
        "readings=1:100,2:100,3:100",
        "readings=1:200,2:200",
        "readings=1:300,2:300,6:300,7:300",
        "readings=1:400,2:400,3:400",
    ];
    assert_eq!(shown(FIVE, &readings), "100 100? 100? 400");
}

#[test]
fn the_wall_never_runs_backwards_once_a_majority_has_said_it() {
    let readings = ["readings=1:500", "readings=1:400", "readings=1:600"];
    assert_eq!(shown("bootstrap free", &readings), "500 500 600");
}

#[test]
fn a_guess_before_the_cluster_is_corrected_by_the_first_majority() {
    let guess = "tick 0s readings=1:999999999\nbootstrap free nodes=3";
    let readings = ["readings=1:999999999", "readings=1:999999999,2:100,3:100", "readings=1:100"];
    assert_eq!(shown(guess, &readings), "999999999? 100 100?");
}

#[test]
fn a_tick_of_version_1_goes_by_its_leaders_clock() {
    assert_eq!(shown(FIVE, &["wall=100", "wall=90", "wall=120"]), "100 100 120");
}

#[test]
fn a_soak_is_not_shortened_by_any_jump_of_the_wall() {
    let mut world = World::new();
    let transcript = run(
        &mut world,
        "fleet 1
         create r1 113.1 soak=60s
         start r1
         tick 0s readings=1:1000
         tick 1s asking=h1 readings=1:2000
         begin h1
         report h1 applied
         ---
         tick 1s readings=1:999999999999
         report h1 soaked",
    );
    expect![[r#"
        tick 1s readings=1:999999999999
            ok
        report h1 soaked
            not-yet(59s); g1 of h1 heard
    "#]]
    .assert_eq(&transcript);
    world.finish();
}
