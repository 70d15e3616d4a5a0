//! Does a host whose kernel is not covered get nothing, to the millisecond, and does the rest get through without it?

use expect_test::expect;

use crate::machine::explain::HostGate;
use crate::machine::ids::RolloutId;
use crate::machine::records::Record;
use crate::machine::rollouts::{Rollout, State};
use tidegate_policies::coverage::Supported;
use tidegate_policies::gate::GateState;

use super::calendar_words::day;
use super::check;
use super::script::run;
use super::world::{World, host};

/// Three hosts of kernel k1 and one of k2 on 22.04, first seen on 2024-02-07, and a rollout for all of them.
const FLEET: &str = "bootstrap free
     tick 0s wall=1707264000000
     token free free 9
     enrol h1..h3 free kernel=k1 distro=22.04
     enrol h4 free kernel=k2 distro=22.04
     blob 113.1 k1
     blob 113.1 k2
     blob 113.1 k3
     publish 113.1 k1 k2 k3
     create r1 113.1 coverage=100% verified=100% min=1 soak=1s
     start r1
     tick 1s";

/// Both kernels are covered; k2 has to be upgraded on 2024-11-07, k1 on 2025-03-07.
const TABLE: &str = "cover k1:22.04:13:2034-04 k2:22.04:9:2034-04 reason=plan";

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

fn supported(world: &World, name: &str) -> String {
    let facts = world.machine.hosts().get(&host(name)).unwrap().facts;
    let standing = world.machine.kernel_standing(&facts.kernel, &facts.distro_release);
    let until = standing.until.map_or_else(|| "-".to_owned(), |day| day.to_string());
    format!("{} {until}", standing.supported.word())
}

fn gate(world: &World, name: &str) -> Option<HostGate> {
    let host = world.machine.hosts().get(&host(name)).unwrap();
    let gates = world.machine.explain_host(rollout(world), &host);
    gates.into_iter().find(|gate| gate.name == "kernel-coverage")
}

#[test]
fn without_a_table_nothing_is_judged() {
    let world = after("tick 1s wall=4102444800000 asking=h1..h4\nbegin h1..h4");
    assert_eq!(rollout(&world).counts.in_flight, 4);
    assert_eq!(supported(&world, "h1"), "unknown -");
    assert_eq!(gate(&world, "h1"), None);
    assert_eq!(world.machine.coverage().version, 0);
}

#[test]
fn a_host_begins_in_the_last_millisecond_of_its_deadline_and_not_in_the_next() {
    let ends = day("2025-03-07").ends().0;
    check(
        &format!(
            "{FLEET}
             {TABLE}
             tick 1s wall={before} asking=h1..h4
             ---
             begin h1
             tick 1ms wall={ends} heard=h1
             begin h2
             tick 1s heard=h1 asking=h3",
            before = ends - 1
        ),
        &expect![[r#"
            begin h1
                go, epoch 1, lease 5s; g3 of h1 begun
            tick 1ms heard=h1 wall=1741392000000
                ok; g3 of h1 heard; verdict continue (soak)
            begin h2
                no-go Withdrawn, again never
            tick 1s asking=h3 heard=h1
                ok; g3 of h1 heard
        "#]],
    );
}

#[test]
fn who_is_not_covered_leaves_the_census_and_the_rollout_completes_without_it() {
    let mut world = after(TABLE);
    assert_eq!(rollout(&world).stages[0].hosts, 4);
    let late = day("2024-11-07").ends().0;
    run(&mut world, &format!("tick 1s wall={late} asking=h1..h4"));
    assert_eq!(rollout(&world).stages[0].hosts, 3);
    assert_eq!(supported(&world, "h4"), "kernel-upgrade-required 2024-11-07");
    run(
        &mut world,
        "begin h1..h3
         report h1..h3 applied
         tick 2s heard=h1..h4
         report h1..h3 soaked",
    );
    assert_eq!(rollout(&world).state, State::Completed);
    let shut = gate(&world, "h4").unwrap();
    assert_eq!(shut.state, GateState::Shut);
    expect!["kernel-upgrade-required: its kernel k2 was first seen on 2024-02-07, and the kernels GA k2 on 22.04 need an upgrade and a reboot within 9 months; it was due on 2024-11-07: upgrade the kernel and reboot"].assert_eq(&shut.detail);
    assert_eq!(gate(&world, "h1").unwrap().state, GateState::Open);
    world.finish();
}

#[test]
fn a_newer_kernel_brings_a_host_back() {
    let late = day("2024-11-07").ends().0;
    let mut world = after(&format!(
        "cover k1:22.04:13:2034-04 k2:22.04:9:2034-04 k3:22.04:9:2034-04
         tick 1s wall={late}"
    ));
    assert_eq!(rollout(&world).stages[0].hosts, 3);
    run(&mut world, "report h4 started kernel=k3 boot=b2");
    assert_eq!(rollout(&world).stages[0].hosts, 4);
    assert_eq!(supported(&world, "h4"), "supported 2025-08-08");
    let said = run(&mut world, "tick 1s asking=h4\nbegin h4");
    assert!(said.contains("g1 offered to h4") && said.contains("go, epoch 1"), "{said}");
    run(&mut world, "report h4 started kernel=k2 boot=b3");
    assert_eq!(supported(&world, "h4"), "kernel-upgrade-required 2024-11-07", "as it was before");
    world.finish();
}

#[test]
fn who_has_begun_stays_counted_when_its_coverage_ends() {
    let late = day("2024-11-07").ends().0;
    let mut world = after(&format!(
        "{TABLE}
         tick 1s asking=h1..h4
         begin h4
         report h4 applied
         tick 1s wall={late} heard=h1..h4"
    ));
    let stage = &rollout(&world).stages[0];
    assert_eq!((stage.hosts, rollout(&world).counts.in_flight), (4, 1));
    run(&mut world, "tick 1s heard=h1..h4\nreport h4 soaked");
    assert_eq!(rollout(&world).counts.verified, 1);
    world.finish();
}

#[test]
fn a_publication_date_counts_more_than_the_first_sight() {
    let mut world = after(&format!("{TABLE}\ntick 1s wall=1717200000000"));
    assert_eq!(supported(&world, "h1"), "supported 2025-03-07");
    run(&mut world, "cover k1:22.04:13:2034-04 k2:22.04:9:2034-04 k1@2023-01-31 reason=dates");
    assert_eq!(supported(&world, "h1"), "kernel-upgrade-required 2024-02-29");
    assert_eq!(rollout(&world).stages[0].hosts, 1);
    run(&mut world, "cover k1:22.04:13:2024-02 k2:22.04:9:2034-04 k1@2023-03-31 reason=ends");
    assert_eq!(supported(&world, "h1"), "kernel-end-of-life 2024-02-29");
    world.finish();
}

#[test]
fn what_the_table_does_not_have_is_out_and_who_tells_no_release_has_the_strictest_line() {
    let mut world = after(
        "enrol h5 free kernel=k1
         cover k1:22.04:13:2034-04 k1:20.04:1:2034-04
         tick 1s wall=1717200000000",
    );
    assert_eq!(supported(&world, "h4"), "unsupported -");
    assert_eq!(supported(&world, "h5"), "kernel-upgrade-required 2024-03-07");
    assert_eq!(rollout(&world).stages[0].hosts, 3);
    run(&mut world, "enrol h6 free kernel=k1 distro=18.04");
    assert_eq!(supported(&world, "h6"), "unsupported -");
    let by: Vec<_> = world.machine.hosts_by_coverage().into_iter().collect();
    assert_eq!(
        by,
        [
            (Supported::Supported, 3),
            (Supported::KernelUpgradeRequired, 1),
            (Supported::Unsupported, 2)
        ]
    );
    world.finish();
}

#[test]
fn an_applied_table_is_on_record_and_says_how_many_it_shuts_out() {
    let world = after("cover k1:22.04:13:2034-04 k1@2024-02-07 by=eve");
    let records: Vec<Record> = world.machine.records().kept.iter().map(|(_, of)| of).collect();
    let of = records.iter().find(|record| record.note.event == "coverage.applied").unwrap();
    assert_eq!((of.note.actor.as_str(), of.note.subject.as_str()), ("eve", "coverage"));
    expect!["1 kernel series line, 1 kernel release date; not covered: 0 hosts before, 1 now; no reason given"].assert_eq(&of.note.detail);
}

#[test]
fn to_let_hosts_in_or_for_longer_takes_a_reason_and_two_people_where_a_policy_wants_them() {
    check(
        "bootstrap free
         tick 0s wall=1707264000000
         token free free 9
         enrol h1 free kernel=k1 distro=22.04
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 two=yes
         ---
         cover k9:22.04:13:2034-04 by=eve
         cover k1:22.04:13:2034-04 by=eve
         cover k1:22.04:13:2034-04 by=eve reason=mine
         cover k9:22.04:13:2034-04 by=eve
         start r1 by=eve
         agree 1 by=bob
         cover k8:22.04:13:2034-04 by=eve
         cover k1:22.04:13:2034-04 by=eve
         cover k1:22.04:13:2034-04 by=eve reason=mine
         agree 2 by=eve
         agree 2 by=bob reason=seen
         cover k1:22.04:9:2034-04 by=eve
         cover k1:22.04:10:2034-04 by=eve",
        &expect![[r#"
            cover k9:22.04:13:2034-04 by=eve
                ok; coverage: 1 kernel series line, 0 kernel release dates; not covered: 0 hosts before, 1 now; no reason given
            cover k1:22.04:13:2034-04 by=eve
                REASON_MISSING
            cover k1:22.04:13:2034-04 by=eve reason=mine
                ok; coverage: 1 kernel series line, 0 kernel release dates; not covered: 1 host before, 0 now; mine
            cover k9:22.04:13:2034-04 by=eve
                ok; coverage: 1 kernel series line, 0 kernel release dates; not covered: 0 hosts before, 1 now; no reason given
            start r1 by=eve
                proposed as 1; proposal 1: start r1
            agree 1 by=bob
                ok; bob agrees to 1; started r1, drawn []; free wave 1/1 (100%) by eve and bob: the rollout was started; verdict hold (fleet-heard)
            cover k8:22.04:13:2034-04 by=eve
                ok; coverage: 1 kernel series line, 0 kernel release dates; not covered: 1 host before, 1 now; no reason given
            cover k1:22.04:13:2034-04 by=eve
                REASON_MISSING
            cover k1:22.04:13:2034-04 by=eve reason=mine
                proposed as 2; proposal 2: apply another coverage table: mine
            agree 2 by=eve
                SAME_PERSON
            agree 2 by=bob reason=seen
                ok; bob agrees to 2; coverage: 1 kernel series line, 0 kernel release dates; not covered: 1 host before, 0 now; mine
            cover k1:22.04:9:2034-04 by=eve
                ok; coverage: 1 kernel series line, 0 kernel release dates; not covered: 0 hosts before, 0 now; no reason given
            cover k1:22.04:10:2034-04 by=eve
                REASON_MISSING
        "#]],
    );
}

#[test]
fn another_table_ends_a_proposal_that_nobody_has_agreed_to() {
    check(
        "bootstrap free
         tick 0s wall=1707264000000
         token free free 9
         enrol h1 free kernel=k1 distro=22.04
         blob 113.1 k1
         publish 113.1 k1
         create r1 113.1 two=yes
         start r1
         agree 1 by=bob
         cover k1:22.04:9:2034-04
         ---
         cover k1:22.04:13:2034-04 by=eve reason=mine
         cover k1:22.04:8:2034-04 by=cleo
         agree 2 by=bob",
        &expect![[r#"
            cover k1:22.04:13:2034-04 by=eve reason=mine
                proposed as 2; proposal 2: apply another coverage table: mine
            cover k1:22.04:8:2034-04 by=cleo
                ok; coverage: 1 kernel series line, 0 kernel release dates; not covered: 0 hosts before, 0 now; no reason given; proposal 2 overtaken: another coverage table was applied since
            agree 2 by=bob
                UNKNOWN_PROPOSAL
        "#]],
    );
}

#[test]
fn a_table_is_applied_for_what_its_caller_saw() {
    check(
        "fleet 1
         tick 1s
         ---
         cover k1:22.04:13:2034-04 if=1
         cover k1:22.04:13:2034-04 if=0
         cover k1:22.04:9:2034-04 if=0
         cover k1:22.04:9:2034-04 if=1",
        &expect![[r#"
            cover k1:22.04:13:2034-04 if=1
                ETAG_MISMATCH
            cover k1:22.04:13:2034-04 if=0
                ok; coverage: 1 kernel series line, 0 kernel release dates; not covered: 0 hosts before, 0 now; no reason given
            cover k1:22.04:9:2034-04 if=0
                ETAG_MISMATCH
            cover k1:22.04:9:2034-04 if=1
                ok; coverage: 1 kernel series line, 0 kernel release dates; not covered: 0 hosts before, 0 now; no reason given
        "#]],
    );
}

#[test]
fn hosts_that_came_before_anybody_knew_the_date_are_first_seen_when_it_is_known() {
    let mut world = World::new();
    run(
        &mut world,
        "bootstrap free nodes=3
         token free free 9
         enrol h1 free kernel=k1 distro=22.04
         cover k1:22.04:13:2034-04",
    );
    assert_eq!(supported(&world, "h1"), "unsupported -");
    run(&mut world, "tick 1s readings=1:1707264000000,2:1707264000000");
    assert_eq!(supported(&world, "h1"), "supported 2025-03-07");
    world.finish();
}

#[test]
fn the_deadlines_of_a_fleet_are_told_by_kernel_and_release_those_that_are_over_first() {
    let world = after(
        "enrol h5,h6 free kernel=k9 distro=22.04
         enrol h7 free kernel=k1
         cover k1:22.04:13:2034-04 k2:22.04:9:2034-04
         tick 1s wall=1731024000000",
    );
    let row = |of: &crate::machine::coverage::Deadline<'_>| {
        let until = of.standing.until.map_or_else(|| "-".to_owned(), |day| day.to_string());
        let word = of.standing.supported.word();
        format!("{} on {:?}: {} {word} {until}", of.kernel, of.distro, of.hosts)
    };
    let rows: Vec<String> = world.machine.deadlines().iter().map(row).collect();
    assert_eq!(
        rows,
        [
            "k9 on \"22.04\": 2 unsupported -",
            "k2 on \"22.04\": 1 kernel-upgrade-required 2024-11-07",
            "k1 on \"\": 1 supported 2025-03-07",
            "k1 on \"22.04\": 3 supported 2025-03-07",
        ]
    );
}
