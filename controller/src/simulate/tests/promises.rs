//! Are the promises of plans, draws, turns, windows and delays kept; and is one that is broken told?

use tidegate_policies::tiers::TierRules;

use super::super::outcome::{End, Outcome};
use super::super::world::{Keep, World};
use super::{Beats, run, scene};

/// The run begins at 15:06:40 UTC: paid hosts wait until four, and then have ten minutes in each hour.
const RULES: &str = "
[[tier]]
name = \"free\"
delay = \"10m\"
[[tier]]
name = \"paid\"
windows = [{ opens = \"0 16-23 * * *\", lasts = \"10m\", zone = \"UTC\" }]
";

/// Plays with a word about what was promised that is not so.
fn with_a_lie(rest: &str, lie: impl FnOnce(&mut World<'_>)) -> Outcome {
    let scene = scene(rest);
    let mut world = World::new(&scene, 1, Beats::ThatMatter, Keep::Nothing);
    lie(&mut world);
    world.play();
    world.finish().0
}

#[track_caller]
fn is_told(outcome: &Outcome, what: &str) {
    assert!(outcome.broken.iter().any(|how| how.contains(what)), "{:?}", outcome.broken);
}

#[test]
fn windows_and_delays_are_kept_to_the_second_and_the_plan_knows_of_them() {
    for beats in [Beats::ThatMatter, Beats::All] {
        let (outcome, course) = run(&scene(RULES), 3, beats);
        assert_eq!((outcome.end, outcome.begins), (End::Completed, 120));
        assert_eq!(outcome.broken, Vec::<String>::new());
        let (planned, took) = (outcome.planned.unwrap(), outcome.to_full.unwrap());
        let four = 3_200_000;
        assert!(four < planned && planned <= took, "{planned} {took}");
        assert!(took < planned + 2 * 3_600_000, "{planned} {took}");
        let paid = course.records.iter().find(|record| record.note.detail.starts_with("paid wave"));
        assert!(paid.is_some());
    }
}

#[test]
fn whoever_begins_outside_of_a_window_or_too_early_is_told() {
    let rules = scene(RULES).scenario.tiers;
    let rules_of = |name: &str| -> TierRules {
        rules.iter().find(|tier| tier.name == name).unwrap().rules.clone()
    };
    let (paid, free) = (rules_of("paid"), rules_of("free"));
    let outcome =
        with_a_lie("", |world| drop(world.promises.rules.insert("paid".to_owned(), paid)));
    is_told(&outcome, "outside of its tier's windows");
    let outcome =
        with_a_lie("", |world| drop(world.promises.rules.insert("free".to_owned(), free)));
    is_told(&outcome, "before its tier's delay");
}

#[test]
fn whoever_flips_out_begins_before_its_turn_or_is_one_too_many_is_told() {
    let scene = scene("");
    let play = |lie: &dyn Fn(&mut World<'_>)| {
        let mut world = World::new(&scene, 1, Beats::ThatMatter, Keep::Nothing);
        world.begin();
        lie(&mut world);
        world.play_on();
        world.finish().0
    };
    is_told(&play(&|world| world.promises.inside.fill(true)), "flipped out");
    is_told(&play(&|world| world.promises.inside.fill(false)), "before its turn");
    let fewer = |world: &mut World<'_>| {
        world.promises.planned.iter_mut().flatten().for_each(|hosts| *hosts -= 1.min(*hosts));
    };
    is_told(&play(&fewer), "planned were");
    let later = |world: &mut World<'_>| world.outcome.planned = Some(u64::MAX);
    is_told(&play(&later), "were planned at the least");
}
