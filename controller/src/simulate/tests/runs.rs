//! Does a run repeat, and does what is wrong with the patch show as it should?

use tidegate_policies::time::Millis;

use super::{Beats, run, scene, scene_of};
use crate::simulate::batch::Batch;
use crate::simulate::figures::Figures;
use crate::simulate::outcome::{End, Outcome};
use crate::simulate::{plot, show};

const CRASHES: &str = "[[fault]]\nshare = \"30%\"\nshows = \"crash\"\nafter = \"20s\"";

fn play(rest: &str, seed: u64) -> Outcome {
    run(&scene(rest), seed, Beats::ThatMatter).0
}

#[test]
fn the_same_seed_gives_the_same_bytes_twice() {
    let scene = scene(CRASHES);
    let batch = Batch { seed: 1, seeds: 6, beats: Beats::ThatMatter };
    let text = || {
        let played = batch.play(&scene, |_| ());
        let format = crate::client::OutputFormat::Table;
        (show::text(format, &scene.scenario, &played), plot::svg(&scene.scenario, &played))
    };
    assert_eq!(text(), text());
}

#[test]
fn another_seed_gives_another_run() {
    let scene = scene(CRASHES);
    let draws: std::collections::BTreeSet<String> = (1..=5)
        .map(|seed| format!("{:?}", run(&scene, seed, Beats::ThatMatter).1.samples))
        .collect();
    assert!(draws.len() > 1);
}

#[test]
fn a_good_patch_on_a_quiet_fleet_reaches_everybody_and_harms_nobody() {
    let outcome = play("", 1);
    assert_eq!((outcome.end, outcome.harmed, outcome.first_harm), (End::Completed, 0, None));
    assert!(outcome.to_full.is_some());
}

#[test]
fn a_good_patch_leaves_its_canaries_also_where_hosts_fail_by_themselves() {
    // In four minutes of soak one host in ten fails, patched or not: never are 95% verified.
    let mut scene = scene_of(600, "[fleet.by-itself]\ncrash = \"50%\"\nsilent = \"100%\"");
    scene.scenario.give_up_after = Millis::from_secs(3_600);
    for seed in 1..=3 {
        let (outcome, course) = run(&scene, seed, Beats::ThatMatter);
        let waves = course.records.iter().map(|record| record.note.detail.as_str());
        let free = waves.filter(|detail| detail.starts_with("free wave")).count();
        assert!(free > 0 && outcome.end != End::Halted, "seed {seed}: {outcome:?}");
    }
}

#[test]
fn each_way_a_patch_can_be_bad_halts_by_the_rail_that_is_for_it() {
    let check = |shows: &str, rail: &str| {
        let fault = format!("[[fault]]\nshare = \"50%\"\nshows = \"{shows}\"\nafter = \"20s\"");
        let outcome = play(&fault, 3);
        let first = outcome.halted_by.first().map(String::as_str);
        assert_eq!((outcome.end, first), (End::Halted, Some(rail)), "{shows}");
        assert!(outcome.harmed > 0 && outcome.first_harm.is_some(), "{shows}");
    };
    check("crash", "guard-rail/crashed");
    check("reboot", "guard-rail/crashed");
    check("silent", "guard-rail/silent");
    check("apply-failed", "guard-rail/failed");
    check("stalled", "guard-rail/stalled");
    check("degraded", "guard-rail/failed");
}

#[test]
fn a_fault_of_one_cpu_model_harms_no_host_of_another() {
    let scene = scene(&format!("{CRASHES}\ncpu-model = \"new\""));
    let mut world =
        super::super::world::World::new(&scene, 2, Beats::ThatMatter, super::Keep::Nothing);
    world.play();
    let harmed = world.hosts.iter().enumerate().filter(|(_, host)| host.harmed);
    let models: Vec<usize> = harmed.map(|(n, _)| scene.fleet.members[n].cpu_model).collect();
    assert!(!models.is_empty() && models.iter().all(|&model| model == 1), "{models:?}");
}

#[test]
fn a_patch_that_takes_racks_down_harms_hosts_that_do_not_have_it() {
    let rack = "[[fault]]\nshare = \"10%\"\nshows = \"reboot\"\nafter = \"20s\"\ntakes = \"rack\"";
    let outcome = play(rack, 1);
    assert_eq!(outcome.harmed % 10, 0);
    assert!(outcome.harmed >= 10, "{outcome:?}");
}

#[test]
fn liars_that_say_well_hide_a_bad_patch_and_liars_that_say_crashed_halt_a_good_one() {
    let liars = |say: &str| format!("[liars]\nshare = \"100%\"\nsay = \"{say}\"");
    let hidden = play(&format!("{CRASHES}\n{}", liars("well")), 1);
    assert_eq!(hidden.end, End::Completed);
    assert!(hidden.harmed > 0);
    let slandered = play(&liars("crashed"), 1);
    assert!(slandered.is_false_halt(), "{slandered:?}");
}

#[test]
fn hosts_that_reboot_and_say_so_do_not_halt() {
    let outcome = play("[fleet.by-itself]\nreboot = \"100%\"", 1);
    assert_eq!(outcome.end, End::Completed);
}

#[test]
fn a_plan_says_who_comes_in_each_wave_and_never_more_than_the_hours_that_it_takes() {
    let scene = scene("");
    for seed in 1..=3 {
        let (outcome, _) = run(&scene, seed, Beats::ThatMatter);
        let (planned, took) = (outcome.planned.unwrap(), outcome.to_full.unwrap());
        assert!(planned <= took, "planned {planned} ms, took {took} ms");
        assert!(planned * 3 > took, "planned {planned} ms, took {took} ms");
        assert_eq!((outcome.broken, outcome.begins), (Vec::new(), 120), "seed {seed}");
    }
}

#[test]
fn what_is_printed_for_programs_has_the_keys_that_were_promised() {
    let scene = scene(CRASHES);
    let batch = Batch { seed: 1, seeds: 2, beats: Beats::ThatMatter };
    let played = batch.play(&scene, |_| ());
    let json = serde_json::json!(Figures::of(&played.outcomes));
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    let expected = [
        "begins",
        "exposed_at_halt_mean",
        "false_halt_rate",
        "halt_scopes",
        "halted_by_person_rate",
        "halted_rate",
        "harmed_mean",
        "harmed_p95",
        "holds_mean",
        "hours_to_full_median",
        "minutes_to_halt_median",
        "planned_hours",
        "promises_broken",
        "seeds",
    ];
    let mut sorted = keys;
    sorted.sort();
    assert_eq!(sorted, expected);
}
