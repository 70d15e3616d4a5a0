//! Does a run do what it should: the same twice, the same with every beat played, and true to the fault?

mod beats;
mod promises;
mod replays;
mod runs;

use super::batch::play;
use super::fleet::Fleet;
use super::outcome::{Course, Outcome};
use super::scenario::{self, Scenario};
use super::world::{Beats, Keep, Scene};

/// A rollout of minutes: as the compressed one, at a tenth of its pace; in a fleet of 500 hosts without guard
/// rails.
fn policy() -> String {
    let preset = tidegate_policies::document::preset("compressed").unwrap().text;
    let slower = [
        ("beat = \"500ms\"", "beat = \"20s\""),
        ("silent-after-beats = 6", "silent-after-beats = 12"),
        ("offer = \"10s\"", "offer = \"1m\""),
        ("lease = \"5s\"", "lease = \"10s\""),
        ("transition = \"5s\"", "transition = \"1m\""),
        ("[\"0s\", \"1s\", \"2s\"]", "[\"0s\", \"30s\", \"1m\"]"),
        ("soak = \"4s\"", "soak = \"4m\""),
        ("named = 1", "named = 1\nrails-below = 500"),
    ];
    let mut text = preset.to_owned();
    for (fast, slow) in slower {
        assert!(text.contains(fast), "the preset does not say {fast}");
        text = text.replace(fast, slow);
    }
    text
}

/// A fleet of 120 hosts and a rollout of minutes, and what `rest` adds to it.
fn scene(rest: &str) -> Scene {
    scene_of(120, rest)
}

/// The same of so many hosts.
fn scene_of(hosts: u64, rest: &str) -> Scene {
    let text = format!(
        r#"
name = "test"
about = "A test."
policy = "slower.toml"
give-up-after = "1d"
[fleet]
hosts = {hosts}
hosts-per-rack = 10
tiers = [{{ name = "free", share = "60%" }}, {{ name = "paid", share = "40%" }}]
cpu-models = [{{ name = "old", share = "80%" }}, {{ name = "new", share = "20%" }}]
zones = [{{ name = "a", share = "50%" }}, {{ name = "b", share = "50%" }}]
{rest}
"#
    );
    let scenario: Scenario = scenario::parse("test.toml", &text, |_| Ok(policy())).unwrap();
    let fleet = Fleet::enrolled(&scenario.fleet, &scenario.policy.policy).unwrap();
    Scene { scenario, fleet }
}

/// One run and its course.
fn run(scene: &Scene, seed: u64, beats: Beats) -> (Outcome, Course) {
    let (outcome, course) = play(scene, seed, beats, Keep::TheCourse);
    (outcome, course.unwrap())
}
