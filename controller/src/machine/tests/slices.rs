//! Does the halt of a slice stop its hosts and nobody else, and does the rest get through without them?

use expect_test::expect;

use crate::machine::Position;
use crate::machine::ids::RolloutId;
use crate::machine::incidents::{HaltScope, IncidentState};
use crate::machine::quarantine::Rejoined;
use crate::machine::rollouts::{Rollout, State};
use tidegate_policies::detector::cut::Cut;
use tidegate_policies::gate::GateState;

use super::check;
use super::script::run;
use super::world::{World, host};

/// Four hosts of kernel k1 and two of k2, all offered.
const FLEET: &str = "bootstrap free
     token free free 9
     enrol h1..h4 free kernel=k1 zone=z1
     enrol h5,h6 free kernel=k2 zone=z1
     blob 113.1 k1
     blob 113.1 k2
     publish 113.1 k1 k2
     create r1 113.1 crashed=3 coverage=100% verified=100% min=1 soak=1s
     start r1
     tick 0s
     tick 1s heard=h1..h6 asking=h1..h6";

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

#[test]
fn no_host_of_a_halted_slice_begins_and_the_others_do() {
    check(
        &format!(
            "{FLEET}
             ---
             begin h5
             halt r1 slice=kernel=k2 reason=odd by=eve
             begin h6
             begin h5
             begin h1
             tick 1s heard=h1..h6 asking=h6"
        ),
        &expect![[r#"
            begin h5
                go, epoch 1, lease 5s; g3 of h5 begun
            halt r1 by=eve reason=odd slice=kernel=k2
                ok; HALT r1 kernel=k2 alone by eve: odd; g5 of h6 withdrawn
            begin h6
                no-go Halted, again never
            begin h5
                no-go Halted, again never
            begin h1
                go, epoch 1, lease 5s; g6 of h1 begun
            tick 1s asking=h6 heard=h1..h6
                ok; g6 of h1 heard; g3 of h5 heard
        "#]],
    );
}

#[test]
fn a_slice_is_halted_once_and_inside_of_a_wider_one_not_at_all() {
    let script = "halt r1 slice=kernel=k2 reason=odd
         halt r1 slice=kernel=k2 reason=again
         halt r1 slice=kernel=k2,cpu=x reason=narrow";
    let world = after(script);
    let slices = &world.machine.patch_sets()[&rollout(&world).version].slices;
    assert_eq!(slices.len(), 1);
    assert_eq!(
        (slices[0].cut.to_string(), slices[0].halt.reason.as_str()),
        ("kernel=k2".into(), "odd")
    );
    assert_eq!(world.machine.incidents().newest_first().count(), 1);
}

#[test]
fn a_wider_halt_takes_the_place_of_the_narrower_one_and_its_incident_says_so() {
    let world =
        after("halt r1 slice=kernel=k2,cpu=x reason=one\nhalt r1 slice=kernel=k2 reason=two");
    let slices = &world.machine.patch_sets()[&rollout(&world).version].slices;
    assert_eq!(slices.len(), 1);
    let narrow = world.machine.incidents().get(1).unwrap();
    assert!(matches!(narrow.state, IncidentState::Widened { into: 2, .. }), "{narrow:?}");
    assert_eq!(world.machine.incidents().get(2).unwrap().state, IncidentState::Open);
}

#[test]
fn the_rest_completes_without_the_halted_slice_and_serves_it_once_it_goes_on() {
    let mut world = after(
        "begin h5
         halt r1 slice=kernel=k2 reason=odd
         report h5 crashed
         begin h1..h4
         report h1..h4 applied
         tick 2s heard=h1..h6
         report h1..h4 soaked",
    );
    assert_eq!(rollout(&world).state, State::Completed);
    let stage = &rollout(&world).stages[0];
    assert_eq!((stage.hosts, stage.shut_out.hosts, stage.shut_out.counts.crashed), (4, 2, 1));
    run(&mut world, "resume r1 slice=kernel=k2 reason=fixed\ntick 1s asking=h5,h6\nbegin h6");
    let stage = &rollout(&world).stages[0];
    assert_eq!((stage.hosts, stage.shut_out.hosts, stage.acknowledged), (6, 0, 1));
    assert_eq!(rollout(&world).counts.in_flight, 1);
    world.finish();
}

#[test]
fn what_goes_wrong_in_a_halted_slice_crosses_no_guard_rail_and_stays_exposed() {
    let world = after(
        "begin h5,h6,h1,h2
         report h5,h6 crashed
         halt r1 slice=kernel=k2 reason=odd
         report h1,h2 crashed",
    );
    assert_eq!(rollout(&world).state, State::Running);
    let inputs = world.machine.inputs(rollout(&world)).unwrap();
    assert_eq!((inputs.counts.exposed(), inputs.shut_out.crashed), (4, 2));
}

#[test]
fn a_slice_goes_on_only_if_a_person_says_why_and_names_it_as_it_is() {
    let script = "halt r1 slice=kernel=k2 reason=odd\n---\nresume r1 slice=kernel=k2\nresume r1 slice=zone=z1 \
                  reason=why\nresume r1 slice=kernel=k2 reason=why";
    let mut world = World::new();
    let transcript = run(&mut world, &format!("{FLEET}\n{script}"));
    expect![[r#"
        resume r1 slice=kernel=k2
            REASON_MISSING
        resume r1 reason=why slice=zone=z1
            SLICE_NOT_HALTED
        resume r1 reason=why slice=kernel=k2
            ok; resumed r1 kernel=k2, acknowledged []
    "#]]
    .assert_eq(&transcript);
    let incident = world.machine.incidents().get(1).unwrap();
    assert!(matches!(&incident.state, IncidentState::Resolved { reason, .. } if reason == "why"));
    world.finish();
}

#[test]
fn resuming_everything_leaves_halted_slices_as_they_are() {
    let world = after(
        "halt r1 reason=all
         halt r1 slice=kernel=k2 reason=narrower
         resume r1 reason=the-others-are-well
         tick 1s asking=h1..h6",
    );
    assert_eq!(rollout(&world).state, State::Running);
    let offered = |name: &str| world.machine.hosts().live_grant(host(name)).is_some();
    assert_eq!((offered("h1"), offered("h5"), offered("h6")), (true, false, false));
    let states: Vec<bool> = world
        .machine
        .incidents()
        .newest_first()
        .map(|of| of.state == IncidentState::Open)
        .collect();
    assert_eq!(states, [true, false], "the slice's is open, the other one resolved");
}

#[test]
fn a_host_whose_kernel_changes_goes_out_of_a_halted_slice_and_into_it() {
    let mut world = after("halt r1 slice=kernel=k2 reason=odd");
    run(&mut world, "report h6 goodbye\nreport h6 started boot=b2 kernel=k1");
    let hosts = |world: &World| {
        let stage = &rollout(world).stages[0];
        (stage.hosts, stage.shut_out.hosts)
    };
    assert_eq!(hosts(&world), (5, 1));
    run(&mut world, "report h1 goodbye\nreport h1 started boot=b2 kernel=k2");
    assert_eq!(hosts(&world), (4, 2));
    world.finish();
}

#[test]
fn whoever_is_in_a_halted_slice_is_told_so_with_the_way_out() {
    let world = after("halt r1 slice=kernel=k2 reason=odd by=eve");
    let of = |name: &str| {
        let host = world.machine.hosts().get(&host(name)).unwrap();
        let gates = world.machine.explain_host(rollout(&world), &host);
        let gate = gates.into_iter().find(|gate| gate.name == "slice").unwrap();
        (gate.state, gate.detail)
    };
    assert_eq!(of("h1"), (GateState::Open, "it is in none of the 1 halted slices".to_owned()));
    let (state, detail) = of("h5");
    assert_eq!(state, GateState::Shut);
    expect!["eve halted its slice kernel=k2 at log index 16: odd; `tidegate rollout resume r1 --slice 'kernel=k2' --reason REASON` lets it go on"].assert_eq(&detail);
    expect![[r#"
        halted slice kernel=k2: by eve at log index 16, incident 1; its 2 hosts begin nothing: odd
        shut out: 2 hosts that have a place in the rollout; 0 of them are in flight and 0 went wrong; coverage, waves and proof are of the others"#]].assert_eq(&world.machine.explain_slices(rollout(&world)).join("\n"));
}

#[test]
fn every_halt_opens_an_incident_that_says_whom_it_stops_and_what_became_of_it() {
    let world = after(
        "begin h1..h3
         report h1..h3 crashed
         resume r1 reason=known by=eve",
    );
    let incident = world.machine.incidents().get(1).unwrap();
    assert_eq!((incident.number, &incident.scope), (1, &HaltScope::Everything));
    assert_eq!(incident.halt.witnesses.len(), 3);
    let verdict = incident.verdict.unwrap();
    assert_eq!(verdict.basis.judge(), verdict.verdict, "it can be computed again");
    let IncidentState::Resolved { actor, reason, acknowledged, .. } = incident.state else {
        panic!("{:?}", incident.state)
    };
    assert_eq!((actor.as_str(), reason.as_str(), acknowledged), ("eve", "known", 3));
}

/// The machine forgets that a slice is halted; who watches it does not.
#[test]
#[should_panic(expected = "go in a halted slice")]
fn a_host_of_a_halted_slice_that_is_let_go_is_caught() {
    let mut world = after("begin h5\nhalt r1 slice=kernel=k2 reason=odd");
    forget_the_halt(&mut world);
    run(&mut world, "begin h5");
}

#[test]
#[should_panic(expected = "an offer in a halted slice")]
fn an_offer_to_a_host_of_a_halted_slice_is_caught() {
    let mut world = after("halt r1 slice=kernel=k2 reason=odd");
    forget_the_halt(&mut world);
    run(&mut world, "tick 1s asking=h5");
}

fn forget_the_halt(world: &mut World) {
    let rejoined = Rejoined {
        cut: Cut::parse("kernel=k2").unwrap(),
        acknowledged: Vec::new(),
        actor: "nobody".to_owned(),
        reason: "a fault".to_owned(),
    };
    let at = Position { index: world.machine.applied(), term: 1 };
    world.machine.lift_slice_halt(at, &"r1".parse().unwrap(), &rejoined);
}
