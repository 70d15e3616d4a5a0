//! Is the comparison fair? Each trap that makes good patches look bad, and what the machine does instead.

use tidegate_policies::decide::VerdictKind;
use tidegate_policies::detector::risk::Counted;
use tidegate_policies::detector::slices::SliceId;
use tidegate_policies::detector::stream::Stream;
use tidegate_policies::gate::GateName;
use tidegate_policies::time::Millis;

use crate::machine::ids::RolloutId;
use crate::machine::rollouts::{Rollout, State};
use crate::machine::trial::{Role, Trial};

use super::script::run;
use super::world::{World, host};

const WHOLE: SliceId = SliceId(0);

/// 200 hosts in racks of ten, all heard, and a judged rollout under way.
const FLEET: &str = "bootstrap free
     token free free 500
     enrol h1..h10 free rack=r1
     enrol h11..h20 free rack=r2
     enrol h21..h30 free rack=r3
     enrol h31..h200 free
     blob 113.1 k1
     publish 113.1 k1
     create r1 113.1 judged=50,3,10 soak=20s
     start r1
     tick 0s
     tick 1s heard=h1..h200";

fn after(script: &str) -> World {
    let mut world = World::new();
    run(&mut world, FLEET);
    run(&mut world, script);
    world.finish();
    world
}

fn rollout(world: &World) -> &Rollout {
    &world.machine.rollouts()[&"r1".parse::<RolloutId>().unwrap()]
}

fn trial(world: &World) -> &Trial {
    world.machine.trial(rollout(world)).unwrap()
}

fn at_risk(world: &World) -> Counted {
    trial(world).detector().risk().of_slice(WHOLE)
}

fn role(world: &World, name: &str) -> Option<Role> {
    world.machine.subjects().role(rollout(world).created_index, host(name))
}

/// The first hosts that are not held out, `n` of them, joined as scripts want them; they have begun.
fn begun(world: &mut World, n: usize) -> Vec<String> {
    run(world, "tick 1s heard=h1..h200 asking=h31..h200");
    let offered = |n: &u32| {
        let grant = world.machine.hosts().live_grant(host(&format!("h{n}")));
        grant.is_some()
    };
    let hosts: Vec<String> = (31..=200).filter(offered).take(n).map(|n| format!("h{n}")).collect();
    assert_eq!(hosts.len(), n, "offers");
    run(world, &format!("begin {}", hosts.join(",")));
    hosts
}

fn started() -> World {
    let mut world = World::new();
    run(&mut world, FLEET);
    world
}

#[test]
fn every_host_of_a_small_tier_is_a_sentinel_once_it_is_heard() {
    let world = after("");
    assert_eq!(at_risk(&world), Counted { treated: [0; 3], control: 200 });
    assert_eq!(trial(&world).hearing().fleet().heard, 200);
}

#[test]
fn a_sentinel_that_goes_on_beating_is_told_of_once() {
    let mut world = started();
    let all = || (1..=200).map(|n| host(&format!("h{n}"))).collect::<Vec<_>>();
    let second = Millis::from_secs(1);
    assert_eq!(world.call_roll(second, all()), (Vec::new(), Vec::new()));
    let hosts = begun(&mut world, 1);
    let (told, _) = world.call_roll(second, all());
    assert_eq!(told, [host(&hosts[0])], "what a host in flight says is always news");
}

#[test]
fn a_new_leader_misses_nobody_before_it_has_listened_itself() {
    let mut world = started();
    run(&mut world, "tick 0s term=2\ntick 1s\ntick 1s");
    assert_eq!(trial(&world).hearing().fleet().heard, 200);
    run(&mut world, "tick 1s heard=h1..h199\ntick 1s heard=h1..h199");
    assert_eq!(trial(&world).hearing().fleet().heard, 199);
    world.finish();
}

#[test]
fn a_policy_that_says_nothing_of_evidence_has_no_trial() {
    let mut world = World::new();
    run(&mut world, "fleet 4\ncreate r1 113.1\nstart r1\ntick 0s\ntick 1s heard=h1..h4 asking=h1");
    assert!(world.machine.trial(rollout(&world)).is_none() && world.machine.subjects().is_empty());
    let gates = world.machine.verdict(rollout(&world)).unwrap().gates;
    assert!(gates.iter().all(|gate| gate.name != GateName::Evidence));
}

#[test]
fn a_host_that_begins_is_patched_and_no_sentinel_any_more() {
    let mut world = started();
    let hosts = begun(&mut world, 3);
    assert_eq!(at_risk(&world), Counted { treated: [3; 3], control: 197 });
    assert!(matches!(role(&world, &hosts[0]), Some(Role::InFlight(_))));
    // The apply is charged as it begins, not when it has ended.
    assert_eq!(trial(&world).detector().applies().of(WHOLE).begun, 3);
    world.finish();
}

#[test]
fn three_patched_hosts_that_reboot_without_a_word_halt_what_no_sentinel_does() {
    let mut world = started();
    let hosts = begun(&mut world, 4);
    run(&mut world, &format!("report {} started boot=b2", hosts[..2].join(",")));
    assert_eq!(rollout(&world).state, State::Running);
    assert_eq!(rollout(&world).verdict.as_ref().unwrap().verdict.kind, VerdictKind::Hold);
    run(&mut world, &format!("report {} started boot=b2", hosts[2]));
    assert_eq!(rollout(&world).state, State::Halted);
    let halt = world.machine.patch_sets()[&rollout(&world).version].halt.clone().unwrap();
    assert!(halt.reason.contains("the evidence halts: the whole cohort"), "{}", halt.reason);
    let basis = &rollout(&world).verdict.as_ref().unwrap().basis;
    let arithmetic = world.machine.arithmetic(basis).join("\n");
    assert!(arithmetic.contains("says       halt everything"), "{arithmetic}");
    world.finish();
}

#[test]
fn a_sentinel_that_fails_leaves_the_risk_set_for_good() {
    let world = after(
        "report h40 started boot=b2
         tick 1s heard=h1..h200
         tick 1s heard=h1..h200",
    );
    assert_eq!(at_risk(&world).control, 199);
    assert_eq!(role(&world, "h40"), Some(Role::Spent));
    assert_eq!(trial(&world).detector().ledger().shown(WHOLE, Stream::Silence).control, 1);
}

#[test]
fn a_sentinel_that_says_goodbye_is_no_failure_and_comes_back() {
    let mut world = after("report h40 goodbye\nreport h40 started boot=b2");
    assert_eq!(at_risk(&world).control, 199);
    assert_eq!(trial(&world).detector().ledger().shown(WHOLE, Stream::Union).control, 0);
    run(&mut world, "tick 1s heard=h1..h200");
    assert_eq!(at_risk(&world).control, 200);
}

#[test]
fn a_sentinel_is_silent_after_as_many_beats_as_a_patched_host() {
    let mut world = started();
    let hosts = begun(&mut world, 1);
    let rest = |without: &str| {
        let all = (1..=200).map(|n| format!("h{n}")).filter(|name| *name != without);
        all.filter(|name| *name != hosts[0]).collect::<Vec<_>>().join(",")
    };
    let heard = rest("h20");
    run(&mut world, &format!("tick 1s heard={heard} x2"));
    assert_eq!(at_risk(&world), Counted { treated: [1; 3], control: 199 });
    run(&mut world, &format!("tick 1s heard={heard}"));
    assert_eq!(at_risk(&world), Counted { treated: [0; 3], control: 198 });
    let shown = trial(&world).detector().ledger().shown(WHOLE, Stream::Silence);
    assert_eq!((shown.treated, shown.control), (1, 1));
    world.finish();
}

#[test]
fn a_host_that_dies_before_it_begins_was_never_patched() {
    let mut world = started();
    run(&mut world, "tick 1s heard=h1..h200 asking=h1..h30");
    let offered = (1..=30).map(|n| format!("h{n}"));
    let offered: Vec<String> =
        offered.filter(|name| world.machine.hosts().live_grant(host(name)).is_some()).collect();
    let heard = (1..=200).map(|n| format!("h{n}")).filter(|name| *name != offered[0]);
    let heard = heard.collect::<Vec<_>>().join(",");
    run(&mut world, &format!("tick 1s heard={heard} x4"));
    let shown = trial(&world).detector().ledger().shown(WHOLE, Stream::Silence);
    assert_eq!((shown.treated, shown.control), (0, 1));
    assert_eq!(at_risk(&world), Counted { treated: [0; 3], control: 199 });
    world.finish();
}

#[test]
fn in_a_rack_that_is_not_heard_nobody_is_silent() {
    let mut world = started();
    run(&mut world, "tick 1s heard=h1..h200 x2");
    run(&mut world, "tick 1s heard=h11..h200 x8");
    assert_eq!(at_risk(&world).control, 200);
    assert_eq!(trial(&world).hearing().deaf().count(), 1);
    assert_eq!(rollout(&world).verdict.as_ref().unwrap().verdict.kind, VerdictKind::Continue);
    // They are heard again, and then one of them falls silent: that counts, after a whole silence.
    run(&mut world, "tick 1s heard=h1..h200 x4");
    assert_eq!(trial(&world).hearing().deaf().count(), 0);
    run(&mut world, "tick 1s heard=h2..h200 x3");
    assert_eq!(at_risk(&world).control, 199);
    world.finish();
}

#[test]
fn a_deaf_controller_holds_and_declares_nobody_silent() {
    let mut world = started();
    run(&mut world, "tick 1s heard=h1..h200 x3");
    run(&mut world, "tick 1s heard=h1..h100 x9");
    assert_eq!(at_risk(&world).control, 200);
    let verdict = &rollout(&world).verdict.as_ref().unwrap().verdict;
    assert_eq!(verdict.kind, VerdictKind::Hold);
    assert_eq!(verdict.waiting_on().unwrap().name, GateName::FleetHeard);
    run(&mut world, "tick 1s heard=h1..h200 x2");
    assert_eq!(rollout(&world).verdict.as_ref().unwrap().verdict.kind, VerdictKind::Continue);
    world.finish();
}

#[test]
fn hosts_that_fall_silent_at_once_hold_the_rollout_for_as_long_as_they_would_soak_and_no_longer() {
    let mut world = World::new();
    let fleet = FLEET.replace(
        "enrol h1..h10 free rack=r1\n     enrol h11..h20 free rack=r2",
        "enrol h1..h20 free rack=r1",
    );
    run(&mut world, &fleet);
    run(&mut world, "tick 1s heard=h1..h200 asking=h1..h20");
    let offered = |n: &u32| world.machine.hosts().live_grant(host(&format!("h{n}"))).is_some();
    let names = |some: Vec<u32>| some.into_iter().map(|n| format!("h{n}")).collect::<Vec<_>>();
    let (hosts, others): (Vec<u32>, Vec<u32>) = (1..=20).partition(offered);
    let (hosts, others) = (names(hosts), names(others).join(","));
    assert!(hosts.len() > 5, "{} offers", hosts.len());
    let tick = format!("tick 1s heard=h21..h200,{others}");
    run(&mut world, &format!("begin {}", hosts.join(",")));
    let listen = |world: &mut World, ticks| {
        run(world, &vec![tick.as_str(); ticks].join("\n"));
        let waits = rollout(world).verdict.as_ref().unwrap().verdict.clone();
        (waits.kind, waits.waiting_on().map(|gate| gate.name))
    };
    // They are of one rack: no evidence, whichever hosts it is about.
    let silent = hosts.len() as u64;
    assert_eq!(listen(&mut world, 5), (VerdictKind::Hold, Some(GateName::SilentShare)));
    assert_eq!(trial(&world).silences().count(), silent);
    assert_eq!(listen(&mut world, 18), (VerdictKind::Hold, Some(GateName::SilentShare)));
    assert_eq!(listen(&mut world, 2).0, VerdictKind::Continue);
    assert_eq!((trial(&world).silences().count(), rollout(&world).counts.silent), (0, silent));
    world.finish();
}

#[test]
fn a_host_in_a_deaf_rack_stays_in_flight_until_its_word_is_due_and_not_for_ever() {
    let mut world = started();
    run(&mut world, "tick 1s heard=h1..h200 asking=h1..h10 x2");
    let begins: Vec<String> = (1..=10)
        .map(|n| format!("h{n}"))
        .filter(|name| world.machine.hosts().live_grant(host(name)).is_some())
        .take(2)
        .collect();
    run(&mut world, &format!("begin {}", begins.join(",")));
    run(&mut world, "tick 1s heard=h11..h200 x8");
    assert_eq!(rollout(&world).counts.in_flight, 2);
    run(&mut world, "tick 1s heard=h11..h200 x6");
    assert_eq!((rollout(&world).counts.in_flight, rollout(&world).counts.silent), (0, 2));
    let shown = trial(&world).detector().ledger().shown(WHOLE, Stream::Union);
    assert_eq!((shown.treated, shown.control), (0, 0));
    world.finish();
}

#[test]
fn a_verified_host_is_watched_to_the_end_of_its_windows() {
    let mut world = started();
    let hosts = begun(&mut world, 1);
    let name = &hosts[0];
    run(&mut world, &format!("report {name} applied"));
    run(&mut world, "tick 1s heard=h1..h200 x20");
    run(&mut world, &format!("report {name} soaked"));
    assert_eq!(at_risk(&world), Counted { treated: [1; 3], control: 199 });
    assert!(matches!(role(&world, name), Some(Role::Verified(..))));
    // Soak and four beats of grace.
    run(&mut world, "tick 1s heard=h1..h200 x5");
    assert_eq!(at_risk(&world).treated, [1, 0, 1]);
    assert_eq!(trial(&world).book().of(WHOLE).verified, 1);
    world.finish();
}

#[test]
fn a_resume_begins_a_new_generation_of_evidence_with_credit_at_its_start() {
    let mut world = started();
    let hosts = begun(&mut world, 4);
    run(&mut world, &format!("report {} started boot=b2", hosts[..3].join(",")));
    assert_eq!(rollout(&world).state, State::Halted);
    run(&mut world, "resume r1 reason=known");
    assert_eq!(rollout(&world).state, State::Running);
    let trial = trial(&world);
    assert_eq!(trial.detector().ruling().finding, None);
    assert_eq!(trial.detector().inputs().generation, 1);
    assert_eq!(trial.credit().cap(WHOLE, &trial.book().of(WHOLE), 1_000), 50);
    world.finish();
}

#[test]
fn a_hold_is_released_with_less_credit_when_the_last_survivor_is_verified() {
    let mut world = started();
    let hosts = begun(&mut world, 4);
    run(&mut world, &format!("report {} applied", hosts.join(",")));
    run(&mut world, &format!("report {} started boot=b2", hosts[..2].join(",")));
    assert_eq!(rollout(&world).verdict.as_ref().unwrap().verdict.kind, VerdictKind::Hold);
    assert!(trial(&world).hold().is_some());
    run(&mut world, "tick 1s heard=h1..h200 x20");
    run(&mut world, &format!("report {} soaked", hosts[2..].join(",")));
    assert_eq!(trial(&world).hold(), None);
    world.finish();
}

#[test]
fn nobody_begins_beyond_the_credit_that_those_before_have_earned() {
    let mut world = World::new();
    run(&mut world, &FLEET.replace("judged=50,3,10", "judged=2,1,1"));
    run(&mut world, "tick 1s heard=h1..h200 asking=h31..h200");
    assert_eq!(rollout(&world).counts.offered, 2);
    let offered = (31..=200).map(|n| format!("h{n}"));
    let offered: Vec<String> =
        offered.filter(|name| world.machine.hosts().live_grant(host(name)).is_some()).collect();
    run(&mut world, &format!("begin {0}\nreport {0} applied", offered.join(",")));
    run(&mut world, "tick 1s heard=h1..h200 asking=h31..h200 x20");
    assert_eq!((rollout(&world).counts.offered, rollout(&world).counts.in_flight), (0, 2));
    run(&mut world, &format!("report {} soaked", offered.join(",")));
    run(&mut world, "tick 1s heard=h1..h200 asking=h31..h200");
    assert_eq!(rollout(&world).counts.offered, 4);
    world.finish();
}

#[test]
fn the_holdout_comes_last_when_the_others_are_verified() {
    let mut world = World::new();
    let few = "bootstrap free\ntoken free free 20\nenrol h1..h20 free\nblob 113.1 k1\n\
        publish 113.1 k1\ncreate r1 113.1 judged=50,3,10 soak=2s\nstart r1\ntick 0s\n\
        tick 1s heard=h1..h20";
    run(&mut world, few);
    let held_out = rollout(&world).stages[0].held_out;
    assert!((1..=12).contains(&held_out), "{held_out}");
    let out = |world: &World, name: &str| {
        let row = world.machine.hosts().get(&host(name)).unwrap();
        world.machine.part(rollout(world), &row).unwrap().held_out
    };
    for _ in 0..12 {
        run(&mut world, "tick 1s heard=h1..h20 asking=h1..h20");
        let offered = (1..=20).map(|n| format!("h{n}"));
        let offered: Vec<String> =
            offered.filter(|name| world.machine.hosts().live_grant(host(name)).is_some()).collect();
        let verified = rollout(&world).counts.verified;
        let any_out = offered.iter().any(|name| out(&world, name));
        assert!(!any_out || verified >= 20 - held_out, "{verified} verified");
        let hosts = offered.join(",");
        run(&mut world, &format!("begin {hosts}\nreport {hosts} applied"));
        run(&mut world, "tick 1s heard=h1..h20 x3");
        run(&mut world, &format!("report {hosts} soaked"));
    }
    assert_eq!(rollout(&world).counts.verified, 20);
    assert_eq!(rollout(&world).state, State::Completed);
    world.finish();
}

#[test]
fn whom_nobody_watches_any_more_leaves_without_having_failed() {
    let world = after("halt r1 reason=stop\ntick 1s\ntick 1s\ntick 1s\ntick 1s");
    assert_eq!(at_risk(&world), Counted::default());
    assert!(world.machine.subjects().is_empty());
    assert_eq!(trial(&world).detector().ledger().shown(WHOLE, Stream::Union).control, 0);
}

#[test]
fn canaries_are_compared_with_the_tier_that_they_were_drawn_from_and_with_no_other() {
    let mut world = World::new();
    let beginning = "bootstrap canary* free paid
         token free free 100
         token paid paid 100
         enrol h1..h60 free
         enrol h61..h80 paid
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 canary=draw4 free=100% paid=100% judged=50,3,10
         start r1
         tick 0s
         tick 1s heard=h1..h80 asking=h1..h80
         tick 1s heard=h1..h80 asking=h1..h80";
    run(&mut world, beginning);
    assert_eq!(at_risk(&world), Counted { treated: [0; 3], control: 60 });
    assert!(world.machine.watched_at(host("h1")).is_some());
    assert_eq!(world.machine.watched_at(host("h61")), None);
    let drawn = (1..=60).map(|n| format!("h{n}"));
    let drawn: Vec<String> =
        drawn.filter(|name| world.machine.hosts().live_grant(host(name)).is_some()).collect();
    assert_eq!(drawn.len(), 4);
    run(&mut world, &format!("begin {}", drawn.join(",")));
    assert_eq!(at_risk(&world), Counted { treated: [4; 3], control: 56 });
    world.finish();
}

#[test]
fn a_new_leader_takes_nobody_for_silent_and_no_rack_for_deaf_before_it_has_listened() {
    let mut world = started();
    run(&mut world, "tick 1s heard=h1..h200 x3");
    // Nobody led for a while: the clocks stood still, and nobody was heard.
    run(&mut world, "tick 0s term=2\ntick 1s term=2");
    assert_eq!(at_risk(&world).control, 200);
    assert_eq!(trial(&world).hearing().deaf().count(), 0);
    run(&mut world, "tick 1s heard=h1..h200 term=2 x3");
    assert_eq!(rollout(&world).verdict.as_ref().unwrap().verdict.kind, VerdictKind::Continue);
    assert_eq!(at_risk(&world).control, 200);
    world.finish();
}
