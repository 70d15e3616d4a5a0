//! Does a plan say what then happens, and change nothing?

use tidegate_policies::time::Millis;

use crate::machine::command::{Action, Command, CreateRollout};
use crate::machine::ids::RolloutId;
use crate::machine::plan::Plan;
use crate::machine::rollouts::State;

use super::script::{one, run};
use super::world::World;

/// Forty hosts of two kernels in two zones, and a patch set for one kernel and a half of them.
const FLEET: &str = "bootstrap canary* free paid
     token free free 40
     token paid paid 40
     enrol h1..h12 free kernel=k1 zone=z1
     enrol h13..h20 free kernel=k1 zone=z2
     enrol h21..h24 free kernel=k2 zone=z1
     enrol h25..h30 free kernel=k3
     enrol h31..h40 paid kernel=k1 zone=z1
     blob 113.1 k1
     blob 113.1 k2
     publish 113.1 k1 k2
     tick 1s";

const CREATE: &str = "create r1 113.1 canary=draw2 free=50%,100% paid=100% judged=standard soak=60s budget=20 in-flight=8";

fn draft(world: &mut World, line: &str) -> Box<CreateRollout> {
    let Command::Operate(operate) = one(world, line) else { panic!("no operator's command") };
    let Action::CreateRollout(create) = operate.action else { panic!("no draft") };
    create
}

fn planned(world: &mut World) -> Plan {
    let create = draft(world, CREATE);
    let before = world.machine.state_hash();
    let plan = world.machine.plan(&create).unwrap();
    assert_eq!(world.machine.state_hash(), before, "a plan changes nothing");
    plan
}

#[test]
fn who_is_drawn_and_how_many_are_in_each_wave_is_what_the_plan_said() {
    let mut world = World::new();
    run(&mut world, FLEET);
    let plan = planned(&mut world);
    run(&mut world, &format!("{CREATE}\nstart r1"));
    let rollout = &world.machine.rollouts()[&"r1".parse::<RolloutId>().unwrap()];
    let hosts = |stages: &[crate::machine::rollouts::StageProgress]| -> Vec<Vec<u64>> {
        let waves = |stage: &crate::machine::rollouts::StageProgress| {
            std::iter::once(stage.hosts).chain(stage.waves.iter().map(|wave| wave.hosts)).collect()
        };
        stages.iter().map(waves).collect()
    };
    assert_eq!(hosts(&plan.rollout.stages), hosts(&rollout.stages));
    assert_eq!(hosts(&rollout.stages)[0], [6, 6], "two of each of three strata");
    assert_eq!(plan.refusal, None);
    world.finish();
}

#[test]
fn canaries_cover_every_stratum_that_the_next_tier_has() {
    let mut world = World::new();
    run(&mut world, FLEET);
    let plan = planned(&mut world);
    assert!(plan.uncovered(0).is_empty(), "{:?}", plan.uncovered(0));
    let of = |step: usize| plan.strata[step].values().sum::<u64>();
    assert_eq!([of(0), of(1), of(2)], [6, 18, 10], "hosts without an artifact are in none");
    let said = plan.canaries.as_ref().unwrap().sentences();
    assert!(said[0].starts_with("6 canaries, all verified, show"), "{said:?}");
}

#[test]
fn what_could_not_start_now_is_planned_all_the_same_and_says_why() {
    let mut world = World::new();
    run(&mut world, &format!("{FLEET}\ncreate r0 113.1 free=100% canary=draw1\nstart r0"));
    let plan = planned(&mut world);
    assert_eq!(plan.refusal.map(|refusal| refusal.reason()), Some("SERIES_BUSY"));
    assert_eq!(plan.rollout.state, State::Running);
    let unknown = draft(&mut world, "create r1 999.1");
    assert_eq!(world.machine.plan(&unknown).unwrap_err().reason(), "UNKNOWN_PATCH_SET");
    let other = draft(&mut world, "create r1 113.1 free=100%");
    assert_eq!(world.machine.plan(&other).unwrap_err().reason(), "LADDER_MISMATCH");
}

#[test]
fn it_is_never_done_before_every_tier_has_soaked_nor_outside_of_its_windows() {
    let mut world = World::new();
    run(&mut world, FLEET);
    let at_any_time = planned(&mut world).earliest().unwrap();
    assert!(at_any_time >= Millis::from_secs(4 * 60), "four waves of a minute: {at_any_time}");
    // It is a second past midnight in 1970: the window opens at two in the morning.
    run(&mut world, "ladder canary* free paid windows=paid:0_2_*_*_*/1h");
    let at_two = planned(&mut world).earliest().unwrap();
    assert!(at_two >= Millis::from_secs(2 * 3_600), "{at_two}");
    run(&mut world, "ladder canary* free paid\nfreeze f1 reason=ever");
    assert_eq!(planned(&mut world).earliest(), None);
}
