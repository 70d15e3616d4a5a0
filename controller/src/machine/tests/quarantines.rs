//! Is a slice in which all harm stands halted alone by the judge, and does the rest go on without it?

use tidegate_policies::decide::VerdictKind;
use tidegate_policies::detector::slices::SliceId;

use crate::machine::ids::RolloutId;
use crate::machine::incidents::IncidentState;
use crate::machine::records::JUDGE;
use crate::machine::rollouts::{Rollout, State};
use crate::machine::trial::Role;

use super::script::run;
use super::world::{World, host};

/// 300 hosts, 60 of them of another kernel, all heard; a judged rollout that quarantines is under way.
const FLEET: &str = "bootstrap free
     token free free 500
     enrol h1..h240 free kernel=k1
     enrol h241..h300 free kernel=k2
     blob 113.1 k1
     blob 113.1 k2
     publish 113.1 k1 k2
     create r1 113.1 judged=200,3,10 on-slice=quarantine soak=20s
     start r1
     tick 0s
     tick 1s heard=h1..h300";

fn rollout(world: &World) -> &Rollout {
    &world.machine.rollouts()[&"r1".parse::<RolloutId>().unwrap()]
}

/// `n` of these hosts that have an offer.
fn offered(world: &World, hosts: std::ops::RangeInclusive<u32>, n: usize) -> Vec<String> {
    let names = hosts.map(|n| format!("h{n}"));
    let has = |name: &String| world.machine.hosts().live_grant(host(name)).is_some();
    let offered: Vec<String> = names.filter(has).take(n).collect();
    assert_eq!(offered.len(), n, "offers");
    offered
}

/// Forty hosts of the first kernel have begun and six of the second: these.
fn begun() -> (World, Vec<String>, Vec<String>) {
    let mut world = World::new();
    run(&mut world, FLEET);
    run(&mut world, "tick 1s heard=h1..h300 asking=h1..h300");
    let (good, bad) = (offered(&world, 1..=240, 40), offered(&world, 241..=300, 6));
    run(&mut world, &format!("begin {}\nbegin {}", good.join(","), bad.join(",")));
    (world, good, bad)
}

/// As [`begun`], and so many of the second kernel reboot without a word, until the judge halts it.
fn quarantined() -> (World, Vec<String>, Vec<String>) {
    let (mut world, good, bad) = begun();
    for (n, name) in bad.iter().enumerate() {
        run(&mut world, &format!("report {name} started boot=b2"));
        if !slices(&world).is_empty() {
            let left = bad[n + 1..].to_vec();
            assert!(!left.is_empty(), "somebody is in flight");
            return (world, good, left);
        }
    }
    panic!("nothing was halted: {:?}", rollout(&world).verdict);
}

fn slices(world: &World) -> Vec<String> {
    let patch_set = &world.machine.patch_sets()[&rollout(world).version];
    patch_set.slices.iter().map(|slice| slice.cut.to_string()).collect()
}

#[test]
fn the_kernel_that_is_bad_is_halted_by_the_entry_that_shows_it_and_the_rest_runs_on() {
    let (mut world, _, _) = quarantined();
    assert_eq!(slices(&world), ["kernel=k2"]);
    assert_eq!(rollout(&world).state, State::Running);
    let verdict = &rollout(&world).verdict.as_ref().unwrap().verdict;
    assert_eq!(verdict.kind, VerdictKind::Continue);
    let still: Vec<String> = (241..=300).map(|n| format!("h{n}")).collect();
    let has = |name: &&String| world.machine.hosts().live_grant(host(name)).is_some();
    let grants = still.iter().filter(has).count() as u64;
    let in_slice = rollout(&world).shut_out.in_flight;
    assert_eq!(grants, in_slice, "offers of the slice are withdrawn");
    run(&mut world, "tick 1s heard=h1..h300 asking=h1..h300");
    assert!(rollout(&world).counts.offered > 0, "the others get offers");
    world.finish();
}

#[test]
fn its_incident_keeps_the_verdict_that_can_be_checked_by_hand() {
    let (world, _, _) = quarantined();
    let incident = world.machine.incidents().get(1).unwrap();
    assert_eq!((incident.halt.actor.as_str(), &incident.state), (JUDGE, &IncidentState::Open));
    assert!(incident.halt.reason.contains("it stands alone"), "{}", incident.halt.reason);
    assert!(incident.halt.counts.crashed >= 2 && incident.halt.witnesses.len() >= 2);
    let reached = incident.verdict.unwrap();
    assert_eq!(
        (reached.index, reached.basis.judge()),
        (incident.halt.index, reached.verdict.clone())
    );
    let arithmetic = world.machine.arithmetic(&reached.basis).join("\n");
    assert!(arithmetic.contains("says       halt kernel k2 alone"), "{arithmetic}");
    assert!(arithmetic.contains("suspect    kernel k2"), "{arithmetic}");
}

#[test]
fn hosts_of_the_slice_in_flight_are_watched_to_their_end_and_say_nothing_of_the_rest() {
    let (mut world, _, left) = quarantined();
    let trial = |world: &World| world.machine.trial(rollout(world)).unwrap().clone();
    let number = rollout(&world).created_index;
    assert!(matches!(
        world.machine.subjects().role(number, host(&left[0])),
        Some(Role::InFlight(_))
    ));
    let crashed = rollout(&world).counts.crashed;
    let before = trial(&world).detector().ledger().clone();
    run(&mut world, &format!("report {} started boot=b2", left.join(",")));
    assert_eq!(rollout(&world).counts.crashed, crashed + left.len() as u64);
    assert_eq!(trial(&world).detector().ledger(), &before);
    assert_eq!(trial(&world).book().of(SliceId(0)).in_flight, 40);
    assert_eq!(rollout(&world).state, State::Running);
    world.finish();
}

#[test]
fn what_the_rest_shows_halts_everything() {
    let (mut world, good, _) = quarantined();
    run(&mut world, &format!("report {} started boot=b2", good[..8].join(",")));
    assert_eq!(rollout(&world).state, State::Halted);
    assert_eq!(world.machine.incidents().newest_first().count(), 2);
    world.finish();
}

#[test]
fn a_slice_that_a_person_lets_go_on_is_compared_anew() {
    let (mut world, _, _) = quarantined();
    run(
        &mut world,
        "resume r1 slice=kernel=k2 reason=fixed\ntick 1s heard=h1..h300 asking=h1..h300",
    );
    assert!(slices(&world).is_empty());
    assert_eq!(rollout(&world).shut_out, Default::default());
    let trial = world.machine.trial(rollout(&world)).unwrap();
    assert_eq!(trial.detector().ruling().finding, None);
    assert_eq!(rollout(&world).state, State::Running);
    world.finish();
}
