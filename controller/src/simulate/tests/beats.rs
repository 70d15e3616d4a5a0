//! Does leaving beats and ticks out change anything that is decided?

use super::{Beats, Course, Scene, run, scene};
use crate::simulate::outcome::Outcome;

/// What a run decided: its verdicts and their gates, without their indices and numbers.
fn decided(course: &Course) -> Vec<String> {
    let kinds = course.records.iter().map(|record| {
        let detail = record.note.detail.as_str();
        let kind = detail.split([':', ';', ',']).next().unwrap_or(detail);
        match record.note.event.as_str() {
            "rollout.wave-started" => detail.to_owned(),
            event => format!("{event} {kind}"),
        }
    });
    kinds.filter(|line| !line.starts_with("rollout.verdict")).collect()
}

/// Plays seeds both ways and compares.
#[track_caller]
fn check(rest: &str, seeds: u64) {
    check_scene(&scene(rest), seeds);
}

#[track_caller]
fn check_scene(scene: &Scene, seeds: u64) {
    for seed in 1..=seeds {
        let (all, all_course) = run(scene, seed, Beats::All);
        let (some, some_course) = run(scene, seed, Beats::ThatMatter);
        let told = |outcome: &Outcome| (outcome.end, outcome.halted_by.first().cloned());
        assert_eq!(told(&all), told(&some), "seed {seed}");
        let waves = |course: &Course| decided(course).len();
        assert_eq!(waves(&all_course), waves(&some_course), "seed {seed}");
        let (took, takes) = (end(&all), end(&some));
        assert!(took.abs_diff(takes) <= 60_000, "seed {seed}: {took} ms and {takes} ms");
    }
}

fn end(outcome: &Outcome) -> u64 {
    outcome.to_full.or(outcome.to_halt).unwrap_or(0)
}

#[test]
fn a_good_patch_reaches_everybody_whichever_beats_are_played() {
    check("", 3);
}

#[test]
fn hosts_of_a_slice_without_credit_wait_alike_whichever_beats_are_played() {
    let mut scene = scene("");
    let judgement = scene.scenario.policy.policy.judgement.as_mut().unwrap();
    let credit = judgement.credit.as_mut().unwrap();
    (credit.slice_start, credit.slice_floor, credit.gain) = (3, 3, 1);
    check_scene(&scene, 3);
}

#[test]
fn a_bad_patch_halts_alike_whichever_beats_are_played() {
    check("[[fault]]\nshare = \"20%\"\nshows = \"crash\"\nafter = \"20s\"", 3);
}

#[test]
fn a_patch_that_silences_hosts_halts_alike_whichever_beats_are_played() {
    check("[[fault]]\nshare = \"20%\"\nshows = \"silent\"\nafter = \"20s\"", 3);
}

#[test]
fn an_outage_of_the_controllers_is_no_silence_whichever_beats_are_played() {
    check("[[mishap]]\nwhat = \"controller-outage\"\nat = \"2m\"\nfor = \"10m\"", 3);
}
